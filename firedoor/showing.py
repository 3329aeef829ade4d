"""A run as it is told to whoever shows it: its items as they begin and end, its plan, its report, its end. Telling waits for nobody."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from firedoor.run import Item, Order, StepResult
from firedoor.stage import Work

Report: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """An item that has begun. ``ended`` has its result one day, or None where it was called off."""

    item: Item
    ended: Future[StepResult | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A plan (``plan``) or a report (``report``)."""

    key: str
    record: Report


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """The run is over for this process: with a report, or because it ``died`` of an error of that name."""

    report: Report | None = None
    died: str = ""


Told: TypeAlias = Step | Note | End


class Showing:
    """A `Stage` that tells ``loop``, in whatever thread that runs, what is to be shown; there, `told` hands it out in order.

    ``late`` is when the run ended, where it is shown only afterwards.
    """

    def __init__(self, order: Order, loop: asyncio.AbstractEventLoop, *, late: datetime | None = None) -> None:
        self.order = order
        self.late = late
        self.over = False
        self._loop = loop
        self._told: asyncio.Queue[Told] = asyncio.Queue()

    async def step(self, item: Item, work: Work) -> StepResult:
        """Do the work here and now, whether or not anybody can show it."""
        ended: Future[StepResult | None] = Future()
        self._tell(Step(item=item, ended=ended))
        result: StepResult | None = None
        try:
            result = await work()
        finally:
            ended.set_result(result)
        return result

    def has_ended(self, item: Item, result: StepResult) -> None:
        """An item that ended before."""
        ended: Future[StepResult | None] = Future()
        ended.set_result(result)
        self._tell(Step(item=item, ended=ended))

    async def note(self, key: str, record: Report) -> None:
        """The plan or the report is to be shown."""
        self._tell(Note(key=key, record=record))

    def end(self, end: End) -> None:
        """Nothing more comes."""
        self.over = True
        self._tell(end)

    async def told(self) -> Told:
        """What comes next. Awaited in the loop that shows it."""
        return await self._told.get()

    def _tell(self, what: Told) -> None:
        self._loop.call_soon_threadsafe(self._told.put_nowait, what)
