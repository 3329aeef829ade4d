"""What a run is: its order, its items, and the fold of its journal events into where it stands."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any, Final, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from firedoor.approval import Decision, Request, Ruling, Way
from firedoor.canonical import JSON, plain
from firedoor.chain import GENESIS
from firedoor.errors import JournalBroken, JournalError, Misconfigured, RunUnreadable, UnknownRun, shown
from firedoor.journal import Event, Kind
from firedoor.look import Closing, Look
from firedoor.model import Change, Intent, Mode, Outcome, Plan, Receipt, Residual, Reversal, Tier
from firedoor.standing import Standing

REPORTED = (
    "run",
    "incident",
    "playbook",
    "mode",
    "requester",
    "outcome",
    "open",
    "plan",
    "approval",
    "steps",
    "seconds",
    "writes",
    "residual",
)

RUN: Final = re.compile(r"[0-9]{6}-[0-9a-f]{6}")  # how runs are named
LEFT: Final[Mapping[str, str]] = {"restored": "left to people"}  # noted where a journal was put back from a copy

V = TypeVar("V")


class Via(StrEnum):
    """Where an order comes from, and with it what says who gave it: see `firedoor.ordering`."""

    BEFORE = ""  # it is of a journal that did not say so yet
    TERMINAL = "terminal"
    SLACK = "slack"
    SCHEDULE = "schedule"
    DRILL = "drill"
    FIREDOOR = "firedoor"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What was asked for: a playbook with bound inputs, by whom, in which mode, and when.

    ``title`` is what people call it; ``undoes`` is the run to be undone, if any, ``follows`` one whose leftovers this asks for.
    ``sweep``: it is a sweep, and ``playbook`` a sweep's. ``protected``: it names what is protected on purpose. ``way`` is how it comes to
    be approved; a freeze brings its ``standing`` approval. ``proof`` is the requester's signature, where the order comes from a
    terminal, ``roster`` the hash of the one that their key was on, and ``expires`` until when it may be begun.
    """

    run: str
    incident: str
    playbook: str
    mode: Mode
    requester: str
    asked: datetime
    inputs: Mapping[str, tuple[str, ...]]
    title: str
    undoes: str = ""
    follows: str = ""
    protected: bool = False
    way: Way = Way.ORDINARY
    standing: Standing | None = None
    sweep: bool = False
    via: Via = Via.BEFORE
    roster: str = ""
    nonce: str = ""
    expires: datetime | None = None
    proof: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumption:
    """Who goes on with a run, and since when; ``proof``, ``roster`` and ``expires`` are as in an order."""

    via: Via = Via.BEFORE
    by: str = ""
    at: datetime | None = None
    roster: str = ""
    nonce: str = ""
    expires: datetime | None = None
    proof: str = ""


ITSELF = Resumption(via=Via.FIREDOOR)


def resumed(by: Resumption, done: int) -> Mapping[str, JSON]:
    """What is put on record of a resumption, with how many items had ended by then."""
    return {"from": done, **cast("Mapping[str, JSON]", plain(by))}


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One step on one target: what is planned, approved, done and verified by itself. ``needs`` are ids of items that come first.

    ``telling``: it only tells people, so it needs nobody's approval and comes after everything else. Without a ``target``, the targets of
    its step could not be found. ``residual`` is what it would leave, as far as it is known when it is planned.
    """

    id: str
    step: str
    action: str
    label: str
    target: Mapping[str, Any]
    needs: tuple[str, ...] = ()
    plan: Plan | None = None
    refused: str = ""
    reversal: Reversal | None = None
    telling: bool = False
    residual: tuple[Residual, ...] = ()

    @property
    def asks(self) -> bool:
        """Whether people have something of it to approve."""
        return self.plan is not None and self.plan.wants_approval and not self.telling


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A receipt with the effect it settles."""

    item: str
    effect: str
    cover: str
    says: str
    receipt: Receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A write that may have left the process: its intent, as journaled. ``before`` is the whole state read just before the first one."""

    item: str
    effect: str
    cover: str
    says: str
    change: Change
    key: str
    at: datetime
    fence: int
    before: Mapping[str, Any] | None = None

    def right(self, run: str) -> Intent:
        """What an action is shown of it."""
        return Intent(run=run, item=self.item, key=self.key, at=self.at, fence=self.fence)

    def done(self, receipt: Receipt) -> Done:
        """It had its effect, as the receipt says."""
        return Done(item=self.item, effect=self.effect, cover=self.cover, says=self.says, receipt=receipt)


@dataclass(frozen=True, slots=True, kw_only=True)
class Withheld:
    """A write that an exercise did not make: what it would have been, and when."""

    item: str
    effect: str
    cover: str
    says: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """How one item ended. ``changes`` are the changes made in this run, in words; ``extras`` those that nobody has approved."""

    item: str
    outcome: Outcome
    reason: str
    changes: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    residual: tuple[Residual, ...] = ()
    seconds: float = 0.0


@dataclass(slots=True, kw_only=True)
class Record:
    """Where a run stands, folded from its events.

    ``stops`` are all that were asked for, whether they count or not; ``stopped_by`` is who ended the request so.
    ``mark`` and ``ruling_mark`` are the serving process's own on the request and on how it ended. ``forgotten`` are intents that count for
    nothing but the bounds of an approval, ``undone_by`` is the run that undid this one. ``overtaken`` tells, for an item whose source was
    written to, how many intents and receipts there were just before that. ``head`` is the hash of its newest event, ``asked_head`` that of
    its request: who has noted one can tell later whether the journal up to there was rewritten. ``ended`` tells when each item did.
    ``look`` is the last look of the watch that found a change, ``look_head`` its hash; ``closing`` is the word that ended the watch,
    whether it counts or not. ``left_to_people``: it was open in a journal that was put back from a copy, and nobody has resumed it since.
    ``resumptions`` are all words on which it went on, whether they count or not, ``resumption`` the last of them; ``renewal`` is whoever
    went on with it under another roster, so that it was planned and asked for anew,
    ``required`` the most approvals that any of its requests wanted, and ``earlier`` what was asked and decided before that,
    about ``earlier_items``.
    """

    order: Order
    items: tuple[Item, ...] = ()
    fingerprint: str = ""
    request: Request | None = None
    mark: str = ""
    decisions: list[Decision] = field(default_factory=list)
    ruling: Ruling | None = None
    ruling_mark: str = ""
    intents: list[Started] = field(default_factory=list)
    forgotten: tuple[Started, ...] = ()
    receipts: list[Done] = field(default_factory=list)
    withheld: list[Withheld] = field(default_factory=list)
    results: dict[str, StepResult] = field(default_factory=dict)
    overtaken: dict[str, tuple[int, int]] = field(default_factory=dict)
    stops: list[Decision] = field(default_factory=list)
    stopped_by: str = ""
    undone_by: str = ""
    report: Mapping[str, Any] | None = None
    moments: dict[str, datetime] = field(default_factory=dict)
    head: str = GENESIS
    asked_head: str = ""
    ended: dict[str, datetime] = field(default_factory=dict)
    look: Look | None = None
    look_head: str = ""
    closing: Closing | None = None
    left_to_people: bool = False
    resumptions: list[Resumption] = field(default_factory=list)
    resumption: Resumption | None = None
    renewal: Resumption | None = None
    required: Tier = Tier.AUTO
    earlier: tuple[Request, list[Decision], Ruling | None] | None = None
    earlier_items: tuple[Item, ...] = ()

    def done(self, item: str) -> tuple[Done, ...]:
        """The receipts of one item."""
        return tuple(done for done in self.receipts if done.item == item)

    def sources_open(self, item: Item) -> bool:
        """Whether one of the item's sources was open when it was last done: what it did then counts for nothing."""
        return any(need in self.results and self.results[need].outcome.exit_code != 0 for need in item.needs)

    def as_it_counts(self, item: Item, *, anew: bool = False) -> Record:
        """The record as the item should see it: what it did before a source was last written to counts for nothing, or (``anew``) ever."""
        begun, done = (len(self.intents), len(self.receipts)) if anew else self.overtaken.get(item.id, (0, 0))
        intents = [intent for n, intent in enumerate(self.intents) if intent.item != item.id or n >= begun]
        receipts = [one for n, one in enumerate(self.receipts) if one.item != item.id or n >= done]
        return replace(self, intents=intents, receipts=receipts, forgotten=tuple(self.intents))

    def unsettled(self, item: str) -> tuple[Started, ...]:
        """Intents of one item that have no receipt: writes of which nobody knows yet whether they had their effect."""
        settled = {done.effect for done in self.receipts if done.item == item}
        return tuple(intent for intent in self.intents if intent.item == item and intent.effect not in settled)


def fold(run: str, events: Sequence[Event]) -> Record:
    """The record of a run. Raises `UnknownRun` where there is no event, `JournalBroken` where one cannot be read."""
    if not events:
        raise UnknownRun(f"there is no run {shown(run)}", advice="See `firedoor runs`")
    record: Record | None = None
    for event in events:
        record = take(record, event)
    assert record is not None
    return record


@contextmanager
def looking(advice: str = "") -> Iterator[None]:
    """A first look at the journal, with nothing done yet. Raises `Misconfigured` where its database fails."""
    try:
        yield
    except JournalBroken:
        raise
    except JournalError as failed:
        raise Misconfigured(failed.what, advice=advice or failed.advice) from failed


@contextmanager
def readable(run: str) -> Iterator[None]:
    """A first look at a run, with nothing done yet. Raises `RunUnreadable` where its record is damaged, and as `looking`."""
    try:
        with looking():
            yield
    except JournalBroken as broken:
        advice = "Keep the database; `firedoor audit verify` names all that is wrong with it"
        raise RunUnreadable(broken.what, target=f"run {shown(run)}", advice=advice) from broken


def take(record: Record | None, event: Event) -> Record:
    """The record with one event more. Raises `JournalBroken` where that cannot be read."""
    if event.kind == Kind.OPENED:
        record = Record(order=read_as(Order, event.body, event))
    if record is None:
        raise JournalBroken(f"run {event.run} does not begin with its order", advice="Run `firedoor audit verify`")
    try:
        _apply(record, event)
    except (KeyError, ValueError, TypeError) as error:
        raise _unreadable(event) from error
    record.moments[event.kind] = event.at
    record.head = event.hash
    return record


def _apply(record: Record, event: Event) -> None:  # noqa: C901, PLR0912 - one case a kind of event
    match event.kind:
        case Kind.PLANNED:
            if record.items:
                if record.request is not None:
                    record.earlier, record.earlier_items = (record.request, record.decisions, record.ruling), record.items
                record.renewal, record.request, record.decisions, record.ruling = record.resumption, None, [], None
            record.items = read_as(tuple[Item, ...], event.body["items"], event)
            record.fingerprint = str(event.body["fingerprint"])
        case Kind.REQUESTED:
            record.request, record.decisions, record.ruling = read_as(Request, event.body, event), [], None
            record.mark, record.asked_head = str(event.body.get("mark", "")), event.hash
            record.required = max(record.required, record.request.required)
        case Kind.DECIDED:
            record.decisions.append(read_as(Decision, event.body, event))
        case Kind.CLOSED:
            record.ruling, record.stopped_by = Ruling(str(event.body["ruling"])), str(event.body.get("stopped_by", ""))
            record.ruling_mark = str(event.body.get("mark", ""))
        case Kind.INTENT:
            started = read_as(Started, event.body, event)
            later = (item.id for item in record.items if started.item in item.needs)
            record.overtaken |= dict.fromkeys(later, (len(record.intents), len(record.receipts)))
            record.intents.append(started)
        case Kind.RECEIPT:
            record.receipts.append(read_as(Done, event.body, event))
        case Kind.WITHHELD:
            record.withheld.append(read_as(Withheld, event.body, event))
        case Kind.ENDED:
            result = read_as(StepResult, event.body, event)
            record.results[result.item], record.ended[result.item] = result, event.at
        case Kind.STOP:
            record.stops.append(read_as(Decision, event.body, event))
        case Kind.WATCHED:
            record.look, record.look_head = read_as(Look, event.body, event), event.hash
        case Kind.CONCLUDED:
            record.closing = read_as(Closing, event.body, event)
        case Kind.UNDONE:
            record.undone_by = str(event.body["by"])
        case Kind.FINISHED:
            record.report = {**event.body, "journal_head": event.hash}  # as it was told
            if absent := [name for name in REPORTED if name not in event.body]:
                raise KeyError(absent)
        case Kind.NOTED:
            record.left_to_people = record.left_to_people or event.body == LEFT
        case Kind.RESUMED:
            record.report, record.stopped_by, record.left_to_people = None, "", False
            record.resumption = read_as(Resumption, event.body, event)
            record.resumptions.append(record.resumption)


@cache
def _adapter(shape: Hashable) -> TypeAdapter[Any]:
    return TypeAdapter(cast("type[Any]", shape))


def read_as(shape: type[V], data: object, event: Event) -> V:
    """Journaled data as a value of ``shape``. Raises `JournalBroken`."""
    try:
        return revive(shape, data)
    except ValidationError as error:
        raise _unreadable(event) from error


def _unreadable(event: Event) -> JournalBroken:
    return JournalBroken(f"event {event.seq} of run {event.run} cannot be read", advice="Run `firedoor audit verify`")


def revive(shape: type[V], data: object) -> V:
    """A value of ``shape``, a target for instance, from plain data."""
    value: V = _adapter(cast("Hashable", shape)).validate_python(data)
    return value
