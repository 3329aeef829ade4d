"""Where the journal, the leases and what was seen stand: the database, or for as long as that is out of reach the stand-by beside it.

What this process writes is written in the order of asking. Where a shared database goes away, whatever was being done is done again on the
stand-by (`steady`), and the other way round once it is back; whoever uses a store notices nothing of either.
"""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar, cast

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from firedoor.database import Database
from firedoor.errors import FiredoorError, JournalError, JournalUnreachable, Misconfigured
from firedoor.sharing import Sharing, Work
from firedoor.standby import Memory, StandBy
from firedoor.turns import Turns
from firedoor.unit import Unit

PROBE_SECONDS = 5.0

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

log = logging.getLogger(__name__)


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


class Store:
    """An open store. Use it as ``async with Store(url, standby=folder) as store``; without a folder there is no stand-by.

    Whoever does not begin runs (``begins``) goes along to a stand-by that is in use, and takes none into use.
    """

    def __init__(self, url: str, *, standby: Path | None = None, begins: bool = False) -> None:
        self._url = url
        self._begins = begins
        self._standby = StandBy(standby) if standby is not None and not url.startswith("sqlite") else None
        self._main: Database | None = None
        self._local: Database | None = None
        self._turns = Turns()
        self._sharing = Sharing(self._turns, self._carry_out)
        self._moving = asyncio.Lock()
        self._probing: asyncio.Task[None] | None = None
        self.memory = Memory(kept=self._standby is not None)
        self.moves = 0

    async def __aenter__(self) -> Self:
        await self._open()
        return self

    @unbroken
    async def _open(self) -> None:
        try:
            self._main = await Database.opened(self._url)
        except JournalUnreachable as error:
            if not await self._stand_by():
                raise Misconfigured(
                    error.what, advice="Set FIREDOOR_DATABASE_URL to a database that can be written, or repair this one"
                ) from error
        else:
            if self._standby is not None:
                await self._standby.hand_over(self._main)

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._probing is not None:
            self._probing.cancel()
            await asyncio.gather(self._probing, return_exceptions=True)
        for one in (self._main, self._local):
            if one is not None:
                await one.close()

    @property
    def standing_by(self) -> bool:
        """Whether the database is out of reach, and the stand-by has its place."""
        return self._local is not None

    @property
    def first_fence(self) -> int:
        """The number of a lease that nobody has held before. On the stand-by it is above all that may have been granted elsewhere."""
        return 1 if self._local is None else StandBy.first_fence()

    @asynccontextmanager
    async def transaction(self, *, awaited: bool = False) -> AsyncIterator[AsyncConnection]:
        """One transaction with the write lock held from its first statement; before others, if it is ``awaited`` by a person.

        Raises `JournalError`.
        """
        # In line here: at the database, those who wait are served by chance, and some starve.
        async with self._turns.mine(ahead=awaited):
            database = self._database
            async with database.transaction() as connection:
                await connection.run_sync(self._check_in_charge, database)
                yield connection

    async def write(self, work: Work[T], *, awaited: bool = False) -> T:
        """What the work returns, once it is durable: in a transaction that it shares with whatever else waits for one (`Sharing`).

        Raises `JournalError`, and what the work raises.
        """
        return await self._sharing.do(work, awaited=awaited)

    async def _carry_out(self, works: Sequence[Work[Any]]) -> Sequence[Any]:
        database = self._database
        done: list[tuple[Unit, Sequence[Any]]] = []

        def carry_out(connection: sa.Connection) -> None:
            self._check_in_charge(connection, database)
            unit = Unit(connection)
            unit.turns({turn for work in works for turn in work.turns})
            results = [work.do(unit) for work in works]
            unit.flush()
            done.append((unit, results))

        try:
            await database.write(carry_out)
        except JournalUnreachable as error:
            if error.changed is False:
                raise
            try:  # Holding the lock: whoever had it has come to an end by now, one way or the other.
                stands = await database.write(done[-1][0].stands)
            except JournalError:
                raise error from None
            if not stands:
                raise JournalUnreachable(error.what, advice=error.advice) from error
        return done[-1][1]

    async def read(self, look: Callable[[sa.Connection], T]) -> T:
        """What the work finds, in a look that holds no write lock; each statement sees one moment. Raises `JournalError`."""
        database = self._database

        def done(connection: sa.Connection) -> T:
            self._check_in_charge(connection, database)
            return look(connection)

        return await database.read(done)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A look at the database that holds no write lock; each statement sees one moment. Raises `JournalError`."""
        database = self._database
        async with database.reading() as connection:
            await connection.run_sync(self._check_in_charge, database)
            yield connection

    @property
    def _database(self) -> Database:
        found = self._local or self._main
        if found is None:
            raise JournalError("the journal's database is not open")
        return found

    def _check_in_charge(self, connection: sa.Connection, database: Database) -> None:
        if database is self._local and self._standby is not None:
            self._standby.check_in_charge(connection)

    async def move(self, since: int, error: JournalUnreachable) -> bool:
        """After this error: go to wherever the journal is now, unless somebody has, ``since`` so many moves.

        Whether what was being done may be done again there.
        """
        if self._standby is None:  # it can only be where it was, over another connection
            return error.changed is False and await self._answers()
        async with self._moving:
            if self.moves == since:
                await self._go_back() or await self._stand_by()
            # What may stand in the database must not be done there a second time; on the stand-by it is not known of.
            return self.moves > since and (error.changed is False or self._local is not None)

    async def _answers(self) -> bool:
        try:
            await self._database.read(lambda _: None)
        except JournalError:
            return False
        return True

    async def _go_back(self) -> bool:
        """To the database, if it answers: what stands on the stand-by is handed over to it first."""
        assert self._standby is not None
        try:
            main = await Database.opened(self._url)
        except FiredoorError:
            return False
        try:
            async with self._turns.mine(ahead=True):
                handed = await self._standby.hand_over(main)
                left, self._main, self._local = (self._main, self._local), main, None
                self.moves += 1  # at once: who looks from now on looks there
        except FiredoorError:
            await main.close()
            return False
        for one in left:
            if one is not None:
                await one.close()
        if left[1] is not None:
            log.warning("the journal's database answers again: %d events of the stand-by were handed over to it", handed)
        return True

    async def _stand_by(self) -> bool:
        """To the stand-by, with all that this process knows of its runs, until the database answers again."""
        if self._standby is None:
            return False
        try:
            local = await self._standby.take_charge(self.memory, begins=self._begins)
        except (FiredoorError, OSError) as error:
            log.warning("there is no stand-by for the journal either: %s", error)
            return False
        left, self._local = self._local, local
        self.moves += 1
        if left is not None:
            await left.close()
        if self._probing is None or self._probing.done():
            self._probing = asyncio.create_task(self._probe())
        log.warning("the journal's database does not answer; its stand-by at %s has its place until it does", self._standby.folder)
        return True

    async def _probe(self) -> None:
        while self._local is not None:
            await asyncio.sleep(PROBE_SECONDS)
            async with self._moving:
                if self._local is not None and await self._go_back():
                    return


def steady(work: Callable[P, Coroutine[Any, Any, R]]) -> Callable[P, Awaitable[R]]:
    """A method's work in one transaction of its ``_store``: `unbroken`, and done again elsewhere if the journal has moved there."""

    @unbroken
    @functools.wraps(work)
    async def again(*args: P.args, **kwargs: P.kwargs) -> R:
        store: Store = cast("Any", args[0])._store  # noqa: SLF001 - of the object whose method it is
        since = store.moves
        try:
            return await work(*args, **kwargs)
        except JournalUnreachable as error:
            if not await store.move(since, error):
                raise
        return await work(*args, **kwargs)

    return again
