"""What the journal tells of how long vendors took, by real runs at a vendor in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from firedoor.errors import Unreachable
from firedoor.journal import Event, Kind
from firedoor.measured import KINDS, Measured, Measuring
from firedoor.model import Mode
from tests.fakes import CLEAR, SHUT, Lab, book, failing, hasten, lab

pytestmark = pytest.mark.identities


@pytest.fixture
async def it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Lab]:
    hasten(monkeypatch)
    async with lab(tmp_path, {"a": {"k": "open", "l": "open"}, "b": {"k": "open"}}) as found:
        yield found


async def measured(it: Lab, *runs: str, holds: float = 0.0) -> dict[str, Measured]:
    events = [event for run in runs for event in await it.events(run) if event.kind in KINDS]
    return _of(events, holds)


def _of(events: Sequence[Event], holds: float = 0.0) -> dict[str, Measured]:
    measuring = Measuring({"fake.shut": holds, "fake.clear": holds})
    for event in events:
        measuring.take(event)
    return dict(measuring.found)


async def test_of_each_action_the_changes_and_how_long_each_step_took(it: Lab) -> None:
    await it.contain(book(steps=[SHUT, CLEAR]))
    found = await measured(it, "r1")
    assert {name: (one.changes, len(one.seconds), one.unverified) for name, one in found.items()} == {
        "fake.shut": (3, 2, []),
        "fake.clear": (2, 2, []),
    }
    assert all(one.most is not None and one.median is not None and 0 <= one.median <= one.most for one in found.values())


async def test_it_is_the_time_until_it_was_seen_to_hold_less_the_watching(it: Lab) -> None:
    await it.contain(doors=["b"])
    events = list(await it.events("r1"))
    late = [
        replace(one, at=one.at + timedelta(seconds=60), body={**one.body, "seconds": 60.0}) if one.kind == Kind.ENDED else one
        for one in events
    ]
    (slow,) = _of(late)["fake.shut"].seconds
    assert slow == pytest.approx(60, abs=1.0)
    (watched,) = _of(late, holds=50.0)["fake.shut"].seconds
    assert watched == pytest.approx(slow - 50.0)
    waited = [replace(one, at=one.at + timedelta(seconds=60)) if one.kind == Kind.ENDED else one for one in events]
    (waited_for_others,) = _of(waited)["fake.shut"].seconds
    assert waited_for_others < 5, "the end of a step is put on record after that of its sources"


async def test_what_did_not_show_in_time_is_named_with_its_run(it: Lab) -> None:
    it.vendor.hidden = 10_000
    await it.contain(doors=["b"])
    found = (await measured(it, "r1"))["fake.shut"]
    assert (found.changes, found.seconds, found.unverified, found.most, found.median) == (1, [], ["r1"], None, None)


async def test_drills_undoing_resumed_steps_and_lost_replies_are_no_measure(it: Lab) -> None:
    await it.contain(run="drill", mode=Mode.DRILL, doors=["a"])
    it.vendor.on_apply.append(failing(Unreachable("no reply", vendor="fake", operation="shut", target="b", changed=None), first=True))
    await it.contain(run="lost", doors=["b"])
    await it.undo("lost")
    found = await measured(it, "drill", "lost", "u1")
    assert {name: (one.changes, one.seconds) for name, one in found.items()} == {"fake.shut": (1, [])}
    events = [event for event in await it.events("lost") if event.kind in KINDS]
    whole = [
        replace(one, body={**one.body, "receipt": {**_receipt(one), "settled": "reply"}}) if one.kind == Kind.RECEIPT else one
        for one in events
    ]
    assert len(_of(whole)["fake.shut"].seconds) == 1, "it is the reply that was missing"
    at = next(number for number, one in enumerate(whole) if one.kind == Kind.ENDED)
    resumed = [*whole[:at], replace(whole[at], kind=Kind.RESUMED, body={"from": 0}), *whole[at:]]
    assert _of(resumed)["fake.shut"].seconds == []


def _receipt(event: Event) -> dict[str, Any]:
    receipt = event.body["receipt"]
    assert isinstance(receipt, dict)
    return receipt


async def test_a_run_that_cannot_be_read_is_passed_over(it: Lab) -> None:
    await it.contain(run="whole", doors=["a"])
    await it.contain(run="spoiled", doors=["b"])
    events = [
        *await it.events("whole"),
        *(replace(one, body={}) if one.kind == Kind.PLANNED else one for one in await it.events("spoiled")),
    ]
    assert _of(events)["fake.shut"].changes == 2
