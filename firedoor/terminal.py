"""Orders and decisions at a person's own terminal: they sign them with their SSH key, and that is put on record.

Who they are is what their key says. What they decide on they read first, as the journal says it. Neither Slack nor the process that runs
the playbook need be up.
"""

from __future__ import annotations

import asyncio
import secrets
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firedoor import approval, elsewhere, ordering, planning, signing, wiring
from firedoor.approval import Answer, Decision, Person, Roster, Ruling
from firedoor.desk import Desk
from firedoor.elsewhere import Drawn
from firedoor.errors import BadInput, BrokenOff, DecisionRefused, Misconfigured, Taken
from firedoor.journal import Event, Journal, Kind
from firedoor.model import Mode
from firedoor.run import RUN, Order, Record, Resumption, Via, read_as
from firedoor.seal import Seal
from firedoor.settings import Settings, load
from firedoor.standing import Standing, draw_up

if TYPE_CHECKING:
    from firedoor.mandate import Mandate

STANDING = "standing"
NONCE = 16  # bytes

Confirm = Callable[[str], bool]
Sign = Callable[[str], signing.Signature]
Report = Mapping[str, Any]


Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """Who signs, and how: the public key says who it is, or ``name``, where what they are to sign on another machine is only printed.

    ``document``: what they have signed there. There is no other that they could sign here.
    """

    public: str = ""
    sign: Sign
    name: str = ""
    document: str | None = None

    @classmethod
    def with_key(cls, key: Path) -> Signer:
        """Somebody with a private key, or one in their agent, of which ``key`` is the public half."""
        return cls(public=signing.public_half(key), sign=lambda document: signing.sign(document, key))

    @classmethod
    def elsewhere(cls, document: str, armored: str) -> Signer:
        """Somebody who has signed a document on another machine. Raises `BadInput`."""
        signature = signing.read(armored)
        return cls(public=signature.key, sign=lambda _: signature, document=document)

    def person(self, roster: Roster) -> Person:
        """Who that is. Raises `BadInput` where it is nobody on the roster, or somebody whose signature would count for nothing."""
        person = roster.by_name(self.name) if self.name else roster.by_key(self.public)
        if person is None and self.name:
            raise BadInput(f"{self.name!r} is not on the roster", advice="Name yourself with --as, as in firedoor.toml")
        if person is None:
            advice = "Add it to your keys under [[people]] in firedoor.toml"
            raise BadInput("that key is nobody's on the roster", target=self.public, advice=advice)
        if not person.keys:
            raise BadInput(f"{person.name} has no SSH key on the roster", advice="Add one to their keys under [[people]] in firedoor.toml")
        return person

    def giver(self, roster: Roster) -> Person:
        """Who gives an order so. Raises `Misconfigured` for an empty roster, `BadInput` where they may not."""
        if not roster.people:
            raise Misconfigured(
                "the roster is empty, so nobody could approve", advice="List your responders as [[people]] in firedoor.toml"
            )
        person = self.person(roster)
        if not person.may_request:
            raise BadInput(f"you would sign as {person.name}, who may approve runs and not request them", advice="Ask somebody who may")
        return person

    def drawn(self, ours: Drawn, *, moment: str = "at") -> Drawn:
        """What is new in the document that they sign: ours, or what stands in the one they signed elsewhere. Raises `BadInput`."""
        return elsewhere.read(self.document, moment=moment, now=datetime.now(UTC)) if self.document is not None else ours

    def check_same(self, document: str) -> None:
        """Raise `BadInput` where they have signed something else elsewhere."""
        if self.document is not None:
            elsewhere.check_same(document, self.document)

    async def signed(self, document: str) -> signing.Signature:
        """Their signature; they may be asked for a passphrase or a touch meanwhile. Raises `BrokenOff` where they would rather not."""
        try:
            return await asyncio.to_thread(self.sign, document)
        except asyncio.CancelledError:
            raise BrokenOff("nothing was signed: you broke it off") from None


Who = Callable[[], Signer]  # asked once it is known what is to be signed


def somebody_here() -> bool:
    """Whether somebody sits here who can be asked. A process may have no standard input at all."""
    return sys.stdin is not None and sys.stdin.isatty()


def give(order: Order, signer: Signer, roster: Roster, *, say: Say) -> Order:
    """The order in the name of whoever gives it at this terminal, signed. Raises `BadInput` with nothing signed, and nothing begun.

    Nothing else is under way yet, so ssh-keygen may hold this process up: whoever interrupts it, or ends it, begins nothing.
    """
    person = signer.giver(roster)
    drawn = signer.drawn(Drawn(at=order.asked, nonce=secrets.token_hex(NONCE), run=order.run))
    if not RUN.fullmatch(drawn.run):
        raise BadInput("that document names no run", advice=elsewhere.ANEW)
    order = replace(order, run=drawn.run, incident=order.incident.replace(order.run, drawn.run), asked=drawn.at, nonce=drawn.nonce)
    order = replace(order, requester=person.name, via=Via.TERMINAL, roster=roster.hash, expires=drawn.at + elsewhere.LIVES)
    document = ordering.document(order)
    signer.check_same(document)
    say(f"{person.name} signs run {order.run}: {ordering.brief(order)}.")
    return replace(order, proof=_own(document, signer.sign(document), person))


def go_on(record: Record, signer: Signer, roster: Roster, *, say: Say) -> Resumption:
    """The word of whoever goes on with a run at this terminal, signed. Raises as `give`."""
    anew = ordering.outlived(record, roster)
    if not anew and not ordering.renewed(record, roster):
        ordering.check(record.order, roster, fresh=False)
    person = signer.giver(roster)
    known = max(ordering.last_resumed(record), ordering.last_stopped(record))
    at = max(datetime.now(UTC), known + ordering.TICK)  # another clock may be ahead
    drawn = signer.drawn(Drawn(at=at, nonce=secrets.token_hex(NONCE)))
    resumption = Resumption(via=Via.TERMINAL, by=person.name, at=drawn.at, roster=roster.hash, nonce=drawn.nonce)
    resumption = replace(resumption, expires=drawn.at + elsewhere.LIVES)
    document = ordering.resumption_document(record.order, resumption)
    signer.check_same(document)
    say(f"{person.name} signs: resume run {record.order.run}.")
    if anew:
        say("The roster has changed since: what is left to do is planned and asked for anew. What was done stays done.")
    resumption = replace(resumption, proof=_own(document, signer.sign(document), person))
    ordering.check_resumption(record, resumption, roster)
    return resumption


def _own(document: str, signature: signing.Signature, person: Person) -> str:
    """The proof of a signature, if it is one of that person's."""
    if not signing.holds(document, signature.proof, person.keys, hardware=False):
        raise BadInput("the signature is not one by a key of yours, that is on the roster", advice="Sign with a key that is")
    return signature.proof


async def decide(run: str, answer: Answer, signer: Signer, *, reason: str = "", confirm: Confirm) -> Report:
    """Show what is to be decided, sign it, record it. Raises `DecisionRefused`, `UnknownRun`, `BadInput`, with nothing recorded."""
    async with _desk_of(run) as desk:
        person = signer.person(desk.roster)
        decision, document = await desk.draw_up(run, person, answer, via="terminal", reason=reason)
        _check_sound(await desk.record(run))
        await desk.looked(run, person, via="terminal")
        if not confirm(document):
            raise BadInput("nothing was signed: you said no", advice=f"See `firedoor show {run}`")
        signature = await signer.signed(document)
        return _recorded(run, await desk.submit(run, replace(decision, proof=signature.proof)))


async def sign_once_asked(run: str, answer: Answer, signer: Signer) -> None:
    """Decide as soon as the run asks: for whoever has just begun it with their key, and has said so. Raises as `decide`.

    Where somebody else was quicker, and it is decided, there is nothing left to sign.
    """
    async with wiring.open_journal(load()) as (_, journal):
        async for event in journal.follow(run):
            if event.kind == Kind.REQUESTED:
                break
        try:
            await decide(run, answer, signer, confirm=lambda document: run in document)
        except DecisionRefused:
            async with _desk_of(run) as desk:
                record = await desk.record(run)
                if record.request is None or not (desk.stopped_by(record) or desk.tally(record.request, record) is not Ruling.WAITING):
                    raise


async def document_for(run: str, answer: Answer, *, name: str, reason: str = "") -> str:
    """The document that a person would sign on another machine, with ``ssh-keygen -Y sign -n firedoor``. Raises as `decide`."""
    async with _desk_of(run) as desk:
        person = desk.roster.by_name(name)
        if person is None:
            raise BadInput(f"{name!r} is not on the roster", advice="Name yourself with --as, as in firedoor.toml")
        _, document = await desk.draw_up(run, person, answer, via="terminal", reason=reason)
        _check_sound(await desk.record(run))
        return document


async def take_in(run: str, answer: Answer, document: str, armored: str) -> Report:
    """Record what was signed on another machine. Raises as `decide`."""
    about, decision = approval.read_document(document)
    if about != run or decision.answer is not answer:
        raise BadInput(f"that document is to {decision.answer} run {about}", advice=f"Run: firedoor {decision.answer} {about}")
    async with _desk_of(run) as desk:
        return _recorded(run, await desk.submit(run, replace(decision, proof=signing.read(armored).proof)))


async def sign_standing(signer: Signer, *, days: int, confirm: Confirm) -> Report:
    """Sign the standing approval that waits for another signature, or draw up a new one. Raises `BadInput` with nothing recorded."""
    settings = load()
    async with wiring.open_journal(settings) as (_, journal):
        desk = Desk(journal=journal, roster=settings.roster, seal=Seal.kept_in(settings.state_dir))
        person = signer.person(desk.roster)
        if not person.may_approve:
            raise BadInput("a standing approval is signed by approvers, and you are none", advice="Ask one of them")
        now = datetime.now(UTC)
        newest = await newest_standing(journal)
        waits = newest is not None and newest.roster == settings.roster.hash and now < newest.expires and lacks(newest, settings, now)
        if newest is not None and waits:
            standing = newest
        else:
            drawn = signer.drawn(Drawn(at=now), moment="made")
            standing = draw_up(roster=settings.roster.hash, now=drawn.at, days=days, nonce=drawn.nonce)
        signer.check_same(standing.document)
        if not confirm(standing.document):
            raise BadInput("nothing was signed: you said no")
        signature = await signer.signed(standing.document)
        standing = standing.signed_by(person.name, _own(standing.document, signature, person))
        await put_signed(journal, STANDING, standing, person.name)
        return _standing_report(standing, settings, now)


async def put_signed(journal: Journal, stream: str, given: Standing | Mandate, name: str) -> None:
    """Put on record what somebody has signed in daylight. Raises `BadInput` where they had before: what is old must not come back."""
    try:
        await journal.append(stream, Kind.STANDING, given, claim=f"signed:{given.nonce}:{name}")
    except Taken:
        raise BadInput("you have signed that very document already", advice="To sign another one, say it again") from None


async def standing_report() -> Report:
    """The newest standing approval, and whether it is in force. Raises `BadInput` where there is none."""
    settings = load()
    async with wiring.open_journal(settings) as (_, journal):
        newest = await newest_standing(journal)
    if newest is None:
        raise BadInput("there is no standing approval", advice="Two approvers sign one: firedoor standing sign --key FILE")
    return _standing_report(newest, settings, datetime.now(UTC))


def lacks(standing: Standing, settings: Settings, now: datetime) -> str:
    """Why a standing approval is not in force; empty where it is."""
    keys = {person.name: person.keys for person in settings.roster.people if person.may_approve}
    return standing.lacks(keys, settings.roster.hash, now)


def _standing_report(standing: Standing, settings: Settings, now: datetime) -> Report:
    why = lacks(standing, settings, now)
    return {"document": standing.document, "signed": sorted(standing.signed), "in_force": not why, "lacks": why}


async def newest_standing(journal: Journal) -> Standing | None:
    """The standing approval that was signed last, if any. Whether it is in force is asked where something is to rest on it."""
    events: list[Event] = list(await journal.events(STANDING))
    return read_as(Standing, events[-1].body, events[-1]) if events else None


def _check_sound(record: Record) -> None:
    """What is asked is what the plan on record says: nobody may sign words that stand beside other changes."""
    request, order = record.request, record.order
    if request is None:
        return
    fingerprint = planning.fingerprint(record.items, mode=order.mode, playbook=order.playbook)
    if (request.run, request.fingerprint, request.lines) != (order.run, fingerprint, planning.lines(record.items)):
        raise DecisionRefused("what is asked is not what the plan on record says", advice="Sign nothing; run `firedoor audit verify`")


def _recorded(run: str, decision: Decision) -> Report:
    return {"run": run, "decision": str(decision.answer), "by": decision.by, "recorded": True}


@asynccontextmanager
async def _desk_of(run: str) -> AsyncIterator[Desk]:
    """The desk for a run: a drill has a roster of its own."""
    settings = load()
    async with wiring.open_journal(settings) as (_, journal):
        desk = Desk(journal=journal, roster=settings.roster, seal=Seal.kept_in(settings.state_dir))
        record = await desk.record(run)
        if record.order.mode is Mode.DRILL:
            from firedoor.drilling import settings_of  # noqa: PLC0415 - only drills need it

            desk = Desk(journal=journal, roster=settings_of(settings, run).roster, seal=Seal.kept_in(settings.state_dir))
        yield desk
