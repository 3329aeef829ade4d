"""Whoever started a command breaks it off, with Ctrl-C or SIGTERM: what that means depends on how far it is.

Before a run is on record, it is called off. While its request is open, that is taken back. In mid-run nothing more is begun; what is under
way is seen to its end, and the run can be gone on with. What such a hand could do at once, kill the process, it may do in good order too:
no right is asked for, and it stops this process alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

from firedoor.desk import Desk
from firedoor.errors import BrokenOff, FiredoorError
from firedoor.interrupts import heeded

HANDS: Final = {"Ctrl-C": "Ctrl-C at the terminal that runs it", "SIGTERM": "SIGTERM to the process that runs it"}
STOPPING: Final = "{name}: nothing more is begun, and what is under way is seen to its end. Once more ends it at once."

Report = Mapping[str, Any]


class Halting:
    """One command. `run` carries it out; `at` a run, breaking off means to halt that."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._name = ""
        self._under: dict[str, Desk] = {}
        self._been: list[str] = []
        self._over: list[str] = []
        self._told: Report | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._work: asyncio.Task[Report] | None = None
        self._halting: asyncio.Task[None] | None = None

    def told(self, report: Report) -> None:
        """It is over, and only others are told yet: breaking off is to leave them untold."""
        self._told = report

    def run(self, job: Coroutine[Any, Any, Report]) -> Report:
        """Carry it out. Raises what it raises, and `BrokenOff` where it was broken off before its run was on record."""
        with heeded(self._broken_off):
            try:
                return asyncio.run(self._carried_out(job))
            except KeyboardInterrupt:
                raise self._called_off() from None

    @asynccontextmanager
    async def at(self, run: str, desk: Desk) -> AsyncIterator[None]:
        """While that run is at work, or is about to be."""
        self._under[run] = desk
        self._been.append(run)
        if self._name:
            self._halt()
        try:
            yield
            self._over.append(run)
        finally:
            del self._under[run]
            if self._halting is not None:
                await asyncio.gather(self._halting, return_exceptions=True)

    async def _carried_out(self, job: Coroutine[Any, Any, Report]) -> Report:
        self._loop, self._work = asyncio.get_running_loop(), asyncio.ensure_future(job)
        try:
            return await self._work
        except asyncio.CancelledError:
            if _ending():
                raise
            if self._told is not None:
                return self._told
            raise self._called_off() from None
        except BrokenOff:
            raise
        except FiredoorError as error:  # what a child of ours said that was broken off too
            if not self._name or error.changed is not False:
                raise
            raise BrokenOff(f"stopped by {HANDS[self._name]} ({error.what})", advice=error.advice) from error

    def _called_off(self) -> BrokenOff:
        if not self._over:
            return BrokenOff(f"stopped by {HANDS[self._name]}, before anything was asked for", advice="Start it again when you want it")
        last = self._over[-1]
        after = f"stopped by {HANDS[self._name]} before more was asked for, after run {last} was over"
        return BrokenOff(after, changed=None, advice=f"See `firedoor show {last}`")

    def _broken_off(self, name: str) -> None:
        """Called between any two lines of ours: where a run is, it only lets the loop know; elsewhere, all ends here."""
        self._name = name
        if self._loop is None or not self._been:
            raise KeyboardInterrupt
        self._loop.call_soon_threadsafe(self._halt)

    def _halt(self) -> None:
        if self._under:
            self._halting = asyncio.ensure_future(self._halted())
        elif self._work is not None:
            self._work.cancel()

    async def _halted(self) -> None:
        self._say(STOPPING.format(name=self._name))
        for run, desk in list(self._under.items()):
            begun = True
            with suppress(FiredoorError):  # it is halted, whether that can be put on record or not
                begun = await desk.halt(run, HANDS[self._name])
            if not begun and self._work is not None:
                self._work.cancel()


def _ending() -> bool:
    """Whether the event loop itself is ending what is left, as after a `KeyboardInterrupt`: an error of ours would be logged, and lost."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
