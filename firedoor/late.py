"""Runs of which Prefect was not told, told once it is back: from the journal alone, and with no client of any vendor at hand.

Who tells a run holds a lease on that, so that two processes do not both do it; that it was told is noted last. A process that dies between
showing and noting leaves the run to be told once more: what Prefect is shown twice does no harm, and nothing is lost.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from firedoor import orchestrating, report
from firedoor.errors import FiredoorError, LeaseLost
from firedoor.journal import Event, Journal, Kind
from firedoor.lease import Leases
from firedoor.model import Mode
from firedoor.orchestrating import Told, mark
from firedoor.run import Record, fold
from firedoor.showing import End, Showing

EVERY_SECONDS = 60.0
LONGEST_SECONDS = 3600.0
SHOWN_WITHIN = 60.0
GRACE: Final = timedelta(seconds=orchestrating.PATIENCE + 10.0)  # until then, whoever ran it may yet note how it went

pause = asyncio.sleep


async def keep_up(journal: Journal, leases: Leases) -> None:
    """Tell what is due, again and again, without end. Where Prefect does not take it, it is asked less and less often."""
    if not orchestrating.named():
        return
    orchestrating.load()
    seconds = EVERY_SECONDS
    while True:
        with suppress(FiredoorError):  # the journal's troubles are told where something rests on it
            seconds = EVERY_SECONDS if await catch_up(journal, leases) else min(seconds * 2, LONGEST_SECONDS)
        await pause(seconds)


async def catch_up(journal: Journal, leases: Leases, *, within: float = math.inf) -> bool:
    """Tell Prefect of the runs that are due, oldest first, for at most ``within`` seconds. Whether it took each that it was told of."""
    deadline = time.monotonic() + within
    for run in await due_runs(journal):
        with suppress(LeaseLost):  # somebody else tells it
            async with leases.holding(f"prefect:{run}", patience=0):
                events, seconds = await journal.events(run), min(deadline - time.monotonic(), SHOWN_WITHIN)
                if not _is_due(events):
                    continue
                if seconds <= 0 or not await _shown(fold(run, events), seconds):
                    return False
                await mark(journal, run, Told.REPORTED)
    return True


async def due_runs(journal: Journal) -> Sequence[str]:
    """The live runs that are over and that Prefect was not told of, oldest first. One that cannot be read is the audit's business."""
    due = []
    for run in await journal.noted({"prefect": Told.EXPECTED}, {"prefect": Told.NOT_REPORTED}, unless={"prefect": Told.REPORTED}):
        with suppress(FiredoorError):
            if _is_due(await journal.events(run)):
                due.append(run)
    return due


def _is_due(events: Sequence[Event]) -> bool:
    """Whether nobody is about to tell it: whoever ran it has given up, or has had time to say."""
    record = fold(events[0].run, events)
    notes = [(event.body["prefect"], event.n) for event in events if event.kind == Kind.NOTED and "prefect" in event.body]
    if record.report is None or record.order.mode is not Mode.LIVE or not notes:
        return False
    said = notes[-1][0]
    return said == Told.NOT_REPORTED or (said == Told.EXPECTED and record.moments[Kind.FINISHED] < datetime.now(UTC) - GRACE)


async def _shown(record: Record, seconds: float) -> bool:
    """The run as it is on record, shown as if it went on now; whether Prefect took all of it."""
    assert record.report is not None
    showing = Showing(record.order, orchestrating.loop(), late=record.moments[Kind.FINISHED])
    shown = orchestrating.show(showing)
    await showing.note("plan", report.compose(replace(record, results={}, report=None), head=str(record.report["journal_head"])))
    for item in record.items:
        if (result := record.results.get(item.id)) is not None:
            showing.has_ended(item, result)
    await showing.note("report", record.report)
    showing.end(End(report=record.report))
    await asyncio.wait({asyncio.wrap_future(shown)}, timeout=seconds)
    return orchestrating.taken(shown)
