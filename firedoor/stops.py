"""Who stopped a run."""

from __future__ import annotations

import asyncio

from firedoor.journal import Journal, Kind


class Stops:
    """Who stopped the run: asked before each write, told from the record, so that a stop counts from the moment it is durable."""

    def __init__(self, journal: Journal, run: str) -> None:
        self._journal = journal
        self._run = run
        self._read = 0
        self._by = ""
        self._turn = asyncio.Lock()

    async def by(self) -> str:
        """The person's name; empty where nobody did, or the run was resumed since."""
        async with self._turn:
            for event in await self._journal.events(self._run, after=self._read):
                self._read = event.n
                if event.kind == Kind.STOP:
                    self._by = str(event.body["by"])
                elif event.kind == Kind.RESUMED:
                    self._by = ""
            return self._by
