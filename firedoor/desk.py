"""Where requests are recorded, decisions taken in and rulings waited for. The journal is the record; the desk only applies the rules."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

from firedoor.approval import Answer, Decision, Grant, Person, Request, Roster, Ruling, Seal, check, tally
from firedoor.errors import DecisionRefused
from firedoor.journal import Journal, Kind
from firedoor.run import Record, fold
from firedoor.store import Overtaken, Taken


class Desk:
    """The approval desk of one process: a roster, a seal, and the journal that all processes share."""

    def __init__(self, *, journal: Journal, roster: Roster, seal: Seal) -> None:
        self.roster = roster
        self._journal = journal
        self._seal = seal

    async def ask(self, request: Request) -> None:
        """Put a request on record. People are shown it by a channel."""
        await self._journal.append(request.run, Kind.REQUESTED, request, claim=f"request:{request.nonce}")

    async def record(self, run: str) -> Record:
        """Where the run stands. Raises `UnknownRun`."""
        return fold(run, await self._journal.events(run))

    async def may_decide(self, run: str, person: Person | None) -> Request:
        """The open request of a run, if the person may answer it now. Raises `DecisionRefused` in words for them alone, `UnknownRun`."""
        return self._open(await self.record(run), person, now=datetime.now(UTC))

    async def decide(self, run: str, person: Person | None, answer: Answer, *, via: str, reason: str = "", asked: str = "") -> Decision:
        """Record one person's answer, once. ``asked``: the digest of the request they were shown, where known.

        Raises `DecisionRefused`: not on the roster, the requester, in the plan, too late, decided already, or shown something else.
        """
        while True:
            record, seen = await self._read(run)
            now = datetime.now(UTC)
            request = self._open(record, person, now=now)
            assert person is not None
            if asked and asked != request.digest:
                raise DecisionRefused("what you were shown is not what is being asked now", advice="Open the request again")
            bare = Decision(request=request.digest, answer=answer, by=person.name, via=via, at=now, reason=reason)
            decision = replace(bare, proof=self._seal.sign(bare))
            try:
                await self._journal.append(run, Kind.DECIDED, decision, claim=f"decision:{request.nonce}:{person.name}", seen=seen)
            except Taken as taken:
                raise DecisionRefused("you have decided on this already; the first answer counts") from taken
            except Overtaken:
                continue  # somebody else decided, or the request was ruled on: whoever is told "recorded" must have been in time
            return decision

    async def wait(self, request: Request) -> Ruling:
        """Until the request is ruled on: by enough people, by one denial, by its expiry, or by a stop. The ruling is journaled once."""
        async for _ in self._journal.ticks():
            record, seen = await self._read(request.run)
            if record.ruling is not None:
                return record.ruling
            ruling = Ruling.STOPPED if record.stopped_by else self.tally(request, record)
            if ruling is not Ruling.WAITING:
                with suppress(Overtaken, Taken):  # what came in meanwhile may be a decision: the ruling is one on all that is on record
                    claim = f"ruling:{request.nonce}"
                    await self._journal.append(request.run, Kind.CLOSED, {"ruling": ruling}, claim=claim, seen=seen)
                    return ruling
        raise AssertionError("the journal beats without end")

    def tally(self, request: Request, record: Record) -> Ruling:
        """Where the request stands by the decisions on record, proofs checked."""
        return tally(request, self.roster, record.decisions, self._seal, now=datetime.now(UTC))

    def grant(self, record: Record) -> Grant | None:
        """The approval in force for a run, proofs checked; None where there is none. A request copied from another run grants nothing."""
        request, order = record.request, record.order
        if request is None or (request.run, request.mode, request.playbook) != (order.run, order.mode, order.playbook):
            return None
        if record.ruling not in (None, Ruling.GRANTED) or self.tally(request, record) is not Ruling.GRANTED:
            return None
        return Grant(request=request, decisions=tuple(record.decisions), roster=self.roster, seal=self._seal)

    async def _read(self, run: str) -> tuple[Record, int]:
        """Where the run stands, and the number of the last event that says so."""
        events = await self._journal.events(run)
        return fold(run, events), events[-1].n if events else 0

    def _open(self, record: Record, person: Person | None, *, now: datetime) -> Request:
        request, run = record.request, record.order.run
        if request is None or record.ruling is not None:
            ruling = f"it was {record.ruling}" if record.ruling else "nothing was asked"
            raise DecisionRefused(f"run {run} waits for no decision: {ruling}", advice="See `firedoor show`")
        who = check(request, self.roster, person, now=now)
        if any(decision.by == who.name for decision in record.decisions):
            raise DecisionRefused("you have decided on this already; the first answer counts")
        if record.stopped_by or (ruled := self.tally(request, record)) is not Ruling.WAITING:
            ruling = "it was stopped" if record.stopped_by else f"it is {ruled}"
            raise DecisionRefused(f"run {run} waits for no decision: {ruling}", advice="See `firedoor show`")
        return request
