"""Who stopped a run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from firedoor.approval import Decision
from firedoor.journal import Journal, Kind
from firedoor.run import read_as


class Stops:
    """Who stopped the run: asked before each write, told from the record, so that a stop counts from the moment it is durable.

    ``counts`` tells whether one does: its proof holds, and its maker may. ``halted`` tells of this process alone, whatever is on record.
    """

    def __init__(
        self, journal: Journal, run: str, counts: Callable[[Decision], bool], *, halted: Callable[[str], str] = lambda _: ""
    ) -> None:
        self._journal = journal
        self._run = run
        self._counts = counts
        self._halted = halted
        self._read = 0
        self._by = ""
        self._turn = asyncio.Lock()

    async def by(self) -> str:
        """The person's name, or what halted this process; empty where nobody did, or the run was resumed since."""
        if halted := self._halted(self._run):
            return halted
        async with self._turn:
            for event in await self._journal.events(self._run, after=self._read):
                self._read = event.n
                if event.kind == Kind.STOP:
                    stop = read_as(Decision, event.body, event)
                    self._by = stop.by if self._counts(stop) else self._by
                elif event.kind == Kind.RESUMED:
                    self._by = ""
            return self._by
