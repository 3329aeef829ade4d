"""The database under the journal and the leases: its tables, and how it is opened so that a commit is durable.

SQLite runs in WAL with ``synchronous=FULL``: a commit that returned survives a power cut. Every transaction that writes begins
``IMMEDIATE``, so that two processes take turns instead of failing half-way.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from firedoor.errors import FiredoorError, JournalError, Misconfigured

SCHEMA = 1
BUSY_SECONDS = 10
DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}

metadata = sa.MetaData()

about = sa.Table("about", metadata, sa.Column("schema", sa.Integer, primary_key=True))

events = sa.Table(
    "events",
    metadata,
    sa.Column("seq", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=False),
    sa.Column("run", sa.Text, nullable=False),
    sa.Column("n", sa.Integer, nullable=False),
    sa.Column("at", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("claim", sa.Text, nullable=True),
    sa.Column("run_prev", sa.Text, nullable=False),
    sa.Column("prev", sa.Text, nullable=False, unique=True),
    sa.Column("hash", sa.Text, nullable=False, unique=True),
    sa.UniqueConstraint("run", "n"),
    sa.UniqueConstraint("run", "claim"),
)

leases = sa.Table(
    "leases",
    metadata,
    sa.Column("resource", sa.Text, primary_key=True),
    sa.Column("holder", sa.Text, nullable=False),
    sa.Column("fence", sa.BigInteger, nullable=False),
    sa.Column("expires", sa.Float, nullable=False),
)


class Taken(FiredoorError):
    """A unique place in the database (a claim, a sequence number) was taken by somebody else first."""


class Store:
    """An open database. Use it as ``async with Store(url) as store``."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._engine: AsyncEngine | None = None

    async def __aenter__(self) -> Self:
        try:
            self._engine = _engine(self._url)
            async with self.transaction() as connection:
                await _settle_schema(connection)
        except JournalError as error:
            await self._close()
            raise Misconfigured(
                error.what, advice="Set FIREDOOR_DATABASE_URL to a database that can be written, or repair this one"
            ) from error
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._close()

    async def _close(self) -> None:
        if self._engine is not None:
            await self._engine.dispose()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """One transaction with the write lock held from its first statement. Raises `JournalError`, or `Taken` on a unique clash."""
        if self._engine is None:
            raise JournalError("the database is not open")
        try:
            async with self._engine.begin() as connection:
                if connection.dialect.name == "postgresql":
                    await connection.execute(sa.text("SELECT pg_advisory_xact_lock(4117)"))
                yield connection
        except IntegrityError as error:
            raise Taken("somebody else was first") from error
        except (DBAPIError, OSError) as error:
            raise JournalError(f"the journal's database failed: {_cause(error)}", advice=_advice(error)) from error

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """One snapshot of the database that holds no write lock. Raises `JournalError`."""
        if self._engine is None:
            raise JournalError("the database is not open")
        try:
            async with self._engine.execution_options(firedoor_reads=True).begin() as connection:
                yield connection
        except (DBAPIError, OSError) as error:
            raise JournalError(f"the journal's database failed: {_cause(error)}", advice=_advice(error)) from error


def _engine(url: str) -> AsyncEngine:
    try:
        parsed = sa.make_url(url)
        parsed = parsed.set(
            drivername={"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}.get(parsed.drivername, parsed.drivername)
        )
        if parsed.get_backend_name() == "sqlite" and parsed.database not in (None, "", ":memory:"):
            Path(str(parsed.database)).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        engine = create_async_engine(parsed)
    except (ArgumentError, ImportError, OSError, sa.exc.NoSuchModuleError) as error:
        raise Misconfigured(
            f"FIREDOOR_DATABASE_URL cannot be used ({type(error).__name__})",
            advice="Give sqlite:///path/to/file.db or postgresql://user@host/name",
        ) from error
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine.sync_engine, "connect", _open_durably)
        sa.event.listen(engine.sync_engine, "begin", _begin)
    return engine


def _open_durably(raw: Any, _record: object) -> None:
    raw.isolation_level = None  # the driver would otherwise begin transactions by itself, too late to hold the write lock
    cursor = raw.cursor()
    for pragma in (f"busy_timeout={BUSY_SECONDS * 1000}", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN" if connection.get_execution_options().get("firedoor_reads") else "BEGIN IMMEDIATE")


async def _settle_schema(connection: AsyncConnection) -> None:
    await connection.run_sync(metadata.create_all)
    found = (await connection.execute(sa.select(sa.func.max(about.c.schema)))).scalar()
    if found is None:
        await connection.execute(about.insert().values(schema=SCHEMA))
    elif found > SCHEMA:
        raise Misconfigured(
            f"the journal was written by a newer Firedoor (schema {found}; this one knows {SCHEMA})",
            advice="Use that version, or a database of its own for this one",
        )


def _cause(error: BaseException) -> str:
    origin = getattr(error, "orig", None) or error
    return f"{type(origin).__name__}: {origin}"


def _advice(error: BaseException) -> str:
    if isinstance(error, OperationalError):
        return "See that its disk has room, that it can be written and that no other program holds it"
    return "Check it with `firedoor audit verify`"
