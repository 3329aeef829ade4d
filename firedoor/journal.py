"""The append-only record of every run, which nobody can quietly edit.

Each event carries the hash of the event before it in its run, and of the event before it in the whole journal. To alter, remove, reorder or
insert one, every later event would have to be rewritten, and the audit (`firedoor.audit`) finds whatever was not. The chain has no secret
in it, so it cannot find a journal whose newest events were cut off, nor one rewritten from some event to its end: against that stand the
proofs on decisions, which nobody can forge without the key, and the heads told outside (every report has one), which no longer stand in
such a journal.

Nothing is ever updated. What a run *is* is a fold over its events (`firedoor.run`).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

import sqlalchemy as sa

from firedoor import appending, observing
from firedoor.canonical import JSON, LONE_SURROGATE, canonical, instant
from firedoor.chain import GENESIS, Chain, Row
from firedoor.errors import JournalBroken, LeaseLost
from firedoor.lease import Held, Lease, hold
from firedoor.sharing import Work
from firedoor.store import Store, steady
from firedoor.tables import events
from firedoor.unit import Unit

POLL_SECONDS = 0.25
IDLE_POLLS = 4
AT_ONCE = 500  # events that are held at a time by whoever follows all runs


class Kind(StrEnum):
    """What can be recorded of a run."""

    OPENED = "run.opened"
    PLANNED = "run.planned"
    REQUESTED = "approval.requested"
    DECIDED = "approval.decided"
    CLOSED = "approval.closed"
    STARTED = "step.started"
    INTENT = "step.intent"
    RECEIPT = "step.receipt"
    WITHHELD = "step.withheld"
    ENDED = "step.ended"
    RESUMED = "run.resumed"
    STOP = "run.stop"
    UNDONE = "run.undone"
    NOTED = "run.noted"
    STANDING = "standing.signed"
    ESTABLISHED = "fact.established"
    ASKED = "order.asked"
    FINISHED = "run.finished"
    SWEEP = "sweep.begun"
    LISTED = "sweep.listed"
    UNLISTED = "sweep.unlisted"
    ROUND = "sweep.round"
    INTENTS = "sweep.intents"
    RECEIPTS = "sweep.receipts"
    SETTLED = "sweep.settled"
    LOOKED = "watch.looked"
    WATCHED = "run.watched"
    CONCLUDED = "incident.closed"


AWAITED: Final = frozenset({Kind.DECIDED, Kind.CLOSED, Kind.STOP})  # somebody sits there and waits for it


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line of the journal. ``seq`` counts over all runs from 1, ``n`` within the run from 1; ``claim`` is unique within the run."""

    seq: int
    run: str
    n: int
    at: datetime
    kind: str
    body: Mapping[str, JSON]
    claim: str | None
    hash: str


class Journal:
    """The journal on an open `Store`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._grown: Counter[str] = Counter()  # by run, and under "" for any
        self._waiting: defaultdict[str, set[asyncio.Future[None]]] = defaultdict(set)
        self._newest: int | None = None
        self._looked = 0.0
        self._moves = store.moves
        self._turn = asyncio.Lock()

    async def append(
        self, run: str, kind: Kind, body: object, *, claim: str | None = None, seen: int | None = None, under: Lease | Held | None = None
    ) -> Event:
        """Add one event; when this returns, it is durable. ``body`` is a mapping or one of our own values.

        Raises `Taken` where ``claim`` was made before in this run, `Overtaken` where the run has events beyond number ``seen``, `LeaseLost`
        where ``under`` is no longer held (all three checked in the same transaction), `JournalError` where the database fails. Whichever it
        was, the caller must not act; nothing was recorded, unless the error says that this is not known.
        """
        try:
            with observing.append():
                event = await self._append(run, kind, body, claim=claim, seen=seen, under=under)
        except LeaseLost:
            observing.lost_lease()
            raise
        if self._newest is not None and event.seq == self._newest + 1:
            self._newest = event.seq
        self._tell(run)
        return event

    @steady
    async def _append(
        self, run: str, kind: Kind, body: object, *, claim: str | None, seen: int | None, under: Lease | Held | None
    ) -> Event:
        text = canonical(body)
        if not text.startswith("{"):
            raise TypeError("an event's body is a mapping")

        turns = under.turns if under is not None else {}

        def add(unit: Unit) -> Row:
            hold(unit, turns)
            return appending.add(unit, run=run, at=datetime.now(UTC), kind=str(kind), body=text, claim=claim, seen=seen)

        row = await self._store.write(Work(add, turns), awaited=kind in AWAITED)
        self._store.memory.take_in(run, [row])
        return read_row(row)

    @steady
    async def events(self, run: str, *, after: int = 0, only: Kind | None = None) -> Sequence[Event]:
        """The run's events with ``n`` above ``after``, in order, or those of one kind; empty for an unknown run."""
        if LONE_SURROGATE.search(run):
            return []  # no database can hold such a name, nor look for it
        query = sa.select(events).where(events.c.run == run, events.c.n > after).order_by(events.c.n)
        query = query if only is None else query.where(events.c.kind == str(only))
        rows = await self._store.read(lambda connection: [dict(row) for row in connection.execute(query).mappings()])
        if only is None:
            self._store.memory.take_in(run, rows)
        return [read_row(row) for row in rows]

    @steady
    async def newest(self, run: str, fits: Callable[[Event], bool]) -> Event | None:
        """The newest of the run's events that fits, if any does."""
        query = sa.select(events).where(events.c.run == run).order_by(events.c.n.desc())
        async with self._store.reading() as connection, connection.stream(query) as rows:
            async for row in rows.mappings():
                if fits(event := read_row(dict(row))):
                    return event
        return None

    @steady
    async def recent(self, *kinds: Kind, since: datetime) -> Sequence[Event]:
        """The events of these kinds since then, of every run, oldest first. One that cannot be read is passed over, as in `opened`."""
        found: list[Event] = []
        query = sa.select(events).where(events.c.kind.in_([str(kind) for kind in kinds]), events.c.at >= instant(since))
        async with self._store.reading() as connection:
            for row in (await connection.execute(query.order_by(events.c.seq))).mappings():
                with contextlib.suppress(JournalBroken):
                    found.append(read_row(dict(row)))
        return found

    async def follow(self, run: str, *, after: int = 0) -> AsyncIterator[Event]:
        """The run's events as they come, without end: this process's own at once, those of others within `POLL_SECONDS`."""
        async for _ in self.ticks(run):
            for event in await self.events(run, after=after):
                after = event.n
                yield event

    async def ticks(self, run: str = "") -> AsyncIterator[None]:
        """A beat now, one whenever the run grows (any run, where none is named), and one at every `IDLE_POLLS`th poll for who waits for a
        moment. What this process appends is told at once; what others do, within `POLL_SECONDS`, by one look for all who wait here.
        """
        if self._newest is None:
            self._newest = await self._height()
        while True:
            grown = self._grown[run]
            yield
            for _ in range(IDLE_POLLS):
                if self._grown[run] == grown:
                    await self._news(run)
                    await self._look()

    async def _news(self, run: str) -> None:
        """Wait for one to be told, for a poll at most."""
        news: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[run].add(news)
        try:
            await asyncio.wait({news}, timeout=POLL_SECONDS)
        finally:
            self._waiting[run].discard(news)
            if not self._waiting[run]:
                del self._waiting[run]

    async def _look(self) -> None:
        """See what others have appended, unless somebody here has just looked."""
        async with self._turn:
            if time.monotonic() - self._looked > POLL_SECONDS / 2:
                if self._moves != self._store.moves:  # elsewhere, events have other numbers
                    self._moves, self._newest = self._store.moves, 0
                for seq, run in await self._since(self._newest or 0):
                    self._newest = seq
                    self._tell(run)
                self._looked = time.monotonic()

    def _tell(self, run: str) -> None:
        for name in (run, ""):
            self._grown[name] += 1
            for news in self._waiting.get(name, ()):
                if not news.done():
                    news.set_result(None)

    @steady
    async def _height(self) -> int:
        async with self._store.reading() as connection:
            return (await connection.execute(sa.select(sa.func.max(events.c.seq)))).scalar() or 0

    @steady
    async def _since(self, seq: int) -> Sequence[tuple[int, str]]:
        """The number and the run of each event after that one."""
        query = sa.select(events.c.seq, events.c.run).where(events.c.seq > seq).order_by(events.c.seq)
        return await self._store.read(lambda connection: [(row.seq, row.run) for row in connection.execute(query)])

    @steady
    async def runs(self) -> Sequence[str]:
        """The names of all runs, newest first."""
        async with self._store.reading() as connection:
            opened = events.c.kind == str(Kind.OPENED)
            query = sa.select(events.c.run).where(opened).group_by(events.c.run).order_by(sa.func.min(events.c.seq).desc())
            return list((await connection.execute(query)).scalars())

    @steady
    async def opened(self, *, most: int, since: datetime | None = None, **said: str) -> Sequence[Event]:
        """The events that opened runs, newest first: at most ``most``, none from before ``since``, and of those bodies that say ``said``.

        One that cannot be read is passed over: whoever damaged it must not keep people from containing.
        """
        found: list[Event] = []
        query = sa.select(events).where(events.c.n == 1, events.c.kind == str(Kind.OPENED)).order_by(events.c.seq.desc())
        async with self._store.reading() as connection, connection.stream(query) as rows:
            async for row in rows.mappings():
                with contextlib.suppress(JournalBroken):
                    event = read_row(dict(row))
                    if len(found) == most or (since is not None and event.at < since):
                        break
                    if all(event.body.get(name) == value for name, value in said.items()):
                        found.append(event)
        return found

    @steady
    async def noted(self, *said: Mapping[str, str], unless: Mapping[str, str]) -> Sequence[str]:
        """The runs with a note that says just one of these, and none that says ``unless`` after it, oldest first."""
        newest = sa.func.max(sa.case((events.c.body.in_([canonical(one) for one in said]), events.c.seq)))
        settled = sa.func.coalesce(sa.func.max(sa.case((events.c.body == canonical(unless), events.c.seq))), 0)
        query = sa.select(events.c.run).where(events.c.kind == str(Kind.NOTED)).group_by(events.c.run).having(newest > settled)
        async with self._store.reading() as connection:
            return list((await connection.execute(query.order_by(sa.func.min(events.c.seq)))).scalars())

    @steady
    async def standing(self, begun: Collection[Kind], ended: Collection[Kind]) -> Mapping[str, datetime]:
        """The runs in which the newest event of the kinds ``begun`` is not followed by one ``ended``, oldest first, with when that was."""
        of, kind = sa.func.max, events.c.kind
        since = of(sa.case((kind.in_([str(one) for one in begun]), events.c.seq)))
        over = sa.func.coalesce(of(sa.case((kind.in_([str(one) for one in ended]), events.c.seq))), 0)
        query = sa.select(events.c.run, of(sa.case((kind.in_([str(one) for one in begun]), events.c.at))).label("at"))
        query = query.where(kind.in_([str(one) for one in (*begun, *ended)])).group_by(events.c.run).having(since > over).order_by(since)
        async with self._store.reading() as connection:
            return {row.run: datetime.fromisoformat(row.at) for row in await connection.execute(query)}

    @property
    def moves(self) -> int:
        """How often the journal has moved, to its stand-by or back: events that were read before may have other numbers since."""
        return self._store.moves

    @property
    def standing_by(self) -> bool:
        """Whether the stand-by has the database's place."""
        return self._store.standing_by

    async def news(self) -> AsyncIterator[Event]:
        """The events of all runs that come from now on, without end. One that cannot be read is the audit's business.

        Where the journal moves to its stand-by or back, it goes on after what is newest there.
        """
        after, moves = await self._height(), self._store.moves
        async for _ in self.ticks():
            if moves != self._store.moves:
                after, moves = await self._height(), self._store.moves
            while rows := await self._rows_since(after):
                for row in rows:
                    after = int(str(row["seq"]))
                    with contextlib.suppress(JournalBroken):
                        yield read_row(row)

    @steady
    async def _rows_since(self, seq: int) -> Sequence[Row]:
        async with self._store.reading() as connection:
            found = await connection.execute(sa.select(events).where(events.c.seq > seq).order_by(events.c.seq).limit(AT_ONCE))
            return [dict(row) for row in found.mappings()]

    @steady
    async def head(self) -> str:
        """The hash of the newest event: who has noted it can tell later whether the record before it was rewritten."""
        async with self._store.reading() as connection:
            found = (await connection.execute(sa.select(events.c.hash).order_by(events.c.seq.desc()).limit(1))).scalar()
        return found or GENESIS

    async def rows(self, run: str | None = None, *, by_run: bool = False) -> AsyncIterator[Row]:
        """The events as they are stored, in order, whether they can be read or not: all, or those of one run. ``by_run``: run by run."""
        query = sa.select(events).order_by(*((events.c.run, events.c.seq) if by_run else (events.c.seq,)))
        query = query if run is None else query.where(events.c.run == run)
        async with self._store.reading() as connection, connection.stream(query) as found:
            async for row in found.mappings():
                yield dict(row)

    async def audit(self, told: Collection[str] = ()) -> Chain:
        """Every hash and both chains, computed anew, and where the heads ``told`` outside stand."""
        chain = Chain(told=told)
        async for row in self.rows():
            chain.take(row)
        return chain


def read_row(row: Row) -> Event:
    """A stored event. Raises `JournalBroken` where it cannot be read."""
    try:
        body = json.loads(str(row["body"]))
        if not isinstance(body, dict):
            raise TypeError  # noqa: TRY301 - unreadable, like all below
        at = datetime.fromisoformat(str(row["at"]))
        return Event(
            seq=int(str(row["seq"])),
            run=str(row["run"]),
            n=int(str(row["n"])),
            at=at,
            kind=str(row["kind"]),
            body=body,
            claim=None if row["claim"] is None else str(row["claim"]),
            hash=str(row["hash"]),
        )
    except (ValueError, TypeError, RecursionError) as error:
        raise JournalBroken(
            f"event {row['seq']} of run {row['run']} cannot be read", changed=False, advice="Run `firedoor audit verify`; keep the file"
        ) from error
