"""Who stopped a run."""

from __future__ import annotations

from collections.abc import Callable

from firedoor.approval import Decision
from firedoor.growing import Growing
from firedoor.journal import Event, Journal, Kind
from firedoor.run import read_as


class Stops:
    """Who stopped the run: asked before each write, told from the record, so that a stop counts from the moment it is durable.

    ``counts`` tells whether one does: its proof holds, and its maker may. ``halted`` tells of this process alone, whatever is on record.
    """

    def __init__(
        self, journal: Journal, run: str, counts: Callable[[Decision], bool], *, halted: Callable[[str], str] = lambda _: ""
    ) -> None:
        self._growing = Growing(journal, run, self._take)
        self._run = run
        self._counts = counts
        self._halted = halted
        self._by = ""

    async def by(self) -> str:
        """The person's name, or what halted this process; empty where nobody did, or the run was resumed since."""
        if halted := self._halted(self._run):
            return halted
        await self._growing.look()
        return self._by

    def _take(self, event: Event) -> None:
        if event.kind == Kind.STOP:
            stop = read_as(Decision, event.body, event)
            self._by = stop.by if self._counts(stop) else self._by
        elif event.kind == Kind.RESUMED:
            self._by = ""
