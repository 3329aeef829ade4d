from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from firedoor.canonical import canonical
from firedoor.model import Receipt
from firedoor.vendors.aws import inline
from firedoor.vendors.aws.denials import AHEAD, ROOM_FOR, Fate, cutoff, fate, previous, revocation

MOMENT = datetime(2023, 11, 23, 16, 0, tzinfo=UTC)


def test_a_revocation_lies_ahead_and_is_known_again() -> None:
    assert cutoff(revocation(MOMENT)) == MOMENT + AHEAD
    assert len(canonical(revocation(MOMENT))) == len(canonical(ROOM_FOR))


def _with(**changes: object) -> Mapping[str, Any]:
    document = json.loads(canonical(revocation(MOMENT)))
    document["Statement"][0].update(changes)
    return document  # type: ignore[no-any-return]


LOOK_ALIKES = [
    None,
    {},
    _with(Effect="Allow"),
    _with(Action=["s3:*"]),
    _with(Resource=["arn:aws:s3:::x"]),
    _with(Sid="x"),
    _with(Condition={"DateLessThan": {"aws:TokenIssueTime": "2099-01-01T00:00:00Z", "aws:CurrentTime": "2000-01-01T00:00:00Z"}}),
    _with(Condition={"DateLessThanIfExists": {"aws:TokenIssueTime": "2099-01-01T00:00:00Z"}}),
    {**revocation(MOMENT), "Version": "2008-10-17"},
]


@pytest.mark.parametrize("policy", LOOK_ALIKES)
def test_what_only_looks_like_a_revocation_is_none(policy: Mapping[str, Any] | None) -> None:
    assert cutoff(policy) is None


WRITTEN = {
    "2099-01-01T00:00:00Z": True,
    "2099-01-01T00:00:00.123Z": True,
    "2099-W01-1T00:00:00Z": False,
    "20990101T000000Z": False,
    "2099-01-01T00:00:00+00:00": False,
    "2099-01-01T00:00:00": False,
    "2099-01-01": False,
    "2099-13-01T00:00:00Z": False,
    "\u0662\u0660\u0669\u0669-01-01T00:00:00Z": False,
}


@pytest.mark.parametrize("written", WRITTEN)
def test_a_date_that_aws_may_not_read_is_none(written: str) -> None:
    found = cutoff(_with(Condition={"DateLessThan": {"aws:TokenIssueTime": written}}))
    assert (found is not None) is WRITTEN[written]


def _receipts(*puts: str) -> list[Receipt]:
    return [Receipt(change="c", at=MOMENT, facts={"put": {"is": put}, "previous": {"was": put}}) for put in puts]


@pytest.mark.parametrize(
    ("puts", "now", "wanted"),
    [
        ("", {"is": "a"}, Fate.NEVER_OURS),
        ("", None, Fate.NEVER_OURS),
        ("a", {"is": "a"}, Fate.OURS),
        ("ab", {"is": "a"}, Fate.OURS),
        ("ab", {"is": "b"}, Fate.OURS),
        ("ab", {"was": "a"}, Fate.AS_BEFORE),
        ("ab", {"was": "b"}, Fate.REPLACED),
        ("a", {"else": ""}, Fate.REPLACED),
        ("a", None, Fate.GONE),
    ],
)
def test_the_fate_of_a_policy_is_told_from_receipts(puts: str, now: Mapping[str, Any] | None, wanted: Fate) -> None:
    assert fate(_receipts(*puts), now) is wanted
    assert previous(_receipts(*puts)) == ({"was": puts[0]} if puts else None)


def test_a_policy_that_was_put_over_nothing_and_is_gone_is_as_before() -> None:
    put = Receipt(change="c", at=MOMENT, facts={"put": {"is": "a"}, "previous": None})
    assert fate([put], None) is Fate.AS_BEFORE
    refused = Receipt(change="c", at=MOMENT + timedelta(seconds=1), settled="refusal")
    assert fate([refused], {"is": "a"}) is Fate.NEVER_OURS


def test_room_is_counted_in_what_is_written_not_in_what_it_means() -> None:
    plain, escaped = inline.read('{"a": "bb"}'), inline.read('{\n"a":\t"\\u0062\\u0062"}')
    assert plain.document == escaped.document
    assert (plain.size, escaped.size) == (10, 20)
    for room, wanted in ((30, True), (29, False)):
        assert inline.fits({"a": "bb"}, "new", {"x": escaped}, room=room) is wanted
        assert inline.fits({"a": "bb"}, "old", {"x": escaped, "old": escaped}, room=room) is wanted
    for text in ("", "[]", "nothing"):
        with pytest.raises(ValueError, match=r"JSON|Expecting"):
            inline.read(text)
