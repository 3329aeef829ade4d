"""How fast a vendor is asked: evenly, below what it allows, by all workers together, with a share kept for containment.

A vendor's window is spread over its whole length, as the generic cell rate algorithm does (ITU-T I.371): each request has its slot, and the
next slot is free a fixed time later. So no window of the vendor's, wherever it begins, holds more than it allows, and nothing is sent in
bursts. Workers take slots in strips from the one row of a bucket, so that a strip costs one transaction and not each request; a worker that
dies loses the few that it had.

What a bucket allows is learnt from the vendor's own headers, the first request going alone; or it is given, where a vendor sends none.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Protocol

import sqlalchemy as sa

from firedoor.sharing import Work
from firedoor.store import Store, steady
from firedoor.tables import paces
from firedoor.unit import Unit, clock

STRIP_SECONDS: Final = 1.0  # as much as one strip of slots lasts
MARGIN: Final = 0.98  # of what is allowed: clocks and networks are uneven
KEPT: Final = 0.2  # of a vendor's limit, for whoever contains an incident meanwhile
SILENT_SECONDS: Final = 15.0  # of the first request to a bucket, after which another one goes ahead
WINDOW_SECONDS: Final = 60.0  # Okta's; its headers tell when a window ends and not how long it is


class Lender(Protocol):
    """Hands out slots in time, as seconds from now."""

    async def lend(self, bucket: str, slots: int, apart: float) -> float:
        """When the first of so many slots is, each ``apart`` seconds from the next; the others follow it."""

    async def shut(self, bucket: str, seconds: float) -> None:
        """Lend no slot of the bucket for so long."""


class Alone:
    """Slots of a process that shares them with nobody."""

    def __init__(self) -> None:
        self._free: defaultdict[str, float] = defaultdict(float)

    async def lend(self, bucket: str, slots: int, apart: float) -> float:
        """See `Lender`."""
        now = time.monotonic()
        first = max(now, self._free[bucket])
        self._free[bucket] = first + slots * apart
        return first - now

    async def shut(self, bucket: str, seconds: float) -> None:
        """See `Lender`."""
        self._free[bucket] = max(self._free[bucket], time.monotonic() + seconds)


class Shared:
    """Slots that all processes with the same database share."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def lend(self, bucket: str, slots: int, apart: float) -> float:
        """See `Lender`."""
        return await self._take(bucket, slots * apart, 0.0)

    async def shut(self, bucket: str, seconds: float) -> None:
        """See `Lender`."""
        await self._take(bucket, 0.0, seconds)

    @steady
    async def _take(self, bucket: str, lasts: float, shut: float) -> float:
        def taken(unit: Unit) -> float:
            connection, now = unit.connection, clock(unit.connection)
            free = connection.execute(sa.select(paces.c.free).where(paces.c.bucket == bucket)).scalar()
            first = max(now + shut, free or 0.0)
            if free is None:
                connection.execute(paces.insert().values(bucket=bucket, free=first + lasts))
            else:
                connection.execute(paces.update().where(paces.c.bucket == bucket).values(free=first + lasts))
            return first - now

        return await self._store.write(Work(taken))


@dataclass(slots=True)
class _Bucket:
    """One limit as this process knows it.

    ``apart`` is seconds between slots, None while nothing is known; ``mine`` are slots it has, ``next`` when the first of them is. ``shut``
    is until when nobody should ask, where the others have not been told yet.
    """

    apart: float | None = None
    next: float = 0.0
    mine: int = 0
    shut: float = 0.0
    told: float = 0.0
    asking: bool = False
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    learnt: asyncio.Event = field(default_factory=asyncio.Event)


class Pace:
    """Turns at vendors' limits. ``rates`` are requests per second of buckets whose vendor sends no headers, by the bucket's beginning; 0 is
    as many as come, until the vendor refuses one.

    ``kept`` is the share of each limit that is left to others.
    """

    def __init__(
        self, lender: Lender, *, rates: Mapping[str, float] | None = None, kept: float = KEPT, now: Callable[[], datetime] | None = None
    ) -> None:
        self._lender = lender
        self._rates = dict(rates or {})
        self._share = (1.0 - kept) * MARGIN
        self._buckets: dict[str, _Bucket] = {}
        self._now = now or (lambda: datetime.now(UTC))

    async def turn(self, bucket: str) -> None:
        """Wait for a slot. Of a bucket that nothing is known of, one request goes ahead and the others wait for what its reply tells."""
        known = self._known(bucket)
        while known.apart is None:
            if not known.asking:
                known.asking = True
                known.learnt.clear()
                return
            with suppress(TimeoutError):
                await asyncio.wait_for(known.learnt.wait(), SILENT_SECONDS)
            known.asking = known.apart is not None
        async with known.turn:
            if (left := known.shut - time.monotonic()) > 0 and known.told < known.shut:
                known.told, known.mine = known.shut, 0
                await self._lender.shut(bucket, left)
                if not known.apart:
                    await asyncio.sleep(left)
            if not known.apart:
                return
            if not known.mine:
                known.mine = max(1, int(STRIP_SECONDS / known.apart))
                first = await self._lender.lend(bucket, known.mine, known.apart)
                known.next = time.monotonic() + first  # by the clock after the wait for it: late, rather than early
            due = known.next
            known.mine, known.next = known.mine - 1, due + known.apart
        await asyncio.sleep(due - time.monotonic())

    def heard(self, bucket: str, *, limit: int, remaining: int, reset: datetime) -> None:
        """What a reply's headers say: requests allowed in the window, those left of it, and when it ends.

        Where others have used more than was left to them, nobody asks until the window ends.
        """
        known = self._known(bucket)
        if limit <= 0:
            return
        known.apart = WINDOW_SECONDS / (limit * self._share)
        known.learnt.set()
        left = (reset - self._now()).total_seconds()
        if remaining < limit * (1.0 - self._share) / 2 and 0 < left <= WINDOW_SECONDS:
            known.shut = max(known.shut, time.monotonic() + left)

    def refused(self, bucket: str, *, seconds: float) -> None:
        """A vendor said that it was too much: nobody asks for so long. A rate that was given is halved from then on."""
        known = self._known(bucket)
        known.shut = max(known.shut, time.monotonic() + seconds)
        if known.apart is not None and any(bucket.startswith(name) for name in self._rates):
            known.apart *= 2

    def _known(self, bucket: str) -> _Bucket:
        if bucket not in self._buckets:
            rate = next((rate for name, rate in self._rates.items() if bucket.startswith(name)), None)
            self._buckets[bucket] = _Bucket(apart=None if rate is None else 1.0 / (rate * self._share) if rate else 0.0)
        return self._buckets[bucket]
