"""Whoever starts a run at a terminal, and is at it: they see the plan, what the run does and its report, and may break it off.

What they see is a view of the record, written by threads of its own: it cannot hold up a run.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

from firedoor import sweepwords
from firedoor.desk import Desk
from firedoor.errors import FiredoorError
from firedoor.halting import Halting
from firedoor.journal import Event, Journal
from firedoor.model import Mode
from firedoor.planview import Line
from firedoor.progress import Course
from firedoor.scribe import Scribe
from firedoor.viewing import Stream, view

PATIENCE_SECONDS: Final = 5.0  # for a terminal that takes nothing

Report = Mapping[str, Any]


class Attending:
    """One command of theirs. ``say`` a line to them, ``show`` them a plan, ``tell`` them the report; `over` a run, they are at it."""

    def __init__(self, *, as_json: bool, as_stream: bool, printed: Callable[[Report], None]) -> None:
        self._view = view(as_json=as_json, as_stream=as_stream, environment=os.environ)
        self._printed = printed
        self._halting = Halting(self.say)
        self._out, self._aside = Scribe(), Scribe()

    def say(self, text: str) -> None:
        """A line aside."""
        self._aside.put(lambda: self._view.say(text))

    def show(self, lines: Sequence[Line]) -> None:
        """A plan that is to be decided on."""
        self._aside.put(lambda: self._view.show(lines))

    def tell(self, report: Report) -> None:
        """The report, as soon as it is there; what was said aside comes before it."""
        self._halting.told(report)
        self._aside.put(self._view.over)
        self._out.put(lambda: self._told(report))

    def _told(self, report: Report) -> None:
        self._aside.flush(PATIENCE_SECONDS)
        if isinstance(self._view, Stream):
            self._view.line({"event": "report", **report})
        else:
            self._printed(report)
            sys.stdout.flush()
        if report["outcome"] == "stopped":
            self.say(sweepwords.what_next(report) if "left_over" in report else what_next(report))

    def run(self, job: Coroutine[Any, Any, Report]) -> Report:
        """Carry out what they asked for. Raises as `Halting.run`."""
        try:
            return self._halting.run(job)
        finally:
            self._aside.put(self._view.over)
            self._out.end()
            self._aside.end(PATIENCE_SECONDS)

    @asynccontextmanager
    async def over(self, run: str, desk: Desk, journal: Journal) -> AsyncIterator[None]:
        """While that run is at work, or is about to be, they see what comes on record, and may break it off."""
        course, seen = Course(), 0
        scribe = self._out if isinstance(self._view, Stream) else self._aside

        def take(event: Event, *, shown: bool) -> None:
            nonlocal seen
            seen = event.n
            scribe.put(lambda: self._took(course, event, shown=shown))

        async def follow() -> None:
            with suppress(FiredoorError):  # who cannot look on is no reason to stop
                async for event in journal.follow(run, after=seen):
                    take(event, shown=True)

        async def catch_up(*, shown: bool) -> None:
            with suppress(FiredoorError):
                for event in await journal.events(run, after=seen):
                    take(event, shown=shown)

        await catch_up(shown=False)  # what an earlier process did was shown by that one
        following = asyncio.create_task(follow())
        try:
            async with self._halting.at(run, desk):
                yield
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
            await catch_up(shown=True)

    def _took(self, course: Course, event: Event, *, shown: bool) -> None:
        told = course.take(event)
        if told is not None and shown:
            self._view.took(told, course)


def what_next(report: Report) -> str:
    """What to do about a run that was stopped."""
    run = report["run"]
    if report["approval"]["ruling"] == "stopped":
        return f"Run {run} was stopped before it was approved, so it is over. Nothing was changed; start it again."
    if report["mode"] == Mode.EXERCISE:
        return f"EXERCISE: run {run} was stopped before its end. Nothing was changed. Go on with it: firedoor resume {run} --key FILE"
    return f"What was done is on record, and stays done. Go on with it: firedoor resume {run}"
