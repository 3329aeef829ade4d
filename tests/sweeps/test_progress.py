"""What a sweep keeps in memory of itself does not grow with its estate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from firedoor.canonical import plain
from firedoor.journal import Event, Kind
from firedoor.seenbefore import _word
from firedoor.sweep import Batch, Before, Progress, Row, Settled, Unlisted
from firedoor.vendors.aws.reports import ROOT, _read

NOON = datetime(2025, 11, 26, 12, tzinfo=UTC)


def event(n: int, kind: Kind, body: Any) -> Event:
    told: Mapping[str, Any] = plain(body)  # type: ignore[assignment]
    return Event(seq=n, run="r1", n=n, at=NOON, kind=str(kind), body=told, claim=None, hash="")


def batch(number: int, place: str) -> Batch:
    return Batch(number=number, round=1, source="vault.list_keys", place=place, holders=("ada", "ben"))


def test_batches_of_a_few_places_are_worked_off_in_turn_and_a_settled_one_forgets_its_holders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firedoor.sweep.PLACES_AT_ONCE", 2)
    progress = Progress()
    listed = [batch(1, "west"), batch(2, "north"), batch(3, "north"), batch(4, "south"), batch(5, "south"), batch(6, "south")]
    progress.take([event(n, Kind.LISTED, one) for n, one in enumerate(listed, start=1)])
    assert [one.number for one in progress.waiting(1)] == [2, 4, 3, 5, 6, 1]
    progress.take([event(7, Kind.SETTLED, Settled(batch=3, found=2, in_scope=2, wrote=2, made=2))])
    assert [one.number for one in progress.waiting(1)] == [2, 4, 5, 6, 1]
    assert progress.batches[3].holders == ()
    assert progress.batches[1].holders == ("ada", "ben")


def test_a_later_stage_begins_once_the_earlier_one_is_settled() -> None:
    progress = Progress()
    listed = [replace(batch(1, "west"), stage=1), batch(2, "north"), batch(3, "south"), replace(batch(4, "south"), stage=2)]
    progress.take([event(n, Kind.LISTED, one) for n, one in enumerate(listed, start=1)])
    seen = []
    for n in range(5, 9):
        waiting = [one.number for one in progress.waiting(1)]
        seen.append(waiting)
        progress.take([event(n, Kind.SETTLED, Settled(batch=waiting[0], found=1, in_scope=1, wrote=1, made=1))])
    assert seen == [[2, 3], [3], [1], [4]]
    assert progress.waiting(1) == ()


def test_read_anew_from_the_beginning_it_is_the_same_and_a_sweep_that_goes_on_is_not_finished() -> None:
    told = [
        event(1, Kind.SWEEP, {"playbook": {"sweep": "keys"}, "mandate": None, "due": ()}),
        event(2, Kind.LISTED, batch(1, "west")),
        event(3, Kind.UNLISTED, Unlisted(round=1, source="vault.list_keys", place="north", why="it is away")),
        event(4, Kind.ROUND, {"round": 1, "writes": True}),
        event(5, Kind.SETTLED, Settled(batch=1, found=2, in_scope=2, wrote=2, made=2)),
        event(6, Kind.FINISHED, {}),
    ]
    progress, once = Progress(), Progress()
    once.take(told)
    for turn in range(2):
        progress.take(told[: 3 + turn])
    progress.take(told)
    assert progress == once
    assert once.finished
    once.take([event(7, Kind.RESUMED, {})])
    assert not once.finished


def test_what_was_written_in_an_earlier_round_is_not_forgotten() -> None:
    row = Row(credential="vault:key:north/k1", label="k1", type="vault.key", state="active", done=("shut k1",), begun=NOON)
    first = _word(batch(1, "north"), row, None)
    assert first == Before(batch=1, written=True, begun=NOON)
    looked = Row(credential=row.credential, label="k1", type="vault.key", state="inactive")
    assert _word(batch(3, "north"), looked, first) == Before(batch=3, written=True, begun=NOON)


def test_what_was_begun_in_a_later_round_and_has_no_receipt_is_known_to_have_begun() -> None:
    looked = Row(credential="vault:key:north/k1", label="k1", type="vault.key", state="active")
    assert _word(batch(3, "north"), replace(looked, begun=NOON), _word(batch(1, "north"), looked, None)) == Before(batch=3, begun=NOON)


def test_a_report_is_kept_as_lines_and_read_as_users() -> None:
    columns = "user,arn,password_enabled,password_last_changed,password_last_used" + "".join(
        f",access_key_{place}_{name}" for place in (1, 2) for name in ("active", "last_rotated", "last_used_date")
    )
    lines = [
        f"{ROOT},arn:aws:iam::111122223333:root,not_supported,not_supported,N/A,false,N/A,N/A,false,N/A,N/A",
        '"ada,ops",arn:aws:iam::111122223333:user/team/x,false,N/A,N/A,true,2025-11-26T12:00:00Z,N/A,false,N/A,N/A',
    ]
    users = _read("\n".join([columns, *lines, ""]).encode())
    assert list(users) == [ROOT, "ada,ops"]
    assert users["ada,ops"].path == "/team/"
    assert [(key.active, key.made) for key in users["ada,ops"].keys] == [(True, NOON)]
