"""Whom the incidents on record concern that nobody has closed yet. What is to be kept from them waits: see `firedoor.vendors.unclosed`.

An incident is open from the moment a live run of containment asks for its approval until somebody closes it (`firedoor close`), whatever
became of the run, unless people said no to it, let it lapse, or undid it. That its targets are contained does not close it: a session
outlives its key.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from firedoor import watching
from firedoor.action import Spec
from firedoor.approval import Roster, Ruling
from firedoor.catalogue import AnyAction
from firedoor.errors import FiredoorError, JournalBroken
from firedoor.journal import Event, Journal, Kind
from firedoor.look import Closing
from firedoor.model import Mode, Target
from firedoor.run import Item, Record, read_as, revive, take
from firedoor.vendors.unclosed import Concerned

OUT_OF_REACH: Final = Concerned(
    run="", label="somebody whom an incident concerns", unread="the journal's database is away, and only it knows which are open"
)


def is_open(record: Record, specs: Mapping[str, Spec], roster: Roster, *, now: datetime) -> bool:
    """Whether a run's incident is open: it is watched, or under way and may still write."""
    if record.report is not None:
        return not watching.left_alone(record, specs, roster)
    if not _contains(record, specs) or watching.is_closed(record, roster):
        return False
    if record.intents or record.ruling is Ruling.GRANTED:
        return True
    if record.request is not None:
        return record.ruling is None and now < record.request.expires
    return not any(item.plan is not None and item.plan.wants_approval and not item.telling for item in record.items)


def concerned(record: Record, actions: Mapping[str, type[AnyAction]]) -> Iterator[Concerned]:
    """The targets of a run, those that the guard refused too; not those of what tells people, or gives back to whoever was contained."""
    run = record.order.run
    for item in record.items:
        unit = actions.get(item.action)
        if item.telling or not item.target or (unit is not None and unit.spec.recovers):
            continue
        names = _names(item, unit)
        unread = "" if names else f"its target {item.label} cannot be read by this Firedoor"
        yield Concerned(run=run, label=item.label, names=names, unread=unread)


def _contains(record: Record, specs: Mapping[str, Spec]) -> bool:
    order = record.order
    whole = order.mode is Mode.LIVE and not order.sweep and not order.undoes and not record.undone_by
    return whole and not watching.lets_in(record, specs)


def _names(item: Item, unit: type[AnyAction] | None) -> tuple[str, ...]:
    if unit is None:
        return ()
    try:
        target: Target = revive(unit.target, item.target)
    except (FiredoorError, ValueError):
        return ()
    return target.names


@dataclass(slots=True, kw_only=True)
class _Run:
    """A run as far as it has been read."""

    record: Record | None = None
    seen: int = 0
    concerned: tuple[Concerned, ...] | None = None

    def take(self, event: Event) -> None:
        self.record, self.seen = take(self.record, event), event.n
        if event.kind == Kind.PLANNED:
            self.concerned = None


class Incidents:
    """The incidents of a journal. Each event is read once; who asks while others read shares the reading after it.

    A run whose record is damaged may concern anybody, unless its closing can still be read; so may the runs that are not at hand while the
    stand-by has the database's place.
    """

    def __init__(self, journal: Journal, actions: Mapping[str, type[AnyAction]], roster: Roster) -> None:
        self._journal = journal
        self._actions = actions
        self._specs = {name: unit.spec for name, unit in actions.items()}
        self._roster = roster
        self._runs: dict[str, _Run] = {}
        self._over: set[str] = set()
        self._turn = asyncio.Lock()
        self._came = self._served = 0
        self._moves = journal.moves
        self._found: tuple[Concerned, ...] = ()

    async def concerned(self) -> Sequence[Concerned]:
        """As of a moment after this was called. Raises `JournalError`."""
        self._came += 1
        mine = self._came
        async with self._turn:
            if self._served < mine:
                served = self._came
                if self._moves != self._journal.moves:  # elsewhere, events have other numbers
                    self._moves, self._runs, self._over = self._journal.moves, {}, set()
                found = [one for run in await self._journal.runs() for one in await self._of(run)]
                self._found = (*found, OUT_OF_REACH) if self._journal.standing_by else tuple(found)
                self._served = served
            return self._found

    async def _of(self, run: str) -> Sequence[Concerned]:
        if run in self._over:
            return ()
        try:
            record = await self._grown(run)
        except JournalBroken as broken:
            self._runs.pop(run, None)
            if await self._is_closed(run):
                return ()
            return (Concerned(run=run, label=run, unread=f"its record is damaged: {broken.what}; see `firedoor audit verify`"),)
        if self._is_over(record):
            self._runs.pop(run, None)
            self._over.add(run)
        if not is_open(record, self._specs, self._roster, now=datetime.now(UTC)):
            return ()
        known = self._runs[run]
        if known.concerned is None:
            known.concerned = tuple(concerned(record, self._actions))
        return known.concerned

    async def _is_closed(self, run: str) -> bool:
        """Whether somebody's word that it is over can be read, whatever else of the run cannot: a signature needs no record around it."""
        try:
            events = await self._journal.events(run, only=Kind.CONCLUDED)
            return any(read_as(Closing, event.body, event).holds(run, self._roster) for event in events)
        except JournalBroken:
            return False

    async def _grown(self, run: str) -> Record:
        known = self._runs.setdefault(run, _Run())
        if known.record is None:
            for event in await self._journal.events(run, only=Kind.OPENED):
                known.take(event)
        # Of a sweep or a drill the order says enough, and the rest is long.
        if known.record is None or not self._is_over(known.record):
            for event in await self._journal.events(run, after=known.seen):
                known.take(event)
        if known.record is None:
            raise JournalBroken(f"run {run} does not begin with its order")
        return known.record

    def _is_over(self, record: Record) -> bool:
        """Whether nothing that comes can make it an open incident again."""
        return not _contains(record, self._specs) or watching.is_closed(record, self._roster)
