"""The very same containment, asked for while a run carries it out: whoever asks is told of that run, and nothing is begun.

The same is: the same playbook, inputs, mode and way. Each such order has a line in the journal of its own, on which the newest run that
carries it out is noted; the note is made in the transaction that sees that nobody was faster, so of many at one moment one begins.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

from firedoor.approval import Ruling
from firedoor.canonical import digest
from firedoor.channel import Channel, Together, each
from firedoor.desk import Desk
from firedoor.engine import Engine
from firedoor.errors import BadInput, FiredoorError, JournalError, LeaseLost, Overtaken, UnknownRun
from firedoor.journal import Journal, Kind
from firedoor.lease import Leases
from firedoor.playbook import Playbook
from firedoor.run import Order, Record
from firedoor.situation import clock, situation_of
from firedoor.situation import stage as stands
from firedoor.stage import Stage

Report: TypeAlias = Mapping[str, Any]
POINTING_SECONDS = 5.0
LOOK: Final = "See `firedoor show {run}`, or `/firedoor status {run}` in Slack"


class AskedBefore(BadInput):
    """A run that is not over does the very same. ``how`` says where it stands, ``place`` where people find it, if anywhere."""

    def __init__(self, run: str, how: str, *, advice: str, place: str = "") -> None:
        super().__init__(f"run {run} does this already: {how}{f' ({place})' if place else ''}", advice=advice)
        self.run = run
        self.how = how

    def at(self, place: str) -> AskedBefore:
        """The same, with a word on where the run is found."""
        return AskedBefore(self.run, self.how, advice=self.advice, place=place)


class Asked:
    """The engine, but that it does not carry out the same order twice at once."""

    def __init__(self, *, engine: Engine, journal: Journal, leases: Leases, desk: Desk, channel: Channel | Together) -> None:
        self._engine = engine
        self._journal = journal
        self._leases = leases
        self._desk = desk
        self._channel = channel

    async def contain(self, order: Order, book: Playbook, stage: Stage) -> Report:
        """As `Engine.contain`. Raises `AskedBefore`, which is a `BadInput`, where a run that is not over does the very same."""
        async with AsyncExitStack() as held:
            try:  # whoever asks for the same sees by this that the run is being planned, or is at work
                await held.enter_async_context(self._leases.holding(f"asked:{order.run}", patience=0))
                await self._claim(order)
            except LeaseLost:
                raise AskedBefore(order.run, f"asked for by {order.requester}", advice=LOOK.format(run=order.run)) from None
            except AskedBefore as before:
                raise before.at(await self._place(before.run)) from None
            return await self._engine.contain(order, book, stage)

    async def _place(self, run: str) -> str:
        with suppress(FiredoorError, TimeoutError):
            async with asyncio.timeout(POINTING_SECONDS):
                for channel in each(self._channel):
                    if place := await channel.where(run):
                        return place
        return ""

    async def _claim(self, order: Order) -> None:
        """Note that the order's run carries it out. Raises `AskedBefore` where another one does."""
        line = _line(order)
        while True:
            notes = await self._journal.events(line)
            if notes and notes[-1].body["run"] != order.run:
                await self._check(str(notes[-1].body["run"]), by=str(notes[-1].body["by"]))
            try:
                await self._journal.append(line, Kind.ASKED, {"run": order.run, "by": order.requester}, seen=len(notes))
            except Overtaken:
                continue
            return

    async def _check(self, run: str, *, by: str) -> None:
        """Raise `AskedBefore` unless the run is over, stopped, damaged, dead beyond the end of its request, or of another roster."""
        held = any([await self._leases.holder(f"{what}:{run}") for what in ("asked", "run")])  # begun here, or gone on with
        try:
            record = await self._desk.record(run)
        except UnknownRun:
            if held:
                raise AskedBefore(run, f"asked for by {by}, and being planned", advice=LOOK.format(run=run)) from None
            return
        except JournalError:
            return  # whoever damaged it must not keep people from containing
        if record.report is not None or self._desk.stopped_by(record):
            return
        how = stands(situation_of(record))
        if held:
            raise AskedBefore(run, how, advice=LOOK.format(run=run))
        if record.request is not None and record.request.roster != self._desk.roster.hash:
            return  # it goes on only where a person has what is left asked for anew: it may as well be begun anew
        if (until := _can_go_on_until(record)) and datetime.now(UTC) < until:
            advice = f"Go on with it: firedoor resume {run}. From {clock(until)} on, it can be asked for anew"
            raise AskedBefore(run, f"{how}; its process has ended", advice=advice)


def _can_go_on_until(record: Record) -> datetime | None:
    """Until when a run without a process is worth going on with rather than beginning anew: until its request expires."""
    if record.request is None or record.ruling not in (None, Ruling.GRANTED):
        return None
    return record.request.expires


def _line(order: Order) -> str:
    """The name under which the journal keeps who carries out such orders. The order in which values were given does not matter."""
    same = {
        "playbook": order.playbook,
        "mode": order.mode,
        "way": order.way,
        "protected": order.protected,
        "follows": order.follows,
        "inputs": {name: sorted(values) for name, values in order.inputs.items()},
    }
    return f"order:{digest(same).rpartition(':')[2][:32]}"
