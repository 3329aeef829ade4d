"""The database under the journal, the leases and what was seen: its tables, and how it is opened so that a commit is durable.

SQLite runs in WAL with ``synchronous=FULL``, PostgreSQL with ``synchronous_commit=on``: a commit that returned survives a power cut.
Whoever writes holds the one write lock from the first statement on (``BEGIN IMMEDIATE``, an advisory lock): two processes take turns
instead of failing half-way, and what a transaction has read is still so when it commits.
"""

from __future__ import annotations

import asyncio
import functools
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, OperationalError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from tenacity import AsyncRetrying, retry_if_exception, stop_after_delay, wait_random

from firedoor.errors import FiredoorError, JournalError, Misconfigured
from firedoor.turns import Turns

SCHEMA = 1  # of the journal; a table beside it that older code can do without (``seen``) does not count
BUSY_SECONDS = 10
LOCK = 4117  # a number of our own among PostgreSQL's advisory locks
DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}

P = ParamSpec("P")
R = TypeVar("R")

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

seen = sa.Table(
    "seen",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("at", sa.Float, nullable=False, index=True),
)


class Taken(FiredoorError):
    """Somebody else made this claim first."""


class Overtaken(FiredoorError):
    """The run has gone on since it was read: read it again, then decide again."""


def unbroken(work: Callable[P, Coroutine[Any, Any, R]]) -> Callable[P, Awaitable[R]]:
    """Work with the database that is brought to its end even where its caller is cancelled; the caller is, once it has ended.

    A statement runs in a thread that knows nothing of a cancellation. Left alone there, ``BEGIN IMMEDIATE`` would still be granted the
    write lock, hold it on behalf of nobody, and every process would wait for it in vain.
    """

    @functools.wraps(work)
    async def whole(*args: P.args, **kwargs: P.kwargs) -> R:
        task = asyncio.create_task(work(*args, **kwargs))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            await asyncio.wait([task])
            if not task.cancelled():
                task.exception()  # looked at, since nobody else will
            raise

    return whole


def _is_busy(error: BaseException | None) -> bool:
    """Whether SQLite said, at once, that somebody is at it: two open a new file, or one opens it while the last other closes it."""
    while error is not None:
        if getattr(getattr(error, "orig", error), "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY:
            return True
        error = error.__cause__
    return False


_OPENING = AsyncRetrying(retry=retry_if_exception(_is_busy), stop=stop_after_delay(2), wait=wait_random(0.01, 0.05), reraise=True)


class Store:
    """An open database. Use it as ``async with Store(url) as store``."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._engine: AsyncEngine | None = None
        self._turns = Turns()

    async def __aenter__(self) -> Self:
        try:
            self._engine = _engine(self._url)
            await _OPENING(self._settle_schema)
        except JournalError as error:
            await self._close()
            raise Misconfigured(
                error.what, advice="Set FIREDOOR_DATABASE_URL to a database that can be written, or repair this one"
            ) from error
        except BaseException:
            await self._close()
            raise
        return self

    @unbroken
    async def _settle_schema(self) -> None:
        async with self.transaction() as connection:
            await connection.run_sync(metadata.create_all)
            found = (await connection.execute(sa.select(sa.func.max(about.c.schema)))).scalar()
            if found is None:
                await connection.execute(about.insert().values(schema=SCHEMA))
            elif found > SCHEMA:
                raise Misconfigured(
                    f"the journal was written by a newer Firedoor (schema {found}; this one knows {SCHEMA})",
                    advice="Use that version, or a database of its own for this one",
                )

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._close()

    async def _close(self) -> None:
        if self._engine is not None:
            await self._engine.dispose()

    @asynccontextmanager
    async def transaction(self, *, awaited: bool = False) -> AsyncIterator[AsyncConnection]:
        """One transaction with the write lock held from its first statement; before others, if it is ``awaited`` by a person.

        Raises `JournalError`.
        """
        # In line here: at the database, those who wait are served by chance, and some starve.
        async with self._turns.mine(ahead=awaited), self._connection(reads=False) as connection:
            if connection.dialect.name == "postgresql":
                await connection.execute(sa.text(f"SELECT pg_advisory_xact_lock({LOCK}), set_config('synchronous_commit', 'on', true)"))
            yield connection

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A look at the database that holds no write lock; each statement sees one moment. Raises `JournalError`."""
        async with self._connection(reads=True) as connection:
            yield connection

    @asynccontextmanager
    async def _connection(self, *, reads: bool) -> AsyncIterator[AsyncConnection]:
        if self._engine is None:
            raise JournalError("the journal's database is not open")
        async with AsyncExitStack() as stack:
            try:
                connection = await stack.enter_async_context(self._engine.execution_options(firedoor_reads=reads).connect())
            except Exception as error:  # asyncpg's own errors come through unchanged here
                raise _failed(error) from error
            try:
                async with connection.begin():
                    yield connection
            except (SQLAlchemyError, OSError) as error:
                raise _failed(error) from error


def _engine(url: str) -> AsyncEngine:
    try:
        parsed = sa.make_url(url)
        parsed = parsed.set(drivername=DRIVERS.get(parsed.drivername, parsed.drivername))
        if parsed.drivername == DRIVERS["sqlite"]:
            return _sqlite(parsed)
        if parsed.drivername == DRIVERS["postgresql"]:
            # A stricter isolation would read as of before the write lock was granted, and find its place in the chain taken.
            return create_async_engine(parsed, hide_parameters=True, isolation_level="READ COMMITTED")
    except (ArgumentError, ImportError, OSError, NoSuchModuleError, ValueError) as error:
        raise _unusable(type(error).__name__) from None  # the error's own text may quote the address, and with it a password
    raise _unusable(f"{parsed.drivername} is neither SQLite nor PostgreSQL")


def _unusable(why: str) -> Misconfigured:
    advice = "Give sqlite:///path/to/file.db or postgresql://user@host/name"
    return Misconfigured(f"FIREDOOR_DATABASE_URL cannot be used ({why})", advice=advice)


def _sqlite(url: sa.URL) -> AsyncEngine:
    if url.database in (None, "", ":memory:"):
        raise _unusable("a database in memory keeps nothing")
    Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Each connection is a thread, and takes a while to open: as many as work at once are kept, and none comes and goes with the load.
    engine = create_async_engine(url, hide_parameters=True, pool_size=20, max_overflow=0)
    sa.event.listen(engine.sync_engine, "connect", _open_durably)
    sa.event.listen(engine.sync_engine, "begin", _begin)
    return engine


def _open_durably(raw: Any, _record: object) -> None:
    try:
        _set_up(raw)
    except BaseException:
        raw.close()  # SQLAlchemy would forget the connection, and leave its thread and its file open
        raise


def _set_up(raw: Any) -> None:
    raw.isolation_level = None  # the driver would otherwise begin transactions by itself, too late to hold the write lock
    raw.driver_connection.text_factory = _text
    cursor = raw.cursor()
    for pragma in (f"busy_timeout={BUSY_SECONDS * 1000}", "synchronous=FULL", "fullfsync=ON", "journal_mode=WAL"):
        cursor.execute(f"PRAGMA {pragma}")
    mode = cursor.fetchone()[0]
    cursor.close()
    if mode != "wal":  # SQLite does not fail where the file system cannot do it; it goes on without
        raise JournalError(f"the journal's database runs in {mode} mode, where WAL is due")


def _text(stored: bytes) -> str:
    """Bytes that are no UTF-8 were not written by us: they are read all the same, so that the audit can name the event they stand in."""
    return stored.decode("utf-8", "surrogateescape")


def _begin(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN" if connection.get_execution_options().get("firedoor_reads") else "BEGIN IMMEDIATE")


def _failed(error: Exception) -> JournalError:
    return (
        error if isinstance(error, JournalError) else JournalError(f"the journal's database failed: {_cause(error)}", advice=_advice(error))
    )


def _cause(error: BaseException) -> str:
    origin = getattr(error, "orig", None) or error
    return f"{type(origin).__name__}: {origin}"


def _advice(error: BaseException) -> str:
    if isinstance(error, OperationalError):
        return "See that its disk has room, that it can be written and that no other program holds it"
    return "Check it with `firedoor audit verify`"
