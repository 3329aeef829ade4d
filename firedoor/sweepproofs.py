"""Whether what a sweep wrote is what was approved: its streams checked against its approval, event by event. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from firedoor.chain import Fault
from firedoor.errors import JournalBroken
from firedoor.journal import Event, Kind
from firedoor.run import read_as
from firedoor.sweep import Progress, Row, Write, Wrote

LOOK: Final = "Look at its credentials by hand: Firedoor did not do this, or not on anybody's word. Keep a copy of the database"
OF_THE_SWEEP: Final = frozenset({Kind.SWEEP, Kind.LISTED, Kind.UNLISTED, Kind.ROUND})
OF_A_BATCH: Final = frozenset({Kind.INTENTS, Kind.RECEIPTS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Approved:
    """What a sweep may change: how many credentials of each type; or why it may change none."""

    most: Mapping[str, int] = field(default_factory=dict)
    lacks: str = ""


@dataclass(slots=True)
class Sweeps:
    """The sweeps of a journal, as their own events were checked, and what their batches have begun."""

    approved: dict[str, Approved] = field(default_factory=dict)
    begun: defaultdict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))

    def stream(self, events: Sequence[Event]) -> Iterator[Fault]:
        """What is wrong with a batch's stream."""
        effects = set[tuple[str, str]]()
        for event in events:
            sweep = event.run.rpartition("/")[0]
            if sweep not in self.approved:
                yield _fault(event, f"is of a batch of run {sweep}, and that is no sweep of this journal")
                continue
            try:
                match event.kind:
                    case Kind.INTENTS:
                        writes = read_as(tuple[Write, ...], event.body["writes"], event)
                        effects |= {(write.credential, write.effect) for write in writes}
                        yield from self._begins(event, sweep, writes)
                    case Kind.RECEIPTS:
                        wrote = read_as(tuple[Wrote, ...], event.body["wrote"], event)
                        if any((one.credential, one.effect) not in effects for one in wrote):
                            yield _fault(event, "holds a receipt for a write that was never begun")
                    case Kind.SETTLED:
                        read_as(tuple[Row, ...], event.body["rows"], event)
                    case _:
                        yield _fault(event, f"is a {event.kind}, which no batch has")
            except (JournalBroken, KeyError, TypeError, ValueError, AttributeError):
                yield _fault(event, f"cannot be read as what it says it is, {event.kind}")

    def _begins(self, event: Event, sweep: str, writes: Sequence[Write]) -> Iterator[Fault]:
        approved = self.approved[sweep]
        if approved.lacks:
            yield _fault(event, f"begins {len(writes)} writes without a valid approval: {approved.lacks}")
            return
        for write in writes:
            if write.change.effect(write.action) != write.effect:
                yield _fault(event, f"begins {write.change.says!r}, which is not the change that it names")
            elif write.type not in approved.most:
                yield _fault(event, f"begins {write.change.says!r}, which is of no type that was approved")
            else:
                self.begun[sweep, write.type].add(write.credential)
        for kind in {write.type for write in writes} & approved.most.keys():
            if len(self.begun[sweep, kind]) > approved.most[kind]:
                yield _fault(event, f"goes beyond the {approved.most[kind]} credentials of type {kind} that were approved")


def of_the_sweep(event: Event) -> Iterator[Fault]:
    """What is wrong with one of a sweep's own events."""
    try:
        Progress().take([event])
    except (JournalBroken, KeyError, TypeError, ValueError, AttributeError):
        yield _fault(event, f"cannot be read as what it says it is, {event.kind}")


def _fault(event: Event, what: str) -> Fault:
    return Fault(event=event.seq, run=event.run, n=event.n, what=what, advice=LOOK)
