"""Who stopped a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from firedoor.approval import Decision
from firedoor.growing import Growing
from firedoor.journal import Event, Journal, Kind
from firedoor.run import Record, Resumption, read_as


class Stops:
    """Who stopped the run: asked before each write, told from the record, so that a stop counts from the moment it is durable.

    ``judge`` tells of a record who did: whose proof holds, and who may. ``halted`` tells of this process alone, whatever is on record.
    """

    def __init__(
        self, journal: Journal, record: Record, judge: Callable[[Record], str], *, halted: Callable[[str], str] = lambda _: ""
    ) -> None:
        self._growing = Growing(journal, record.order.run, self._take)
        self._record = replace(record, stops=[], resumptions=[], moments=dict(record.moments))
        self._judge = judge
        self._halted = halted
        self._by = ""

    async def by(self) -> str:
        """The person's name, or what halted this process; empty where nobody did, or somebody has signed since that the run goes on."""
        if halted := self._halted(self._record.order.run):
            return halted
        await self._growing.look()
        return self._by

    def _take(self, event: Event) -> None:
        if event.kind == Kind.STOP:
            self._record.stops.append(read_as(Decision, event.body, event))
        elif event.kind == Kind.RESUMED:
            self._record.resumptions.append(read_as(Resumption, event.body, event))
        else:
            return
        self._record.moments[event.kind] = event.at
        self._by = self._judge(self._record)
