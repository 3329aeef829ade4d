"""Runs that people start from afar: they go on in this process, beside each other."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Self

from firedoor import quota, resuming, shelf, wiring
from firedoor.alone import held_as
from firedoor.approval import Way
from firedoor.channel import Later
from firedoor.defect import in_words
from firedoor.errors import (
    ApprovalInvalid,
    BadInput,
    FiredoorError,
    JournalBroken,
    JournalError,
    RunHeld,
    RunTaken,
    UnknownRun,
    nearest,
    shown,
)
from firedoor.journal import Kind
from firedoor.model import Mode
from firedoor.orchestrating import Report, orchestrate
from firedoor.playbook import Playbook
from firedoor.rehearsal import rehearse
from firedoor.run import ITSELF, Order, Record, Via, fold
from firedoor.situation import Situation, brief, situation_of, whole
from firedoor.terminal import newest_standing
from firedoor.words import headline

if TYPE_CHECKING:
    from firedoor.stage import Stage

FAREWELL_SECONDS = 8.0
NEWEST: Final = 3
LOOKED_AT: Final = 50
REACH: Final = timedelta(days=30)  # whatever people approved before that has lapsed long since, and is theirs to look at
REMEMBERED: Final = 50

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Begun:
    """A run of this process."""

    order: Order
    task: asyncio.Task[Report]


class Starts:
    """An `Office` for one house. Leaving the block ends none of its runs silently."""

    def __init__(self, house: wiring.House, mode: Mode) -> None:
        self._house = house
        self._mode = mode
        self._via = Via.DRILL if mode is Mode.DRILL else Via.SLACK
        self._turn = asyncio.Lock()
        self._begun: dict[str, _Begun] = {}
        self._rehearsal: asyncio.Task[str] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *trouble: object) -> None:
        tasks = {run: begun.task for run, begun in self._begun.items()}
        over = [task for run, task in tasks.items() if await self._is_over(run)]
        if over:
            await asyncio.wait(over, timeout=FAREWELL_SECONDS)  # their last words are on their way
        for task in tasks.values():
            task.cancel()  # its intents are on record; `firedoor resume` goes on from there
        rehearsals = [self._rehearsal] if self._rehearsal else []
        for rehearsal in rehearsals:
            rehearsal.cancel()
        await asyncio.gather(*tasks.values(), *rehearsals, return_exceptions=True)

    async def _is_over(self, run: str) -> bool:
        return any(event.kind == Kind.FINISHED for event in await self._house.journal.events(run))

    async def take_over(self) -> Sequence[str]:
        """Go on with the runs that a process before this one left behind; their names. What somebody stopped is left to people, as is what
        was open in a journal that was put back: who has stopped it since is not in there.

        Sweeps are left too (`sweeps_left`): they have clients of their own that hold requests back, which this process has not, and
        thousands of requests at once would keep it from containing.
        """
        taken = []
        for record in await self._unfinished():
            order = record.order
            left = record.items and not record.left_to_people and order.run not in self._begun
            if left and not order.sweep and not self._house.desk.stopped_by(record) and await self._may_go_on(record):
                self._keep(order, self._resumed(order))
                taken.append(order.run)
        return taken

    async def _unfinished(self) -> Sequence[Record]:
        """The runs that are not over, newest first, however many there are: those that were begun or gone on with in the time of `REACH`.

        One that is damaged is passed over: whoever damaged it must not keep the others from going on.
        """
        begun = await self._house.journal.standing((Kind.OPENED, Kind.RESUMED), (Kind.FINISHED,))
        oldest, found = datetime.now(UTC) - REACH, list[Record]()
        for run in reversed([run for run, at in begun.items() if at >= oldest]):
            with suppress(JournalBroken):
                record = await self._record(run)
                found += [record] if record.order.mode is self._mode and record.report is None else []
        return found

    async def _may_go_on(self, record: Record) -> bool:
        """Whether Firedoor may go on with the run by itself. Where it may not, that is told aloud: the run stands still, half done."""
        try:
            await resuming.check(self._house.desk, record, ITSELF)
        except (BadInput, ApprovalInvalid, JournalBroken) as why:
            log.warning("run %s is not over, and is not gone on with: %s. %s", record.order.run, why.what, why.advice)
            return False
        return True

    async def sweeps_left(self) -> Sequence[str]:
        """The sweeps that are not over and that no living process works on, newest first. What somebody stopped is left to people."""
        left = [one for one in await self._unfinished() if one.order.sweep and not self._house.desk.stopped_by(one)]
        return [one.order.run for one in left if not await self._house.leases.living(held_as(one.order.run))]

    async def left_to_people(self) -> Sequence[str]:
        """The runs that were open in a journal that was put back, and that nobody has resumed since, newest first."""
        return [one.order.run for one in await self._unfinished() if one.left_to_people and not one.order.sweep]

    async def _resumed(self, order: Order) -> Report:
        engine = self._house.engine
        done = await orchestrate(order, lambda stage: engine.resume(order.run, stage), self._house.journal)
        return self._followed(order, done)

    def playbooks(self) -> Sequence[Playbook]:
        """Every playbook that passes the lint. One that is broken is left out: nobody could run it."""
        found = []
        for name in shelf.shelf():
            with suppress(BadInput):
                found.append(wiring.load_playbook(name, self._house.catalogue))
        return found

    def name_run(self) -> str:
        """A name for a run that is yet to begin. However often it is begun under that name, it is begun once."""
        return wiring.name_run()

    async def contain(self, person: str, playbook: str, given: Mapping[str, Sequence[str]], *, run: str = "") -> Later:
        """Start a run, which is planned later. Raises `BadInput` where what is given cannot be used, or the person has asked too often."""
        book = wiring.load_playbook(playbook, self._house.catalogue)
        order = wiring.take_order(book, given, mode=self._mode, requester=person, via=self._via, run=run)
        return await self._begin(order, lambda stage: self._contained(order, book, stage))

    async def _contained(self, order: Order, book: Playbook, stage: Stage) -> Report:
        return self._followed(order, await self._house.asked.contain(order, book, stage))

    def _followed(self, order: Order, done: Report) -> Report:
        """What nobody has approved, since the world has changed, is asked for in a run of its own, once this one has ended."""
        if (following := wiring.follow_up(order, done)) is not None:
            book = wiring.load_playbook(following.playbook, self._house.catalogue)
            self._keep(following, orchestrate(following, lambda stage: self._contained(following, book, stage), self._house.journal))
        return done

    async def freeze(self, person: str, users: Sequence[str], *, run: str = "") -> Later:
        """Freeze a few people on the standing approval; whoever may request signs for it. Raises `BadInput` as `contain`."""
        book = wiring.load_playbook("freeze", self._house.catalogue)
        order = wiring.take_order(book, {"users": tuple(users)}, mode=self._mode, requester=person, via=self._via, run=run)
        standing = await newest_standing(self._house.journal)
        order = replace(order, way=Way.FREEZE, standing=standing)
        return await self._begin(order, lambda stage: self._house.asked.contain(order, book, stage))

    async def undo(self, person: str, run: str) -> Later:
        """Undo a run; the way back is planned later. Raises `BadInput` where it cannot be, or the person has asked too often."""
        original = await self._record(run)
        if original.report is None:
            raise BadInput(f"run {run} is not over", advice=f"Wait for its end, or stop it first: /firedoor stop {run}")
        order = wiring.undo_order(original.order, mode=self._mode, requester=person, via=self._via)
        engine = self._house.engine
        return await self._begin(order, lambda stage: engine.undo(order, stage))

    async def stop(self, person: str, run: str) -> str:
        """Stop a run before its next write."""
        await self._record(run)
        desk = self._house.desk
        await desk.stop(run, desk.roster.by_name(person), via="slack")
        return f"Run {run} begins no further write."

    async def drill(self, person: str) -> Later:
        """Hold a drill beside all else, one at a time; how it ended is told later. Raises `BadInput` where one is under way."""
        if self._mode is Mode.DRILL:
            raise BadInput("this is a drill already", advice="Ask the real Firedoor for another")
        if self._rehearsal is not None and not self._rehearsal.done():
            raise BadInput("a drill is under way already", advice="It lasts about half a minute")
        log.info("%s asks for a drill", person)
        self._rehearsal = asyncio.create_task(rehearse(self._house.settings.state_dir))
        return self._rehearsed(self._rehearsal)

    async def _rehearsed(self, rehearsal: asyncio.Task[str]) -> str:
        await asyncio.wait({rehearsal})
        return "The drill was broken off: Firedoor stops listening here." if rehearsal.cancelled() else rehearsal.result()

    async def status(self, run: str = "") -> str:
        """Where one run stands, or what is under way and what is open; a line each."""
        if run:
            return "\n".join(whole(situation_of(await self._record(run)), now=datetime.now(UTC)))
        return "\n".join(brief(await self.situations()))

    async def situations(self) -> Sequence[Situation]:
        """Where the newest `LOOKED_AT` runs stand, newest first; exercises among those in earnest, for the same people are asked."""
        modes = (self._mode,) if self._mode is Mode.DRILL else (Mode.LIVE, Mode.EXERCISE)
        opened = [event for mode in modes for event in await self._house.journal.opened(most=LOOKED_AT, mode=str(mode))]
        found = []
        for event in sorted(opened, key=lambda one: -one.seq)[:LOOKED_AT]:
            with suppress(FiredoorError):  # one that cannot be read is the audit's business
                found.append(situation_of(fold(event.run, await self._house.journal.events(event.run))))
        return found

    async def _begin(self, order: Order, job: Callable[[Stage], Awaitable[Report]]) -> Later:
        async with self._turn:
            if (begun := self._begun.get(order.run)) is None:
                if await self._house.journal.events(order.run):
                    raise BadInput(f"run {order.run} was begun before", advice=f"See it with: /firedoor status {order.run}")
                await self._spend(order.requester)
                begun = self._keep(order, orchestrate(order, job, self._house.journal))
        return self._answered(begun)

    def _keep(self, order: Order, run: Awaitable[Report]) -> _Begun:
        begun = self._begun[order.run] = _Begun(order=order, task=asyncio.create_task(self._told(order.run, run)))
        begun.task.add_done_callback(_looked_at)
        self._forget()
        return begun

    def _forget(self) -> None:
        """Of the runs that are over, only the last ones are kept in mind: the journal knows them all."""
        over = [run for run, begun in self._begun.items() if begun.task.done()]
        for run in over[:-REMEMBERED]:
            del self._begun[run]

    async def _spend(self, person: str) -> None:
        """One request of a person's. Raises `BadInput` where there were too many. Those still being planned count too."""
        now, most = datetime.now(UTC), self._house.settings.limits.requests_per_hour
        opened = await self._house.journal.opened(most=most, since=now - quota.WINDOW, mode=str(self._mode), requester=person)
        known = {event.run for event in opened}
        orders = [one.order for run, one in self._begun.items() if run not in known and not one.task.done()]
        planned = [order.asked for order in orders if order.requester == person]
        quota.check([*(event.at for event in opened), *planned], most=most, now=now)

    async def _answered(self, begun: _Begun) -> str:
        """Once the run is planned, where its request stands; or how it ended before that."""
        order, task = begun.order, begun.task
        planned = asyncio.create_task(self._planned(order.run))
        await asyncio.wait({task, planned}, return_when=asyncio.FIRST_COMPLETED)
        planned.cancel()
        if task.done():
            return headline(await task)
        what = f"the undo of run {order.undoes}" if order.undoes else order.playbook
        words = f"Run {order.run} of {what} is planned; the request stands in the channel."
        record = await self._record(order.run)
        if order.way is Way.FREEZE and record.request is not None:
            words += f" It begins as soon as one of you signs it: firedoor approve {order.run} --key FILE"
        return words

    async def _told(self, run: str, job: Awaitable[Report]) -> Report:
        """The run's report. One that dies leaves a word on record, so that nobody waits for it in vain."""
        try:
            return await job
        except (RunHeld, RunTaken):
            raise  # another process is at it: that one tells how it ends
        except Exception as error:  # whatever it died of, it is raised again, and those who wait are told
            words = in_words(error)
            with suppress(JournalError):  # which may be what it died of
                if await self._house.journal.events(run):
                    await self._house.journal.append(run, Kind.NOTED, {"died": words})
            log.log(logging.INFO if isinstance(error, BadInput) else logging.ERROR, "run %s ended: %s", run, words)
            raise

    async def _planned(self, run: str) -> None:
        async for event in self._house.journal.follow(run):
            if event.kind == Kind.PLANNED:
                return

    async def _record(self, run: str) -> Record:
        """What is on record of a run. Raises `UnknownRun` that names the newest ones."""
        try:
            return fold(run, await self._house.journal.events(run))
        except UnknownRun:
            newest = [event.run for event in await self._house.journal.opened(most=NEWEST, mode=str(self._mode))]
            advice = f"The newest are: {', '.join(newest)}" if newest else "There is none yet"
            raise UnknownRun(f"there is no run {shown(run)}{nearest(run, newest)}", advice=advice) from None


def _looked_at(task: asyncio.Task[Report]) -> None:
    """Whoever waits for the run is told how it ended; where nobody does, it is on record and in the log."""
    if not task.cancelled():
        task.exception()
