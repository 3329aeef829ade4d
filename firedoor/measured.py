"""How long vendors took until what was changed here was seen to hold, action by action, by the journal's own events. Pure.

From a change's receipt to the moment when its step was seen to hold. That moment is not on record by itself; it is reckoned from the end of
the step, less the time for which the action was then watched, and so it is never later than is said here. Sweeps are no measure: what they
wrote is told by their next listing. Nor is a step that a dead process left, or a write whose reply was lost.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from firedoor.errors import JournalBroken
from firedoor.journal import Event, Kind
from firedoor.model import Mode, Outcome
from firedoor.run import Done, Item, Order, Started, StepResult, read_as

KINDS: Final = (Kind.OPENED, Kind.PLANNED, Kind.INTENT, Kind.RECEIPT, Kind.RESUMED, Kind.ENDED)


@dataclass(slots=True, kw_only=True)
class Measured:
    """What the journal has of one action: how many changes were made, how long each step took to be seen to hold, in seconds, and the
    runs in which one was not seen to hold in time.
    """

    changes: int = 0
    seconds: list[float] = field(default_factory=list)
    unverified: list[str] = field(default_factory=list)

    @property
    def most(self) -> float | None:
        """The longest that it took."""
        return max(self.seconds, default=None)

    @property
    def median(self) -> float | None:
        """The median."""
        return round(statistics.median(self.seconds), 3) if self.seconds else None


@dataclass(slots=True)
class _Run:
    order: Order
    actions: dict[str, str] = field(default_factory=dict)
    begun: dict[str, datetime] = field(default_factory=dict)  # by item: its last intent, and its last receipt
    done: dict[str, datetime] = field(default_factory=dict)


class Measuring:
    """The fold. ``holds`` is for how many seconds each action is watched once it holds. Drills are not measured, nor undoing."""

    def __init__(self, holds: Mapping[str, float]) -> None:
        self.found: defaultdict[str, Measured] = defaultdict(Measured)
        self._holds = holds
        self._runs: dict[str, _Run] = {}
        self._unreadable: set[str] = set()

    def take(self, event: Event) -> None:
        """One event more, of `KINDS`, each run's in their order. A run that cannot be read is the audit's business."""
        if event.run in self._unreadable:
            return
        try:
            self._take(event)
        except (JournalBroken, KeyError, TypeError, ValueError):
            self._unreadable.add(event.run)

    def _take(self, event: Event) -> None:
        if event.kind == Kind.OPENED:
            order = read_as(Order, event.body, event)
            if order.mode is Mode.LIVE and not (order.undoes or order.sweep):
                self._runs[event.run] = _Run(order)
        run = self._runs.get(event.run)
        if run is None:
            return
        match event.kind:
            case Kind.PLANNED:
                run.actions = {item.id: item.action for item in read_as(tuple[Item, ...], event.body["items"], event)}
            case Kind.INTENT:
                run.begun[read_as(Started, event.body, event).item] = event.at
            case Kind.RECEIPT:
                self._receipt(run, read_as(Done, event.body, event), event.at)
            case Kind.RESUMED:
                run.done.clear()
            case Kind.ENDED:
                self._ended(run, read_as(StepResult, event.body, event), event.at)

    def _receipt(self, run: _Run, done: Done, at: datetime) -> None:
        if done.receipt.settled == "reply":
            run.done[done.item] = at
        else:
            run.done.pop(done.item, None)
        if done.receipt.settled != "refusal":
            self.found[run.actions[done.item]].changes += 1

    def _ended(self, run: _Run, ended: StepResult, at: datetime) -> None:
        """It was seen to hold before its end was put on record, and within the step's seconds of its last intent."""
        name = run.actions[ended.item]
        made, begun = run.done.pop(ended.item, None), run.begun.get(ended.item)
        if ended.outcome is Outcome.UNVERIFIED:
            self.found[name].unverified.append(run.order.run)
        elif ended.outcome is Outcome.CHANGED and made is not None and begun is not None:
            seen = min(at, begun + timedelta(seconds=ended.seconds))
            took = (seen - made).total_seconds() - self._holds.get(name, 0.0)
            self.found[name].seconds.append(round(max(took, 0.0), 3))
