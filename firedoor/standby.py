"""The journal's stand-by: a file of this machine's own that has the place of a shared database while that is out of reach.

A process that takes it into use puts there what it knows: the events of the runs that it looked at, and the leases that it holds. All who
share the folder use the same file, so that a decision at a terminal reaches the process that waits for it. Once the database answers again,
whatever was added here is appended there, in one transaction, with its own times; the file stays as evidence and is used no more.

What it cannot do: keep a process on another machine, which reaches the database, from going on with the same run.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import logging
import os
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from firedoor import appending
from firedoor.canonical import canonical, digest, instant
from firedoor.chain import GENESIS
from firedoor.database import Database
from firedoor.errors import JournalUnreachable, Taken
from firedoor.tables import events, leases
from firedoor.unit import Unit

RUNS_KEPT: Final = 200
BEGINNING: Final = "stand-by"  # the name under which it is told when the file was begun; no run is called so
HANDED: Final = "handed over: "  # and the hash that the last event had here: how far a run was handed over
LENT_SECONDS: Final = 8.0  # a lease goes on for as long as one that is taken anew: its holder renews it, or is dead
PLACE: Final = ("seq", "n", "claim", "run_prev", "prev")  # what an event's hash is about besides what it says
ABOVE: Final = 1_000_000  # where its own numbers begin: above all that another process may still bring along

Row = Mapping[str, Any]

log = logging.getLogger(__name__)

own = sa.MetaData()
handed_over = sa.Table("handed_over", own, sa.Column("at", sa.Text, primary_key=True))


class Memory:
    """What a process needs to know to go on by itself: the events of the newest runs it looked at, and the leases it holds."""

    def __init__(self, *, kept: bool) -> None:
        self._kept = kept
        self.rows: OrderedDict[str, dict[int, Row]] = OrderedDict()
        self.leases: dict[str, tuple[str, int]] = {}

    def take_in(self, run: str, rows: Sequence[Row]) -> None:
        """Events of a run, as they stand in the database."""
        if not self._kept or not rows:
            return
        self.rows.setdefault(run, {}).update({row["n"]: dict(row) for row in rows})
        self.rows.move_to_end(run)
        if len(self.rows) > RUNS_KEPT:
            idle = (one for one in self.rows if f"run:{one}" not in self.leases)  # one that is worked on here is never forgotten
            del self.rows[next(idle, run)]

    def hold(self, resource: str, holder: str, fence: int) -> None:
        """A lease that was granted."""
        self.leases[resource] = (holder, fence)

    def let_go(self, resource: str, holder: str, fence: int) -> None:
        """A lease that was given up, unless it was granted anew since."""
        if self.leases.get(resource) == (holder, fence):
            del self.leases[resource]


class StandBy:
    """The files in a folder: at most one of them is in use, the others have been handed over."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @staticmethod
    def first_fence() -> int:
        """A number that no lease in the database has come to: there they count from one."""
        return int(time.time())

    @property
    def in_use(self) -> bool:
        """Whether there may be a file that was not handed over."""
        return any(self.folder.glob("*.db"))

    async def take_charge(self, memory: Memory, *, begins: bool) -> Database:
        """Open the file in use, or begin one if that is allowed, and put there what this process knows. Raises `JournalError`."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        async with self._alone():
            found = await self._current()
            if found is None and not begins:
                raise JournalUnreachable("no process has taken one into use")
            if found is None:
                found = await Database.opened(f"sqlite:///{self.folder / f'{datetime.now(UTC):%Y%m%dT%H%M%S.%f}.db'}")
                async with found.transaction() as connection:
                    await connection.run_sync(own.create_all)
                    await _begin(connection, memory)
            async with found.transaction() as connection:
                await _bring_along(connection, memory)
        return found

    async def hand_over(self, main: Database) -> int:
        """Append to the database what was added here, and close the file in use; how many events that were. Raises `JournalError`."""
        if not self.in_use:
            return 0
        async with self._alone():
            local = await self._current()
            if local is None:
                return 0
            try:
                async with local.transaction() as here:
                    async with main.transaction() as there:
                        added = await _append(here, there)
                        await _lend(here, there)
                    await here.execute(handed_over.insert().values(at=instant(datetime.now(UTC))))
            finally:
                await local.close()
        return added

    @staticmethod
    def check_in_charge(connection: sa.Connection) -> None:
        """Raise `JournalUnreachable` where the file was handed over: the journal is the database again."""
        if connection.execute(sa.select(handed_over.c.at)).first() is not None:
            raise JournalUnreachable("the stand-by was handed over to the database")

    async def _current(self) -> Database | None:
        for path in sorted(self.folder.glob("*.db"), reverse=True):
            found = await Database.opened(f"sqlite:///{path}")
            async with found.reading() as connection:
                whole = await connection.run_sync(lambda sync: sa.inspect(sync).has_table(handed_over.name))
                over = not whole or (await connection.execute(sa.select(handed_over.c.at))).first() is not None
            if not over:
                return found
            await found.close()
        return None

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        """No other process begins or closes a file meanwhile. The lock goes with the process that holds it."""
        with (self.folder / "lock").open("a") as lock:
            await asyncio.to_thread(fcntl.flock, lock, fcntl.LOCK_EX)
            yield


async def _begin(connection: AsyncConnection, memory: Memory) -> None:
    """The first event of a new file, after which its own are chained."""
    known = [row["seq"] for rows in memory.rows.values() for row in rows.values()]
    stamp = {"begun": instant(datetime.now(UTC)), "process": os.getpid()}
    row = {
        "seq": max(known, default=0) + ABOVE,
        "run": BEGINNING,
        "n": 1,
        "at": stamp["begun"],
        "kind": "run.noted",
        "body": canonical(stamp),
        "claim": None,
        "run_prev": GENESIS,
        "prev": digest(stamp),
    }
    await connection.execute(events.insert().values(**row, hash=digest(row)))


async def _bring_along(connection: AsyncConnection, memory: Memory) -> None:
    """What this process knows, and nobody has put here yet. A run that has gone on here is left as it is."""
    for run, rows in memory.rows.items():
        newest = sa.select(events.c.n, events.c.hash).where(events.c.run == run).order_by(events.c.n.desc()).limit(1)
        last = (await connection.execute(newest)).first()
        new = [dict(row) for n, row in sorted(rows.items()) if last is None or n > last.n]
        if last is not None and rows.get(last.n, {}).get("hash") != last.hash:
            if last.n in rows:
                log.warning("run %s has gone on at the stand-by without what this process knows of it from its event %d on", run, last.n)
        elif new:
            await connection.execute(events.insert(), new)
    for resource, (holder, fence) in memory.leases.items():
        if (await connection.execute(sa.select(leases.c.fence).where(leases.c.resource == resource))).first() is None:
            row = {"resource": resource, "holder": holder, "fence": fence, "expires": time.time() + LENT_SECONDS}
            await connection.execute(leases.insert().values(**row))


async def _append(here: AsyncConnection, there: AsyncConnection) -> int:
    """Each event that the database does not have, run by run, and after them how far that was. How many there were.

    Where this was broken off before the file could be marked, the next one goes on from there.
    """
    found = (await here.execute(sa.select(events).where(events.c.run != BEGINNING).order_by(events.c.run, events.c.n))).mappings().all()
    runs: dict[str, list[Row]] = {}
    for one in found:
        runs.setdefault(one["run"], []).append(dict(one))

    def handed_over(connection: sa.Connection) -> int:
        unit = Unit(connection)
        added = sum(_hand(unit, run, rows) for run, rows in runs.items())
        unit.flush()
        return added

    return await there.run_sync(handed_over)


def _hand(unit: Unit, run: str, rows: Sequence[Row]) -> int:
    stored = unit.connection.execute(sa.select(events.c.hash, events.c.claim).where(events.c.run == run)).all()
    claims = [one.claim for one in stored if one.claim is not None]
    known = {one.hash for one in stored} | {one.removeprefix(HANDED) for one in claims if one.startswith(HANDED)}
    new = rows[max((n for n, row in enumerate(rows, start=1) if row["hash"] in known), default=0) :]
    if new:
        for row in new:
            _copy(unit, row)
        note = canonical({"stand_by": {"events": len(new), "were": [{name: row[name] for name in PLACE} for row in new]}})
        appending.add(unit, run=run, at=datetime.now(UTC), kind="run.noted", body=note, claim=HANDED + new[-1]["hash"])
    return len(new)


def former(rows: Sequence[Row]) -> Iterator[tuple[str, Row]]:
    """Of one run's events, each that was handed over, with the hash that it had on the stand-by: so a head that was told there is found.

    The hash is computed from what the event says now. Nobody can make a head their own by writing down that it was.
    """
    for at, row in enumerate(rows):
        note = _note(row)
        for place, moved in zip(note, rows[at - len(note) : at], strict=False):
            yield digest({**{name: value for name, value in moved.items() if name != "hash"}, **place}), moved


def _note(row: Row) -> Sequence[Mapping[str, Any]]:
    if row["kind"] != "run.noted" or not str(row["claim"]).startswith(HANDED):
        return ()
    try:
        found = json.loads(row["body"])["stand_by"]["were"]
        return [{name: place[name] for name in PLACE} for place in found]
    except (ValueError, TypeError, KeyError, RecursionError):
        return ()  # it is not as we write it, which the chain tells


def _copy(unit: Unit, row: Row) -> None:
    event = {"run": row["run"], "at": datetime.fromisoformat(row["at"]), "kind": row["kind"], "body": row["body"]}
    try:
        appending.add(unit, **event, claim=row["claim"])
    except Taken:  # made in the database too, by a process that reached it: what was recorded here is kept all the same
        appending.add(unit, **event)


async def _lend(here: AsyncConnection, there: AsyncConnection) -> None:
    """Leases that are held here go on there, unless another machine has the turn by now."""
    clock = float((await there.execute(sa.text("SELECT extract(epoch FROM clock_timestamp())"))).scalar_one())
    held = (await here.execute(sa.select(leases).where(leases.c.holder != "", leases.c.expires > time.time()))).all()
    for lease in held:
        row = (await there.execute(sa.select(leases).where(leases.c.resource == lease.resource))).first()
        values = {"holder": lease.holder, "fence": lease.fence, "expires": clock + LENT_SECONDS}
        if row is None:
            await there.execute(leases.insert().values(resource=lease.resource, **values))
        elif row.holder == lease.holder or (row.expires <= clock and row.fence < lease.fence):
            await there.execute(leases.update().where(leases.c.resource == lease.resource).values(**values))
