"""Whether the journal is what Firedoor wrote: its chain, the proofs on its decisions, and the heads that were told outside."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from firedoor import ordering
from firedoor.chain import KEEP, Fault, Row, fault_at
from firedoor.errors import JournalBroken
from firedoor.journal import Event, Journal, Kind, read_row
from firedoor.proofs import Known, Looking
from firedoor.proving import Finding, Unchecked
from firedoor.run import Via
from firedoor.standby import former
from firedoor.sweepproofs import Sweeps, is_stream

CUT: Final = "Keep a copy of the database and of what told the head; compare with a backup, and find out who could write to it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A head told outside: where it was told, and at which event it stands; empty where it no longer does."""

    head: str
    where: str
    stands: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """The result. ``heads`` are those that were given, with where each stands."""

    events: int
    runs: int
    head: str
    faults: tuple[Fault, ...]
    unchecked: tuple[Unchecked, ...]
    heads: tuple[Told, ...] = ()


@dataclass(slots=True)
class _Named:
    """What runs say of other runs."""

    undoes: dict[str, str] = field(default_factory=dict)
    alike: dict[str, str] = field(default_factory=dict)  # what each order says that one which follows it says too
    following: list[Event] = field(default_factory=list)
    claims: list[tuple[Event, str, str]] = field(default_factory=list)  # the event, the run it names, and as what

    def note(self, event: Event) -> None:
        body = event.body
        if event.kind == Kind.OPENED:
            self.undoes[event.run] = str(body.get("undoes") or "")
            with suppress(ValueError, RecursionError):  # no JSON of ours, which is told elsewhere
                self.alike[event.run] = ordering.likeness(body)
            if body.get("via") == Via.FIREDOOR:
                self.following.append(event)
            self.claims += [(event, str(body[word]), word) for word in ("undoes", "follows") if body.get(word)]
        elif event.kind == Kind.UNDONE:
            self.claims.append((event, str(body.get("by", "")), "by"))

    def faults(self) -> Iterator[Fault]:
        for event, other, word in self.claims:
            if other not in self.undoes or (word == "by" and self.undoes[other] != event.run):
                what = (
                    f"names run {other}, which is not in this journal"
                    if other not in self.undoes
                    else f"names run {other}, which undoes another"
                )
                yield Fault(event=event.seq, run=event.run, n=event.n, what=what, advice=KEEP)
        for event in self.following:
            first = str(event.body.get("follows"))
            if self.alike.get(first) != self.alike.get(event.run):
                what = f"asks for something else than run {first} did, and nobody ordered that"
                yield Fault(event=event.seq, run=event.run, n=event.n, what=what, advice=KEEP)


async def audit(journal: Journal, known: Known, *, told: Mapping[str, str] | None = None) -> Audit:
    """Check all of it. ``told`` maps heads told outside to where they were told. Memory grows with the longest run, and with the faults."""
    told = told or {}
    chain = await journal.audit(told=told)
    findings: list[Finding] = []
    named, sweeps = _Named(), Sweeps()
    streams = 0
    async for rows in _by_run(journal):
        streams += rows[0]["kind"] != Kind.OPENED  # a sweep's batches, a mandate, who asked: of no run of their own
        findings += _run(rows, known, named, sweeps)
    findings += sweeps.across()
    stand = {**chain.found, **await _of_the_stand_by(journal, told.keys() - chain.found.keys())}
    heads = tuple(Told(head=head, where=where, stands=stand.get(head, "")) for head, where in told.items())
    lost = [Fault(what=_lost(one), advice=CUT) for one in heads if not one.stands]
    return Audit(
        events=chain.events,
        runs=chain.runs - streams,
        head=chain.head,
        faults=(*lost, *chain.faults, *(one for one in findings if isinstance(one, Fault)), *named.faults()),
        unchecked=tuple(one for one in findings if isinstance(one, Unchecked)),
        heads=heads,
    )


async def _of_the_stand_by(journal: Journal, heads: Collection[str]) -> Mapping[str, str]:
    """Where those of the heads stand that were told while the stand-by had the database's place."""
    found: dict[str, str] = {}
    if heads:
        async for rows in _by_run(journal):
            for head, row in former(rows):
                if head in heads:
                    found[head] = f"event {row['seq']} (run {row['run']}, its number {row['n']}), as it was on the stand-by"
    return found


def _lost(told: Told) -> str:
    return f"the head {told.head} was told outside ({told.where}), and no longer stands in this journal: it was cut or rewritten"


async def _by_run(journal: Journal) -> AsyncIterator[Sequence[Row]]:
    rows: list[Row] = []
    async for row in journal.rows(by_run=True):
        if rows and row["run"] != rows[0]["run"]:
            yield rows
            rows = []
        rows.append(row)
    if rows:
        yield rows


def _run(rows: Sequence[Row], known: Known, named: _Named, sweeps: Sweeps) -> Iterator[Finding]:
    """One run's events, or one stream's, those that can be read; the others are faults."""
    events: list[Event] = []
    for row in rows:
        try:
            events.append(read_row(row))
        except JournalBroken:
            yield fault_at(row, "cannot be read, so nothing that rests on it is proven")
    if events and is_stream(events[0].run):
        yield from sweeps.stream(events)
        return
    looking = Looking(known)
    for event in events:
        named.note(event)
        yield from looking.at(event)
    if looking.sweep is not None:
        yield from sweeps.run(looking.sweep, events, known.roster(looking.sweep.order), looking.lacks)
