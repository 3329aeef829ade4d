"""Turns at something that one alone can have."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Turns:
    """A lock that is handed on in the order of asking; but those for whom a person waits go before the others."""

    def __init__(self) -> None:
        self._taken = False
        self._ahead: deque[asyncio.Future[None]] = deque()
        self._line: deque[asyncio.Future[None]] = deque()

    @asynccontextmanager
    async def mine(self, *, ahead: bool) -> AsyncIterator[None]:
        """Wait for a turn, and hold it."""
        if self._taken:
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            (self._ahead if ahead else self._line).append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self._hand_on()  # it was ours already
                raise
        self._taken = True
        try:
            yield
        finally:
            self._hand_on()

    def _hand_on(self) -> None:
        while line := self._ahead or self._line:
            turn = line.popleft()
            if not turn.done():  # whoever was called off waits no more
                turn.set_result(None)
                return
        self._taken = False
