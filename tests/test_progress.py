"""What is told of a run as it goes on: its shape, for everything that real runs have on record, and nothing but that."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from firedoor.journal import Journal, Kind
from firedoor.progress import TELLING, Course, words
from firedoor.store import Store
from tests import recorded

COMMON = {"event", "run", "at"}
STEP = COMMON | {"step", "action", "target"}
SHAPES: Mapping[str, set[str]] = {
    "planned": COMMON | {"playbook", "mode", "requester", "undoes", "follows", "fingerprint", "steps"},
    "asked": COMMON | {"approvals", "until", "signed_only", "fingerprint"},
    "decided": COMMON | {"by", "answer", "via"},
    "stop": COMMON | {"by", "answer", "via"},
    "ruled": COMMON | {"ruling", "stopped_by"},
    "resumed": COMMON | {"ended"},
    "intent": STEP | {"says"},
    "receipt": STEP | {"says", "settled"},
    "ended": STEP | {"outcome", "reason", "seconds"},
    "listed": COMMON | {"round", "batches", "writes"},
    "unlisted": COMMON | {"round", "source", "place", "reason"},
    "settled": COMMON | {"batch", "found", "in_scope", "wrote", "made", "unlisted"},
    "finished": COMMON | {"outcome", "open"},
}
OF_SWEEPS = {"listed", "unlisted", "settled"}  # see tests/sweeps/test_stream.py


async def told(path: Path, run: str) -> tuple[list[Mapping[str, Any]], list[str]]:
    """What is told of a recorded run, and the lines for people."""
    async with Store(f"sqlite:///{path}") as store:
        events = await Journal(store).events(run)
    course, found, said = Course(), [], []
    for event in events:
        if (one := course.take(event)) is not None:
            found.append(one)
            said.append(words(one, course))
    return found, [line for line in said if line]


async def test_every_event_has_its_shape_and_nothing_else(recorded_once: Path) -> None:
    seen = set()
    for run in recorded.RUNS:
        for one in (await told(recorded_once, run))[0]:
            assert set(one) == SHAPES[str(one["event"])]
            assert json.loads(json.dumps(one)) == one
            seen.add(one["event"])
    assert seen == set(SHAPES) - {"resumed"} - OF_SWEEPS
    assert {name for name, _ in TELLING.values()} == set(SHAPES)


async def test_a_run_is_told_from_its_plan_to_its_end(recorded_once: Path) -> None:
    found, said = await told(recorded_once, "r1")
    names = [one["event"] for one in found]
    assert names[:4] == ["planned", "asked", "decided", "ruled"]
    assert names[-1] == "finished"
    assert names.count("intent") == names.count("receipt") > 0
    assert {one["plan"] for one in found[0]["steps"]} == {"change"}
    steps = len(found[0]["steps"])
    assert names.count("ended") == steps
    assert said[0] == "Ben says approve (test)."
    assert said[1] == "The request is granted."
    assert said[2].startswith(f"[1/{steps}] done: fake.")
    assert said[-1].startswith(f"[{steps}/{steps}] done: fake.")


@pytest.mark.parametrize(
    ("run", "last"), [("denied", "The request is denied."), ("stopped", "The request is stopped by Cem.")], ids=["denied", "stopped"]
)
async def test_of_what_was_not_approved_no_step_is_told_to_people(recorded_once: Path, run: str, last: str) -> None:
    found, said = await told(recorded_once, run)
    assert said[-1] == last
    assert "ended" in [one["event"] for one in found], "programs are told of it"


async def test_what_is_under_way_is_known_at_each_moment(recorded_once: Path) -> None:
    async with Store(f"sqlite:///{recorded_once}") as store:
        events = await Journal(store).events("r1")
    course = Course()
    for event in events:
        course.take(event)
        match event.kind:
            case Kind.INTENT:
                assert not course.doing[str(event.body["item"])].made
            case Kind.RECEIPT:
                assert course.doing[str(event.body["item"])].made
            case Kind.ENDED:
                assert event.body["item"] in course.ended
                assert event.body["item"] not in course.doing
    assert not course.doing
    assert len(course.ended) == len(course.items)
