"""Works that wait for the database at one moment share a transaction, and with it the one wait for the disk that takes so long."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, TypeVar

import sqlalchemy as sa

from firedoor.errors import JournalError
from firedoor.turns import Turns

MOST: Final = 32  # in one transaction: others, and other processes, wait for its end

T = TypeVar("T")

Work: TypeAlias = Callable[[sa.Connection], T]


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
        while self._ahead or self._line:
            async with self._turns.mine(ahead=bool(self._ahead)):
                line = self._ahead or self._line  # only now: more have come while the turn was waited for
                await self._together([line.popleft() for _ in range(min(MOST, len(line)))])

    async def _together(self, some: Sequence[_Waiting]) -> None:
        try:
            results = await self._carry_out([one.work for one in some])
        except Exception as error:  # noqa: BLE001 - whoever asked is told
            if isinstance(error, JournalError) or len(some) == 1:
                for one in some:
                    one.failed(error)
            else:
                for one in some:
                    await self._together([one])
        else:
            for one, result in zip(some, results, strict=True):
                one.succeeded(result)
