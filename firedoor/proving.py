"""What checking proofs finds, and what a signature on record is worth. Pure: `firedoor.proofs` and `firedoor.sweepproofs` check."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Final

from firedoor import signing
from firedoor.approval import Decision, Request, Roster
from firedoor.chain import Fault
from firedoor.journal import Event
from firedoor.mandate import Mandate
from firedoor.standing import SIGNERS, Standing

NO_SEAL: Final = "the serving process's key is not on this machine"
UNSAID: Final = "orders did not say yet where they come from"
NO_ROSTER: Final = "the roster of that time is not known here"
# Between the look at an approval and the intent on record: a vendor's clock is asked, the database waited for
GRACE: Final = timedelta(minutes=5)
LOOK: Final = "Look at its targets by hand: Firedoor did not do this, or not on anybody's word. Keep a copy of the database"
FORGED: Final = "Do not trust it: ask the person, and find out who could write to the database"
SEALED: Final = (
    "Either it was forged, or another approval.key made it: where that was replaced since, or this machine never served Firedoor, "
    "check again with FIREDOOR_STATE_DIR set to a folder with the right one"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unchecked:
    """Something that could not be checked here, and why."""

    run: str
    event: int
    what: str
    because: str


Finding = Fault | Unchecked


class Proof(Enum):
    """What became of checking one."""

    SOUND = "sound"
    FALSE = "false"
    UNKNOWN = "unknown"


def signatures(event: Event, given: Standing | Mandate, what: str, roster: Roster | None) -> tuple[Mapping[str, Proof], Sequence[Finding]]:
    """What each signature of a standing approval or a mandate is worth, by name, and what is wrong with them."""
    there = roster if roster is not None and roster.hash == given.roster else None
    judged = {
        name: signed(event, f"{name}'s {what}", given.document, proof, there, name, hardware=False) for name, proof in given.signed.items()
    }
    return {name: proof for name, (proof, _) in judged.items()}, [one for _, findings in judged.values() for one in findings]


def signed(  # noqa: PLR0917 - what is signed, by whom, and whose it must be
    event: Event, what: str, words: str, proof: str, roster: Roster | None, name: str, *, hardware: bool
) -> tuple[Proof, list[Finding]]:
    """What a signature is worth: it must hold by its own key, and that key be the person's on the roster, where that is known."""
    own = signing.key_of(proof)
    if not own or not signing.holds(words, proof, (own,), hardware=hardware):
        return Proof.FALSE, [fault(event, f"is {what}, and its signature does not hold")]
    if roster is None:
        return Proof.UNKNOWN, [unchecked(event, f"whose key signed {what}", NO_ROSTER)]
    person = roster.by_name(name)
    if person is None or own not in person.keys:
        return Proof.FALSE, [fault(event, f"is {what}, signed with a key that is not theirs")]
    return Proof.SOUND, []


def standing_lacks(request: Request, ordered: Standing | None, proofs: Mapping[str, Proof], roster: Roster | None) -> str:
    """Why the standing approval that a freeze rests on was not in force when it was asked; empty where it was, as far as can be checked.

    ``ordered`` is the one that its order rests on, ``proofs`` what each signature is worth.
    """
    given = request.standing
    if given is None or given != ordered:
        return "it does not rest on the standing approval that it was ordered on"
    if given.roster != request.roster or not given.made <= request.requested < given.expires:
        return "its standing approval was not in force then"
    people = {person.name for person in roster.people if person.may_approve} if roster is not None else set(proofs)
    valid = {signing.key_of(given.signed[name]) for name, proof in proofs.items() if proof is not Proof.FALSE and name in people}
    return "" if len(valid) >= SIGNERS else f"its standing approval has {len(valid)} valid signature(s), and needs {SIGNERS}"


def stop_counts(stop: Decision, request: Request | None) -> bool:
    """Whether a stop whose proof holds still counts, now that this is asked: it may have been made before anything was."""
    if request is None:
        return True
    return stop.by not in request.barred and (not request.out_of_band or stop.proof.startswith(signing.PROOF))


def fault(event: Event, what: str, advice: str = FORGED) -> Fault:
    """Something of an event that does not hold."""
    return Fault(event=event.seq, run=event.run, n=event.n, what=what, advice=advice)


def unchecked(event: Event, what: str, because: str) -> Unchecked:
    """Something of an event that cannot be checked here."""
    return Unchecked(run=event.run, event=event.seq, what=what, because=because)
