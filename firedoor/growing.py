"""A run's events, each read once however many wait for them: of hundreds of items at once, none has the time to read about all others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from firedoor.journal import Event, Journal


class Growing:
    """What is on record of a run at each look, handed to ``takes`` event by event. Who comes while others look shares the look after it.

    Where the journal has moved to its stand-by or back, events may have other numbers: all are handed over again, from the first.
    """

    def __init__(self, journal: Journal, run: str, takes: Callable[[Event], None]) -> None:
        self._journal = journal
        self._run = run
        self._takes = takes
        self._read = 0
        self._moves = journal.moves
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
            while (found := await self._found()) is None:
                self._read, self._moves = 0, self._journal.moves
            for event in found:
                self._takes(event)
                self._read = event.n
            self._served = served

    async def _found(self) -> Sequence[Event] | None:
        """What is new since the last look, or None where the journal has moved since."""
        found = await self._journal.events(self._run, after=self._read)
        return found if self._journal.moves == self._moves else None
