"""Whether what a run did was decided by those who may, and is what they decided: its proofs checked anew, event by event. Pure.

Whoever rewrites the journal can hash it again; a signature, or a mark by the serving process's seal, they cannot make. What cannot be
checked here is told as such: it is neither a fault nor sound.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

from firedoor import ordering, planning, renewing, signing
from firedoor.approval import Answer, Decision, Request, Roster, Ruling, Way, document, eligible, subject
from firedoor.canonical import JSON
from firedoor.errors import JournalBroken
from firedoor.facts import Established
from firedoor.facts import stream_of as facts_of
from firedoor.journal import Event, Kind
from firedoor.look import WATCH, Closing
from firedoor.mandate import MANDATES, Mandate, stream_of
from firedoor.model import Mode, Outcome, Tier
from firedoor.proving import (
    GRACE,
    LOOK,
    NO_SEAL,
    SEALED,
    UNSAID,
    Finding,
    Proof,
    fault,
    signatures,
    signed,
    standing_lacks,
    stop_counts,
    unchecked,
)
from firedoor.run import Item, Order, Record, Resumption, Started, StepResult, Via, Withheld, read_as, take
from firedoor.seal import Seal
from firedoor.standing import Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What proofs are checked against. ``seal`` is this machine's own, None where it has none.

    ``standing``: the roster whose standing approvals count. ``roster``: the one that an order's people were on, and ``tier``: how many must
    approve an action, or its undoing; each None where that is not known here.
    """

    seal: Seal | None = field(repr=False)
    standing: Roster | None
    roster: Callable[[Order], Roster | None]
    tier: Callable[[str, bool], Tier | None]


class Looking:
    """One run, as it grew: all that is wrong with its events, or cannot be checked."""

    def __init__(self, known: Known) -> None:
        self._known = known
        self._record: Record | None = None
        self._was: Record | None = None  # before the newest plan or request
        self._people: Roster | None = None
        self._roster: Roster | None = None
        self._asked = self._ruled = self._ordered = Proof.SOUND
        self._decided: list[tuple[Decision, Proof]] = []
        self._unfounded = ""  # why the standing approval that it rests on is not in force
        self._stopped: list[tuple[Event, Decision]] = []  # since it was last resumed
        self._gone_on = ordering.NEVER
        self._begun: dict[str, dict[str, str]] = {}  # by item: the cover of each effect

    @property
    def sweep(self) -> Record | None:
        """The run's record, where it is a sweep."""
        return self._record if self._record is not None and self._record.order.sweep else None

    @property
    def lacks(self) -> str:
        """Why the run was not approved, as far as it could be checked; empty where it was."""
        if self._record is None or self._record.request is None:
            return "nobody was asked"
        return self._lacks(self._record.request, self._record)

    def at(self, event: Event) -> Iterator[Finding]:
        """One event more."""
        if event.kind not in set(Kind):
            yield fault(event, f"is of a kind that there is not, {event.kind!r}")
            return
        if event.kind in {Kind.STANDING, Kind.ESTABLISHED, Kind.ASKED, Kind.LOOKED}:
            yield from self._of_no_run(event)
            return
        if event.kind == Kind.NOTED and self._record is None:
            return  # a run that ended before it was planned may still have a word about it
        if event.kind == Kind.OPENED and self._record is not None:
            yield fault(event, "opens the run a second time")
            return
        if event.kind in {Kind.PLANNED, Kind.REQUESTED}:
            self._was = replace(self._record) if self._record is not None else None
        try:
            self._record = take(self._record, event)
        except JournalBroken as broken:
            yield fault(event, f"cannot be read as what it says it is, {event.kind}: {broken.what}")
            return
        try:
            yield from list(self._judged(event, self._record))
        except (TypeError, ValueError, KeyError, AttributeError, RecursionError):  # a moment without a time zone, a step that is a number
            yield fault(event, f"holds values that Firedoor never writes in a {event.kind}")

    def _of_no_run(self, event: Event) -> Iterator[Finding]:
        """What stands in a line of the journal that is no run's."""
        match event.kind:
            case Kind.ASKED if {name for name, said in event.body.items() if isinstance(said, str)} != {"run", "by"}:
                yield fault(event, "does not say who asked, and which run it is")
            case Kind.LOOKED if event.run != WATCH or not isinstance(event.body.get("runs"), Mapping):
                yield fault(event, "does not say at which runs the watch has looked")
            case Kind.STANDING:
                yield from self._standing(event)
            case Kind.ESTABLISHED:
                yield from self._established(event)

    def _judged(self, event: Event, record: Record) -> Iterator[Finding]:  # noqa: C901, PLR0912 - one case a kind of event
        match event.kind:
            case Kind.OPENED:
                yield from self._opened(event, record)
            case Kind.PLANNED if self._was is not None and self._was.items:
                yield from self._renewed(event, self._was, record)
            case Kind.REQUESTED if record.request is not None:
                yield from self._requested(event, record, record.request)
            case Kind.DECIDED:
                yield from self._decision(event, record, record.decisions[-1])
            case Kind.STOP:
                yield from self._decision(event, record, record.stops[-1])
            case Kind.CLOSED:
                yield from self._closed(event, record)
            case Kind.INTENT | Kind.RECEIPT if record.order.mode is Mode.EXERCISE:
                yield fault(event, "is of a write, in an exercise, which makes none", LOOK)
            case Kind.WITHHELD:
                yield from self._withheld(event, record, record.withheld[-1])
            case Kind.INTENT:
                yield from self._intent(event, record, record.intents[-1])
            case Kind.RECEIPT:
                done = record.receipts[-1]
                if done.effect not in self._begun.get(done.item, {}):
                    yield fault(event, f"is a receipt for {done.says!r}, which was never begun", LOOK)
            case Kind.ENDED:
                yield from self._ended(event, record)
            case Kind.RESUMED:
                yield from self._resumed(event, record)
            case Kind.FINISHED if not record.order.sweep:
                yield from self._finished(event, record)
            case Kind.WATCHED:
                yield from self._watched(event, record)
            case Kind.CONCLUDED if record.closing is not None:
                yield from self._concluded(event, record.closing)
            case Kind.SWEEP | Kind.LISTED | Kind.UNLISTED | Kind.ROUND | Kind.SETTLED if not record.order.sweep:
                yield fault(event, "is of a sweep, and this run is none")
            case Kind.INTENTS | Kind.RECEIPTS:
                yield fault(event, "is of a sweep's batch, and does not stand in its stream", LOOK)

    def _opened(self, event: Event, record: Record) -> Iterator[Finding]:
        self._people = self._roster = self._known.roster(record.order)
        order = record.order
        if order.run != event.run:
            yield fault(event, f"holds the order of another run, {order.run}")
        yield from self._given(event, order)

    def _given(self, event: Event, order: Order) -> Iterator[Finding]:
        """What is wrong with who gave the order. What follows from another run, `firedoor.audit` compares with that."""
        match order.via:
            case Via.TERMINAL:
                yield from self._by_hand(
                    event, f"{order.requester}'s order", ordering.document(order), order.proof, order.roster, order.requester
                )
            case Via.BEFORE:
                yield unchecked(event, "who gave the order", UNSAID)
            case _ if why := ordering.misplaced(order):
                yield fault(event, f"holds an order that {why}")

    def _by_hand(self, event: Event, what: str, words: str, proof: str, hashed: str, name: str) -> Iterator[Finding]:  # noqa: PLR0917
        """What is wrong with what somebody signed at a terminal to have something done: that it is theirs, and that they might."""
        roster = self._people if self._people is not None and self._people.hash == hashed else None
        self._ordered, findings = signed(event, what, words, proof, roster, name, hardware=False)
        yield from findings
        person = roster.by_name(name) if roster is not None else None
        if person is not None and not person.may_request:
            yield fault(event, f"is {what}, who may not request")

    def _resumed(self, event: Event, record: Record) -> Iterator[Finding]:
        by = read_as(Resumption, event.body, event)
        if by.via is Via.TERMINAL:
            words = ordering.resumption_document(record.order, by)
            yield from self._by_hand(event, f"{by.by}'s order to resume", words, by.proof, by.roster, by.by)
            if by.at is None or by.at <= self._gone_on:
                yield fault(event, f"is {by.by}'s order to resume, signed before the run was last resumed")
            if by.expires is not None and event.at >= by.expires + GRACE:
                yield fault(event, f"is {by.by}'s order to resume, which had expired")
        for stopped, stop in self._stopped:
            if not stop_counts(stop, record.request) or (by.via is Via.DRILL and record.order.mode is Mode.DRILL):
                continue
            if by.via is not Via.TERMINAL:
                yield fault(event, f"goes on with a run that {stop.by} had stopped, and nobody signed for that", LOOK)
            elif by.at is not None and by.at < stopped.at:
                yield fault(event, f"goes on with a run on an order signed before {stop.by} stopped it", LOOK)
        self._stopped, self._gone_on = [], event.at

    def _renewed(self, event: Event, was: Record, record: Record) -> Iterator[Finding]:
        """What is left of a run was planned anew: because its roster had changed, on the word of somebody on another, and for no more."""
        why = renewing.fault(was, record, refused=self._refused(was, record.resumption))
        self._decided, self._ruled, self._roster = [], Proof.SOUND, self._people
        if why or self._ordered is Proof.FALSE:
            yield fault(event, why or "plans the run a second time, on an order that is forged", LOOK)

    def _refused(self, was: Record, by: Resumption | None) -> bool:
        """Whether people had refused the run, or nobody had answered in time, when somebody signed that it goes on."""
        request = was.request
        if request is not None and was.ruling is not None and self._ruled is not Proof.FALSE:
            return was.ruling is not Ruling.GRANTED
        denied = any(said.answer is Answer.DENY and proof is not Proof.FALSE for said, proof in self._decided)
        return denied or (request is not None and by is not None and by.at is not None and by.at >= request.expires)

    def _requested(self, event: Event, record: Record, request: Request) -> Iterator[Finding]:
        order, by = record.order, record.renewal
        self._decided, self._ruled = [], Proof.SOUND
        if self._was is not None and self._was.request is not None:
            yield fault(event, "asks for the run a second time")
        if (request.requester, request.way) != ((by.by, Way.ORDINARY) if by is not None else (order.requester, order.way)):
            yield fault(event, "asks in another name, or another way, than the run was ordered")
        if by is not None and by.roster != request.roster:
            yield fault(event, "asks another roster than the one on whose word the run goes on")
        self._asked, findings = self._marked(event, "the request", record.mark, request.digest, "")
        yield from findings
        planned = planning.fingerprint(record.items, mode=order.mode, playbook=order.playbook)
        if (request.run, request.mode, request.playbook) != (order.run, order.mode, order.playbook):
            yield fault(event, "asks for another run than this one")
        elif (request.fingerprint, request.lines) != (planned, planning.lines(record.items)):
            yield fault(event, "asks for something else than the plan on record says")
        self._roster = self._people
        if self._roster is None or self._roster.hash != request.roster:
            self._roster = None
            why = f"the roster that was asked ({request.roster[:23]}…) is not the one that is known here"
            yield unchecked(event, "who might decide", why)
        proofs: Mapping[str, Proof] = {}
        if request.standing is not None:
            proofs, wrong = signatures(event, request.standing, "standing approval", self._roster)
            yield from wrong
        self._unfounded = standing_lacks(request, order.standing, proofs, self._roster) if request.way is Way.FREEZE else ""

    def _decision(self, event: Event, record: Record, decision: Decision) -> Iterator[Finding]:
        what = f"{decision.by}'s decision to {decision.answer}"
        request = record.request
        if (event.kind == Kind.STOP) != (decision.answer is Answer.STOP):
            yield fault(event, f"holds {what}, and is no event of that")
            return
        proof, findings = self._proven(event, what, decision, request)
        if decision.request != subject(event.run, request):
            proof, findings = Proof.FALSE, [fault(event, f"is {what} something else than what this run asked")]
        elif request is not None and self._roster is not None and not self._may(decision, request):
            proof, findings = Proof.FALSE, [fault(event, f"is {what}, which was not theirs to decide, or not then")]
        yield from findings
        if event.kind == Kind.DECIDED:
            self._decided.append((decision, proof))
        elif decision.answer is Answer.STOP and proof is not Proof.FALSE:
            self._stopped.append((event, decision))

    def _may(self, decision: Decision, request: Request) -> bool:
        assert self._roster is not None
        if decision.answer is Answer.STOP:
            return self._roster.by_name(decision.by) is not None and decision.by not in request.barred
        in_time = request.requested <= decision.at < request.expires
        return in_time and decision.by in {person.name for person in eligible(request, self._roster)}

    def _proven(self, event: Event, what: str, decision: Decision, request: Request | None) -> tuple[Proof, list[Finding]]:
        if decision.proof.startswith(signing.PROOF):
            hardware = request is not None and request.hardware and decision.answer is Answer.APPROVE
            roster = self._roster if request is not None or self._roster is None or self._roster.by_name(decision.by) else None
            return signed(event, what, document(decision, event.run, request), decision.proof, roster, decision.by, hardware=hardware)
        if request is not None and request.out_of_band:
            return Proof.FALSE, [fault(event, f"is {what} without a signature, where only signatures count")]
        if self._known.seal is None:
            return Proof.UNKNOWN, [unchecked(event, what, NO_SEAL)]
        if self._known.seal.holds(decision):
            return Proof.SOUND, []
        return Proof.FALSE, [fault(event, f"is {what}, and the serving process's key did not vouch for it", SEALED)]

    def _marked(self, event: Event, what: str, mark: str, request: str, ruling: str) -> tuple[Proof, list[Finding]]:
        if self._known.seal is None:
            return Proof.UNKNOWN, [unchecked(event, f"the mark on {what}", NO_SEAL)]
        if self._known.seal.marked(mark, request, ruling):
            return Proof.SOUND, []
        return Proof.FALSE, [fault(event, f"holds {what}, which is not as the serving process put it on record: its mark is false", SEALED)]

    def _closed(self, event: Event, record: Record) -> Iterator[Finding]:
        if record.request is None or record.ruling is None:
            yield fault(event, "rules on a request that was never made")
            return
        self._ruled, findings = self._marked(
            event, f"the ruling {record.ruling!s}", record.ruling_mark, record.request.digest, record.ruling
        )
        yield from findings

    def _intent(self, event: Event, record: Record, started: Started) -> Iterator[Finding]:
        item = next((one for one in record.items if one.id == started.item), None)
        used = {effect for effect, cover in self._begun.setdefault(started.item, {}).items() if cover and cover == started.cover}
        self._begun[started.item].setdefault(started.effect, started.cover)
        if item is None:
            yield fault(event, f"begins {started.says!r} for {started.item}, which is not in the plan", LOOK)
        elif started.change.effect(item.action) != started.effect:
            yield fault(event, f"begins {started.says!r}, which is not the change that it names", LOOK)
        else:
            yield from self._admitted(event, record, item, started, used=len(used - {started.effect}))

    def _withheld(self, event: Event, record: Record, one: Withheld) -> Iterator[Finding]:
        if record.order.mode is not Mode.EXERCISE:
            yield fault(event, "is of a write that was withheld, and this run is no exercise")
        elif one.item not in {item.id for item in record.items}:
            yield fault(event, f"withholds {one.says!r} for {one.item}, which is not in the plan")

    def _admitted(self, event: Event, record: Record, item: Item, started: Started, *, used: int) -> Iterator[Finding]:
        tier = self._known.tier(item.action, bool(record.order.undoes))
        if tier is Tier.AUTO:
            return
        if (request := record.request) is not None and not (lacks := self._lacks(request, record)):
            names = {cover.name: cover.at_most for cover in request.covers.get(item.id, ())}
            if started.effect not in request.effects.get(item.id, ()) and used >= names.get(started.cover, 0):
                yield fault(event, f"begins {started.says!r}, which is not among what was approved", LOOK)
            elif event.at >= request.lapses + GRACE:
                yield fault(event, f"begins {started.says!r} after its approval had lapsed", LOOK)
            return
        if tier is None and request is None:
            yield unchecked(event, f"whether {started.says!r} needed an approval", f"this Firedoor has no action {item.action}")
            return
        why = lacks if request is not None else "nobody was asked"
        yield fault(event, f"begins {started.says!r} without a valid approval: {why}", LOOK)

    def _lacks(self, request: Request, record: Record) -> str:
        """Why the request is not granted, as far as it could be checked."""
        if self._asked is Proof.FALSE:
            return "the request is not as it was asked"
        if self._unfounded:
            return self._unfounded
        if record.ruling not in (None, Ruling.GRANTED) and self._ruled is not Proof.FALSE:
            return f"it was {record.ruling}"
        sound = [decision for decision, proof in self._decided if proof is not Proof.FALSE]
        if any(decision.answer is Answer.DENY for decision in sound):
            return "it was denied"
        given = len({decision.by for decision in sound if decision.answer is Answer.APPROVE})
        return "" if given >= request.required else f"it has {given} valid approval(s), and needs {int(request.required)}"

    def _ended(self, event: Event, record: Record) -> Iterator[Finding]:
        ended = read_as(StepResult, event.body, event)
        if ended.item not in {item.id for item in record.items}:
            yield fault(event, f"ends {ended.item}, which is not in the plan")
        elif ended.outcome is Outcome.CHANGED and not record.done(ended.item):
            yield fault(event, f"says that {ended.item} was changed, and there is no receipt for it")

    def _finished(self, event: Event, record: Record) -> Iterator[Finding]:
        """The report says how each step ended and how many writes were begun: the events say the same."""
        steps = cast("Sequence[Mapping[str, JSON]]", event.body["steps"])
        told = {step["id"]: step["outcome"] for step in steps}
        real = {item.id: str(record.results[item.id].outcome) if item.id in record.results else "PENDING" for item in record.items}
        if told != real or event.body["writes"] != len(record.intents):
            yield fault(event, "reports something else than what the run's events say")

    def _watched(self, event: Event, record: Record) -> Iterator[Finding]:
        """A look is at the run's own items, once it was over; what it saw, nobody signs for."""
        seen = [one.item for one in record.look.found] if record.look is not None else []
        if record.report is None or seen != [item.id for item in record.items if not item.telling]:
            yield fault(event, "is a look at something else than what the run is made of")

    def _concluded(self, event: Event, closing: Closing) -> Iterator[Finding]:
        if closing.run != event.run:
            yield fault(event, f"is the closing of another run, {closing.run}")
        known = self._roster if self._roster is not None and self._roster.by_name(closing.by) else None
        what = f"{closing.by}'s closing of the incident"
        yield from signed(event, what, closing.document, closing.proof, known, closing.by, hardware=False)[1]

    def _standing(self, event: Event) -> Iterator[Finding]:
        mandated = event.run.startswith(MANDATES)
        what = "mandate" if mandated else "standing approval"
        try:
            given = read_as(Mandate, event.body, event) if mandated else read_as(Standing, event.body, event)
            yield from signatures(event, given, what, self._known.standing)[1]
            if isinstance(given, Mandate) and event.run != stream_of(given.sweep):
                yield fault(event, f"is a mandate of another sweep, {given.sweep}")
        except (JournalBroken, TypeError):
            yield fault(event, f"cannot be read as what it says it is, a {what}")

    def _established(self, event: Event) -> Iterator[Finding]:
        what = "word on what a vendor does"
        try:
            said = read_as(Established, event.body, event)
            roster = self._known.standing
            there = roster if roster is not None and roster.hash == said.roster else None
            yield from signed(event, f"{said.by}'s {what}", said.document, said.proof, there, said.by, hardware=False)[1]
            if said.broken or event.run != facts_of(said.vendor):
                yield fault(event, f"is a {what}, and names another fact than its words say, or stands where others are kept")
        except (JournalBroken, TypeError):
            yield fault(event, f"cannot be read as what it says it is, a {what}")
