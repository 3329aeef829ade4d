"""A user whom somebody wants let in again, and how it was made sure that it is they who ask.

To be let in again by a help desk, under somebody else's name, is the oldest way back into a company. So there is no restoration without a
person who vouches, a way that an attacker with the user's mailbox, chat and telephone number does not hold, and a reference to look it up.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from firedoor.errors import BadInput, nearest, shown
from firedoor.vendors.okta.values import OktaUser

LONGEST_NAME: Final = 100
LONGEST_REFERENCE: Final = 200


class Proof(StrEnum):
    """How a person's identity was verified. Not by e-mail or chat, which the attacker may hold, nor by a call: numbers are ported."""

    IN_PERSON = "in_person"
    VIDEO_CALL = "video_call"
    MANAGER_VOUCHED = "manager_vouched"
    IDENTITY_DOCUMENT = "identity_document"

    @property
    def words(self) -> str:
        """The same in words that follow "verified by Ada"."""
        return _WORDS[self]


_WORDS: Final = {
    Proof.IN_PERSON: "in person",
    Proof.VIDEO_CALL: "by video call, as somebody who knows their face",
    Proof.MANAGER_VOUCHED: "with their manager, who met or saw them and vouches",
    Proof.IDENTITY_DOCUMENT: "by an official document, checked against their living face",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Restoration(OktaUser):
    """An Okta user to let in again. ``verified_by`` is the name of who verified that it is they who ask, ``reference`` a ticket or case."""

    verified_by: str
    how: Proof
    reference: str

    def __post_init__(self) -> None:
        OktaUser.__post_init__(self)  # with slots, super() without arguments looks for the class before it was remade
        user = self.user
        _check(self.verified_by, "the name of who verified their identity", LONGEST_NAME, user)
        _check(self.reference, "the reference to how it was verified", LONGEST_REFERENCE, user)
        if self.verified_by.casefold() in {user.login.casefold(), user.login.casefold().partition("@")[0], user.user_id.casefold()}:
            raise BadInput("nobody vouches for themselves", target=user.label, advice="Name the colleague who verified their identity")

    @property
    def user(self) -> OktaUser:
        """The user alone."""
        return OktaUser(user_id=self.user_id, login=self.login)

    @property
    def proof(self) -> str:
        """Who verified the user's identity, how, and where that is on record: a sentence for those who approve."""
        return f"{self.verified_by} verified that it is they who ask, {self.how.words} ({self.reference})"


def proof_of(text: str) -> Proof:
    """The way of that name. Raises `BadInput` with all there are."""
    try:
        return Proof(text)
    except ValueError:
        advice = f"Use one of {', '.join(Proof)}; e-mail, chat and calls are none: the attacker may hold them"
        raise BadInput(
            f"{shown(text)} is no way to verify a person's identity{nearest(text, [each.value for each in Proof])}", advice=advice
        ) from None


def _check(text: str, what: str, longest: int, user: OktaUser) -> None:
    if not text.strip() or text != text.strip() or len(text) > longest:
        raise BadInput(f"{what} is empty, begins or ends with a space, or has more than {longest} characters", target=user.label)
    for position, character in enumerate(text, start=1):
        if not character.isprintable():
            raise BadInput(f"character {position} of {what} is U+{ord(character):04X}, which cannot be seen", target=user.label)
