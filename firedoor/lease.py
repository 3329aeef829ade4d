"""Turns at a resource: a lease that expires, with a fence number that only grows.

Whoever writes to a vendor's resource holds its lease, and journals each intent in the transaction that checks the lease: a holder whose
lease ran out or was taken over can begin no further write, however late it wakes up.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import sqlalchemy as sa

from firedoor.defect import kind_and_place
from firedoor.errors import JournalError, LeaseLost
from firedoor.sharing import Work
from firedoor.store import Store, steady
from firedoor.tables import leases
from firedoor.unit import Turn, Unit

TTL_SECONDS = 8.0
RENEW_SECONDS = 2.0
RETRY_SECONDS = 0.1

log = logging.getLogger(__name__)

Granted: TypeAlias = Mapping[str, tuple[str, int]]  # the holder and the fence by resource


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right to write to a resource, as it was granted. One ``within`` another is held for as long as both are."""

    resource: str
    holder: str
    fence: int
    within: Lease | None = None

    @property
    def turns(self) -> Granted:
        """It, and those that it is within."""
        return {self.resource: (self.holder, self.fence), **(self.within.turns if self.within is not None else {})}


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Turns at many resources at once, granted to one holder and kept together: the ``fences`` by resource."""

    holder: str
    fences: Mapping[str, int]

    @property
    def turns(self) -> Granted:
        """Each of them."""
        return {resource: (self.holder, fence) for resource, fence in self.fences.items()}


class Leases:
    """Leases in an open `Store`, taken in the name of one holder."""

    def __init__(self, store: Store, holder: str) -> None:
        self._store = store
        self._holder = holder
        self._kept: dict[str, tuple[str, int]] = {}
        self._renewing: asyncio.Task[None] | None = None

    async def take(self, resource: str) -> Lease | None:
        """The lease, or None while somebody else holds it."""
        held = await self._take([resource])
        return Lease(resource=resource, holder=held.holder, fence=held.fences[resource]) if held.fences else None

    @steady
    async def _take(self, resources: Collection[str]) -> Held:
        """Those of them that nobody holds."""

        def granted(unit: Unit) -> Mapping[str, int]:
            now = unit.now()  # only now: who waited long for the database would be granted a lease that has run out
            free = {one: turn for one, turn in unit.turns(resources).items() if turn is None or not turn.holder or turn.expires <= now}
            fences = {one: self._store.first_fence if turn is None else turn.fence + 1 for one, turn in free.items()}
            for one, fence in fences.items():
                unit.change(one, Turn(self._holder, fence, now + TTL_SECONDS))
            return fences

        fences = await self._store.write(Work(granted, resources))
        for resource, fence in fences.items():
            self._store.memory.hold(resource, self._holder, fence)
        return Held(holder=self._holder, fences=fences)

    async def renew(self, *leases: Lease) -> None:
        """Hold them for another `TTL_SECONDS`. Raises `LeaseLost` where one is not held any more; the others are held all the same."""
        if lost := await self._renew({resource: turn for lease in leases for resource, turn in lease.turns.items()}):
            raise _lost(min(lost))

    @steady
    async def _renew(self, turns: Granted) -> Granted:
        """Those of the turns that are lost. Renewed is what is among them once the database is reached."""

        def prolonged(unit: Unit) -> Granted:
            granted = dict(turns)
            found = unit.turns(granted)
            mine = {one: turn for one, turn in found.items() if turn is not None and (turn.holder, turn.fence) == granted[one]}
            for resource, turn in mine.items():
                unit.change(resource, replace(turn, expires=unit.now() + TTL_SECONDS))
            return {one: turn for one, turn in granted.items() if one not in mine}

        return await self._store.write(Work(prolonged, tuple(turns)))

    async def release(self, lease: Lease) -> None:
        """Give it up; the fence number stays, so that a late writer is still recognised."""
        await self._give_up({lease.resource: (lease.holder, lease.fence)})

    @steady
    async def _give_up(self, turns: Granted) -> None:
        for resource in turns:
            self._store.memory.let_go(resource, *turns[resource])

        def given_up(unit: Unit) -> None:
            for resource, turn in unit.turns(turns).items():
                if turn is not None and (turn.holder, turn.fence) == turns[resource]:
                    unit.change(resource, Turn("", turn.fence, 0.0))

        await self._store.write(Work(given_up, turns))

    @asynccontextmanager
    async def holding(self, resource: str, *, patience: float) -> AsyncIterator[Lease]:
        """Wait up to ``patience`` seconds for a turn, keep it renewed, give it up at the end. Raises `LeaseLost` if no turn came."""
        deadline = time.monotonic() + patience
        while (lease := await self.take(resource)) is None:
            if time.monotonic() > deadline:
                raise LeaseLost(
                    f"somebody else has been writing to {resource} for {patience:.0f} s",
                    advice="See `firedoor runs` for what is going on there, then resume this run",
                )
            await asyncio.sleep(RETRY_SECONDS)
        async with self._keeping(lease.turns):
            yield lease

    @asynccontextmanager
    async def holding_free(self, resources: Collection[str]) -> AsyncIterator[Held]:
        """A turn at each of these resources that is free now, all kept renewed, given up at the end. At the others somebody else is."""
        held = await self._take(resources)
        async with self._keeping(held.turns):
            yield held

    @asynccontextmanager
    async def _keeping(self, turns: Granted) -> AsyncIterator[None]:
        """The turns are renewed, all that this process holds at a time, and given up at the end."""
        self._kept |= turns
        if self._renewing is None or self._renewing.done():
            self._renewing = asyncio.create_task(self._renew_all())
        try:
            yield
        finally:
            self._keep_no_more(turns)
            if not self._kept and (renewing := self._renewing) is not None:
                self._renewing = None
                renewing.cancel()
                await asyncio.gather(renewing, return_exceptions=True)
            with suppress(JournalError):  # they run out by themselves; what was done under them must not fail for that
                await self._give_up(turns)

    async def _renew_all(self) -> None:
        while self._kept:
            await asyncio.sleep(RENEW_SECONDS)
            try:
                self._keep_no_more(await self._renew(self._kept))  # of what is lost, the next intent finds out
            except JournalError:
                continue  # a busy moment; a lease outlives three missed renewals
            except Exception as defect:  # noqa: BLE001 - one defect must not cost this process all that it holds
                log.warning("leases could not be renewed: %s", kind_and_place(defect))

    def _keep_no_more(self, turns: Granted) -> None:
        for resource, turn in turns.items():
            if self._kept.get(resource) == turn:
                del self._kept[resource]

    async def holder(self, resource: str) -> str | None:
        """Who holds it now."""
        row = await self._held(resource)
        return None if row is None else str(row.holder)

    async def living(self, resource: str) -> str:
        """Who holds it and is alive, as its being renewed shows; empty where nobody does. A dead holder takes a little longer to tell."""
        first = await self._held(resource)
        until = time.monotonic() + 1.5 * RENEW_SECONDS
        while first is not None and time.monotonic() < until:
            await asyncio.sleep(RETRY_SECONDS)
            now = await self._held(resource)
            if now is None or now.fence != first.fence:
                break
            if now.expires > first.expires:
                return str(first.holder)
        return ""

    @steady
    async def _held(self, resource: str) -> sa.Row[Any] | None:
        async with self._store.reading() as connection:
            row = (await connection.execute(sa.select(leases).where(leases.c.resource == resource))).first()
            now = await connection.run_sync(lambda sync: Unit(sync).now())
        return row if row is not None and row.holder and row.expires > now else None


def hold(unit: Unit, turns: Granted) -> None:
    """Raise `LeaseLost` unless every one of the turns is still held. Called inside the transaction that records an intent.

    One that has run out and that nobody has taken since is still its holder's: it is renewed on the spot, before anybody else comes in.
    """
    found = unit.turns(turns)
    held = {resource: turn for resource, turn in found.items() if turn is not None and (turn.holder, turn.fence) == turns[resource]}
    if lost := found.keys() - held.keys():
        raise _lost(min(lost))
    if any(turn.expires <= unit.now() for turn in held.values()):
        for resource, turn in held.items():
            unit.change(resource, replace(turn, expires=unit.now() + TTL_SECONDS))


def _lost(resource: str) -> LeaseLost:
    return LeaseLost(f"the turn at {resource} was lost before the write", advice="Resume the run: it reads the world first")
