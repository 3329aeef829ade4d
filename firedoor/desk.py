"""Where requests are recorded, decisions taken in and rulings waited for. The journal is the record; the desk only applies the rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import cast

from firedoor import approval, elsewhere, ordering, planning
from firedoor.approval import Answer, Decision, Grant, Person, Request, Roster, Ruling, check, tally
from firedoor.canonical import JSON, plain
from firedoor.errors import ApprovalInvalid, BadInput, BrokenOff, DecisionRefused, FiredoorError, MustBeSigned, Overtaken, Taken
from firedoor.journal import Journal, Kind
from firedoor.model import Mode
from firedoor.ordering import TICK
from firedoor.run import Order, Record, Via, fold
from firedoor.seal import Seal


class Desk:
    """The approval desk of one process: a roster, a seal, and the journal that all processes share."""

    def __init__(self, *, journal: Journal, roster: Roster, seal: Seal) -> None:
        self.roster = roster
        self._journal = journal
        self._seal = seal
        self._halted: dict[str, str] = {}
        self._begun: set[str] = set()

    async def ask(self, request: Request) -> None:
        """Put a request on record. People are shown it by a channel."""
        body = {**cast("Mapping[str, JSON]", plain(request)), "mark": self._seal.mark(request.digest)}
        await self._journal.append(request.run, Kind.REQUESTED, body, claim=f"request:{request.nonce}")

    async def record(self, run: str) -> Record:
        """Where the run stands. Raises `UnknownRun`."""
        return (await self.read(run))[0]

    async def read(self, run: str) -> tuple[Record, int]:
        """Where the run stands, and the number of the last event that says so. Raises `UnknownRun`."""
        events = await self._journal.events(run)
        return fold(run, events), events[-1].n

    async def check_order(self, order: Order, *, fresh: bool) -> None:
        """Raise `BadInput` where an order may not be carried out; what follows from a run, where that run's order is not the same."""
        ordering.check(order, self.roster, fresh=fresh)
        if fresh and order.via is Via.TERMINAL:
            await self._check_unused(order, now=datetime.now(UTC))
        if order.via is Via.FIREDOOR:
            record = await self.record(order.follows)
            first = record.order
            if record.renewal is not None:
                what = f"run {order.run} follows run {first.run}, which was asked for anew under another roster than its order's"
                raise BadInput(what, advice="Start it again; it plans only what is left")
            if not ordering.same(order, first):
                raise BadInput(f"run {order.run} asks for something else than run {first.run}, which it follows", advice=ordering.AUDIT)
            await self.check_order(first, fresh=False)

    async def _check_unused(self, order: Order, *, now: datetime) -> None:
        """Raise `BadInput` where an order that somebody signed is too old to be begun, or was begun before."""
        if order.asked > now:
            raise BadInput(f"by this machine's clock run {order.run} was ordered in the future", advice="Set the clocks, then sign again")
        elsewhere.check_in_time(order.expires, now=now)
        if await self._journal.events(order.run):
            raise _begun_already(order.run)

    async def may_decide(self, run: str, person: Person | None) -> Request:
        """The open request of a run, if the person may answer it now. Raises `DecisionRefused` in words for them alone, `UnknownRun`."""
        record = await self.record(run)
        self._check_asked(record)
        return self._open(record, person, now=datetime.now(UTC))

    async def decide(self, run: str, person: Person | None, answer: Answer, *, via: str, reason: str = "", asked: str = "") -> Decision:
        """Record one person's answer, once, on this process's word. ``asked``: the digest of the request they were shown, where known.

        Raises `DecisionRefused`: not on the roster, the requester, in the plan, too late, decided already, or shown something else;
        `MustBeSigned` where this process's word does not count.
        """
        if answer is Answer.STOP:
            return await self.stop(run, person, via=via, reason=reason)

        def judged(record: Record, now: datetime) -> Decision:
            self._check_asked(record)
            request = self._open(record, person, now=now)
            assert person is not None
            if asked and asked != request.digest:
                raise DecisionRefused("what you were shown is not what is being asked now", advice="Open the request again")
            if request.out_of_band:
                raise _must_be_signed(run, request, answer)
            return self._vouched(Decision(request=request.digest, answer=answer, by=person.name, via=via, at=now, reason=reason))

        return await self._record(run, judged)

    async def advise(self, run: str, person: Person | None, answer: Answer, *, via: str, reason: str = "") -> None:
        """Put on record what somebody would decide where only signatures count. It has no force. Raises as `may_decide`."""
        request = await self.may_decide(run, person)
        assert person is not None
        said = {"advice": answer, "by": person.name, "via": via, "reason": reason}
        with suppress(Taken):  # said before
            await self._journal.append(run, Kind.NOTED, said, claim=f"advice:{request.nonce}:{person.name}:{answer}")

    async def looked(self, run: str, person: Person | None, *, via: str) -> None:
        """Note that somebody has the open request of an exercise before them, the first time: how long people take is told of it.

        In earnest nothing is noted: no decision is to wait for the record of a look.
        """
        with suppress(FiredoorError):
            request = await self.may_decide(run, person)
            if person is not None and request.mode is Mode.EXERCISE:
                said = {"looked": person.name, "via": via}
                await self._journal.append(run, Kind.NOTED, said, claim=f"looked:{request.nonce}:{person.name}")

    async def draw_up(self, run: str, person: Person | None, answer: Answer, *, via: str, reason: str = "") -> tuple[Decision, str]:
        """An answer of that person, not yet signed, and the document that they are to sign. Raises as `decide` and `stop`."""
        record = await self.record(run)
        now = datetime.now(UTC)
        if answer is Answer.STOP:
            name = self._may_stop(record, person).name
        else:
            name = check(self._open(record, person, now=now), self.roster, person, now=now).name
        named = approval.subject(run, record.request)
        decision = Decision(request=named, answer=answer, by=name, via=via, at=now, reason=reason)
        return decision, approval.document(decision, run, record.request)

    async def submit(self, run: str, decision: Decision) -> Decision:
        """Record an answer that was drawn up here, or elsewhere, and signed. Raises `DecisionRefused`, with nothing recorded."""
        person = self.roster.by_name(decision.by)

        def judged(record: Record, now: datetime) -> Decision:
            if decision.answer is Answer.STOP:
                self._may_stop(record, person)
                if decision.at <= ordering.lifted(record, self.roster):
                    raise DecisionRefused("the run has been resumed since that was signed", advice="Sign again")
            else:
                self._open(record, person, now=now)
            if decision.request != approval.subject(run, record.request):
                raise DecisionRefused("that was signed for something else than what is asked now", advice="Sign again")
            if person is None or not approval.proven(decision, person, run, record.request, self._seal):
                hardware = record.request is not None and record.request.hardware and decision.answer is Answer.APPROVE
                kind = "a hardware key of yours, touched" if hardware else "a key of yours"
                raise DecisionRefused(f"the signature is not one by {kind}, that is on the roster", advice="Sign with a key that is")
            if decision.at > now:
                raise DecisionRefused("by this machine's clock that was signed in the future", advice="Set the clocks, then sign again")
            return decision

        return await self._record(run, judged)

    async def may_stop(self, run: str, person: Person | None) -> Record:
        """The run, if the person may stop it now on this process's word. Raises as `stop`."""
        record = await self.record(run)
        self._may_stop_by_word(record, person)
        return record

    async def stop(self, run: str, person: Person | None, *, via: str, reason: str = "") -> Decision:
        """Let the run begin no further write, on this process's word. Raises `BadInput` where it is over, and as `decide`."""

        def judged(record: Record, now: datetime) -> Decision:
            who = self._may_stop_by_word(record, person)
            named = approval.subject(run, record.request)
            at = max(now, ordering.lifted(record, self.roster) + TICK)  # another clock may be ahead
            return self._vouched(Decision(request=named, answer=Answer.STOP, by=who.name, via=via, at=at, reason=reason))

        return await self._record(run, judged)

    def stopped_by(self, record: Record) -> str:
        """Who stopped the run, proofs checked; empty where nobody did, or somebody has signed since that it goes on."""
        if not record.stops:
            return ""
        since = ordering.lifted(record, self.roster)
        return next((stop.by for stop in record.stops if stop.at > since and self._counts(record, stop)), "")

    def _counts(self, record: Record, stop: Decision) -> bool:
        """Whether a stop is one of that run. One that was made while it was planned anew names what was asked before."""
        before = record.earlier[0] if record.earlier is not None else None
        named = before if before is not None and stop.request == before.digest else record.request
        return approval.stops(stop, record.order.run, named, self.roster, self._seal)

    def begin(self, run: str) -> None:
        """The run is about to be put on record. Raises `BrokenOff` where this process was halted at it: then it must not be."""
        if by := self.halted(run):
            raise BrokenOff(f"stopped by {by}, before anything was asked for", advice="Start it again when you want it")
        self._begun.add(run)

    async def open(self, order: Order) -> None:
        """Put the run on record, once: of two processes with the same order, one begins it. Raises `BadInput` in the other."""
        try:
            await self._journal.append(order.run, Kind.OPENED, order, claim="opened")
        except Taken:
            raise _begun_already(order.run) from None

    async def halt(self, run: str, by: str) -> bool:
        """This process begins nothing more of the run, and its request is no longer open. Whether the run was begun at all.

        That takes no right: ``by`` is the hand that could have killed the process. So it holds for this process alone, whoever may go on.
        """
        self._halted[run] = by
        if events := await self._journal.events(run):
            await self._journal.append(run, Kind.NOTED, {"halted": by})
            if (request := fold(run, events).request) is not None:
                await self.wait(request)
        return bool(events) or run in self._begun

    def halted(self, run: str) -> str:
        """By what hand this process was halted at the run; empty where it was not."""
        return self._halted.get(run, "")

    async def wait(self, request: Request) -> Ruling:
        """Until the request is ruled on: by enough people, by one denial, by its expiry, or by a stop. The ruling is journaled once."""
        async for _ in self._journal.ticks(request.run):
            record, seen = await self.read(request.run)
            if (ruled := self.ruling(record)) is not None:
                return ruled
            stopped_by = self.stopped_by(record) or self.halted(request.run)
            ruling = Ruling.STOPPED if stopped_by else self._stands(request, record)
            if ruling is not Ruling.WAITING:
                with suppress(Overtaken):  # what came in meanwhile may be a decision: the ruling is one on all that is on record
                    body = {"ruling": ruling, "stopped_by": stopped_by, "mark": self._seal.mark(request.digest, ruling)}
                    await self._journal.append(request.run, Kind.CLOSED, body, seen=seen)
                    return ruling
        raise AssertionError("the journal beats without end")

    def ruling(self, record: Record) -> Ruling | None:
        """How the request ended, if it has: by the word of a serving process, not of whoever else may write to the database."""
        if record.request is None or record.ruling is None:
            return None
        return record.ruling if self._seal.marked(record.ruling_mark, record.request.digest, record.ruling) else None

    def tally(self, request: Request, record: Record) -> Ruling:
        """Where the request stands by the decisions on record, proofs checked."""
        return tally(request, self.roster, record.decisions, self._seal, now=datetime.now(UTC))

    def refused(self, record: Record) -> bool:
        """Whether people would not have it, or nobody answered in time: then it is not asked for twice, whoever is on the roster since.

        Proofs are checked, as of everything that counts: a row in the database that nobody vouches for ends no run.
        """
        request, ruled = record.request, self.ruling(record)
        if request is None or ruled is not None:
            return ruled not in (None, Ruling.GRANTED)
        return datetime.now(UTC) >= request.expires or self._stands(request, record) is Ruling.DENIED

    def _stands(self, request: Request, record: Record) -> Ruling:
        """As `tally`; where another roster was asked, nobody can answer any more, and a denial counts that is vouched for."""
        if request.roster == self.roster.hash:
            return self.tally(request, record)
        said = [one for one in record.decisions if one.request == request.digest and one.answer is Answer.DENY]
        still = {person.name: person for person in approval.eligible(request, self.roster)}
        signed = (one for one in said if one.by in still and approval.proven(one, still[one.by], request.run, request, self._seal))
        return Ruling.DENIED if any(self._seal.holds(one) for one in said) or any(signed) else Ruling.EXPIRED

    def grant(self, record: Record) -> Grant | None:
        """The approval in force for a run, proofs checked; None where there is none. A request copied from another run grants nothing."""
        request, order = record.request, record.order
        if request is None or (request.run, request.mode, request.playbook) != (order.run, order.mode, order.playbook):
            return None
        if not self._seal.marked(record.mark, request.digest):
            return None
        if self.ruling(record) not in (None, Ruling.GRANTED) or self.tally(request, record) is not Ruling.GRANTED:
            return None
        return Grant(request=request, decisions=tuple(record.decisions), roster=self.roster, seal=self._seal)

    async def _record(self, run: str, judged: Callable[[Record, datetime], Decision]) -> Decision:
        """Put on record what ``judged`` makes of the run as it stands, unless the run has gone on meanwhile: then it judges again."""
        while True:
            record, seen = await self.read(run)
            decision = judged(record, datetime.now(UTC))
            with suppress(Overtaken):  # somebody else decided, or it was ruled on: whoever is told "recorded" must have been in time
                await self._journal.append(run, Kind.STOP if decision.answer is Answer.STOP else Kind.DECIDED, decision, seen=seen)
                return decision

    def check_as_asked(self, record: Record) -> None:
        """The plan on record is the one that people were asked about, whoever wrote to the database since. Raises `ApprovalInvalid`."""
        request, order = record.request, record.order
        self._check_asked(record)
        if request is not None and (
            (request.run, request.mode, request.playbook) != (order.run, order.mode, order.playbook)
            or request.fingerprint != planning.fingerprint(record.items, mode=order.mode, playbook=order.playbook)
        ):
            raise ApprovalInvalid("the plan on record is not the one that was asked", advice="Run `firedoor audit verify`; start it again")

    def _check_asked(self, record: Record) -> None:
        """The request is the one that was asked, whoever wrote to the database since: how many it takes, and who is barred. Raises."""
        if record.request is not None and not self._seal.marked(record.mark, record.request.digest):
            raise ApprovalInvalid("the request on record is not as Firedoor asked it", advice="Run `firedoor audit verify`; start it again")

    def _vouched(self, decision: Decision) -> Decision:
        return replace(decision, proof=self._seal.sign(decision))

    def _may_stop_by_word(self, record: Record, person: Person | None) -> Person:
        self._check_asked(record)
        who = self._may_stop(record, person)
        if record.request is not None and record.request.out_of_band:
            raise _must_be_signed(record.order.run, record.request, Answer.STOP)
        return who

    def _may_stop(self, record: Record, person: Person | None) -> Person:
        if record.report is not None:
            raise BadInput(f"run {record.order.run} is over", advice=f"See `firedoor show {record.order.run}`")
        if person is None or person not in self.roster.people:
            raise DecisionRefused("you are not on Firedoor's roster", advice="Ask somebody who is")
        if record.request is not None and person.name in record.request.barred:
            raise DecisionRefused("you are in this plan yourself, so you may not stop it", advice="Ask somebody else on the roster")
        return person

    def _open(self, record: Record, person: Person | None, *, now: datetime) -> Request:
        request, run = record.request, record.order.run
        if request is None or (ended := self.ruling(record)) is not None:
            ruling = "nothing was asked" if request is None else f"it was {ended}"
            raise DecisionRefused(f"run {run} waits for no decision: {ruling}", advice="See `firedoor show`")
        who = check(request, self.roster, person, now=now)
        theirs = (one for one in record.decisions if one.by == who.name and one.request == request.digest)
        if any(approval.proven(one, who, run, request, self._seal) for one in theirs):  # not what somebody else wrote in their name
            raise DecisionRefused("you have decided on this already; the first answer counts")
        stopped_by = self.stopped_by(record)
        if stopped_by or (ruled := self.tally(request, record)) is not Ruling.WAITING:
            ruling = "it was stopped" if stopped_by else f"it is {ruled}"
            raise DecisionRefused(f"run {run} waits for no decision: {ruling}", advice="See `firedoor show`")
        return request


def _begun_already(run: str) -> BadInput:
    return BadInput(f"run {run} was begun with that order already", advice=f"See `firedoor show {run}`; to do it again, sign again")


def _must_be_signed(run: str, request: Request, answer: Answer) -> MustBeSigned:
    return MustBeSigned(
        f"chat cannot be trusted with this run ({request.out_of_band}), so what is said here has no force",
        advice=f"At your own terminal: firedoor {answer} {run} --key FILE",
    )
