"""A process dies at every point of a run, and another one takes up its record: contained, and no effect twice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from firedoor.errors import BadInput, UnknownRun
from firedoor.journal import Event, Journal, Kind
from firedoor.lease import Held, Lease
from firedoor.store import Store
from tests.fakes import CLEAR, SHUT, Effect, Lab, book, hasten, lab

BOOK = book(steps=[SHUT, CLEAR])
DOORS = {"a": {"k1": "open", "k2": "open"}}
ALL = {"shut a/k1": 1, "shut a/k2": 1, "clear a": 1}
# run.opened and planned; an intent and a receipt for each of three effects, the end of each of two steps, and of the run.
OF_THE_ENGINE = [Kind.OPENED, Kind.PLANNED, Kind.REQUESTED, Kind.CLOSED]
OF_THE_ENGINE += [*[Kind.INTENT, Kind.RECEIPT] * 2, Kind.ENDED, Kind.INTENT, Kind.RECEIPT, Kind.ENDED, Kind.FINISHED]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    hasten(monkeypatch)


class Mortal(Journal):
    """The journal of a process that dies after ``lives`` events; ``die`` ends it."""

    def __init__(self, store: Store, lives: int, die: Callable[[], None]) -> None:
        super().__init__(store)
        self.lives, self.die = lives, die
        self.written: list[str] = []

    async def append(
        self, run: str, kind: Kind, body: object, *, claim: str | None = None, seen: int | None = None, under: Lease | Held | None = None
    ) -> Event:
        if len(self.written) == self.lives:
            self.die()
            await asyncio.Event().wait()
        self.written.append(kind)
        return await super().append(run, kind, body, claim=claim, seen=seen, under=under)


async def die_after(it: Lab, lives: int) -> list[str]:
    """Run until the process has written so many events, then kill it. Returns what it wrote."""
    dead = asyncio.Event()
    journal = Mortal(it.store, lives, dead.set)
    await _killed(it, journal, dead)
    return journal.written


async def _killed(it: Lab, journal: Journal, dead: asyncio.Event) -> None:
    run = asyncio.create_task(it.contain(BOOK, engine=it.engine(journal=journal)))
    death = asyncio.create_task(dead.wait())
    await asyncio.wait({run, death}, return_when=asyncio.FIRST_COMPLETED)
    run.cancel()
    death.cancel()
    await asyncio.gather(run, death, return_exceptions=True)


@pytest.mark.parametrize("lives", range(len(OF_THE_ENGINE)))
async def test_a_run_ends_contained_wherever_it_was_cut(lives: int, tmp_path: Path) -> None:
    async with lab(tmp_path, DOORS) as it:
        assert await die_after(it, lives) == OF_THE_ENGINE[:lives]
        if lives < 3:  # nobody was asked yet, so there is nothing to go on with
            with pytest.raises((BadInput, UnknownRun)):
                await it.resume()
            assert not it.vendor.effects
            assert (await it.contain(BOOK, run="again"))["outcome"] == "contained"
        else:
            report = await it.resume()
            assert report["outcome"] == "contained"
            assert all(step["changes"] for step in report["steps"]), "what was done before the crash is in the report"
        assert it.vendor.effects == ALL
        assert not (await it.journal.audit()).faults


async def test_the_events_named_above_are_all_there_are(tmp_path: Path) -> None:
    async with lab(tmp_path, DOORS) as it:
        assert await die_after(it, 999) == OF_THE_ENGINE


@pytest.mark.parametrize("nth", [1, 2, 3])
@pytest.mark.parametrize("after", [False, True], ids=["before the effect", "after the effect"])
@pytest.mark.parametrize("hidden", [0, 3], ids=["shown at once", "shown late"])
async def test_a_write_under_way_is_settled_by_reading(nth: int, after: bool, hidden: int, tmp_path: Path) -> None:  # noqa: FBT001 - columns
    """Between intent and receipt nobody knows. Where the effect shows late, a non-idempotent vendor would see it twice but for the echo."""
    async with lab(tmp_path, DOORS) as it:
        it.vendor.hidden = hidden
        dead = asyncio.Event()

        async def live(effect: Effect) -> None:
            effect()

        async def die(effect: Effect) -> None:
            if after:
                effect()
            dead.set()
            await asyncio.Event().wait()

        it.vendor.on_apply.extend([*[live] * (nth - 1), die])
        await _killed(it, Journal(it.store), dead)
        assert [kind for kind in await it.kinds() if kind in {Kind.INTENT, Kind.RECEIPT}][-1] == Kind.INTENT
        assert (await it.resume())["outcome"] == "contained"
        if not (after and hidden):
            assert it.vendor.effects == ALL
        assert set(it.vendor.effects) == set(ALL)


async def test_a_run_may_die_again_and_again(tmp_path: Path) -> None:
    async with lab(tmp_path, DOORS) as it:
        await die_after(it, 4)
        for lives in (2, 3, 4):
            dead = asyncio.Event()
            engine = it.engine(journal=Mortal(it.store, lives, dead.set))
            run = asyncio.create_task(it.resume(engine=engine))
            await dead.wait()
            run.cancel()
            await asyncio.gather(run, return_exceptions=True)
        assert (await it.resume())["outcome"] == "contained"
        assert it.vendor.effects == ALL


async def test_t_stays_that_of_the_first_intent(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": {"k": "shut"}}) as it:
        dead = asyncio.Event()

        async def die(effect: Effect) -> None:
            effect()
            dead.set()
            await asyncio.Event().wait()

        it.vendor.on_apply.append(die)
        await _killed(it, Journal(it.store), dead)
        first = next(event for event in await it.events() if event.kind == Kind.INTENT)
        await it.resume()
        bound = it.vendor.bound[-1]
        assert bound is not None
        assert bound.isoformat().replace("+00:00", "Z") == first.body["at"]
        assert it.vendor.effects == {"clear a": 1}
