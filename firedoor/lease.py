"""Turns at a resource: a lease that expires, with a fence number that only grows.

Whoever writes to a vendor's resource holds its lease, and journals each intent in the transaction that checks the lease: a holder whose
lease ran out or was taken over can begin no further write, however late it wakes up.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from firedoor import observing
from firedoor.errors import JournalError, LeaseLost
from firedoor.store import Store, steady
from firedoor.tables import leases

TTL_SECONDS = 8.0
RENEW_SECONDS = 2.0
RETRY_SECONDS = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right to write to a resource, as it was granted. One ``within`` another is held for as long as both are."""

    resource: str
    holder: str
    fence: int
    within: Lease | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Turns at many resources at once, granted to one holder and kept together: the ``fences`` by resource."""

    holder: str
    fences: Mapping[str, int]


class Leases:
    """Leases in an open `Store`, taken in the name of one holder."""

    def __init__(self, store: Store, holder: str) -> None:
        self._store = store
        self._holder = holder

    @steady
    async def take(self, resource: str) -> Lease | None:
        """The lease, or None while somebody else holds it."""
        async with self._store.transaction() as connection:
            now = await clock(connection)  # only now: who waited long for the database would be granted a lease that has run out
            row = (await connection.execute(sa.select(leases).where(leases.c.resource == resource))).first()
            if row is None:
                fence = self._store.first_fence
                values = {"resource": resource, "holder": self._holder, "fence": fence, "expires": now + TTL_SECONDS}
                await connection.execute(leases.insert().values(**values))
            elif row.holder and row.expires > now:
                return None
            else:
                fence = row.fence + 1
                await connection.execute(
                    leases.update().where(leases.c.resource == resource).values(holder=self._holder, fence=fence, expires=now + TTL_SECONDS)
                )
        self._store.memory.hold(resource, self._holder, fence)
        return Lease(resource=resource, holder=self._holder, fence=fence)

    @steady
    async def renew(self, lease: Lease) -> None:
        """Hold it for another `TTL_SECONDS`. Raises `LeaseLost`."""
        async with self._store.transaction() as connection:
            await hold(connection, lease)
            expires = await clock(connection) + TTL_SECONDS
            await connection.execute(leases.update().where(leases.c.resource == lease.resource).values(expires=expires))

    @steady
    async def release(self, lease: Lease) -> None:
        """Give it up; the fence number stays, so that a late writer is still recognised."""
        self._store.memory.let_go(lease.resource)
        async with self._store.transaction() as connection:
            await connection.execute(
                leases.update().where(leases.c.resource == lease.resource, leases.c.fence == lease.fence).values(holder="", expires=0.0)
            )

    @asynccontextmanager
    async def holding_free(self, resources: Collection[str]) -> AsyncIterator[Held]:
        """A turn at each of these resources that is free now, all kept renewed, given up at the end. At the others somebody else is."""
        held = await self._take_free(resources)
        renewing = asyncio.create_task(self._keep_all(held))
        try:
            yield held
        finally:
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)
            with suppress(JournalError):  # they run out by themselves
                await self._release_all(held)

    @steady
    async def _take_free(self, resources: Collection[str]) -> Held:
        async with self._store.transaction() as connection:
            now = await clock(connection)
            rows = {row.resource: row for row in await connection.execute(sa.select(leases).where(leases.c.resource.in_(resources)))}
            free = [one for one in resources if one not in rows or not rows[one].holder or rows[one].expires <= now]
            fences = {one: rows[one].fence + 1 if one in rows else self._store.first_fence for one in free}
            made = [{"resource": one, "fence": fences[one], "holder": self._holder, "expires": now + TTL_SECONDS} for one in free]
            if free:
                await connection.execute(leases.delete().where(leases.c.resource.in_(free)))
                await connection.execute(leases.insert(), made)
        return Held(holder=self._holder, fences=fences)

    async def _keep_all(self, held: Held) -> None:
        while held.fences:
            await asyncio.sleep(RENEW_SECONDS)
            with suppress(LeaseLost, JournalError):  # the next intents find out
                await self._renew_all(held)

    @steady
    async def _renew_all(self, held: Held) -> None:
        async with self._store.transaction() as connection:
            await hold_all(connection, held)
            mine = leases.c.resource.in_(held.fences) & (leases.c.holder == held.holder)
            await connection.execute(leases.update().where(mine).values(expires=await clock(connection) + TTL_SECONDS))

    @steady
    async def _release_all(self, held: Held) -> None:
        async with self._store.transaction() as connection:
            mine = leases.c.resource.in_(held.fences) & (leases.c.holder == held.holder)
            await connection.execute(leases.update().where(mine).values(holder="", expires=0.0))

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
            now = await clock(connection)
        return row if row is not None and row.holder and row.expires > now else None

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
        renewal = asyncio.create_task(self._keep(lease))
        try:
            yield lease
        finally:
            renewal.cancel()
            await asyncio.gather(renewal, return_exceptions=True)
            with suppress(JournalError):  # it runs out by itself; what was done under it must not fail for that
                await self.release(lease)

    async def _keep(self, lease: Lease) -> None:
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            try:
                await self.renew(lease)
            except LeaseLost:
                return  # the next intent finds out, and writes nothing
            except JournalError:
                continue  # a busy moment; the lease outlives three missed renewals


async def hold(connection: AsyncConnection, lease: Lease) -> None:
    """Raise `LeaseLost` unless the lease is still held. Called inside the transaction that records an intent.

    One that has run out and that nobody has taken since is still its holder's: it is renewed on the spot, before anybody else comes in.
    """
    row = (await connection.execute(sa.select(leases).where(leases.c.resource == lease.resource))).first()
    if row is None or row.fence != lease.fence or row.holder != lease.holder:
        raise _lost(lease.resource)
    if row.expires <= (now := await clock(connection)):
        await connection.execute(leases.update().where(leases.c.resource == lease.resource).values(expires=now + TTL_SECONDS))
    if lease.within is not None:
        await hold(connection, lease.within)


async def hold_all(connection: AsyncConnection, held: Held) -> None:
    """Raise `LeaseLost` unless every one of the turns is still held. As `hold`."""
    rows = {row.resource: row for row in await connection.execute(sa.select(leases).where(leases.c.resource.in_(held.fences)))}
    for resource, fence in held.fences.items():
        row = rows.get(resource)
        if row is None or row.fence != fence or row.holder != held.holder:
            raise _lost(resource)
    now = await clock(connection)
    if any(row.expires <= now for row in rows.values()):
        mine = leases.c.resource.in_(held.fences)
        await connection.execute(leases.update().where(mine).values(expires=now + TTL_SECONDS))


def _lost(resource: str) -> LeaseLost:
    observing.lost_lease()
    return LeaseLost(f"the turn at {resource} was lost before the write", advice="Resume the run: it reads the world first")


async def clock(connection: AsyncConnection) -> float:
    """Seconds since 1970 by one clock for all who share the database: PostgreSQL's own where machines share it, else this machine's."""
    if connection.dialect.name != "postgresql":
        return time.time()
    return float((await connection.execute(sa.text("SELECT extract(epoch FROM clock_timestamp())"))).scalar_one())
