"""Signatures that are not what they should be, handed in at the desk or written into the journal. Only hardware keys count here."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from firedoor import signing
from firedoor.approval import Answer, Decision, Request, document
from firedoor.errors import FiredoorError
from firedoor.exercise.keys import SecurityKey
from firedoor.journal import Kind
from firedoor.model import Mode
from firedoor.seal import Seal
from firedoor.settings import PersonTable
from tests.abuse.acts import doing
from tests.abuse.attempt import Attempt, Make, Theme
from tests.abuse.ground import Ground, begun, held
from tests.abuse.journals import alter
from tests.channels.slack.scene import KEYS, SlackMode

OLD, UNKNOWN, DANS = SecurityKey(), SecurityKey(), SecurityKey()


@dataclass(frozen=True, slots=True)
class SoftKey:
    """A key in a file, made here: starting ssh-keygen for each would take long."""

    private: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate, repr=False)

    @property
    def blob(self) -> bytes:
        raw = self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return _string(b"ssh-ed25519") + _string(raw)

    @property
    def public(self) -> str:
        return f"ssh-ed25519 {base64.b64encode(self.blob).decode()}"

    def sign(self, text: str) -> signing.Signature:
        named = _string(signing.NAMESPACE.encode()) + _string(b"") + _string(b"sha512")
        message = b"SSHSIG" + named + _string(hashlib.sha512(text.encode()).digest())
        made = _string(b"ssh-ed25519") + _string(self.private.sign(message))
        return signing.read(signing.armor(b"SSHSIG" + (1).to_bytes(4, "big") + _string(self.blob) + named + _string(made)))


def _string(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


SOFT: Final = SoftKey()
PEOPLE: Final = (
    PersonTable(name="Ada", slack="U0ADA", keys=(KEYS["Ada"].public,)),
    PersonTable(name="Ben", slack="U0BEN", keys=(KEYS["Ben"].public, SOFT.public)),
    PersonTable(name="Cyd", slack="U0CYD", keys=(KEYS["Cyd"].public,)),
    PersonTable(name="Dan", slack="U0DAN", accounts=("fake:door:dans",), keys=(DANS.public,)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A decision of Ben's, to be signed: what it is about."""

    decision: Decision
    run: str
    request: Request
    over: Request
    seal: Seal

    def text(self, *, decision: Decision | None = None, run: str = "", request: Request | None = None) -> str:
        return document(decision or self.decision, run or self.run, request or self.request)

    def ben(self, text: str, **how: Any) -> Decision:
        """Ben's own signature, over that."""
        return replace(self.decision, proof=KEYS["Ben"].sign(text, **how).proof)

    def of(self, **changed: object) -> Request:
        return replace(self.request, **changed)  # type: ignore[arg-type]

    def said(self, **changed: object) -> Decision:
        return replace(self.decision, **changed)  # type: ignore[arg-type]

    @property
    def proof(self) -> str:
        return self.ben(self.text()).proof


Forge = Callable[[Case], Decision]


def by(name: str, key: SecurityKey) -> Forge:
    """By somebody else, over their own decision."""

    def forge(case: Case) -> Decision:
        said = case.said(by=name)
        return replace(said, proof=key.sign(case.text(decision=said)).proof)

    return forge


def _flipped(share: float) -> Forge:
    def forge(case: Case) -> Decision:
        blob = bytearray(base64.b64decode(case.proof.removeprefix(signing.PROOF)))
        blob[int(share * (len(blob) - 1))] ^= 1
        return case.said(proof=signing.PROOF + base64.b64encode(bytes(blob)).decode())

    return forge


def _written(change: Callable[[str], str]) -> Forge:
    return lambda case: case.said(proof=change(case.proof))


def _instead(**changed: object) -> Forge:
    """Signed, and then another decision is handed in."""
    return lambda case: replace(case.ben(case.text()), **changed)  # type: ignore[arg-type]


def _over(changed: Callable[[Case], str]) -> Forge:
    """Something else was signed."""
    return lambda case: case.ben(changed(case))


FORGED: Final[Mapping[str, Forge]] = {
    "nothing": lambda case: case.said(proof=""),
    "the MAC of chat": lambda case: case.said(proof=case.seal.sign(case.decision)),
    "over another run": _over(lambda case: case.text(run="r0")),
    "over another run's request": _over(lambda case: case.text(request=case.over)),
    "over another mode": _over(lambda case: case.text(request=case.of(mode=Mode.DRILL))),
    "over fewer approvals": _over(lambda case: case.text(request=case.of(required=1))),
    "over other lines": _over(lambda case: case.text(request=case.of(lines=("water the plants",)))),
    "over another roster": _over(lambda case: case.text(request=case.of(roster="sha256:0"))),
    "over another nonce": _over(lambda case: case.text(request=case.of(nonce="0"))),
    "over another reason": _over(lambda case: case.text(decision=case.said(reason="because"))),
    "over another answer": _over(lambda case: case.text(decision=case.said(answer=_other(case.decision.answer)))),
    "over another person's": _over(lambda case: case.text(decision=case.said(by="Cyd"))),
    "over an empty document": _over(lambda _: ""),
    "over the document and a space": _over(lambda case: case.text() + " "),
    "over its lines as Windows ends them": _over(lambda case: case.text().replace("\n", "\r\n")),
    "over a document cut short": _over(lambda case: case.text()[:-2]),
    "of another person": _instead(by="Cyd"),
    "of another answer": lambda case: replace(case.ben(case.text()), answer=_other(case.decision.answer)),
    "of another moment": lambda case: replace(case.ben(case.text()), at=case.decision.at - timedelta(microseconds=1)),
    "of another request": lambda case: replace(case.ben(case.text()), request=case.over.digest),
    "by an unknown key": lambda case: case.said(proof=UNKNOWN.sign(case.text()).proof),
    "by a key that was taken off the roster": lambda case: case.said(proof=OLD.sign(case.text()).proof),
    "by the key of another": lambda case: case.said(proof=KEYS["Cyd"].sign(case.text()).proof),
    "by a stranger": by("Eve", KEYS["Eve"]),
    "by a name in another case": by("ben", KEYS["Ben"]),
    "by whoever is in the plan": by("Dan", DANS),
    "untouched": lambda case: case.ben(case.text(), flags=0),
    "verified but untouched": lambda case: case.ben(case.text(), flags=4),
    "of another namespace": lambda case: case.said(proof=KEYS["Ben"].sign(case.text(), namespace="git").proof),
    "of an empty namespace": lambda case: case.said(proof=KEYS["Ben"].sign(case.text(), namespace="").proof),
    **{f"with a bit flipped at {share:.0%}": _flipped(share) for share in (0.0, 0.05, 0.2, 0.35, 0.5, 0.6, 0.7, 0.8, 0.9, 0.97, 1.0)},
    "cut short": _written(lambda proof: proof[:-8]),
    "twice": _written(lambda proof: proof + proof.removeprefix(signing.PROOF)),
    "with the prefix twice": _written(lambda proof: signing.PROOF + proof),
    "with capitals": _written(str.upper),
    "with a line end": _written(lambda proof: proof[:40] + "\n" + proof[40:]),
    "with a prefix and nothing": _written(lambda _: signing.PROOF),
    "in armor": _written(lambda proof: signing.PROOF + signing.armor(base64.b64decode(proof.removeprefix(signing.PROOF)))),
    "with text behind it": _written(lambda proof: proof + " trust me"),
    "with half of a pair": _written(lambda proof: proof + "\ud800"),
    "10 kB long": _written(lambda proof: proof + "A" * 10_000),
}
ONLY_APPROVALS: Final[Mapping[str, Forge]] = {
    "by a key in a file": lambda case: case.said(proof=SOFT.sign(case.text()).proof),
    "by the requester": by("Ada", KEYS["Ada"]),
}


def _other(answer: Answer) -> Answer:
    return Answer.DENY if answer is not Answer.DENY else Answer.APPROVE


def attempts(way: SlackMode) -> Iterator[Attempt]:
    """Each signature, as each answer, at the desk and past it."""
    del way
    for answer in Answer:
        for what, forge in {**FORGED, **(ONLY_APPROVALS if answer is Answer.APPROVE else {})}.items():
            yield Attempt(kind="signature handed in", variation=f"{answer}: {what}", make=_made(answer, forge, at_the_desk=True))
        for what, forge in {**FORGED, **(ONLY_APPROVALS if answer is Answer.APPROVE else {})}.items():
            make = _made(answer, forge, at_the_desk=False)
            yield Attempt(kind="signature by hand", variation=f"{answer}: {what}", make=make, writes=True)
    for name in SAID:
        for who in WHO:
            yield Attempt(kind="chat made to count", variation=f"{name} by {who}", make=_in_chat(name, who), writes=True)
    allowed = ("{open}: approve by Ben", "{open}: approve by Cyd", "{open}: granted", "effect: shut front/k1", "effect: shut front/k2")
    recorded = ("{open}: approval.decided", "{open}: approval.decided", "{open}: run.stop")
    yield Attempt(kind="stop of before", variation="signed, handed in again", make=_stop_of_before, allowed=(*allowed, *recorded))


def _made(answer: Answer, forge: Forge, *, at_the_desk: bool) -> Make:
    async def make(ground: Ground) -> str:
        stage, record = ground.stage, await ground.record()
        over = (await ground.record(ground.over)).request
        assert record.request is not None
        assert over is not None
        bare = Decision(request=record.request.digest, answer=answer, by="Ben", via="terminal", at=record.request.requested)
        case = Case(decision=bare, run=ground.open, request=record.request, over=over, seal=stage.lab.seal)
        return await hand_in(ground, ground.open, forge(case), at_the_desk=at_the_desk)

    return make


async def hand_in(ground: Ground, run: str, decision: Decision, *, at_the_desk: bool) -> str:
    """Put it on record: at the desk, which looks at it first, or straight into the journal."""
    if not at_the_desk:
        await ground.stage.lab.journal.append(run, Kind.STOP if decision.answer is Answer.STOP else Kind.DECIDED, decision)
        return "(nobody is told)"
    try:
        await ground.stage.desk.submit(run, decision)
    except FiredoorError as refused:
        return str(refused)
    return "(recorded)"


SAID: Final = ("approve", "deny", "stop", "/firedoor stop")
WHO: Final = ("U0BEN", "U0CYD", "U0DAN")


def _in_chat(name: str, member: str) -> Make:
    """Nobody is in the plan any more, says the journal, one is enough, and chat may be trusted."""

    async def make(ground: Ground) -> None:
        await alter(ground, Kind.REQUESTED, lambda body: body.update(out_of_band="", barred=[], required=1))
        await doing(name, member)(ground)
        ground.stage.runs[-1].cancel()  # the next finds a run as it was asked
        await asyncio.wait([ground.stage.runs[-1]])

    return make


async def _stop_of_before(ground: Ground) -> str:
    """A run is stopped by signature in the middle of its writes, and resumed; then the same signature is handed in again."""
    stage, run, gates = ground.stage, ground.open, (asyncio.Event(), asyncio.Event())
    for gate in gates:
        stage.lab.vendor.on_apply.append(held(gate))
    await ground.approve()
    await stage.until(lambda: begun(ground, run, 1))
    stop = await ground.decide("Ben", Answer.STOP)
    gates[0].set()
    await stage.runs[-1]
    resumed = await ground.resume(run)
    await stage.until(lambda: begun(ground, run, 2))
    said = "(recorded)"
    try:
        await stage.desk.submit(run, stop)
    except FiredoorError as refused:
        said = str(refused)
    stopped_by = stage.desk.stopped_by(await ground.record())
    gates[1].set()
    await resumed
    assert not stopped_by, f"stopped by {stopped_by}"
    return said


async def _prepare(ground: Ground) -> None:
    """Dan is in the plan, so chat does not count; and two people are needed, so that only hardware keys do."""
    ground.plain = {"front": {"k1": "open", "k2": "open"}, "dans": {"k4": "open"}}
    ground.asking = {"at_least": 2}
    await ground.prepare()


THEME: Final = Theme(
    name="signatures", attempts=attempts, prepare=_prepare, control=Ground.control, ways=("socket",), scene={"people": PEOPLE}
)
