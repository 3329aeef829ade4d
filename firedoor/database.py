"""One database, opened so that a commit is durable and that its tables are up to date.

SQLite runs in WAL with ``synchronous=FULL``, PostgreSQL with ``synchronous_commit=on``: a commit that returned survives a power cut.
Whoever writes holds the one write lock from the first statement on (``BEGIN IMMEDIATE``, an advisory lock): two processes take turns
instead of failing half-way, and what a transaction has read is still so when it commits. No wait is without an end: one for the lock, for
an answer, or for somebody who stands still with the lock in their hands.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final, Self, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    IntegrityError,
    NoSuchModuleError,
    OperationalError,
    ProgrammingError,
    SQLAlchemyError,
)
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from tenacity import AsyncRetrying, retry_if_exception, stop_after_delay, wait_random

from firedoor import migrations
from firedoor.errors import JournalError, JournalRefused, JournalUnreachable, Misconfigured

BUSY_SECONDS = 10
CONNECT_SECONDS = 3
SILENT_SECONDS = 20  # after which a server that does not answer is one that is not there; longer than any wait for the lock
THREADS: Final = 3  # one at a time writes; the others look
FILE: Final = "firedoor_file"  # under which a connection remembers which file it has open
LOCK: Final = 4117  # a number of our own among PostgreSQL's advisory locks
DRIVERS: Final = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}
# Of PostgreSQL, https://www.postgresql.org/docs/current/errcodes-appendix.html: the server is going down, or coming up, or is full.
GONE: Final = frozenset({"57P01", "57P02", "57P03", "53300"})

REFUSED: Final = frozenset({"22", "23"})  # data exceptions, and violations of constraints

T = TypeVar("T")


class Database:
    """An open database. `opened` makes one."""

    def __init__(self, engine: AsyncEngine, direct: sa.Engine | None = None) -> None:
        self._engine = engine
        self._direct = direct
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="journal")

    @property
    def shared(self) -> bool:
        """Whether it is a server that several machines may share, so that it can be out of reach."""
        return self._engine.dialect.name == "postgresql"

    @classmethod
    async def opened(cls, url: str) -> Self:
        """Open it, and bring its tables up to date. Raises `Misconfigured`, or `JournalUnreachable` where a server does not answer."""
        found = cls(_engine(url), _direct(url))
        try:
            await _OPENING(found._settle)
        except JournalUnreachable:
            await found.close()
            raise
        except JournalError as error:
            await found.close()
            raise Misconfigured(
                error.what, advice="Set FIREDOOR_DATABASE_URL to a database that can be written, or repair this one"
            ) from error
        except BaseException:
            await found.close()
            raise
        return found

    @classmethod
    def as_it_is(cls, url: str | sa.URL) -> Self:
        """One that can only be read: no file is made, no table brought up to date, nothing set. Raises `Misconfigured`."""
        return cls(_engine(url, looks=True))

    async def _settle(self) -> None:
        async with self.reading() as connection:
            if await connection.run_sync(migrations.up_to_date):
                return
        async with self.transaction() as connection:
            if not await connection.run_sync(migrations.up_to_date):  # nobody else was quicker
                await connection.run_sync(migrations.bring_up_to_date)

    async def close(self) -> None:
        """End its connections."""
        await self._engine.dispose()
        if self._direct is not None:
            await asyncio.get_running_loop().run_in_executor(self._threads, self._direct.dispose)
        self._threads.shutdown(wait=False)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """One transaction with the write lock held from its first statement. Raises `JournalError`."""
        async with self._connection(reads=False) as connection:
            if self.shared:
                await connection.execute(sa.text(f"SELECT pg_advisory_xact_lock({LOCK}), set_config('synchronous_commit', 'on', true)"))
            yield connection

    async def write(self, work: Callable[[sa.Connection], T]) -> T:
        """Work in one transaction with the write lock held from its first statement; what it returns is durable. Raises `JournalError`.

        With SQLite a thread does all of it in one go: each question by itself would be a wait for a thread, there and back.
        """
        if self._direct is None:
            async with self.transaction() as connection:
                return await connection.run_sync(work)
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._done, self._direct, work)

    async def read(self, work: Callable[[sa.Connection], T]) -> T:
        """A look that holds no write lock, in the same way. Raises `JournalError`."""
        if self._direct is None:
            async with self.reading() as connection:
                return await connection.run_sync(work)
        looking = self._direct.execution_options(firedoor_reads=True)
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._done, looking, work)

    def _done(self, engine: sa.Engine, work: Callable[[sa.Connection], T]) -> T:
        try:
            opened = engine.connect()
        except Exception as error:
            raise self._failed(error) from error
        try:
            with opened as connection:
                with connection.begin():
                    done = work(connection)
                if not connection.get_execution_options().get("firedoor_reads"):
                    _check_in_place(connection.info.get(FILE))
        except (SQLAlchemyError, OSError) as error:
            raise self._failed(error) from error
        return done

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A look that holds no write lock; each statement sees one moment. Raises `JournalError`."""
        async with self._connection(reads=True) as connection:
            yield connection

    @asynccontextmanager
    async def _connection(self, *, reads: bool) -> AsyncIterator[AsyncConnection]:
        async with AsyncExitStack() as stack:
            try:
                connection = await stack.enter_async_context(self._engine.execution_options(firedoor_reads=reads).connect())
            except Exception as error:  # asyncpg's own errors come through unchanged here
                raise self._failed(error) from error
            committing = False
            try:
                async with connection.begin():
                    yield connection
                    committing = not reads
                if not reads:
                    _check_in_place(connection.info.get(FILE))
            except (SQLAlchemyError, OSError) as error:
                raise self._failed(error, in_doubt=committing) from error

    def _failed(self, error: Exception, *, in_doubt: bool = False) -> JournalError:
        if isinstance(error, JournalError):
            return error
        if self.shared and _is_gone(error):
            what = f"the journal's database does not answer: {_cause(error)}"
            return JournalUnreachable(what, changed=None if in_doubt else False, advice="See that it is up, and reachable")
        kind = JournalRefused if _is_refusal(error) else JournalError
        return kind(f"the journal's database failed: {_cause(error)}", advice=_advice(error))


def _is_busy(error: BaseException | None) -> bool:
    """Whether SQLite said, at once, that somebody is at it: two open a new file, or one opens it while the last other closes it."""
    while error is not None:
        if getattr(getattr(error, "orig", error), "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY:
            return True
        error = error.__cause__
    return False


_OPENING = AsyncRetrying(retry=retry_if_exception(_is_busy), stop=stop_after_delay(2), wait=wait_random(0.01, 0.05), reraise=True)


def _is_gone(error: Exception) -> bool:
    """Whether a server was not there at all, or went away: what was asked of it may be asked again, of another."""
    state = str(getattr(getattr(error, "orig", None) or error, "sqlstate", None) or "")
    return isinstance(error, OSError) or bool(getattr(error, "connection_invalidated", False)) or state in GONE or state.startswith("08")


def _is_refusal(error: Exception) -> bool:
    """Whether it is about what was to be recorded. PostgreSQL's driver calls that by its state or, before sending it, by a `ValueError`."""
    origin = getattr(error, "orig", None)
    state = str(getattr(origin, "sqlstate", None) or "")
    of_its_kind = isinstance(error, IntegrityError | DataError | ProgrammingError)
    return of_its_kind or state[:2] in REFUSED or isinstance(getattr(origin, "__cause__", None), ValueError)


def place(url: str) -> tuple[str, Path | None]:
    """Where a database is, in words without user and password; and the file that it is in, where it is one. Raises `Misconfigured`."""
    try:
        parsed = sa.make_url(url)
    except ArgumentError as error:
        raise _unusable(type(error).__name__) from None
    if parsed.get_backend_name() == "sqlite" and parsed.database:
        return f"the file {parsed.database}", Path(parsed.database)
    server = f"{parsed.host or 'this machine'}{f':{parsed.port}' if parsed.port else ''}"
    return f"the database {parsed.database} at {server}", None


def _engine(url: str | sa.URL, *, looks: bool = False) -> AsyncEngine:
    try:
        parsed = sa.make_url(url)
        parsed = parsed.set(drivername=DRIVERS.get(parsed.drivername, parsed.drivername))
        if parsed.drivername == DRIVERS["sqlite"]:
            return _sqlite_as_it_is(parsed) if looks else _sqlite(parsed)
        if parsed.drivername == DRIVERS["postgresql"]:
            return _postgresql(parsed)
    except (ArgumentError, ImportError, OSError, NoSuchModuleError, ValueError) as error:
        raise _unusable(type(error).__name__) from None  # the error's own text may quote the address, and with it a password
    raise _unusable(f"{parsed.drivername} is neither SQLite nor PostgreSQL")


def _unusable(why: str) -> Misconfigured:
    advice = "Give sqlite:///path/to/file.db or postgresql://user@host/name"
    return Misconfigured(f"FIREDOOR_DATABASE_URL cannot be used ({why})", advice=advice)


def _postgresql(url: sa.URL) -> AsyncEngine:
    waits = {"lock_timeout": BUSY_SECONDS * 1000, "idle_in_transaction_session_timeout": BUSY_SECONDS * 1000}
    return create_async_engine(
        url,
        hide_parameters=True,
        # A stricter one would read as of before the write lock was granted, and find its place in the chain taken.
        isolation_level="READ COMMITTED",
        pool_pre_ping=True,  # a server that was restarted meanwhile is no reason to fail
        connect_args={
            "timeout": CONNECT_SECONDS,
            "command_timeout": SILENT_SECONDS,
            "server_settings": {name: str(value) for name, value in waits.items()},
        },
    )


def _direct(url: str) -> sa.Engine | None:
    """For SQLite alone: as many connections as threads. The file is looked at by whoever opens it otherwise."""
    parsed = sa.make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return None
    engine = sa.create_engine(parsed.set(drivername="sqlite"), hide_parameters=True, pool_size=THREADS, max_overflow=0)
    sa.event.listen(engine, "connect", _open_durably)
    sa.event.listen(engine, "begin", _begin)
    return engine


def _sqlite(url: sa.URL) -> AsyncEngine:
    if url.database in (None, "", ":memory:"):
        raise _unusable("a database in memory keeps nothing")
    path = Path(str(url.database))
    _check_file(path)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Each connection is a thread, and takes a while to open: as many as work at once are kept, and none comes and goes with the load.
    engine = create_async_engine(url, hide_parameters=True, pool_size=20, max_overflow=0)
    sa.event.listen(engine.sync_engine, "connect", _open_durably)
    sa.event.listen(engine.sync_engine, "begin", _begin)
    return engine


def _sqlite_as_it_is(url: sa.URL) -> AsyncEngine:
    path = Path(str(url.database))
    _check_file(path)
    query = {"mode": "ro", "uri": "true"}
    if not path.with_name(f"{path.name}-wal").exists():
        query["immutable"] = "1"  # nobody is at it; SQLite would otherwise leave a -wal and a -shm behind, of whoever looked
    return create_async_engine(url.set(database=path.absolute().as_uri(), query=query), hide_parameters=True)


def _check_file(path: Path) -> None:
    """Raise `Misconfigured` where it is no file, or not ours to write; SQLite would only say that it cannot be opened."""
    if path.exists() and not path.is_file():
        raise Misconfigured(f"the journal at {path} is no file", advice="Set FIREDOOR_DATABASE_URL to the file that it is in")
    if path.exists() and not os.access(path, os.R_OK | os.W_OK):
        raise Misconfigured(f"the journal at {path} may not be read and written by this user", advice="Run this as the one who owns it")


def _open_durably(raw: Any, record: Any) -> None:
    try:
        _set_up(raw)
        record.info[FILE] = _file_of(raw)
    except BaseException:
        raw.close()  # SQLAlchemy would forget the connection, and leave its thread and its file open
        raise


def _set_up(raw: Any) -> None:
    raw.isolation_level = None  # the driver would otherwise begin transactions by itself, too late to hold the write lock
    getattr(raw, "driver_connection", raw).text_factory = _text
    cursor = raw.cursor()
    for pragma in (f"busy_timeout={BUSY_SECONDS * 1000}", "synchronous=FULL", "fullfsync=ON", "journal_mode=WAL"):
        cursor.execute(f"PRAGMA {pragma}")
    mode = cursor.fetchone()[0]
    cursor.close()
    if mode != "wal":  # SQLite does not fail where the file system cannot do it; it goes on without
        raise JournalError(f"the journal's database runs in {mode} mode, where WAL is due")


def _file_of(raw: Any) -> tuple[Path, tuple[int, int]]:
    """Where the database is, and which file that was when it was opened."""
    cursor = raw.cursor()
    cursor.execute("PRAGMA database_list")
    path = Path(cursor.fetchone()[2])
    cursor.close()
    there = path.stat()
    return path, (there.st_dev, there.st_ino)


def _check_in_place(opened: tuple[Path, tuple[int, int]] | None) -> None:
    """Raise `JournalError` where a file was removed while it was open: SQLite goes on with it, and loses all of it with the process."""
    if opened is None:
        return  # no file, but a server
    path, was = opened
    with suppress(OSError):
        there = path.stat()
        if (there.st_dev, there.st_ino) == was:
            return
    what = f"the journal's database at {path} was removed, or another put in its place"
    raise JournalError(what, advice="Put back what was there, or start the run again: it reads what is done already")


def _text(stored: bytes) -> str:
    """Bytes that are no UTF-8 were not written by us: they are read all the same, so that the audit can name the event they stand in."""
    return stored.decode("utf-8", "surrogateescape")


def _begin(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN" if connection.get_execution_options().get("firedoor_reads") else "BEGIN IMMEDIATE")


def _cause(error: BaseException) -> str:
    origin = getattr(error, "orig", None) or error
    return f"{type(origin).__name__}: {origin}"


def _advice(error: BaseException) -> str:
    if isinstance(error, OperationalError):
        return "See that its disk has room, that it can be written and that no other program holds it"
    return "Check it with `firedoor audit verify`"
