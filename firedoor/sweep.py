"""What is on record of a sweep: its batches, what was found in each, the writes begun and what became of them, how each credential stood.

A sweep is a run like any other: it has an order, a plan that people approve, a report. What is done in a batch stands in a stream of events
of its own, so that many workers write at once, and nobody ever reads all of it at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from firedoor.inventory import Disposition
from firedoor.journal import Event, Kind
from firedoor.model import Change, Receipt
from firedoor.run import read_as
from firedoor.source import Sighting

PLACES_AT_ONCE: Final = 8  # in which one process sweeps: a vendor's limit is one of a place, and what is remembered of each needs room


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Some holders of a place, looked at in one go in one round. ``number`` counts over all rounds of the sweep.

    ``stage``: it begins once those of its round with a lower one are settled.
    """

    number: int
    round: int
    source: str
    place: str
    holders: tuple[str, ...]
    stage: int = 0

    def stream(self, run: str) -> str:
        """Where what is done with it is on record."""
        return f"{run}/{self.number:06d}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlisted:
    """What could not be listed in a round, and why: a whole place, or some holders in it."""

    round: int
    source: str
    place: str
    why: str
    holders: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """What people call it."""
        some = f"{len(self.holders)} holders in {self.place}, from {self.holders[0]} on" if self.holders else self.place
        return f"{some}, by {self.source}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """A change of one credential that may have left the process: its intent, as journaled with its whole batch."""

    credential: str
    type: str
    action: str
    change: Change
    effect: str
    key: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrote:
    """What became of a write: a receipt, or an error in words. ``unknown``: it may have had its effect all the same."""

    credential: str
    effect: str
    receipt: Receipt | None = None
    error: str = ""
    unknown: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """How a credential in scope stood when its batch was settled. Without a disposition it was written to: the next round tells.

    ``until`` is when its next phase is due; ``made`` are ids of credentials that the sweep made in its place, ``done`` the changes of it
    that were written, the first of them at ``begun``. ``outside``: its age, its use or what nobody knows of it puts it out of the scope,
    and it is remembered to tell what comes later; or a notice names it.
    """

    credential: str
    label: str
    type: str
    state: str
    disposition: Disposition | None = None
    reason: str = ""
    until: datetime | None = None
    made: tuple[str, ...] = ()
    done: tuple[str, ...] = ()
    begun: datetime | None = None
    outside: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What is known of a credential from earlier rounds: of its newest row, which stands in ``batch``, no more than is asked for again.

    ``written``: some change of it was, in any round. ``begun``: when the newest of the rounds that wrote to it did. ``failed``: why its
    newest row is one of a failure. There is one for each credential of a place in memory.
    """

    batch: int
    outside: bool = False
    written: bool = False
    failed: str = ""
    begun: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What earlier rounds saw of a place: each credential by its name, and the ids that the sweep itself made there.

    ``later``: there were such rounds. ``came`` are those that the first of them had not seen.
    """

    rows: Mapping[str, Before] = field(default_factory=dict)
    made: frozenset[str] = frozenset()
    later: bool = False
    came: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """A batch that is done with: how many credentials it found, how many were in scope, how many writes it began.

    ``made`` of these had their effect, or may have had it. ``unknown`` is how many were left out for what nobody knows of them, by what
    that is (see `firedoor.scope.Unknown`).
    """

    batch: int
    found: int
    in_scope: int
    wrote: int
    made: int
    unlisted: int = 0
    unknown: Mapping[str, int] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Progress:
    """Where a sweep stands, folded from its own events and not from its batches'.

    ``rounds`` maps each round that was listed to its end to whether it writes. A batch that is settled has its holders no more: nobody
    looks at them again, and in memory they would grow with the estate. ``due`` are credentials that must be accounted for, listed or not.
    """

    playbook: Mapping[str, Any] = field(default_factory=dict)
    mandate: Mapping[str, Any] | None = None
    due: tuple[Sighting, ...] = ()
    batches: dict[int, Batch] = field(default_factory=dict)
    unlisted: list[Unlisted] = field(default_factory=list)
    rounds: dict[int, bool] = field(default_factory=dict)
    settled: dict[int, Settled] = field(default_factory=dict)
    finished: bool = False

    def take(self, events: Sequence[Event]) -> None:
        """Take in what came since, or all of it anew from the beginning. Raises `JournalBroken` where it cannot be read."""
        for event in events:
            match event.kind:
                case Kind.SWEEP:
                    for known in (self.batches, self.unlisted, self.rounds, self.settled):
                        known.clear()
                    self.playbook = read_as(dict[str, Any], event.body["playbook"], event)
                    self.mandate = read_as(dict[str, Any] | None, event.body.get("mandate"), event)  # type: ignore[arg-type]
                    self.due = read_as(tuple[Sighting, ...], event.body.get("due", ()), event)
                case Kind.LISTED:
                    batch = read_as(Batch, event.body, event)
                    self.batches[batch.number] = batch
                case Kind.UNLISTED:
                    self.unlisted.append(read_as(Unlisted, event.body, event))
                case Kind.ROUND:
                    self.rounds[int(str(event.body["round"]))] = event.body["writes"] is True
                case Kind.SETTLED:
                    settled = read_as(Settled, event.body, event)
                    self.settled[settled.batch] = settled
                    if (done := self.batches.get(settled.batch)) is not None:
                        self.batches[done.number] = replace(done, holders=())
                case Kind.RESUMED | Kind.FINISHED:
                    self.finished = event.kind == Kind.FINISHED

    def counts(self, one: Batch, batch: Batch) -> bool:
        """Whether one batch is of the same place as another, of an earlier round that was listed to its end."""
        same = (one.source, one.place) == (batch.source, batch.place)
        return same and one.round < batch.round and one.round in self.rounds

    def waiting(self, round_: int) -> tuple[Batch, ...]:
        """The batches of a round's present stage that nobody has settled yet: of `PLACES_AT_ONCE` places in turn, then of others."""
        left = [one for one in self.batches.values() if one.round == round_ and one.number not in self.settled]
        present = min((one.stage for one in left), default=0)
        left = [one for one in left if one.stage == present]
        places = sorted({(one.source, one.place) for one in left})
        waves = {place: number // PLACES_AT_ONCE for number, place in enumerate(places)}
        turns = Counter[tuple[str, str]]()
        order = list[tuple[int, int, int, Batch]]()
        for one in sorted(left, key=lambda one: one.number):
            place = (one.source, one.place)
            turns[place] += 1
            order.append((waves[place], turns[place], one.number, one))
        return tuple(one for *_, one in sorted(order, key=lambda each: each[:3]))

    def of_round(self, round_: int) -> tuple[Settled, ...]:
        """The settled batches of a round."""
        return tuple(self.settled[one.number] for one in self.batches.values() if one.round == round_ and one.number in self.settled)
