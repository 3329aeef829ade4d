"""Undo once somebody else has changed something: alone, and with a fault on its write."""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from firedoor.canonical import plain
from firedoor.model import Outcome
from firedoor.store import Store
from tests.chaos.figures import Figures
from tests.chaos.others import EVENTS, Event
from tests.chaos.scenes import Scene
from tests.chaos.stand import SETTLES, begun, stand, undone
from tests.chaos.troubles import DROPPED_AFTER, FAILED, Fault
from tests.chaos.verdicts import WELL, Between, Told, World, figures
from tests.tasks.rooms import ROOMS

MOMENTS: Final = ("before the undo is planned", "once the undo is approved")
BLOWS: Final = (None, DROPPED_AFTER, FAILED)


def play(numbers: range) -> Figures:
    """The events of those numbers, each at each moment, without a fault and with some."""
    return asyncio.run(_play([EVENTS[number] for number in numbers]))


async def _play(events: list[Event]) -> Figures:
    total = Figures()
    with TemporaryDirectory() as folder:
        async with Store(f"sqlite:///{Path(folder)}/journal.db") as store:
            ends = {event.scene: await undisturbed(event.scene, store) for event in events}
            cases = [(event, moment, fault) for event in events for moment in MOMENTS for fault in BLOWS if not (fault and event.stops)]
            for count, (event, moment, fault) in enumerate(cases):
                total += await went(event, moment, fault, ends[event.scene], store, run=f"m{count}")
    return total


async def undisturbed(scene: Scene, store: Store) -> World:
    """What an undo makes of the world where nobody interferes. Not all that the run did is taken back."""
    async with stand(scene.data, store, settle=SETTLES) as here:
        course = await begun(here, f"{scene.says} undisturbed")
        await course.go()
        undo = await undone(here, f"{scene.says} undone", course)
        result = await undo.go()
        assert result.outcome is Outcome.CHANGED, result.reason
        return here.world()


async def went(event: Event, moment: str, fault: Fault | None, undisturbed: World, store: Store, *, run: str) -> Figures:
    """One event at one moment, with a fault on each writing operation of the undo, or none; judged."""
    async with stand(event.scene.data, store, settle=SETTLES) as here:
        course = await begun(here, run)
        result = await course.go()
        assert result.outcome is Outcome.CHANGED, result.reason
        done = here.world()
        if moment == MOMENTS[0]:
            event.deed(here.at.world)
        undo = await undone(here, f"{run}-undo", course)
        if moment == MOMENTS[1]:
            event.deed(here.at.world)
        meanwhile = here.world()
        assert meanwhile != done or event.stops, f"{event.says}: that changed nothing"
        for one in ROOMS[here.case.action.partition(".")[0]].operations if fault else ():
            if one.writes and fault:
                here.wire.strike(one.name, fault)
        result = await undo.go()
        here.wire.clear()
        told = Told(
            outcome=result.outcome,
            reason=result.reason,
            world=here.world(),
            seen_done=result.outcome in WELL or bool((await undo.left()).reason),
        )
        given = plain(event.scene.data.data["world"])
        judge = Between(given=given, undone=undisturbed, done=done, meanwhile=meanwhile, stops=event.stops)  # type: ignore[arg-type]
        where = f"{event.scene.says}: {event.says} {moment}{f': {fault.name}' if fault else ''}"
        return figures(judge.ended(told), where, faults=here.wire.played)
