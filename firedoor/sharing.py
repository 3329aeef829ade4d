"""Works that wait for the database at one moment share a transaction, and with it the one wait for the disk that takes so long."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from firedoor.errors import JournalError, JournalRefused
from firedoor.turns import Turns
from firedoor.unit import Unit

MOST: Final = 64  # in one transaction: others, and other processes, wait for its end

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Work(Generic[T]):
    """Something to ``do`` in a transaction. The ``turns`` are those that it asks for: one question is for all who share."""

    do: Callable[[Unit], T]
    turns: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class _Waiting:
    work: Work[Any]
    done: asyncio.Future[Any]

    def failed(self, error: Exception) -> None:
        if not self.done.done():
            self.done.set_exception(error)

    def succeeded(self, result: object) -> None:
        if not self.done.done():
            self.done.set_result(result)


class Sharing:
    """Has works done in the order of asking, those that a person waits for before the others; ``turns`` are at the database.

    ``carry_out`` does some in one transaction, and returns what each returns; where one raises, none of them was done.
    """

    def __init__(self, turns: Turns, carry_out: Callable[[Sequence[Work[Any]]], Awaitable[Sequence[Any]]]) -> None:
        self._turns = turns
        self._carry_out = carry_out
        self._ahead: deque[_Waiting] = deque()
        self._line: deque[_Waiting] = deque()
        self._leading: asyncio.Task[None] | None = None

    async def do(self, work: Work[T], *, awaited: bool) -> T:
        """What the work returns, once it is durable. Raises what the work raises: then nothing of it was recorded.

        Where one of those that share a transaction raises, all are done again, each in its own: a work may be called twice.
        """
        mine = _Waiting(work, asyncio.get_running_loop().create_future())
        (self._ahead if awaited else self._line).append(mine)
        if self._leading is None or self._leading.done():
            self._leading = asyncio.create_task(self._lead())
        found: T = await mine.done
        return found

    async def _lead(self) -> None:
        some: Sequence[_Waiting] = ()
        try:
            while self._ahead or self._line:
                async with self._turns.mine(ahead=bool(self._ahead)):
                    await asyncio.sleep(0)  # whoever is about to ask joins in
                    line = self._ahead or self._line  # only now: more have come while the turn was waited for
                    some = [line.popleft() for _ in range(min(MOST, len(line)))]
                    await self._together(some)
        except BaseException:  # the loop ends: nobody is left waiting for what will not come
            for one in (*some, *self._ahead, *self._line):
                one.done.cancel()
            self._ahead.clear()
            self._line.clear()
            raise

    async def _together(self, some: Sequence[_Waiting]) -> None:
        try:
            results = await self._carry_out([one.work for one in some])
        except Exception as error:  # noqa: BLE001 - whoever asked is told
            if len(some) == 1 or _of_all(error):
                for one in some:
                    one.failed(error)
            else:
                for one in some:
                    await self._together([one])
        else:
            for one, result in zip(some, results, strict=True):
                one.succeeded(result)


def _of_all(error: Exception) -> bool:
    """Whether it is the database's own trouble, which no other work would be spared."""
    return isinstance(error, JournalError) and not isinstance(error, JournalRefused)
