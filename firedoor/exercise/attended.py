"""A drill that people play themselves, at the drill's page: nobody is scripted, and every run that they start counts."""

from __future__ import annotations

import asyncio
import time
import webbrowser
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from firedoor.journal import Event, Journal, Kind
from firedoor.model import Mode

QUIET_SECONDS: Final = 300.0
SETTLED_SECONDS: Final = 1.0  # what follows from a run by itself has begun by then

IN_THE_TERMINAL: Final = ("www-browser", "links", "elinks", "lynx", "w3m")  # they would take the terminal away

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attended:
    """`Defenders` whom nobody plays but people. ``before`` are the runs that were in the journal when the drill began."""

    journal: Journal
    folder: Path
    before: Collection[str]
    say: Say

    async def runs(self) -> Sequence[str]:
        """The runs of this drill so far, the oldest first."""
        new = [run for run in reversed(await self.journal.runs()) if run not in self.before]
        return [run for run in new if _is_drill(await self.journal.events(run))]

    async def contain(self, playbook: str) -> str:
        """Wait for people to contain the breach, or to refuse. Returns the last run's name, empty where nobody began one."""
        form = "Contain from this alert in the menu of the alert, or `/firedoor contain`, opens a form"
        self.say(f"It is yours now. In its Slack, {form}; the playbook for this is {playbook}")
        return await self._ended(frozenset())

    async def undo(self, run: str) -> str:
        """Wait for people to undo it. Returns the name of the undo, empty where nobody began one."""
        self.say(f"To undo it: /firedoor undo {run}")
        return await self._ended(frozenset(await self.runs()))

    async def _ended(self, past: Collection[str]) -> str:
        """Until every run that is not ``past`` is over, of at least one; or until nothing has happened for `QUIET_SECONDS`."""
        began, seen = time.monotonic(), None
        async for _ in self.journal.ticks():
            runs = {run: await self.journal.events(run) for run in await self.runs()}
            now = {run: len(events) for run, events in runs.items()}
            if now != seen:
                began, seen = time.monotonic(), now
                (self.folder / "run").write_text(" ".join(runs))
            mine = [run for run in runs if run not in past]
            quiet = time.monotonic() - began
            if mine and quiet >= SETTLED_SECONDS and all(_is_over(runs[run]) for run in mine):
                return mine[-1]
            if quiet >= QUIET_SECONDS:
                self.say(f"Nobody has done anything for {QUIET_SECONDS:.0f} s, so the drill ends here")
                return mine[-1] if mine else ""
        raise AssertionError("the journal beats without end")


async def show(url: str) -> bool:
    """Open the page in the person's browser, where there is one with a window of its own. Whether there is."""
    try:
        browser = webbrowser.get()
    except webbrowser.Error:
        return False
    return getattr(browser, "name", "") not in IN_THE_TERMINAL and await asyncio.to_thread(browser.open, url)


def _is_drill(events: Sequence[Event]) -> bool:
    return bool(events) and events[0].kind == Kind.OPENED and events[0].body.get("mode") == Mode.DRILL


def _is_over(events: Sequence[Event]) -> bool:
    """Whether the run has ended, well or not, and nobody resumed it since."""
    over = False
    for event in events:
        if event.kind == Kind.FINISHED or (event.kind == Kind.NOTED and "died" in event.body):
            over = True
        elif event.kind == Kind.RESUMED:
            over = False
    return over
