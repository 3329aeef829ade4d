"""Whether the writes of sweeps were approved, and are what was approved: a run and the streams of its batches, checked against each other.

Pure. Streams and their run are read in whatever order they come; it grows with the credentials that were written to, and not with the rows.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from pydantic import ValidationError

from firedoor.approval import Roster
from firedoor.chain import KEEP, Fault
from firedoor.errors import JournalBroken
from firedoor.journal import Event, Kind
from firedoor.mandate import Mandate
from firedoor.proving import GRACE, LOOK, Finding, Proof, signatures
from firedoor.run import Record, read_as
from firedoor.sweep import Progress, Row, Settled, Write, Wrote
from firedoor.sweepbook import Sweep

STREAM: Final = re.compile(r"(?P<run>.+)/(?P<number>[0-9]{6,9})")
HOSTILE: Final = (JournalBroken, ValidationError, TypeError, ValueError, KeyError, AttributeError, RecursionError)


def is_stream(run: str) -> bool:
    """Whether it is the name of a batch's stream, and not a run's."""
    return STREAM.fullmatch(run) is not None


@dataclass(slots=True, kw_only=True)
class _Stream:
    """What a batch's stream says. ``begun`` has the first and the last event of the writes of each type by an action."""

    run: str
    number: int
    first: Event
    begun: dict[tuple[str, str], tuple[Event, Event]] = field(default_factory=dict)
    names: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    settled: tuple[Event, Settled] | None = None

    @property
    def places(self) -> set[str]:
        """Where its writes went, as the credentials' names tell."""
        return {name.split(":", 2)[-1].partition("/")[0] for names in self.names.values() for name in names}


@dataclass(slots=True, kw_only=True)
class _Sweep:
    """What a sweep's own run says. ``lacks`` is why it was not approved; else it was, from the event ``since`` of the journal on, ``until``
    a moment. ``told`` is how each batch was settled, with the event that says so.
    """

    record: Record
    progress: Progress
    book: Sweep | None
    lacks: str
    since: int
    until: datetime | None
    told: dict[int, tuple[Event, Settled]]


@dataclass(slots=True, kw_only=True)
class Sweeps:
    """All sweeps and streams of a journal. What is wrong with one by itself is told at once, what they say of each other by `across`."""

    _streams: list[_Stream] = field(default_factory=list)
    _sweeps: dict[str, _Sweep] = field(default_factory=dict)

    def run(self, record: Record, events: Sequence[Event], roster: Roster | None, lacks: str) -> Iterator[Finding]:
        """A sweep's own run. ``lacks`` is why its request is not granted, empty where it is; ``roster`` is who was on it, where known."""
        found = _Sweep(record=record, progress=Progress(), book=None, lacks=lacks, since=0, until=None, told={})
        self._sweeps[events[0].run] = found
        for event in events:
            try:
                yield from list(_taken(event, found, roster))
            except HOSTILE:
                yield _fault(event, f"cannot be read as what it says it is, {event.kind}")

    def stream(self, events: Sequence[Event]) -> Iterator[Finding]:
        """A batch's stream."""
        named = STREAM.fullmatch(events[0].run)
        assert named is not None
        found = _Stream(run=named["run"], number=int(named["number"]), first=events[0])
        self._streams.append(found)
        looking = _Batch(found)
        for event in events:
            try:
                yield from list(looking.at(event))
            except HOSTILE:
                yield _fault(event, f"cannot be read as what it says it is, {event.kind}")

    def across(self) -> Iterator[Finding]:
        """What sweeps and streams say of each other."""
        written: dict[str, defaultdict[str, set[str]]] = {run: defaultdict(set) for run in self._sweeps}
        settled: dict[str, dict[int, Settled]] = {run: {} for run in self._sweeps}
        for stream in self._streams:
            if (sweep := self._sweeps.get(stream.run)) is None:
                yield _fault(stream.first, f"is of a batch of run {stream.run}, which is no sweep in this journal", LOOK)
                continue
            for kind, names in stream.names.items():
                written[stream.run][kind] |= names
            if stream.settled is not None:
                settled[stream.run][stream.number] = stream.settled[1]
            yield from _judged(stream, sweep)
        for run, sweep in self._sweeps.items():
            for number, (event, told) in sweep.told.items():
                if settled[run].get(number) != told:
                    yield _fault(event, f"says how batch {number} was settled, and its own stream does not say that")
            for kind, names in written[run].items():
                most = sweep.book.at_most if sweep.book is not None else 0
                if len(names) > most:
                    what = f"wrote to {len(names)} credentials of type {kind}, and {most} were approved"
                    yield Fault(run=run, what=what, advice=LOOK)


def _taken(event: Event, found: _Sweep, roster: Roster | None) -> Iterator[Finding]:
    record = found.record
    found.progress.take([event])
    match event.kind:
        case Kind.CLOSED if record.request is not None:
            found.since, found.until = event.seq, record.request.lapses + GRACE
        case Kind.SWEEP:
            found.book = book = Sweep.model_validate(event.body["playbook"])
            ordered = record.order.inputs.get("playbook", (book.digest,))
            if _planned(record) != _treated(book) or book.sweep != record.order.playbook or tuple(ordered) != (book.digest,):
                yield _fault(event, "begins another sweep than the plan on record says")
            if found.progress.mandate is not None:
                yield from _rests(event, found, read_as(Mandate, found.progress.mandate, event), book, roster)
        case Kind.INTENT | Kind.RECEIPT | Kind.ENDED | Kind.STARTED:
            yield _fault(event, "is of a step, and a sweep has none", LOOK)
        case Kind.SETTLED:
            settled = read_as(Settled, event.body, event)
            found.told[settled.batch] = (event, settled)
        case Kind.FINISHED:
            progress = found.progress
            real = (sum(one.wrote for one in progress.settled.values()), len(progress.batches), len(progress.rounds))
            told = tuple(event.body[name] for name in ("writes", "batches", "rounds"))
            left, closed = event.body["left_over"], event.body["outcome"] == "closed"
            if told != real or (closed and (left != 0 or not event.body["in_scope"] or event.body["open"])):
                yield _fault(event, "reports something else than what the sweep's events say")


def _rests(event: Event, found: _Sweep, mandate: Mandate, book: Sweep, roster: Roster | None) -> Iterator[Finding]:
    """What is wrong with the mandate that the sweep rests on."""
    proofs, findings = signatures(event, mandate, "mandate", roster)
    yield from findings
    there = roster if roster is not None and roster.hash == mandate.roster else None
    may = {name for name, proof in proofs.items() if proof is not Proof.FALSE and (there is None or _approves(there, name))}
    found.since, found.until, found.lacks = event.seq, mandate.expires + GRACE, ""
    if (mandate.sweep, mandate.playbook) != (book.sweep, book.digest):
        found.lacks = "its mandate is for another playbook"
    elif not mandate.made <= event.at < mandate.expires:
        found.lacks = "its mandate was not in force then"
    elif len(may) < max(mandate.required, 1):
        found.lacks = f"its mandate has {len(may)} valid signature(s), and needs {mandate.required}"
    if found.lacks:
        yield _fault(event, f"begins a sweep without a valid approval: {found.lacks}", LOOK)


def _approves(roster: Roster, name: str) -> bool:
    person = roster.by_name(name)
    return person is not None and person.may_approve


def _planned(record: Record) -> Mapping[str, object]:
    plans = {item.id: item.plan.covers if item.plan is not None else () for item in record.items}
    return {
        item.id: (item.action, item.target.get("playbook"), [(one.name, one.at_most) for one in plans[item.id]]) for item in record.items
    }


def _treated(book: Sweep) -> Mapping[str, object]:
    return {kind: (action, book.digest, [(kind, book.at_most)]) for kind, action in book.treat.items()}


def _judged(stream: _Stream, sweep: _Sweep) -> Iterator[Finding]:
    """What a stream did, by what its sweep may do."""
    batch = sweep.progress.batches.get(stream.number)
    if batch is None:
        yield _fault(stream.first, f"is of batch {stream.number}, which the sweep {stream.run} never listed", LOOK)
    for (kind, action), (first, last) in stream.begun.items():
        if why := _unapproved(kind, action, first, last, sweep):
            yield _fault(first, f"begins writes to credentials of type {kind} by {action} without a valid approval: {why}", LOOK)
        yield from _excepted(stream, kind, first, sweep)
    if batch is not None and (elsewhere := sorted(stream.places - {batch.place})):
        yield _fault(stream.first, f"begins writes in {', '.join(elsewhere)}, and its batch is of {batch.place}", LOOK)


def _unapproved(kind: str, action: str, first: Event, last: Event, sweep: _Sweep) -> str:
    if sweep.lacks:
        return sweep.lacks
    if sweep.book is None or sweep.book.treat.get(kind) != action:
        return "that was not asked for"
    if first.seq < sweep.since or sweep.until is None:
        return "nobody had approved it yet"
    return "" if last.at < sweep.until else "the approval had lapsed"


def _excepted(stream: _Stream, kind: str, event: Event, sweep: _Sweep) -> Iterator[Finding]:
    exceptions = sweep.book.exceptions if sweep.book is not None else ()
    for one in exceptions:
        if one.credential in stream.names[kind] and one.in_force(event.at):
            yield _fault(event, f"begins a write to {one.credential}, which is an exception", LOOK)


class _Batch:
    """A batch's stream, as it grew."""

    def __init__(self, found: _Stream) -> None:
        self._found = found
        self._begun: dict[tuple[str, str], Write] = {}
        self._done: set[tuple[str, str]] = set()
        self._writes = 0

    def at(self, event: Event) -> Iterator[Finding]:
        """One event more."""
        match event.kind:
            case Kind.INTENTS:
                yield from self._intents(event, read_as(tuple[Write, ...], event.body["writes"], event))
            case Kind.RECEIPTS:
                yield from self._receipts(event, read_as(tuple[Wrote, ...], event.body["wrote"], event))
            case Kind.SETTLED:
                settled = read_as(Settled, event.body["settled"], event)
                yield from self._settled(event, settled, read_as(tuple[Row, ...], event.body["rows"], event))
            case _:
                yield _fault(event, f"is of a kind that no batch of a sweep has, {event.kind!r}")

    def _intents(self, event: Event, writes: Sequence[Write]) -> Iterator[Finding]:
        for write in writes:
            named = f"{write.type.replace('.', ':')}:"
            if write.change.effect(write.action) != write.effect or not write.credential.startswith(named):
                yield _fault(event, f"begins {write.change.says!r}, which is not the change that it names", LOOK)
            first, _ = self._found.begun.get((write.type, write.action), (event, event))
            self._found.begun[write.type, write.action] = (first, event)
            self._found.names[write.type].add(write.credential)
            self._begun[write.credential, write.effect] = write
            self._writes += 1

    def _receipts(self, event: Event, wrote: Sequence[Wrote]) -> Iterator[Finding]:
        for one in wrote:
            if (one.credential, one.effect) not in self._begun:
                yield _fault(event, f"tells what became of a write to {one.credential} that was never begun", LOOK)
            elif one.receipt is not None:
                self._done.add((one.credential, one.effect))

    def _settled(self, event: Event, settled: Settled, rows: Sequence[Row]) -> Iterator[Finding]:
        self._found.settled = (event, settled)
        if settled.batch != self._found.number:
            yield _fault(event, f"settles batch {settled.batch}, in the stream of another")
        if (settled.in_scope, settled.wrote) != (sum(not row.outside for row in rows), self._writes):
            yield _fault(event, "counts other credentials or writes than its stream has")
        says = {name: {self._begun[key].change.says for key in self._done if key[0] == name} for name in {key[0] for key in self._done}}
        begun = {name for name, _ in self._begun}
        for row in rows:
            if not set(row.done) <= says.get(row.credential, set()) or (_is_told_next(row) and row.credential not in begun):
                yield _fault(event, f"says that {row.credential} was written to, and there is no receipt for it")


def _is_told_next(row: Row) -> bool:
    """Whether it says that it was written to, so that the next listing tells."""
    return row.disposition is None and not row.outside


def _fault(event: Event, what: str, advice: str = KEEP) -> Fault:
    return Fault(event=event.seq, run=event.run, n=event.n, what=what, advice=advice)
