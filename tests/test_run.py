"""What a run is: a fold over its events. And what it ends as, from its steps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from firedoor.errors import JournalBroken, UnknownRun
from firedoor.journal import Kind
from firedoor.model import Mode, Outcome
from firedoor.report import RunOutcome, compose, outcome
from firedoor.run import StepResult, fold
from tests.fakes import lab


def results(words: str) -> list[StepResult]:
    return [StepResult(item=f"{n}", outcome=Outcome(word), reason="x") for n, word in enumerate(words.split())]


@pytest.mark.parametrize(
    ("mode", "steps", "run"),
    [
        (Mode.LIVE, "CHANGED ALREADY", "contained"),
        (Mode.DRILL, "ALREADY", "contained"),
        (Mode.LIVE, "CHANGED UNVERIFIED", "partial"),
        (Mode.LIVE, "CHANGED STALE", "partial"),
        (Mode.LIVE, "UNVERIFIED SKIPPED", "failed"),
        (Mode.LIVE, "REFUSED", "failed"),
        (Mode.LIVE, "UNSUPPORTED CHANGED", "partial"),
        (Mode.LIVE, "CHANGED STOPPED", "stopped"),
        (Mode.LIVE, "DENIED ALREADY", "denied"),
        (Mode.LIVE, "EXPIRED", "expired"),
        (Mode.PREVIEW, "PREVIEWED FAILED", "previewed"),
        (Mode.LIVE, "", "failed"),
    ],
)
def test_a_run_is_contained_only_when_every_step_is(mode: Mode, steps: str, run: str) -> None:
    assert outcome(mode, results(steps)) == RunOutcome(run)


def test_every_outcome_has_its_exit_code() -> None:
    codes = {one: one.exit_code for one in Outcome}
    assert {one for one, code in codes.items() if code == 0} == {Outcome.CHANGED, Outcome.ALREADY, Outcome.PREVIEWED}
    assert {one for one, code in codes.items() if code == 3} == {Outcome.DENIED, Outcome.EXPIRED, Outcome.STOPPED}


def test_an_unknown_run_is_said_to_be_unknown() -> None:
    with pytest.raises(UnknownRun):
        fold("nobody", [])


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (Kind.PLANNED, {}),
        (Kind.PLANNED, {"items": [{"id": 1}], "fingerprint": ""}),
        (Kind.CLOSED, {"ruling": "whatever"}),
        (Kind.STOP, {}),
        (Kind.INTENT, {"item": "x"}),
    ],
)
async def test_an_event_that_cannot_be_read_is_a_broken_journal(kind: Kind, body: dict[str, object], tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": {}}) as it:
        await it.journal.append("r1", Kind.OPENED, it.order())
        await it.journal.append("r1", kind, body)
        with pytest.raises(JournalBroken, match="event 2 of run r1"):
            fold("r1", await it.events())


async def test_a_run_that_does_not_begin_with_its_order_is_broken(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": {}}) as it:
        await it.journal.append("r1", Kind.STOP, {"by": "x"})
        with pytest.raises(JournalBroken):
            fold("r1", await it.events())


async def test_the_report_tells_what_is_open_first_and_what_is_not_reached_yet(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": {"k": "open"}, "b": {"k": "stuck"}}) as it:
        report = await it.contain()
        record = fold("r1", await it.events())
        assert [left["id"] for left in report["open"]] == ["shut/door:b"]
        assert list(report).index("open") < list(report).index("steps")
        assert report["approval"]["by"] == ["Ben"]
        assert report["writes"] == 1
        assert [left["what"] for left in report["residual"]] == ["cookies of a", "cookies of b"]
        assert record.report is not None
        record.results.clear()
        running = compose(record, head="h")
        assert (running["outcome"], running["open"]) == ("running", [])
        assert {step["outcome"] for step in running["steps"]} == {"PENDING"}
        later = compose(record, head="h", finished=datetime.now(UTC) + timedelta(hours=1))
        assert later["seconds"]["total"] > 3599
