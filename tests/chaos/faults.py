"""Every write of every action, and of its undo, struck on the wire by every fault, one at a time; each judged by the vendor's world.

And every undo once somebody else has changed something at the vendor, with and without a fault.
"""

from __future__ import annotations

import asyncio
import multiprocessing
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from firedoor.canonical import plain
from firedoor.model import Outcome
from firedoor.run import StepResult
from firedoor.store import Store
from tests.chaos import meanwhile
from tests.chaos.figures import Figures
from tests.chaos.others import EVENTS
from tests.chaos.scenes import Scene, scenes
from tests.chaos.stand import PATIENCE, SETTLES, Course, Stand, begun, stand, undone
from tests.chaos.troubles import DROPPED, DROPPED_AFTER, LASTING, PASSING, Fault
from tests.chaos.verdicts import WELL, Finding, Judge, Told, World, Wrong, figures
from tests.tasks.rooms import ROOMS

IMPATIENT: Final = 0.3  # seconds a client waits where no reply comes
GRAIN: Final = 1.0  # seconds: a Date header is cut to the second, so a client that begins anew may take the time for so much earlier


@dataclass(frozen=True, slots=True, kw_only=True)
class Blow:
    """One fault on one write: on the call of ``operation`` that comes after ``past`` others, or (``lasting``) on each from the first on.

    ``led_by``: an operation whose reply is lost before that, so that there is something to be put right by this write. ``blinds``: nothing
    can be read any more once it has fallen, until somebody has mended it.
    """

    operation: str
    fault: Fault
    past: int = 0
    lasting: bool = False
    led_by: str = ""
    blinds: bool = False

    @property
    def says(self) -> str:
        """What is done to what."""
        which = f", call {self.past + 1}" if self.past else ""
        led = f", once the reply of {self.led_by} was lost" if self.led_by else ""
        blind = ", and then nothing can be read" if self.blinds else ""
        return f"{self.operation}{which}: {self.fault.name}{', every time' if self.lasting else ''}{led}{blind}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A scene's end. ``way_back`` is what an undo would do then."""

    result: StepResult
    given: World
    before: World
    after: World
    writes: Counter[str]
    way_back: str


def run(*, sample: int | None, workers: int) -> Figures:
    """All of them, or ``sample`` of them from all over; in this process where there is one worker."""
    parts = [*_scenes(sample), *_events(sample)]
    if workers == 1:
        return sum((part() for part in parts), Figures())
    with ProcessPoolExecutor(max_workers=workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        return sum((part.result() for part in [pool.submit(part) for part in parts]), Figures())


def _scenes(sample: int | None) -> Iterator[Callable[[], Figures]]:
    """Each scene, with all of its blows or its share of the sample."""
    # Those that take longest come first, so that nobody waits for one of them in the end.
    every = sorted(scenes(), key=lambda scene: ("rotate" not in scene.action, scene))
    for number, scene in enumerate(every):
        share = None if sample is None else sample * (number + 1) // len(every) - sample * number // len(every)
        if share != 0:
            yield partial(play, scene, number, share)


def _events(sample: int | None) -> Iterator[Callable[[], Figures]]:
    """What others do before an undo: all of it, or one event for ten blows of the sample."""
    step = 1 if sample is None else max(1, 10 * len(EVENTS) // max(sample, 1))
    return (partial(meanwhile.play, range(number, number + 1)) for number in range(0, len(EVENTS), step))


def play(scene: Scene, number: int, most: int | None) -> Figures:
    """A scene without a fault, then with each of its blows, or with ``most`` of them."""
    return asyncio.run(_play(scene, number, most))


async def _play(scene: Scene, number: int, most: int | None) -> Figures:
    with TemporaryDirectory() as folder:
        async with Store(f"sqlite:///{Path(folder)}/journal.db") as store:
            wanted = await ordinarily(scene, store)
            assert wanted.result.outcome is Outcome.CHANGED, f"{scene.says}: {wanted.result.reason}"
            total = Figures()
            for count, blow in enumerate(_chosen(blows(wanted), number, most)):
                found, played = await struck(scene, blow, wanted, store, run=f"r{count}")
                assert played, f"{scene.says}: {blow.says}: it never came to that"
                total += figures(found, f"{scene.says}: {blow.says}")
    return total


def _chosen(every: Sequence[Blow], number: int, most: int | None) -> Iterator[Blow]:
    """All, or ``most`` of them at even distances, from a place that differs with each ``number``."""
    if most is None or most >= len(every):
        return iter(every)
    return (every[(7 * number + place * len(every) // most) % len(every)] for place in range(most))


def blows(wanted: Ended) -> list[Blow]:
    """Each fault on each write of the scene. Where a key's delivery came to nothing, taking it away is a write too."""
    found = [
        Blow(operation=name, fault=fault, past=past) for name, times in wanted.writes.items() for past in range(times) for fault in PASSING
    ]
    found += [Blow(operation=name, fault=fault, lasting=True) for name in wanted.writes for fault in LASTING]
    found += [Blow(operation=name, fault=fault, blinds=True) for name in wanted.writes for fault in (DROPPED, DROPPED_AFTER)]
    if "iam:CreateAccessKey" in wanted.writes:
        led: Any = partial(Blow, operation="iam:DeleteAccessKey", led_by="iam:CreateAccessKey")
        found += [led(fault=fault) for fault in PASSING] + [led(fault=fault, lasting=True) for fault in LASTING]
    return found


async def ordinarily(scene: Scene, store: Store) -> Ended:
    """The scene with no fault at all."""
    async with stand(scene.data, store, settle=SETTLES) as here:
        given = plain(scene.data.data["world"])
        course = await _opening(scene, here, "ordinary")
        before, since = here.world(), here.wire.counts
        result = await course.go()
        writing = {one.name for one in ROOMS[scene.action.partition(".")[0]].operations if one.writes}
        writes = Counter({name: times for name, times in (here.wire.counts - since).items() if name in writing})
        back = "" if scene.back else await course.way_back()
        return Ended(result=result, given=given, before=before, after=here.world(), writes=writes, way_back=back)  # type: ignore[arg-type]


async def struck(scene: Scene, blow: Blow, wanted: Ended, store: Store, *, run: str) -> tuple[list[Finding], int]:
    """What is wrong with the scene's end after the blow; and how often the blow fell."""
    patience = IMPATIENT if blow.fault.silent else PATIENCE
    async with stand(scene.data, store, settle=SETTLES, patience=patience) as here:
        course = await _opening(scene, here, run)
        judge = Judge(given=wanted.given, before=wanted.before, wanted=wanted.after)
        if blow.blinds:
            here.wire.then_fail()
        if blow.led_by:
            here.wire.strike(blow.led_by, DROPPED_AFTER)
        here.wire.strike(blow.operation, blow.fault, past=blow.past, lasting=blow.lasting)
        result = await course.go()
        await here.wire.settled()
        played = here.wire.played - bool(blow.led_by)
        here.wire.clear()
        found = judge.ended(await _told(here, course, result), fair=blow.fault.fair)
        if blow.blinds:
            found = [one for one in found if one.wrong is not Wrong.FALSE_FAILURE]  # nobody could have seen it
        if result.outcome in WELL:
            return found or await _way_back(scene, blow, course, wanted), played
        if not (found or blow.lasting or blow.blinds or blow.fault.refusal) and blow.fault.fair:
            found.append(Finding(wrong=Wrong.LOST, says=f"{result.outcome}, though nothing is in the way: {result.reason}"))
        if result.outcome is Outcome.UNVERIFIED:
            await asyncio.sleep(GRAIN)
        async with here.anew():
            found += await _resumed(scene, blow, course, judge, wanted)
    return found, played


async def _resumed(scene: Scene, blow: Blow, course: Course, judge: Judge, wanted: Ended) -> list[Finding]:
    """What is wrong once another process went on with it, with nothing in the way."""
    result = await course.go()
    found = judge.ended(await _told(course.stand, course, result), fair=blow.fault.fair)
    if result.outcome in WELL:
        found = found or await _way_back(scene, blow, course, wanted)
    elif not found and blow.fault.fair:
        found.append(Finding(wrong=Wrong.LOST, says=f"{result.outcome}, though nothing is in the way any more: {result.reason}"))
    return [replace(one, says=f"resumed: {one.says}") for one in found]


async def _opening(scene: Scene, here: Stand, run: str) -> Course:
    """The step that is to be struck: the case's own, or once that is done its undo."""
    course = await begun(here, run)
    if not scene.back:
        return course
    result = await course.go()
    assert result.outcome is Outcome.CHANGED, result.reason
    return await undone(here, f"{run}-undo", course)


async def _told(here: Stand, course: Course, result: StepResult) -> Told:
    done = result.outcome in WELL or bool((await course.left()).reason)
    return Told(outcome=result.outcome, reason=result.reason, world=here.world(), seen_done=done)


async def _way_back(scene: Scene, blow: Blow, course: Course, wanted: Ended) -> list[Finding]:
    """The run knows that it was itself that did it, and what is done can be undone as it could without the fault."""
    if not blow.fault.fair:
        return []
    if not await course.receipts():
        return [Finding(wrong=Wrong.LOST, says="the run did it, and does not know that it did")]
    if scene.back or (back := await course.way_back()) == wanted.way_back:
        return []
    return [Finding(wrong=Wrong.LOST, says=f"the way back is not {wanted.way_back!r}, but {back!r}")]
