"""A walk along a whole journal as it is stored, with nothing opened for writing: whether its chain holds, and which runs are open."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import sqlalchemy as sa

from firedoor import migrations
from firedoor.chain import GENESIS, Chain, Fault
from firedoor.database import Database
from firedoor.errors import BadInput, JournalError
from firedoor.journal import Kind
from firedoor.tables import events

NO_JOURNAL: Final = "Name a journal's database, or the file that `firedoor journal backup` wrote"


@dataclass(frozen=True, slots=True, kw_only=True)
class Walked:
    """What a journal holds. ``newest`` is when its last event was recorded, as it is stored; ``open`` are runs that are not over."""

    revision: str = ""
    events: int = 0
    runs: int = 0
    head: str = GENESIS
    newest: str = ""
    open: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = field(default=(), repr=False)


async def walk(database: Database) -> Walked:
    """All of it. Raises `Misconfigured` for a newer Firedoor's, `BadInput` where there is no journal in it, `JournalError`."""
    chain, begun, newest, streams = Chain(), dict[str, None](), "", 0
    async with database.reading() as connection:
        revision = await connection.run_sync(migrations.stands_at)
        if not await connection.run_sync(lambda sync: sa.inspect(sync).has_table(events.name)):
            raise BadInput("there is no journal in it", advice=NO_JOURNAL)
        async with connection.stream(sa.select(events).order_by(events.c.seq)) as rows:
            async for row in rows.mappings():
                chain.take(dict(row))
                newest = str(row["at"])
                streams += row["n"] == 1 and row["kind"] != Kind.OPENED
                if row["kind"] in (Kind.OPENED, Kind.RESUMED):
                    begun[str(row["run"])] = None
                elif row["kind"] == Kind.FINISHED:
                    begun.pop(str(row["run"]), None)
    return Walked(
        revision=revision,
        events=chain.events,
        runs=chain.runs - streams,
        head=chain.head,
        newest=newest,
        open=tuple(begun),
        faults=chain.faults,
    )


async def revision(url: str) -> str:
    """The revision of a database's tables; empty where it has none. Raises `Misconfigured`, `JournalError`."""
    database = Database.as_it_is(url)
    try:
        async with database.reading() as connection:
            return await connection.run_sync(migrations.stands_at)
    finally:
        await database.close()


async def walked(url: str | sa.URL) -> Walked:
    """The same of a database by its address; it is closed afterwards. Raises as `walk`."""
    database = Database.as_it_is(url)
    try:
        return await walk(database)
    except JournalError as error:
        raise BadInput(f"it cannot be read as a journal ({error.what})", advice=NO_JOURNAL) from None
    finally:
        await database.close()
