"""Runs that Prefect was not told of, told once it is back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from firedoor import late, orchestrating
from firedoor.approval import Answer
from firedoor.errors import JournalError, Rejected
from firedoor.journal import Journal, Kind
from firedoor.late import catch_up, due_runs, keep_up
from firedoor.lease import TTL_SECONDS, Leases
from firedoor.model import Mode
from firedoor.orchestrating import Told, farewells, mark, orchestrate
from firedoor.store import Store
from firedoor.tables import events, leases
from tests.fakes import CLEAR, SHUT, Lab, book, failing, hasten, lab
from tests.gallery import Gallery, gallery

pytestmark = pytest.mark.xdist_group("prefect")
__all__ = ["gallery"]  # a fixture

BOOK = book(steps=[SHUT, CLEAR])
DOORS = {"a": {"k1": "open"}, "b": {"k2": "shut"}}


@pytest.fixture
async def it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Lab]:
    hasten(monkeypatch)
    monkeypatch.setattr("firedoor.orchestrating.BUDGET", 30.0)  # however slow this machine is
    async with lab(tmp_path, DOORS) as found:
        yield found


async def contained(it: Lab, gallery: Gallery, run: str = "r1", *, mode: Mode = Mode.LIVE, missed: bool = True) -> None:
    """A run that went on while Prefect was away."""
    gallery.takes = not missed
    order = it.order(run, mode=mode)
    await it._beside(run, Answer.APPROVE, orchestrate(order, partial(it.engine().contain, order, BOOK), it.journal))
    await farewells(it.journal)
    gallery.takes = True
    gallery.seen.clear()


async def told(it: Lab, run: str = "r1") -> list[str]:
    return [str(event.body["prefect"]) for event in await it.events(run) if event.kind == Kind.NOTED and "prefect" in event.body]


def process(it: Lab, name: str = "teller") -> tuple[Journal, Leases]:
    """What another process has in hand: no vendor."""
    return Journal(it.store), Leases(it.store, name)


async def test_a_run_that_was_not_reported_is_told_from_the_journal_and_once(it: Lab, gallery: Gallery) -> None:
    await contained(it, gallery)
    calls, effects = list(it.vendor.calls), dict(it.vendor.effects)
    assert await catch_up(*process(it))
    assert gallery.seen[0] == ("note", "plan", "running")
    assert sorted(gallery.seen[1:5]) == [
        ("step", "clear/door:a", "CHANGED"),
        ("step", "clear/door:b", "CHANGED"),
        ("step", "shut/door:a", "CHANGED"),
        ("step", "shut/door:b", "ALREADY"),
    ]
    assert gallery.seen[5:] == [("note", "report", "contained"), ("end", "contained", "late")]
    assert await told(it) == [Told.EXPECTED, Told.NOT_REPORTED, Told.REPORTED]
    gallery.seen.clear()
    assert await catch_up(*process(it))
    assert not gallery.seen
    assert (it.vendor.calls, it.vendor.effects) == (calls, effects), "no work is done again, and no vendor is asked"


async def test_several_are_told_oldest_first_and_what_prefect_took_is_not(it: Lab, gallery: Gallery) -> None:
    await contained(it, gallery, "r1")
    await contained(it, gallery, "r2", missed=False)
    await contained(it, gallery, "r3")
    assert await due_runs(it.journal) == ["r1", "r3"]
    assert await catch_up(*process(it))
    assert [await told(it, run) for run in ("r1", "r2", "r3")] == [
        [Told.EXPECTED, Told.NOT_REPORTED, Told.REPORTED],
        [Told.EXPECTED, Told.REPORTED],
        [Told.EXPECTED, Told.NOT_REPORTED, Told.REPORTED],
    ]


async def test_of_two_processes_one_tells(it: Lab, gallery: Gallery) -> None:
    await contained(it, gallery)
    assert await asyncio.gather(*(catch_up(*process(it, name)) for name in ("a", "b", "c"))) == [True, True, True]
    assert [one for one in gallery.seen if one[0] == "end"] == [("end", "contained", "late")]
    assert (await told(it)).count(Told.REPORTED) == 1


async def test_who_dies_between_showing_and_noting_loses_nothing(it: Lab, gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    await contained(it, gallery)

    async def dies(*_: object) -> None:
        raise JournalError("the process is gone")

    with monkeypatch.context() as patch:
        patch.setattr(late, "mark", dies)
        with pytest.raises(JournalError):
            await catch_up(*process(it))
    assert await due_runs(it.journal) == ["r1"]
    assert await catch_up(*process(it, "another"))
    assert [one for one in gallery.seen if one[0] == "end"] == [("end", "contained", "late")] * 2
    assert not await due_runs(it.journal)


async def test_a_dead_ones_hold_on_it_runs_out(it: Lab, gallery: Gallery) -> None:
    await contained(it, gallery)
    assert await Leases(it.store, "dead").take("prefect:r1")
    await catch_up(*process(it))
    assert not gallery.seen
    async with it.store.transaction() as connection:
        await connection.execute(leases.update().values(expires=leases.c.expires - TTL_SECONDS - 1))
    await catch_up(*process(it))
    assert gallery.seen[-1] == ("end", "contained", "late")


async def test_a_run_that_somebody_may_still_be_telling_is_left_to_them_for_a_while(
    it: Lab, gallery: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its process died in its last two seconds: nothing was noted but that Prefect is to know of it."""
    await contained(it, gallery)
    await mark(it.journal, "r1", Told.EXPECTED)
    assert not await due_runs(it.journal)
    monkeypatch.setattr(late, "GRACE", timedelta(0))
    assert await due_runs(it.journal) == ["r1"]


async def test_a_run_that_goes_on_after_it_was_told_is_told_again_at_its_end(it: Lab, gallery: Gallery) -> None:
    await contained(it, gallery, missed=False)
    await mark(it.journal, "r1", Told.EXPECTED)
    await it.journal.append("r1", Kind.RESUMED, {"from": 4})
    await mark(it.journal, "r1", Told.NOT_REPORTED)
    assert not await due_runs(it.journal), "it is not over"
    report = next(event.body for event in await it.events() if event.kind == Kind.FINISHED)
    await it.journal.append("r1", Kind.FINISHED, report)
    assert await due_runs(it.journal) == ["r1"]


async def test_drills_are_told_of_while_they_last_or_not_at_all(it: Lab, gallery: Gallery) -> None:
    await contained(it, gallery, mode=Mode.DRILL)
    assert not await due_runs(it.journal)


async def test_a_run_that_failed_is_told_as_it_failed(it: Lab, gallery: Gallery) -> None:
    it.vendor.on_apply.extend([failing(Rejected("no", vendor="fake", operation="apply"))] * 20)
    await contained(it, gallery)
    await catch_up(*process(it))
    assert ("step", "shut/door:a", "FAILED") in gallery.seen
    assert gallery.seen[-1] == ("end", "partial", "late")


async def test_a_damaged_run_does_not_keep_the_others_from_being_told(it: Lab, gallery: Gallery) -> None:
    await contained(it, gallery, "r1")
    await contained(it, gallery, "r2")
    async with it.store.transaction() as connection:
        await connection.execute(events.update().where(events.c.run == "r1", events.c.kind == str(Kind.PLANNED)).values(body="{}"))
    assert await catch_up(*process(it))
    assert await due_runs(it.journal) == []
    assert (await told(it, "r2"))[-1] == Told.REPORTED


async def test_while_prefect_takes_nothing_it_is_asked_for_one_and_less_and_less_often(
    it: Lab, gallery: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    await contained(it, gallery, "r1")
    await contained(it, gallery, "r2")
    gallery.takes, pauses = False, []
    rested = asyncio.Event()

    async def nap(seconds: float) -> None:
        pauses.append(seconds)
        gallery.takes = len(pauses) > 7
        if len(pauses) == 9:
            rested.set()
            await asyncio.Event().wait()

    monkeypatch.setattr(orchestrating, "load", lambda: None)
    monkeypatch.setattr(late, "pause", nap)
    keeping = asyncio.create_task(keep_up(*process(it)))
    async with asyncio.timeout(20):
        await rested.wait()
    keeping.cancel()
    assert pauses == [120, 240, 480, 960, 1920, 3600, 3600, 3600, 60]
    assert len([one for one in gallery.seen if one[0] == "end"]) == 8 + 2
    assert [(await told(it, run))[-1] for run in ("r1", "r2")] == [Told.REPORTED, Told.REPORTED]


async def test_whoever_has_a_short_time_begins_with_none_when_it_is_over(it: Lab, gallery: Gallery) -> None:
    await contained(it, gallery)
    assert not await catch_up(*process(it), within=0)
    assert not gallery.seen


async def test_without_a_server_nobody_is_told(it: Lab, gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    await contained(it, gallery)
    monkeypatch.delenv("PREFECT_API_URL")
    await keep_up(*process(it))
    assert not gallery.seen


async def test_postgresql_finds_the_same_runs(database: str) -> None:
    async with Store(database) as store:
        journal = Journal(store)
        for run, notes in {"a": "EN", "b": "ENR", "c": "ERE", "d": "R", "e": "E"}.items():
            for note in notes:
                await mark(journal, run, {"E": Told.EXPECTED, "N": Told.NOT_REPORTED, "R": Told.REPORTED}[note])
            await journal.append(run, Kind.NOTED, {"unsaid": "prefect"})
        found = await journal.noted({"prefect": Told.EXPECTED}, {"prefect": Told.NOT_REPORTED}, unless={"prefect": Told.REPORTED})
        assert list(found) == ["a", "c", "e"]
