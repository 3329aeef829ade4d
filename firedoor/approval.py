"""Who may approve, how many, until when, for which changes, and with what proof. Pure rules over frozen values.

The record of a decision lives in the journal; a chat message only shows it. Each decision carries a MAC over all it decides, made
with a key that the serving process keeps outside the database: who can rewrite the journal still cannot approve.
"""

from __future__ import annotations

import hmac
import os
import secrets
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from pathlib import Path

from firedoor.canonical import canonical, digest
from firedoor.errors import ApprovalInvalid, DecisionRefused, Misconfigured
from firedoor.model import Cover, Mode, Tier

KEY_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody on the roster. ``slack`` is the member id that never changes, ``names`` every target name that is really this person."""

    name: str
    slack: str
    names: tuple[str, ...] = ()
    may_request: bool = True
    may_approve: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """The people who may request and approve, pinned in configuration."""

    people: tuple[Person, ...]

    @property
    def hash(self) -> str:
        """Stands in every request, so that a roster changed afterwards cannot pass for the one that was asked."""
        return digest(self.people)

    def by_slack(self, member: str) -> Person | None:
        """The person with that Slack member id."""
        return next((person for person in self.people if person.slack == member), None)

    def by_name(self, name: str) -> Person | None:
        """The person of that roster name."""
        return next((person for person in self.people if person.name == name), None)

    def among(self, names: Sequence[str]) -> tuple[Person, ...]:
        """Those whom any of the target names means. Whoever is in the plan leaves the roster for that run."""
        wanted = {name.casefold() for name in names}
        return tuple(person for person in self.people if wanted.intersection(own.casefold() for own in person.names))


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked of the approvers. ``effects`` and ``covers`` are per item of the plan; ``barred`` are people who are in the plan."""

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

    @property
    def digest(self) -> str:
        """Names the request in every decision on it."""
        return digest(self)


class Answer(StrEnum):
    """What a person says."""

    APPROVE = "approve"
    DENY = "deny"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One person's answer to one request. ``proof`` is the MAC over everything else."""

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


class Seal:
    """The serving process's own key. Its bytes are shown nowhere."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def __repr__(self) -> str:
        return "Seal()"

    @classmethod
    def kept_in(cls, folder: Path) -> Seal:
        """The key kept in ``folder`` as ``approval.key``, readable by its owner only; made on first use. Raises `Misconfigured`."""
        path = folder / "approval.key"
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not path.exists():
                _make_key(path)
            if folder.stat().st_mode & 0o022:
                raise Misconfigured(f"others may write to {folder}, and so exchange the approval key", advice=f"Run: chmod go-w {folder}")
            if path.stat().st_mode & 0o077:
                raise Misconfigured(f"{path} can be read by others than its owner", advice=f"Run: chmod 600 {path}")
            key = path.read_bytes()
        except OSError as error:
            raise Misconfigured(f"the approval key at {path} cannot be used ({error.strerror})", advice="Set FIREDOOR_STATE_DIR") from error
        if len(key) != KEY_BYTES:
            raise Misconfigured(f"the approval key at {path} is damaged", advice="Move it away; open requests must then be approved again")
        return cls(key)

    def sign(self, decision: Decision) -> str:
        """The MAC over the decision without its proof."""
        return "mac:" + hmac.new(self._key, _signed(decision).encode(), sha256).hexdigest()

    def holds(self, decision: Decision) -> bool:
        """Whether the proof is this key's, over exactly this decision."""
        return hmac.compare_digest(canonical(decision.proof).encode(), canonical(self.sign(decision)).encode())


def _make_key(path: Path) -> None:
    """The key appears under its name all at once and only once: another process never sees half of it, nor is left with one of its own."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".approval.key-") as file:  # made readable by its owner only
        file.write(secrets.token_bytes(KEY_BYTES))
        file.flush()
        os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(file.name, path)


def _signed(decision: Decision) -> str:
    named = {"namespace": "firedoor/decision/1", "request": decision.request, "answer": decision.answer, "by": decision.by}
    return canonical({**named, "via": decision.via, "at": decision.at, "reason": decision.reason})


def eligible(request: Request, roster: Roster) -> tuple[Person, ...]:
    """Those who may answer: approvers, less the requester and whoever is in the plan."""
    out = {request.requester, *request.barred}
    return tuple(person for person in roster.people if person.may_approve and person.name not in out)


def check(request: Request, roster: Roster, person: Person | None, *, now: datetime) -> Person:
    """The person, if they may answer this request now; `tally` counts whatever passes here. Raises `DecisionRefused` in words for them."""
    if person is None or person not in roster.people:
        raise DecisionRefused("you are not on Firedoor's roster", advice="Ask one of its approvers")
    if roster.hash != request.roster:
        raise DecisionRefused("the roster has changed since this was asked", advice="Ask for the run to be started again")
    if not person.may_approve:
        raise DecisionRefused("you may request runs, but not approve them", advice="Ask one of the approvers")
    if person.name == request.requester:
        raise DecisionRefused("you asked for this run yourself; somebody else must decide", advice="Ask another approver")
    if person.name in request.barred:
        raise DecisionRefused("an account of yours is in this plan; somebody else must decide", advice="Ask another approver")
    if now < request.requested:
        raise DecisionRefused("by this machine's clock nobody has asked yet", advice="Set its clock, then decide again")
    if now >= request.expires:
        raise DecisionRefused("the request has expired; nothing was approved", advice="Start the run again")
    return person


def tally(request: Request, roster: Roster, decisions: Sequence[Decision], seal: Seal, *, now: datetime) -> Ruling:
    """Where the request stands. Decisions whose proof fails, or whose maker may not decide, count for nothing."""
    asked = request.digest
    may = {person.name for person in eligible(request, roster)} if roster.hash == request.roster else set()
    valid = [
        decision
        for decision in decisions
        if decision.request == asked and decision.by in may and request.requested <= decision.at < request.expires and seal.holds(decision)
    ]
    if any(decision.answer is Answer.DENY for decision in valid):
        return Ruling.DENIED
    if len({decision.by for decision in valid}) >= request.required:
        return Ruling.GRANTED
    return Ruling.EXPIRED if now >= request.expires else Ruling.WAITING


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """An approval in force. The engine consults it before each write, proof and all."""

    request: Request
    decisions: tuple[Decision, ...]
    roster: Roster
    seal: Seal = field(repr=False)

    def admits(self, *, item: str, effect: str, cover: str, used: int, now: datetime) -> bool:
        """Whether the change may be made: approved by name, or within an approved class of which ``used`` changes were made before.

        Raises `ApprovalInvalid` where the proofs do not hold, or where the approval was not used in time.
        """
        if tally(self.request, self.roster, self.decisions, self.seal, now=now) is not Ruling.GRANTED:
            raise ApprovalInvalid("the approval's proof does not hold", advice="Run `firedoor audit verify`, then start the run again")
        if now >= self.request.lapses:
            raise ApprovalInvalid("the approval was not used in time", advice="Start the run again; it plans only what is left")
        if effect in self.request.effects.get(item, ()):
            return True
        return bool(cover) and any(cover == allowed.name and used < allowed.at_most for allowed in self.request.covers.get(item, ()))
