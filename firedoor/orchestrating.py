"""Runs shown in Prefect, where a server is named, and never held up by it.

Prefect has a thread of its own: there it is imported, which takes seconds, once the plan is made and people are asked; and there it waits
for its server. A run is carried out as if it were not there, and only tells it what goes on. For what Prefect has not taken by the end, it
has `BUDGET` seconds, once the report is out.

The journal knows how far Prefect was told (`Told`): what it was not is told later, by `firedoor.late`.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import os
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any, Final, TypeAlias, TypeVar

from firedoor.errors import JournalError
from firedoor.journal import Journal, Kind
from firedoor.run import Order
from firedoor.showing import End, Showing
from firedoor.stage import Plainly, Stage

# Set before Prefect is imported: it must start no server of its own, nor try for minutes what is told later anyhow.
PREFECT: Final = {
    "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",
    "PREFECT_CLIENT_MAX_RETRIES": "1",
    "PREFECT_API_REQUEST_TIMEOUT": "5",
    "PREFECT_LOGGING_INTERNAL_LEVEL": "CRITICAL",
}
BUDGET = 2.0
PATIENCE = 60.0  # for the end of a run, in a process that goes on

T = TypeVar("T")
Report: TypeAlias = Mapping[str, Any]

log = logging.getLogger(__name__)


class Told(StrEnum):
    """How far Prefect knows of a run, as the journal notes it."""

    EXPECTED = "expected"
    REPORTED = "reported"
    NOT_REPORTED = "not reported"


@dataclass(slots=True, kw_only=True, eq=False)
class _Farewell:
    """A run of which Prefect still has to take the end. Where the run is on record as over, so is what came of that."""

    run: str
    journal: Journal
    shown: Future[bool]
    over: bool
    noted: bool = False
    task: asyncio.Task[None] | None = None

    async def wait(self) -> None:
        await asyncio.wait({asyncio.wrap_future(self.shown)}, timeout=PATIENCE)
        await self.note()

    async def note(self) -> None:
        if self.noted:
            return
        self.noted = True
        if self.over:
            with suppress(JournalError):  # it is still expected then, and told later
                await mark(self.journal, self.run, Told.REPORTED if taken(self.shown) else Told.NOT_REPORTED)


_farewells: set[_Farewell] = set()
_waited = 0.0


def named() -> bool:
    """Whether there is a server to show runs in."""
    return bool(os.environ.get("PREFECT_API_URL"))


async def mark(journal: Journal, run: str, told: Told) -> None:
    """Note how far Prefect was told of a run. Raises `JournalError`."""
    await journal.append(run, Kind.NOTED, {"prefect": told})


async def orchestrate(order: Order, job: Callable[[Stage], Awaitable[Report]], journal: Journal) -> Report:
    """Do the job, shown in Prefect where a server is named (PREFECT_API_URL). The report is there as soon as the job is done."""
    if not named():
        return await job(Plainly())
    showing = Showing(order, loop())
    stage, end = _Expected(showing, journal), End()
    try:
        report = await job(stage)
        end = End(report=report)
    except BaseException as error:
        end = End(died=type(error).__name__)
        raise
    finally:
        showing.end(end)
        if stage.shown is not None:
            farewell = _Farewell(run=order.run, journal=journal, shown=stage.shown, over=end.report is not None)
            _farewells.add(farewell)
            farewell.task = asyncio.create_task(farewell.wait())
            farewell.task.add_done_callback(lambda _: _farewells.discard(farewell))
    return report


class _Expected:
    """A stage whose run Prefect is to know of: from the plan on, that is on record, however the process ends. ``shown``: how it goes."""

    def __init__(self, showing: Showing, journal: Journal) -> None:
        self.step = showing.step
        self.shown: Future[bool] | None = None
        self._showing = showing
        self._journal = journal

    async def note(self, key: str, record: Report) -> None:
        await self._showing.note(key, record)
        if key == "plan":
            self.shown = show(self._showing)
            await mark(self._journal, self._showing.order.run, Told.EXPECTED)


async def farewells(journal: Journal) -> bool:
    """Give Prefect what is left of its time, for all that it has yet to take of the runs in ``journal``. Whether it took some, and all."""
    global _waited  # noqa: PLW0603 - a process has one budget
    mine = [one for one in _farewells if one.journal is journal]
    tasks = [one.task for one in mine if one.task is not None]
    if not tasks:
        return False
    began = time.monotonic()
    await asyncio.wait(tasks, timeout=BUDGET)
    _waited = time.monotonic() - began
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for one in mine:
        await one.note()
    return all(taken(one.shown) for one in mine)


def left() -> float:
    """Seconds that Prefect's threads still have when the process ends."""
    return max(BUDGET - _waited, 0.0)


@cache
def loop() -> asyncio.AbstractEventLoop:
    """Prefect's own event loop, in a thread that nobody waits for."""
    for variable, value in PREFECT.items():
        os.environ.setdefault(variable, value)
    own = asyncio.new_event_loop()
    threading.Thread(target=own.run_forever, name="prefect", daemon=True).start()
    return own


def show(showing: Showing) -> Future[bool]:
    """Begin to show it in Prefect's thread. The future tells whether Prefect has taken all of it."""

    async def shown() -> bool:
        from flows import shown as flow  # three seconds, the first time

        return await flow.show(showing)

    return _there(shown)


def taken(shown: Future[bool]) -> bool:
    """Whether Prefect has taken all of it by now. What it has not is called off: it is told later, and should not come twice."""
    shown.cancel()
    return not shown.cancelled() and shown.exception() is None and shown.result()


def load() -> None:
    """Import Prefect by daylight, before a run asks for it."""

    async def loaded() -> None:
        from flows import shown as flow

        del flow

    _there(loaded)


async def warm_up() -> None:
    """Import Prefect, and run one empty flow: the first of a process takes a second longer than those that follow."""

    async def warmed() -> None:
        from flows import shown as flow

        await flow.warm_up()

    await asyncio.wrap_future(_there(warmed))


def _there(work: Callable[[], Coroutine[Any, Any, T]]) -> Future[T]:
    """Do something in Prefect's loop, in the caller's context: a flow that is under way there is the parent of one begun here."""
    outcome: Future[T] = Future()

    async def whole() -> None:
        try:
            result = await work()
        except BaseException as error:  # noqa: BLE001 - Prefect's troubles are for whoever asks how it went
            log.warning("Prefect cannot show what goes on (%s)", type(error).__name__)
            if outcome.set_running_or_notify_cancel():
                outcome.set_exception(error)
        else:
            if outcome.set_running_or_notify_cancel():
                outcome.set_result(result)

    def begin() -> None:
        task = own.create_task(whole(), context=context)
        outcome.add_done_callback(lambda one: own.call_soon_threadsafe(task.cancel) if one.cancelled() else None)

    own, context = loop(), contextvars.copy_context()
    own.call_soon_threadsafe(begin)
    return outcome
