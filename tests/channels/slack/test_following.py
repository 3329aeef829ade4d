"""What comes after an approval: the rest that nobody approved gets a request of its own, whatever an attacker does meanwhile."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from firedoor import report, resuming
from firedoor.alone import held_as
from firedoor.errors import BadInput
from firedoor.journal import Kind
from firedoor.run import ITSELF, LEFT, fold
from tests.channels.slack.scene import ROOM, Scene

ORDER = "/firedoor contain leaked-aws-key access_keys=AKIAIOSFODNN7EXAMPLE"


async def test_approved_changes_go_on_and_the_extras_are_asked_for_by_themselves(stage: Scene) -> None:
    assert (await stage.people["ada"].command(ROOM, ORDER)).ok
    await stage.until(lambda: _runs(stage, 1))
    [first] = await stage.lab.journal.runs()
    await stage.open("ben", run=first)
    stage.lab.vendor.doors["front"]["k9"] = "open"  # made by the attacker while people read
    await stage.submit("ben")
    await stage.people["ben"].close_modal()
    await stage.until(lambda: _runs(stage, 2))
    second = next(run for run in await stage.lab.journal.runs() if run != first)
    assert sorted(stage.lab.vendor.effects) == ["shut front/k1", "shut front/k2"], "what was approved was done at once"
    record = fold(first, await stage.lab.events(first))
    assert record.report is not None
    assert record.report["outcome"] == "partial"

    request = await stage.request(second)
    assert f"this is what run {first} had no approval for" in request.shown
    assert "shut front/k9" in request.shown
    assert "shut front/k1" not in request.shown
    await stage.open("cyd", run=second)
    await stage.submit("cyd")
    await stage.until(lambda: stage.recorded(Kind.FINISHED, second))
    assert sorted(stage.lab.vendor.effects) == ["shut front/k1", "shut front/k2", "shut front/k9"]
    assert fold(second, await stage.lab.events(second)).order.follows == first
    assert list(await stage.lab.journal.runs()) == [second, first], "and nothing more is asked"


async def _runs(stage: Scene, many: int) -> bool:
    runs = await stage.lab.journal.runs()
    return len(runs) == many and await stage.recorded(Kind.REQUESTED, runs[0])


async def test_the_next_process_goes_on_with_what_the_last_one_left(stage: Scene) -> None:
    await stage.ask("waiting")
    await stage.ask("stopped")
    await stage.ask("damaged")
    await stage.lab.journal.append("damaged", Kind.DECIDED, {})
    await stage.desk.stop("stopped", stage.desk.roster.by_name("Cyd"), via="test")
    await stage.restart()
    assert list(await stage.office.take_over()) == ["waiting"]
    assert list(await stage.office.take_over()) == [], "once is enough"
    request = await stage.request("waiting")
    await stage.open("ben", run="waiting")
    await stage.submit("ben")
    await stage.until(lambda: stage.recorded(Kind.FINISHED, "waiting"))
    assert sorted(stage.lab.vendor.effects) == ["shut front/k1", "shut front/k2"]
    assert not await stage.recorded(Kind.RESUMED, "stopped")
    assert [one.ts for one in await stage.thread() if "waiting" in one.shown and not one.thread_ts] == [request.ts], (
        "one request, one thread"
    )


async def test_however_many_runs_came_since_one_that_is_not_over_is_gone_on_with(stage: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    await stage.ask("waiting")
    waiting = await stage.lab.events("waiting")
    for number in range(60):
        await stage.lab.journal.append(f"later-{number}", Kind.OPENED, stage.lab.order(f"later-{number}"), claim="opened")
    await stage.restart()
    with monkeypatch.context() as patched:
        patched.setattr("firedoor.starts.REACH", datetime.now(UTC) - waiting[0].at)
        assert list(await stage.office.take_over()) == [], "what people approved so long ago has lapsed"
    assert list(await stage.office.take_over()) == ["waiting"]


async def test_what_was_open_in_a_journal_that_was_put_back_is_left_to_people_until_they_go_on_with_it(stage: Scene) -> None:
    await stage.ask("restored")
    await stage.lab.journal.append("restored", Kind.NOTED, LEFT)
    await stage.restart()
    assert list(await stage.office.take_over()) == []
    assert list(await stage.office.left_to_people()) == ["restored"]
    with pytest.raises(BadInput, match="is left to people"):
        await resuming.check(stage.lab.desk(), await stage.lab.desk().record("restored"), ITSELF)
    await stage.lab.journal.append("restored", Kind.RESUMED, {"from": 0})  # and that process died too
    assert list(await stage.office.left_to_people()) == []
    assert list(await stage.office.take_over()) == ["restored"]


async def test_a_sweep_that_a_process_left_is_not_taken_over_but_told_of(stage: Scene) -> None:
    await stage.ask("waiting")
    for run in ("left", "over", "worked-on"):
        order = replace(stage.lab.order(run), sweep=True)
        await stage.lab.journal.append(run, Kind.OPENED, order, claim="opened")
        record = fold("waiting", await stage.lab.events("waiting"))
        await stage.lab.journal.append(run, Kind.PLANNED, {"items": record.items, "fingerprint": record.fingerprint})
    ended = report.compose(fold("over", await stage.lab.events("over")), head="", finished=datetime.now(UTC))
    await stage.lab.journal.append("over", Kind.FINISHED, ended)
    await stage.restart()
    async with stage.house.leases.holding(held_as("worked-on"), patience=0):
        assert list(await stage.office.take_over()) == ["waiting"]
        assert list(await stage.office.sweeps_left()) == ["left"]
