"""A run's events, each read once however many wait for them: of hundreds of items at once, none has the time to read about all others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from firedoor.journal import Event, Journal


class Growing:
    """What is on record of a run at each look, handed to ``takes`` event by event. Who comes while others look shares the look after it."""

    def __init__(self, journal: Journal, run: str, takes: Callable[[Event], None]) -> None:
        self._journal = journal
        self._run = run
        self._takes = takes
        self._read = 0
        self._came = 0
        self._served = 0
        self._turn = asyncio.Lock()

    async def look(self) -> None:
        """All that was durable when this was called has been handed over when it returns. Raises as the journal, and as ``takes``."""
        self._came += 1
        mine = self._came
        async with self._turn:
            if self._served >= mine:
                return  # by a look that began after this was called
            served = self._came
            for event in await self._journal.events(self._run, after=self._read):
                self._takes(event)
                self._read = event.n
            self._served = served
