"""A sweep from its order to its proof: approved once, then round after round everything listed, treated, and listed again.

A round lists every place anew and works off the batches of holders it found. The sweep ends with a round that had nothing to write: its
listing is the proof. Many processes may work at the same batches; one of them, the coordinator, lists, waits and closes.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, cast

from firedoor import accounting, asking, batching, closing, observing, requesting, resuming, sweepplan, sweepreport, sweepview
from firedoor.allotment import Allotments
from firedoor.alone import alone, held_as
from firedoor.approval import Ruling
from firedoor.batching import Bench, Grants
from firedoor.channel import Channel, Together, each
from firedoor.closing import Closure
from firedoor.defect import kind_and_place
from firedoor.desk import Desk
from firedoor.drafting import Units
from firedoor.errors import ApprovalInvalid, BadInput, FiredoorError, JournalError, LeaseLost, Overtaken, RunTaken
from firedoor.growing import Growing
from firedoor.guard import Guard
from firedoor.journal import Journal, Kind
from firedoor.lease import Lease, Leases
from firedoor.mandate import Mandate, Mandated
from firedoor.named import Named
from firedoor.run import ITSELF, Order, Record, Resumption, Via, resumed, revive
from firedoor.seenbefore import Memory
from firedoor.source import Sighting, Sightings, Source
from firedoor.stops import Stops
from firedoor.sweep import PLACES_AT_ONCE, Batch, Progress, Settled, Unlisted
from firedoor.sweepbook import Sweep
from firedoor.together import together
from firedoor.treatment import Treatment
from firedoor.voices import Voices

MOST_ROUNDS: Final = 5  # the last one only looks: who makes credentials faster than they are closed is left over, by name

Report = Mapping[str, Any]
RunBatch = Callable[[Batch, Callable[[], Awaitable[Settled | None]]], Awaitable[Settled | None]]
Told = Callable[[Progress], None]
CallHelpers = Callable[[str], Awaitable[None]]


log = logging.getLogger(__name__)


async def plainly(batch: Batch, work: Callable[[], Awaitable[Settled | None]]) -> Settled | None:
    """A batch with nobody watching."""
    del batch
    return await work()


def untold(_: Progress) -> None:
    """Nobody watches."""


async def nobody(run: str) -> None:
    """Nobody helps."""
    del run


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweeping:
    """Carries out sweeps. ``act`` are units with clients that write, or in a process that only previews with such as only read.

    ``run_batch`` carries out a batch, ``told`` hears how far it is, ``call_helpers`` is called once there is something to help with.
    ``sightings`` are logs of what is used, which a sweep of everything is compared with.
    """

    journal: Journal
    leases: Leases
    allotments: Allotments
    desk: Desk
    guard: Guard
    channel: Channel | Together
    act: Units
    run_batch: RunBatch = plainly
    told: Told = untold
    call_helpers: CallHelpers = nobody
    sightings: Sequence[Sightings] = ()

    async def preview(self, book: Sweep) -> Report:
        """What it would find and do now. See `firedoor.sweepview`."""
        return await sweepview.look(book, self.act, self.guard)

    async def sweep(self, order: Order, book: Sweep, mandate: Mandate | None = None, *, due: Sequence[Sighting] = ()) -> Report:
        """The whole sweep. With a ``mandate`` nobody is asked. What is ``due`` is accounted for, whether a listing shows it or not.

        Raises `BadInput` before anything is touched, `JournalError` at any time.
        """
        if (order.via is Via.SCHEDULE) != (mandate is not None):
            raise BadInput(f"the order of run {order.run} and its mandate do not go together", advice="This is a defect in Firedoor")
        await self.desk.check_order(order, fresh=True)
        planned = sweepplan.plan(book, self.act.actions)
        if mandate is not None and (lacks := mandate.lacks(book, self.desk.roster, datetime.now(UTC))):
            raise BadInput(f"the mandate of {book.sweep} is not in force: {lacks}", advice=f"firedoor sweep sign {book.sweep} --key FILE")
        async with self._alone(order.run) as hold:
            request = None
            if mandate is None:
                request = requesting.request(order, planned, approval=book.approval, roster=self.desk.roster, now=datetime.now(UTC))
            self.desk.begin(order.run)
            await self.desk.open(order)
            await self.journal.append(order.run, Kind.PLANNED, {"items": planned.items, "fingerprint": planned.fingerprint})
            begun = {"playbook": book.model_dump(mode="json"), "mandate": mandate, "due": list(due)}
            await self.journal.append(order.run, Kind.SWEEP, begun, claim="sweep")
            if request is not None:
                await self.desk.ask(request)
            return await self._carry_on(order.run, hold)

    async def resume(self, run: str, by: Resumption = ITSELF) -> Report:
        """Go on with a sweep that a dead process left, or whose report has something left over: that is looked at anew."""
        async with self._alone(run) as hold:
            while not await self._resumed(run, by, hold):
                pass  # something came in meanwhile, a stop for instance: judge again
            return await self._carry_on(run, hold)

    async def _resumed(self, run: str, by: Resumption, hold: Lease) -> bool:
        """Put on record that the sweep goes on, and whether that was on all that is on record of it. Raises as `resume`."""
        record, seen = await self.desk.read(run)
        if record.report is not None and record.report["outcome"] == "closed":
            raise BadInput(f"run {run} is closed", advice="To sweep again, start it again: it lists everything anew")
        if record.report is not None and record.ruling not in (None, Ruling.GRANTED):
            raise BadInput(f"run {run} is over: it was never approved", advice="Start it again; nothing was changed")
        await resuming.check(self.desk, record, by)
        with suppress(Overtaken):
            await self.journal.append(run, Kind.RESUMED, resumed(by, 0), seen=seen, under=hold)
            return True
        return False

    async def help(self, run: str) -> int:
        """Work off batches of a sweep that somebody else coordinates, until it is over; how many were settled here.

        Where the coordinator dies, whoever helps goes on in its place, unless somebody has stopped it.
        """
        (progress, growing), helped = self._follow(run), 0
        async for _ in self.journal.ticks(run):
            leaderless = await self.leases.holder(held_as(run)) is None  # asked first: whoever ends a sweep says so, and then gives it up
            await growing.look()
            if progress.finished or (await self.desk.record(run)).left_to_people:
                return helped
            if progress.rounds and progress.waiting(max(progress.rounds)):
                helped += await self._work_off(growing, progress, max(progress.rounds), await self.desk.record(run))
            elif leaderless:
                if self.desk.stopped_by(await self.desk.record(run)):
                    return helped  # a person goes on with what a person stopped
                with suppress(RunTaken, BadInput):  # another helper was quicker, and may have come to the end
                    await self.resume(run)
        raise AssertionError("the journal beats without end")

    async def _carry_on(self, run: str, hold: Lease) -> Report:
        record = await self.desk.record(run)
        async with Voices(self.journal, run, each(self.channel)) as voices:
            ruling = await asking.ruling(self.desk, record, voices)
            record, (progress, growing) = await self.desk.record(run), self._follow(run)
            await growing.look()
            if not progress.playbook:
                raise BadInput(f"run {run} is no sweep", advice=f"See `firedoor show {run}`")
            book = Sweep.model_validate(progress.playbook)
            stopped = ""
            if ruling is Ruling.GRANTED:
                voices.tell(lambda channel: channel.begun(record.order))
                stopped = await self._rounds(growing, record, progress, hold)
            closure = await self._close(run, book, record, progress)
            head = await self.journal.head()
            done = datetime.now(UTC)
            final = sweepreport.compose(
                record, closure, progress, self.act.actions, ruling=ruling, stopped=stopped, head=head, finished=done
            )
            event = await self.journal.append(run, Kind.FINISHED, final, under=hold)
            final = {**final, "journal_head": event.hash}
            voices.tell(lambda channel: channel.finished(record.order, final))
        return final

    def _follow(self, run: str) -> tuple[Progress, Growing]:
        """Where the sweep stands, as of each look."""
        progress = Progress()
        return progress, Growing(self.journal, run, lambda event: progress.take([event]))

    async def _rounds(self, growing: Growing, record: Record, progress: Progress, hold: Lease) -> str:
        """Round after round until one has nothing to write; who stopped it, if anybody."""
        for turn in range(1, MOST_ROUNDS + 1):
            number = max([*progress.rounds, *(batch.round for batch in progress.batches.values()), 0]) + 1
            if open_ := [one for one in progress.rounds if progress.waiting(one)]:
                number = open_[-1]
            else:
                await self._list(record.order.run, progress, number, hold, writes=turn < MOST_ROUNDS)
                await growing.look()
            if turn == 1:
                await self.call_helpers(record.order.run)
            await self._work_off(growing, progress, number, record)
            if by := await self._stops(record).by():
                return by
            settled = progress.of_round(number)
            if not any(one.made for one in settled) and (turn > 1 or not any(one.wrote for one in settled)):
                return ""  # nothing was left to do, or what is left failed a second time
        return ""

    async def _list(self, run: str, progress: Progress, round_: int, hold: Lease, *, writes: bool) -> None:
        """List every place of every source into batches, and put them on record."""
        book = Sweep.model_validate(progress.playbook)
        scope, first = book.scope.read(), max(progress.batches, default=0) + 1
        numbers = iter(range(first, 10**9))
        turns = asyncio.Semaphore(PLACES_AT_ONCE)
        made = 0

        async def one(name: str, source: Source, place: str) -> None:
            nonlocal made
            async with turns:
                try:
                    async for page in source.holders(place):
                        for start in range(0, len(page), book.batch):
                            holders = tuple(page[start : start + book.batch])
                            stage = sweepplan.stage(book, source.spec.types)
                            batch = Batch(number=next(numbers), round=round_, source=name, place=place, holders=holders, stage=stage)
                            await self.journal.append(run, Kind.LISTED, batch, under=hold)
                            made += 1
                except (JournalError, LeaseLost):
                    raise
                except Exception as error:  # noqa: BLE001 - one place's failure, a defect too, must not end the sweep of the others
                    unlisted = Unlisted(round=round_, source=name, place=place, why=_why(error, name))
                    await self.journal.append(run, Kind.UNLISTED, unlisted, under=hold)

        async with together() as group:
            for name in sweepplan.sources(book, self.act.sources):
                if (source := self.act.sources.get(name)) is None:
                    missing = self.act.missing.get(name.partition(".")[0])
                    why = missing.what if missing else "this process has no client for it"
                    unlisted = Unlisted(round=round_, source=name, place="everywhere", why=why)
                    await self.journal.append(run, Kind.UNLISTED, unlisted, under=hold)
                    continue
                try:
                    places = [place for place in await source.places() if scope.enters(place)]
                except Exception as error:  # noqa: BLE001 - one source's failure, a defect too, must not end the sweep of the others
                    unlisted = Unlisted(round=round_, source=name, place="everywhere", why=_why(error, name))
                    await self.journal.append(run, Kind.UNLISTED, unlisted, under=hold)
                    continue
                for place in places:
                    group.create_task(one(name, source, place))
        listed = {"round": round_, "batches": made, "writes": writes}
        await self.journal.append(run, Kind.ROUND, listed, claim=f"round:{round_}", under=hold)

    async def _work_off(self, growing: Growing, progress: Progress, round_: int, record: Record) -> int:
        """Settle the batches of a round, with whoever else does, and wait until none is left; how many were settled here."""
        run = record.order.run
        bench = await self._bench(run, progress, record)
        mine = 0

        async def worker(left: deque[Batch]) -> None:
            nonlocal mine
            while left:
                batch = left.popleft()
                work = partial(batching.work, bench, batch, writes=progress.rounds[round_])
                if batch.number in progress.settled:
                    continue
                try:
                    with observing.span("batch", run=run, batch=str(batch.number)):
                        settled = await self.run_batch(batch, work)
                except LeaseLost:
                    continue  # another process has the batch by now; whether it has the run too, the next event of that tells
                if settled is not None:
                    mine += 1
                    await growing.look()
                    self.told(progress)

        async for _ in self.journal.ticks(run):
            await growing.look()
            left = deque(progress.waiting(round_))
            if not left:
                return mine
            async with together() as group:
                for _ in range(PLACES_AT_ONCE):
                    group.create_task(worker(left))
        raise AssertionError("the journal beats without end")

    async def _bench(self, run: str, progress: Progress, record: Record) -> Bench:
        book = Sweep.model_validate(progress.playbook)
        return Bench(
            run=run,
            book=book,
            journal=self.journal,
            leases=self.leases,
            allotments=self.allotments,
            grant=self._grant(record, progress, book),
            guard=self.guard,
            actions=self.act.actions,
            sources=self.act.sources,
            most=dict.fromkeys(book.treat, book.at_most),
            stopped=self._stops(record).by,
            known=Memory(self.journal, run, progress).of,
            named=Named.of(progress.due),
        )

    def _grant(self, record: Record, progress: Progress, book: Sweep) -> Grants:
        """The approval in force. Raises `ApprovalInvalid`."""
        if progress.mandate is not None:
            return Mandated(mandate=revive(Mandate, progress.mandate), book=book, roster=self.desk.roster)
        grant = self.desk.grant(record)
        same = sweepplan.plan(book, self.act.actions).fingerprint == record.fingerprint
        if grant is None or not same or grant.request.fingerprint != record.fingerprint:
            raise ApprovalInvalid("the approval on record has no valid proof, or is one of another sweep", advice="Start the sweep again")
        return grant

    def _stops(self, record: Record) -> Stops:
        return Stops(self.journal, record, self.desk.stopped_by, halted=self.desk.halted)

    async def _close(self, run: str, book: Sweep, record: Record, progress: Progress) -> Closure:
        """Account for every credential."""
        units = ((kind, self.act.actions.get(name)) for kind, name in book.treat.items())
        ends = {kind: cast("Treatment[Any, Any]", unit).ends_as for kind, unit in units if unit is not None}
        closure = closing.begin(book, ends, record.order.asked)
        await accounting.account(self.journal, run, progress, closure, self.sightings)
        return closure

    @asynccontextmanager
    async def _alone(self, run: str) -> AsyncIterator[Lease]:
        """One process coordinates a sweep. Raises as `alone`."""
        async with alone(self.leases, run) as hold:
            with observing.run(run):
                yield hold


def _why(error: Exception, source: str) -> str:
    """Why a source could not list, in words."""
    if isinstance(error, FiredoorError):
        return f"{error.what}{f' ({error.advice})' if error.advice else ''}"
    log.error("a defect in %s: %s", source, kind_and_place(error))
    return f"a defect in {source} ({kind_and_place(error)})"
