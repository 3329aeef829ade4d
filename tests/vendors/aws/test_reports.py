"""A credential report of thousands of lines: each user's is found, whoever asks in whatever order, and no other."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Sequence

import pytest

from firedoor.vendors.aws.reports import ROOT, _read

COLUMNS = (
    *("user", "arn", "user_creation_time", "password_enabled", "password_last_used", "password_last_changed", "mfa_active"),
    *(f"access_key_{place}_{name}" for place in (1, 2) for name in ("active", "last_rotated", "last_used_date")),
)


def report(names: Sequence[str], **changed: str) -> bytes:
    out = io.StringIO(newline="")
    table = csv.DictWriter(out, COLUMNS)
    table.writeheader()
    for number, name in enumerate(names):
        row = dict.fromkeys(COLUMNS, "N/A") | {"user": name, "arn": f"arn:aws:iam::111122223333:user/{name}", "password_enabled": "false"}
        row |= {"access_key_1_active": "true", "access_key_1_last_rotated": f"2024-01-01T00:{number % 60:02}:00+00:00"}
        table.writerow(row | changed)
    return out.getvalue().encode()


@pytest.mark.parametrize("count", [1, 63, 64, 65, 1000])
def test_each_user_is_found_and_no_other(count: int) -> None:
    names = [ROOT, *(f"svc-{number}" for number in range(count)), "a,b", "a.b", "a", "aa", "ß"]
    chance = random.Random(count)  # noqa: S311 - an order, no secret
    chance.shuffle(names)
    found = _read(report(names))
    assert (len(found), set(found)) == (len(names), set(names))
    assert list(found) == sorted(names)
    chance.shuffle(names)
    for name in names:
        assert found[name].arn == f"arn:aws:iam::111122223333:user/{name}"
        assert len(found[name].keys) == 1
    for name in ("", " ", "svc", "svc-", f"svc-{count}", "zzz", "\U0010ffff", "a\t", "b"):
        assert name not in found


@pytest.mark.parametrize("mark", ["\t", "\n"])
@pytest.mark.parametrize("column", ["arn", "user"])
def test_a_field_that_holds_a_mark_is_none_of_a_report(mark: str, column: str) -> None:
    with pytest.raises((KeyError, ValueError)):
        _read(report([ROOT], **{column: f"x{mark}y"}))
