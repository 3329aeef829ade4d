"""Who may approve, how many, until when, for which changes, and with what proof. Pure rules over frozen values.

The record of a decision lives in the journal; a chat message only shows it. Each decision carries a proof over all it decides: a MAC made
with a key that the serving process keeps outside the database, or the person's own SSH signature. Who can rewrite the journal still cannot
approve. Where chat is downstream of the attacker, only signatures count.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property

from firedoor import signing
from firedoor.canonical import digest, instant
from firedoor.errors import ApprovalInvalid, ApprovalLapsed, BadInput, DecisionRefused
from firedoor.model import Cover, Mode, Tier
from firedoor.seal import Seal
from firedoor.standing import Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody on the roster. ``slack`` is the member id that never changes, "" for whoever is not in Slack.

    ``names`` is every target name that is really this person.

    ``keys`` are their public SSH keys (``type base64``), with which they decide where chat cannot be trusted.
    """

    name: str
    slack: str
    names: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    may_request: bool = True
    may_approve: bool = True


@dataclass(frozen=True, kw_only=True)
class Roster:
    """The people who may request and approve, pinned in configuration."""

    people: tuple[Person, ...]

    @cached_property
    def hash(self) -> str:
        """Stands in every request, so that a roster changed afterwards cannot pass for the one that was asked."""
        return digest(self.people)

    def by_slack(self, member: str) -> Person | None:
        """The person with that Slack member id."""
        return next((person for person in self.in_slack if person.slack == member), None)

    @property
    def in_slack(self) -> tuple[Person, ...]:
        """Those who can be asked and told there; the others decide by signature alone."""
        return tuple(person for person in self.people if person.slack)

    def by_name(self, name: str) -> Person | None:
        """The person of that roster name."""
        return next((person for person in self.people if person.name == name), None)

    def by_key(self, key: str) -> Person | None:
        """The person whose public key that is."""
        return next((person for person in self.people if key in person.keys), None)

    def among(self, names: Sequence[str]) -> tuple[Person, ...]:
        """Those whom any of the target names means. Whoever is in the plan leaves the roster for that run."""
        wanted = {name.casefold() for name in names}
        return tuple(person for person in self.people if wanted.intersection(own.casefold() for own in person.names))


class Way(StrEnum):
    """How a run comes to be approved. A freeze rests on a standing approval; breaking the glass is one person alone, and told to all."""

    ORDINARY = "ordinary"
    FREEZE = "freeze"
    BREAK_GLASS = "break-glass"


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is asked of the approvers. ``effects`` and ``covers`` are per item of the plan; ``barred`` are people who are in the plan.

    ``lines`` are the changes in words, ``out_of_band`` why only SSH signatures count, where that is so.
    """

    run: str
    mode: Mode
    playbook: str
    fingerprint: str
    effects: Mapping[str, tuple[str, ...]]
    covers: Mapping[str, tuple[Cover, ...]]
    required: Tier
    requester: str
    roster: str
    barred: tuple[str, ...]
    requested: datetime
    expires: datetime
    lapses: datetime
    nonce: str
    lines: tuple[str, ...] = ()
    out_of_band: str = ""
    way: Way = Way.ORDINARY
    standing: Standing | None = None

    @cached_property
    def digest(self) -> str:
        """Names the request in every decision on it. It is asked for before each write."""
        return digest(self)

    @property
    def hardware(self) -> bool:
        """Whether its signatures must be made with hardware keys."""
        return bool(self.out_of_band) and self.required is Tier.TWO


class Answer(StrEnum):
    """What a person says."""

    APPROVE = "approve"
    DENY = "deny"
    STOP = "stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One person's answer to one request, named by its digest; a stop of a run that asked for nothing names the run.

    ``proof`` is a MAC or an SSH signature over everything else.
    """

    request: str
    answer: Answer
    by: str
    via: str
    at: datetime
    reason: str = ""
    proof: str = ""


class Ruling(StrEnum):
    """Where a request stands."""

    WAITING = "waiting"
    GRANTED = "granted"
    DENIED = "denied"
    EXPIRED = "expired"
    STOPPED = "stopped"


def document(decision: Decision, run: str, request: Request | None) -> str:
    """What a person signs, in words that they can read; their own machine writes it anew from the journal. No value spans two lines."""
    lines = ["Firedoor decision, version 1", f"decision: {decision.answer}", f"run: {run}"]
    if request is not None:
        lines += [
            f"mode: {request.mode}",
            f"playbook: {request.playbook}",
            f"requested by: {request.requester}",
            f"approvals needed: {int(request.required)}",
            f"way: {request.way}",
            f"signed outside chat because: {request.out_of_band or 'the signer chose to'}",
            "changes:",
            *(f"- {line}" for line in request.lines),
            f"expires: {instant(request.expires)}",
            f"roster: {request.roster}",
            f"nonce: {request.nonce}",
            f"fingerprint: {request.fingerprint}",
        ]
    lines += [
        f"request: {decision.request}",
        f"by: {decision.by}",
        f"via: {decision.via}",
        f"at: {instant(decision.at)}",
        f"reason: {decision.reason}",
    ]
    return signing.paper(lines)


def read_document(text: str) -> tuple[str, Decision]:
    """The run and the decision, unsigned, that a document is about. Raises `BadInput`; what else it says is for its reader alone."""
    lines = dict(line.partition(": ")[::2] for line in text.splitlines() if not line.startswith("- "))
    try:
        decision = Decision(
            request=lines["request"],
            answer=Answer(lines["decision"]),
            by=lines["by"],
            via=lines["via"],
            at=datetime.fromisoformat(lines["at"]),
            reason=lines["reason"],
        )
        return lines["run"], decision
    except (KeyError, ValueError):
        raise BadInput("that is no document of a decision", advice="Make one: firedoor approve RUN --as NAME --print") from None


def proven(decision: Decision, person: Person, run: str, request: Request | None, seal: Seal) -> bool:
    """Whether the decision's proof holds: the person's own signature, or, where chat counts, the serving process's MAC."""
    if decision.proof.startswith(signing.PROOF):
        hardware = request is not None and request.hardware and decision.answer is Answer.APPROVE
        return signing.holds(document(decision, run, request), decision.proof, person.keys, hardware=hardware)
    return not (request is not None and request.out_of_band) and seal.holds(decision)


def stops(decision: Decision, run: str, request: Request | None, roster: Roster, seal: Seal) -> bool:
    """Whether a stop counts: anybody on the roster may, but for those who are in the plan.

    One that was made before anything was asked names the run itself, and counts afterwards too: signed, where only signatures count.
    """
    person = roster.by_name(decision.by)
    if person is None or decision.answer is not Answer.STOP or (request is not None and person.name in request.barred):
        return False
    early = decision.request == subject(run, None)
    if early and request is not None and request.out_of_band and not decision.proof.startswith(signing.PROOF):
        return False
    named = None if early else request
    return decision.request == subject(run, named) and proven(decision, person, run, named, seal)


def subject(run: str, request: Request | None) -> str:
    """What a decision names: the request, or the run where nothing was asked."""
    return request.digest if request is not None else digest({"run": run})


def eligible(request: Request, roster: Roster) -> tuple[Person, ...]:
    """Those who may answer: approvers, less the requester and whoever is in the plan; with a fit key, where decisions must be signed.

    A freeze two approvers have signed by daylight, and anybody who may request uses that with their own key: each of them might begin the
    very same freeze with the very same signature, so it need not be the one who began it, who may have nothing but chat at hand.
    """
    fit = [person for person in roster.people if person.name not in request.barred and _has_fit_key(request, person)]
    match request.way:
        case Way.ORDINARY:
            return tuple(person for person in fit if person.may_approve and person.name != request.requester)
        case Way.FREEZE:
            return tuple(person for person in fit if person.may_request)
        case Way.BREAK_GLASS:
            return tuple(person for person in fit if person.may_approve and person.name == request.requester)


def _has_fit_key(request: Request, person: Person) -> bool:
    if not request.out_of_band:
        return True
    return any(signing.is_hardware(key) or not request.hardware for key in person.keys)


def check(request: Request, roster: Roster, person: Person | None, *, now: datetime) -> Person:
    """The person, if they may answer this request now; `tally` counts whatever passes here. Raises `DecisionRefused` in words for them."""
    if person is None or person not in roster.people:
        raise DecisionRefused("you are not on Firedoor's roster", advice="Ask one of its approvers")
    if roster.hash != request.roster:
        raise DecisionRefused("the roster has changed since this was asked", advice="Ask for the run to be started again")
    if not person.may_approve and request.way is not Way.FREEZE:
        raise DecisionRefused("you may request runs, but not approve them", advice="Ask one of the approvers")
    if person.name in request.barred:
        raise DecisionRefused("an account of yours is in this plan; somebody else must decide", advice="Ask another approver")
    if person.name == request.requester and request.way is Way.ORDINARY:
        raise DecisionRefused("you asked for this run yourself; somebody else must decide", advice="Ask another approver")
    if not _has_fit_key(request, person):
        kind = "hardware-backed (sk-)" if request.hardware else "public"
        raise DecisionRefused(f"this must be signed, and no {kind} SSH key of yours is in the roster", advice="Ask another approver")
    if person not in eligible(request, roster):
        raise DecisionRefused("this is not yours to decide", advice=f"Ask {request.requester}, who began it")
    if now < request.requested:
        raise DecisionRefused("by this machine's clock nobody has asked yet", advice="Set its clock, then decide again")
    if now >= request.expires:
        raise DecisionRefused("the request has expired; nothing was approved", advice="Start the run again")
    return person


def tally(request: Request, roster: Roster, decisions: Sequence[Decision], seal: Seal, *, now: datetime) -> Ruling:
    """Where the request stands. Decisions whose proof fails, or whose maker may not decide, count for nothing."""
    asked = request.digest
    may = {person.name: person for person in eligible(request, roster)} if _stands(request, roster) else {}
    valid = [
        decision
        for decision in decisions
        if decision.request == asked and decision.by in may and request.requested <= decision.at < request.expires
        if proven(decision, may[decision.by], request.run, request, seal)
    ]
    if any(decision.answer is Answer.DENY for decision in valid):
        return Ruling.DENIED
    if len({decision.by for decision in valid if decision.answer is Answer.APPROVE}) >= request.required:
        return Ruling.GRANTED
    return Ruling.EXPIRED if now >= request.expires else Ruling.WAITING


def _stands(request: Request, roster: Roster) -> bool:
    """Whether the roster is the one that was asked and, for a freeze, its standing approval was in force when it was asked."""
    if roster.hash != request.roster:
        return False
    if request.way is not Way.FREEZE:
        return True
    keys = {person.name: person.keys for person in roster.people if person.may_approve}
    return request.standing is not None and not request.standing.lacks(keys, roster.hash, request.requested)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """An approval in force. The engine consults it before each write, proof and all."""

    request: Request
    decisions: tuple[Decision, ...]
    roster: Roster
    seal: Seal = field(repr=False)

    def admits(self, *, item: str, effect: str, cover: str, used: int, now: datetime) -> bool:
        """Whether the change may be made: approved by name, or within an approved class of which ``used`` changes were made before.

        Raises `ApprovalInvalid` where the proofs do not hold, `ApprovalLapsed` where the approval was not used in time.
        """
        if tally(self.request, self.roster, self.decisions, self.seal, now=now) is not Ruling.GRANTED:
            raise ApprovalInvalid("the approval's proof does not hold", advice="Run `firedoor audit verify`, then start the run again")
        if now >= self.request.lapses:
            raise ApprovalLapsed("the approval was not used in time", advice="Start the run again; it plans only what is left")
        if effect in self.request.effects.get(item, ()):
            return True
        return bool(cover) and any(cover == allowed.name and used < allowed.at_most for allowed in self.request.covers.get(item, ()))
