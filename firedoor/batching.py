"""One batch of a sweep: list its holders' credentials, look at each, write what is approved and needed, put on record how each stands.

The intents of a whole batch are on record before the first of its writes leaves, and the receipts after the last came back: what the engine
does for each change of a run, done for a hundred at once. Whether a write holds is told by the listing of the next round.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol

from firedoor.allotment import Allotments
from firedoor.catalogue import AnyAction
from firedoor.defect import kind_and_place
from firedoor.errors import ApprovalLapsed, FiredoorError, JournalError, LeaseLost, Taken, VendorError
from firedoor.guard import Guard
from firedoor.inventory import Credential
from firedoor.journal import Journal, Kind
from firedoor.lease import Held, Leases
from firedoor.lots import Lot, sort
from firedoor.model import Intent
from firedoor.named import Named
from firedoor.run import read_as
from firedoor.source import Source
from firedoor.sweep import Batch, Known, Row, Settled, Unlisted, Write, Wrote
from firedoor.sweepbook import Sweep
from firedoor.treatment import Aim

NAMESPACE: Final = uuid.UUID("0a0d0a8e-61f4-5f0e-8f4f-7f0c7a8d6b55")
LOOKS: Final = 6  # at one credential in one round: each may show that one more change is due
AT_ONCE: Final = 16  # of one batch; the vendor's client has its own bound
POLL_SECONDS: Final = 1.0  # while a vendor may lag

log = logging.getLogger(__name__)


class Grants(Protocol):
    """What an approval of a sweep answers: an ordinary one (`firedoor.approval.Grant`), or a mandate."""

    def admits(self, *, item: str, effect: str, cover: str, used: int, now: datetime) -> bool:
        """Whether the change may be made. Raises `ApprovalInvalid`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What every batch of a sweep works with. ``stopped`` tells who stopped the sweep (empty: nobody).

    ``actions`` and ``sources`` have their clients in hand; ``most`` is how many credentials of each type may be changed by the approval.
    ``known`` tells what earlier rounds saw of a batch's place, ``named`` what must be accounted for whatever the scope.
    """

    run: str
    book: Sweep
    journal: Journal
    leases: Leases
    allotments: Allotments
    grant: Grants
    guard: Guard
    actions: Mapping[str, AnyAction]
    sources: Mapping[str, Source]
    most: Mapping[str, int]
    stopped: Callable[[], Awaitable[str]]
    known: Callable[[Batch], Awaitable[Known]]
    named: Named


async def work(bench: Bench, batch: Batch, *, writes: bool) -> Settled | None:
    """Bring a batch to its end and put that on record; None where somebody else has it. Without ``writes`` it only looks.

    Raises `JournalError`, `LeaseLost`, `ApprovalInvalid`. Whatever else fails is in the rows.
    """
    async with bench.leases.holding_free([f"batch {batch.stream(bench.run)}"]) as held:
        return await _Work(bench, batch, held, writes=writes).settle() if held.fences else None


class _Work:
    def __init__(self, bench: Bench, batch: Batch, held: Held, *, writes: bool) -> None:
        self._bench = bench
        self._batch = batch
        self._held = held
        self._writes = writes
        self._stream = batch.stream(bench.run)
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._begun: dict[str, list[Write]] = {}
        self._wrote: dict[str, list[Wrote]] = {}
        self._known = Known()

    async def settle(self) -> Settled:
        if (settled := await self._taken_up()) is not None:  # whoever settled it died before the sweep was told
            return await self._tell(settled)
        self._known = known = await self._bench.known(self._batch)
        try:
            found = await self._listed(self._batch.holders)
        except FiredoorError as error:
            return await self._unlisted(error.what)
        except Exception as defect:  # noqa: BLE001 - one source's defect must not end the sweep of the others
            log.error("a defect in %s: %s", self._batch.source, kind_and_place(defect))  # noqa: TRY400 - a traceback may quote a secret
            return await self._unlisted(f"a defect in {self._batch.source} ({kind_and_place(defect)})")
        rows, lots, unknown = sort(
            found,
            book=self._bench.book,
            known=known,
            actions=self._bench.actions,
            guard=self._bench.guard,
            begun=self._begun,
            wrote=self._wrote,
            named=self._bench.named,
        )
        await self._look(lots)
        ours = {one for lot in lots if lot.writes for one in lot.made}  # by whoever began this batch, and died
        lots = [lot for lot in lots if lot.credential.id not in ours]
        await self._wait_for_what_was_written(lots, known)
        if self._writes:
            await self._treat([lot for lot in lots if self._may_write(lot, known)])
        return await self._record([*rows, *(lot.row() for lot in lots)], found=len(found), unknown=unknown)

    async def _taken_up(self) -> Settled | None:
        """What a dead worker left of this batch; its end, if it came so far."""
        for event in await self._bench.journal.events(self._stream):
            match event.kind:
                case Kind.SETTLED:
                    return read_as(Settled, event.body["settled"], event)
                case Kind.INTENTS:
                    for write in read_as(tuple[Write, ...], event.body["writes"], event):
                        self._begun.setdefault(write.credential, []).append(write)
                case Kind.RECEIPTS:
                    for wrote in read_as(tuple[Wrote, ...], event.body["wrote"], event):
                        self._wrote.setdefault(wrote.credential, []).append(wrote)
        return None

    async def _listed(self, holders: Sequence[str]) -> Sequence[Credential]:
        return await self._bench.sources[self._batch.source].credentials(self._batch.place, holders)

    async def _unlisted(self, why: str) -> Settled:
        batch = self._batch
        missing = Unlisted(round=batch.round, source=batch.source, place=batch.place, why=why, holders=batch.holders)
        await self._bench.journal.append(self._bench.run, Kind.UNLISTED, missing)
        return await self._record([], found=0, unlisted=len(batch.holders))

    async def _record(self, rows: Sequence[Row], *, found: int, unlisted: int = 0, unknown: Mapping[str, int] | None = None) -> Settled:
        settled = Settled(
            batch=self._batch.number,
            found=found,
            in_scope=sum(not row.outside for row in rows),
            wrote=sum(map(len, self._begun.values())),
            made=sum(one.receipt is not None or one.unknown for some in self._wrote.values() for one in some),
            unlisted=unlisted,
            unknown={str(what): count for what, count in (unknown or {}).items()},
        )
        body = {"settled": settled, "rows": rows}
        await self._bench.journal.append(self._stream, Kind.SETTLED, body, claim="settled", under=self._held)
        return await self._tell(settled)

    async def _tell(self, settled: Settled) -> Settled:
        with suppress(Taken):  # somebody who found it settled was first
            claim = f"settled:{self._batch.number}"
            await self._bench.journal.append(self._bench.run, Kind.SETTLED, settled, claim=claim, under=self._held)
        return settled

    def _may_write(self, lot: Lot, known: Known) -> bool:
        """A hygiene sweep goes one phase at a time: what was written to in an earlier round waits for the next sweep."""
        return self._bench.book.aim is Aim.CONTAINMENT or lot.credential.name not in known.rows

    async def _look(self, lots: Sequence[Lot]) -> None:
        async def one(lot: Lot) -> None:
            try:
                async with self._turns:
                    await lot.look()
            except FiredoorError as error:
                lot.failed, lot.plan = error.what, None
            except Exception as defect:  # noqa: BLE001 - one action's defect must not hold the others up
                lot.failed, lot.plan = self._defect(lot, defect), None

        await asyncio.gather(*map(one, lots))

    async def _wait_for_what_was_written(self, lots: Sequence[Lot], known: Known) -> None:
        """What an earlier round has written to and is still planned may not show yet: look again for as long as its vendor may lag."""
        began = time.monotonic()
        while late := [lot for lot in lots if lot.wanted and self._was_written(lot, known) and time.monotonic() < began + _lag(lot)]:
            await asyncio.sleep(POLL_SECONDS)
            try:
                anew = {one.name: one for one in await self._listed(sorted({lot.credential.holder for lot in late}))}
            except FiredoorError:
                continue  # it is there for as long as its time has not run out
            for lot in late:
                lot.credential = anew.get(lot.credential.name, lot.credential)
            await self._look(late)

    def _was_written(self, lot: Lot, known: Known) -> bool:
        before = known.rows.get(lot.credential.name)
        return before is not None and before.written

    async def _treat(self, lots: Sequence[Lot]) -> None:
        """Write and look again, as often as it takes; once where the listing tells, which the next round does anew, and by night."""
        for _ in range(1 if self._bench.book.aim is Aim.HYGIENE else LOOKS):
            wanted = [lot for lot in lots if lot.wanted]
            if not wanted:
                return
            by_resource = {lot.action.lease(lot.target): lot for lot in reversed(wanted)}  # one at a resource; the others come after it
            async with self._bench.leases.holding_free(list(by_resource)) as turns:
                for resource in by_resource.keys() - turns.fences.keys():
                    by_resource[resource].failed = "somebody else is writing to it just now"
                await self._write([lot for resource, lot in by_resource.items() if resource in turns.fences], turns)
            for lot in by_resource.values():
                lot.over = lot.over or lot.listed
            await self._settle([lot for lot in by_resource.values() if not lot.listed])

    async def _settle(self, lots: Sequence[Lot]) -> None:
        """Look again, for as long as what was made may not show."""
        began = time.monotonic()
        await self._look(lots)
        while late := [lot for lot in lots if lot.lags and time.monotonic() < began + _lag(lot)]:
            await asyncio.sleep(POLL_SECONDS)
            await self._look(late)

    async def _write(self, lots: Sequence[Lot], turns: Held) -> None:
        lots = await self._admitted(lots)
        writes = [await self._intents(lot) for lot in lots]
        if not lots:
            return
        held = Held(holder=self._held.holder, fences={**self._held.fences, **turns.fences})
        await self._bench.journal.append(self._stream, Kind.INTENTS, {"writes": [one for some in writes for one in some]}, under=held)
        for write in (one for some in writes for one in some):
            self._begun.setdefault(write.credential, []).append(write)
        fence = max(held.fences.values())
        done = await asyncio.gather(*(self._apply(lot, some, fence) for lot, some in zip(lots, writes, strict=True)))
        wrote = [one for some in done for one in some]
        await self._bench.journal.append(self._stream, Kind.RECEIPTS, {"wrote": wrote})
        for each in wrote:
            self._wrote.setdefault(each.credential, []).append(each)

    async def _intents(self, lot: Lot) -> list[Write]:
        """The writes that are wanted, at the vendor's time; from its first write on, a credential has that for its T."""
        at, one, action = await lot.action.clock(lot.target), lot.credential, lot.action.spec.id
        before = self._known.rows.get(one.name)
        if not lot.writes and (before is None or before.begun is None):
            lot.target = lot.target.bound(at)
        made = []
        for change in lot.wanted:
            effect = change.effect(action)
            key = str(uuid.uuid5(NAMESPACE, f"{self._bench.run} {one.name} {effect}"))
            made.append(Write(credential=one.name, type=one.type, action=action, change=change, effect=effect, key=key, at=at))
        lot.writes |= {write.effect: write for write in made}
        return made

    async def _admitted(self, lots: Sequence[Lot]) -> list[Lot]:
        """Those that may be written to now. Raises `ApprovalInvalid` where the proofs do not hold."""
        if by := await self._bench.stopped():
            _give_up(lots, f"{by} stopped the sweep before it was written to")
            return []
        now, most = datetime.now(UTC), self._bench.most
        for kind in dict.fromkeys(lot.credential.type for lot in lots):
            some = [lot for lot in lots if lot.credential.type == kind]
            fresh = [lot for lot in some if not self._has_begun(lot)]
            many = await self._bench.allotments.take(self._bench.run, kind, len(fresh), most=most.get(kind, 0))
            _give_up(fresh[many:], f"it is one more than the {most.get(kind, 0)} that were approved")
            try:
                admitted = self._bench.grant.admits(item=kind, effect="", cover=kind, used=0, now=now)
            except ApprovalLapsed as over:  # a sweep longer than its approval ends with a report of what is left
                _give_up(some, f"it was not written to, as {over.what}: {over.advice}")
            else:
                _give_up([] if admitted else some, "it is not covered by the approval")
        return [lot for lot in lots if not lot.over]

    def _has_begun(self, lot: Lot) -> bool:
        """Whether it was written to before, in this round or an earlier one: then it counts already."""
        before = self._known.rows.get(lot.credential.name)
        return lot.credential.name in self._begun or (before is not None and before.begun is not None)

    async def _apply(self, lot: Lot, writes: Sequence[Write], fence: int) -> list[Wrote]:
        """The changes of one credential, one after the other; what comes after one that failed is left for the next look."""
        wrote = list[Wrote]()
        lot.failed = ""
        for write in writes:
            said = ""
            unknown = False
            try:
                async with self._turns:
                    intent = Intent(run=self._bench.run, item=write.credential, key=write.key, at=write.at, fence=fence)
                    lot.receipts[write.effect] = await lot.action.apply(write.change, intent)
            except (JournalError, LeaseLost):
                raise
            except VendorError as error:
                said, unknown, lot.over = error.what, error.changed is None, lot.over or not error.retryable
            except FiredoorError as error:
                said, lot.over = error.what, True
            except Exception as defect:  # noqa: BLE001 - one action's defect must not hold the others up
                said, unknown, lot.over = self._defect(lot, defect), True, True
            receipt = lot.receipts.get(write.effect)
            wrote.append(Wrote(credential=write.credential, effect=write.effect, receipt=receipt, error=said, unknown=unknown))
            if said:
                lot.failed = said
                break
        return wrote

    def _defect(self, lot: Lot, defect: Exception) -> str:
        log.error("a defect in %s: %s", lot.action.spec.id, kind_and_place(defect))
        return f"a defect in {lot.action.spec.id} ({kind_and_place(defect)}); look at it by hand"


def _lag(lot: Lot) -> float:
    return lot.action.spec.settle_within


def _give_up(lots: Sequence[Lot], why: str) -> None:
    for lot in lots:
        lot.failed, lot.over = why, True
