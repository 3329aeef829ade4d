"""Whoever starts a run at a terminal, and is at it: they see it, and may break it off.

What they see is a view of the record, written by threads of its own, and cannot hold up a run. How they break it off is in the record too.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

from firedoor.desk import Desk
from firedoor.errors import BrokenOff, FiredoorError
from firedoor.interrupts import heeded
from firedoor.journal import Event, Journal, Kind
from firedoor.planview import Line
from firedoor.progress import Course
from firedoor.scribe import Scribe
from firedoor.viewing import Stream, view

PATIENCE_SECONDS: Final = 5.0  # for a terminal that takes nothing
HANDS: Final = {"Ctrl-C": "Ctrl-C at the terminal that runs it", "SIGTERM": "SIGTERM to the process that runs it"}
STOPPING: Final = "{hand}: nothing more is begun, and what is under way is seen to its end. Once more ends it at once."

Report = Mapping[str, Any]


class Attending:
    """One command of theirs. ``say`` a line to them, ``show`` them a plan, ``tell`` them the report; `over` a run, they are at it."""

    def __init__(self, *, as_json: bool, as_stream: bool, printed: Callable[[Report], None]) -> None:
        self._view = view(as_json=as_json, as_stream=as_stream, environment=os.environ)
        self._printed = printed
        self._out, self._aside = Scribe(), Scribe()
        self._under: dict[str, Desk] = {}
        self._over: list[str] = []
        self._wrote = False
        self._report: Report | None = None
        self._hand = ""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._work: asyncio.Task[Report] | None = None
        self._halting: asyncio.Task[None] | None = None

    def say(self, text: str) -> None:
        """A line aside."""
        self._aside.put(lambda: self._view.say(text))

    def show(self, lines: Sequence[Line]) -> None:
        """A plan that is to be decided on."""
        self._aside.put(lambda: self._view.show(lines))

    def tell(self, report: Report) -> None:
        """The report, as soon as it is there; what was said aside comes before it."""
        self._report = report
        self._aside.put(self._view.over)

        def told() -> None:
            self._aside.flush(PATIENCE_SECONDS)
            if isinstance(self._view, Stream):
                self._view.line({"event": "report", **report})
            else:
                self._printed(report)
                sys.stdout.flush()
            if report["outcome"] == "stopped":
                self.say(what_next(report))

        self._out.put(told)

    @asynccontextmanager
    async def over(self, run: str, desk: Desk, journal: Journal) -> AsyncIterator[None]:
        """While a run is at work, or is about to be, they see what comes on record, and Ctrl-C stops it."""
        course, seen = Course(), 0

        def take(event: Event, *, shown: bool = True) -> None:
            nonlocal seen
            seen = event.n
            self._wrote = self._wrote or event.kind == Kind.INTENT
            scribe = self._out if isinstance(self._view, Stream) else self._aside
            scribe.put(lambda: self._took(course, event, shown=shown))

        async def follow() -> None:
            with suppress(FiredoorError):  # who cannot look on is no reason to stop
                async for event in journal.follow(run, after=seen):
                    take(event)

        async def catch_up(*, shown: bool) -> None:
            with suppress(FiredoorError):
                for event in await journal.events(run, after=seen):
                    take(event, shown=shown)

        await catch_up(shown=False)
        following = asyncio.create_task(follow())
        self._under[run] = desk
        if self._hand:
            self._halt()
        try:
            yield
        finally:
            del self._under[run]
            self._over.append(run)
            following.cancel()
            halting = {self._halting} if self._halting else set()
            await asyncio.gather(following, *halting, return_exceptions=True)
            await catch_up(shown=True)

    def _took(self, course: Course, event: Event, *, shown: bool) -> None:
        told = course.take(event)
        if told is not None and shown:
            self._view.took(told, course)

    def run(self, job: Coroutine[Any, Any, Report]) -> Report:
        """Carry out what they asked for. Raises what the job raises, and `BrokenOff` where it was broken off before it was on record."""
        try:
            with heeded(self._broken_off):
                return asyncio.run(self._carried_out(job))
        finally:
            self._aside.put(self._view.over)
            self._out.end()
            self._aside.end(PATIENCE_SECONDS)

    async def _carried_out(self, job: Coroutine[Any, Any, Report]) -> Report:
        self._loop, self._work = asyncio.get_running_loop(), asyncio.ensure_future(job)
        if self._hand:
            self._halt()
        try:
            return await self._work
        except asyncio.CancelledError:
            if self._report is not None:
                return self._report  # it is over, and was only told to others
            raise self._nothing_begun() from None
        except FiredoorError as error:
            if not self._hand or self._wrote:
                raise
            raise BrokenOff(f"stopped by {self._hand} ({error.what})", advice="Start it again") from error

    def _nothing_begun(self) -> BrokenOff:
        before = f", after run {self._over[0]} was over" if len(self._over) > 1 else ""
        advice = f"See `firedoor show {self._over[0]}`" if before else "Nobody was asked; start it again"
        return BrokenOff(f"stopped by {self._hand}{before}, before anything was asked for", changed=self._wrote, advice=advice)

    def _broken_off(self, name: str) -> None:
        """They broke it off. Called between any two lines of ours, so that it only lets the loop know."""
        self._hand = HANDS[name]
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._halt)

    def _halt(self) -> None:
        if self._under and self._report is None:
            self._halting = asyncio.ensure_future(self._halted())
        elif self._work is not None:
            self._work.cancel()

    async def _halted(self) -> None:
        self.say(STOPPING.format(hand=self._hand.partition(" ")[0]))
        for run, desk in list(self._under.items()):
            begun = True
            with suppress(FiredoorError):  # it is halted, whether that can be put on record or not
                begun = await desk.halt(run, self._hand)
            if not begun and self._work is not None:
                self._work.cancel()


def what_next(report: Report) -> str:
    """What to do about a run that was stopped."""
    run = report["run"]
    if report["approval"]["ruling"] == "stopped":
        return f"Run {run} was stopped before it was approved, so it is over. Nothing was changed; start it again."
    return f"What was done is on record, and stays done. Go on with it: firedoor resume {run}"
