"""Which playbooks an alert calls for, and what of it fills their inputs. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from firedoor.inputs import InputType
from firedoor.playbook import Input, Playbook
from firedoor.recognising import Indicator, Kind

# A principal is named by hand: whether to shut one out of a whole organization is more than an alert can say.
FITTING: Final[Mapping[InputType, frozenset[Kind]]] = {
    InputType.OKTA_LOGIN: frozenset({Kind.EMAIL, Kind.OKTA_USER}),
    InputType.OKTA_APP: frozenset({Kind.OKTA_APP}),
    InputType.AWS_ACCESS_KEY: frozenset({Kind.AWS_KEY}),
    InputType.AWS_USER: frozenset({Kind.AWS_USER}),
    InputType.AWS_ROLE: frozenset({Kind.AWS_ROLE}),
    InputType.NETWORK: frozenset({Kind.ADDRESS}),
    InputType.MOMENT: frozenset({Kind.MOMENT}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A playbook with those of its inputs that the alert fills. ``used`` are the indicators they are from."""

    book: Playbook
    given: Mapping[str, tuple[str, ...]]
    used: tuple[Indicator, ...]

    @property
    def fits(self) -> bool:
        """Whether everything it requires is there."""
        return bool(self.used) and all(name in self.given for name, one in self.book.inputs.items() if one.required)


def match(book: Playbook, found: Sequence[Indicator]) -> Match:
    """What of the indicators fills the playbook's inputs. One that is not to be acted on fills nothing."""
    filling = {name: _filling(wanted, found) for name, wanted in book.inputs.items()}
    given = {name: tuple(dict.fromkeys(_as(wanted, one) for one in filling[name])) for name, wanted in book.inputs.items() if filling[name]}
    used = {one for ones in filling.values() for one in ones}
    return Match(book=book, given=given, used=tuple(one for one in found if one in used))


def ranked(books: Sequence[Playbook], found: Sequence[Indicator]) -> Sequence[Match]:
    """All playbooks: first those that fit, by how much of the alert they use, what they require of it, and how narrow they are."""

    def order(one: Match) -> tuple[int, ...]:
        required = sum(wanted.required for wanted in one.book.inputs.values())
        return (0, -len(one.used), -min(1, required), len(one.book.inputs)) if one.fits else (1,)

    return sorted((match(book, found) for book in books), key=order)


def _filling(wanted: Input, found: Sequence[Indicator]) -> Sequence[Indicator]:
    kinds = FITTING.get(wanted.type, frozenset())
    fitting = [one for one in found if one.kind in kinds and not one.why_not]
    if wanted.type is InputType.MOMENT:
        fitting.sort(key=lambda one: one.value)  # the earliest: what came after it is suspect
    return fitting if wanted.many else fitting[:1]


def _as(wanted: Input, one: Indicator) -> str:
    """The indicator as the input takes it: an IAM user is known by account and name, whatever its path."""
    if wanted.type is not InputType.AWS_USER or not one.value.startswith("arn:"):
        return one.value
    account, _, path = one.value.split(":", 4)[4].partition(":")
    return f"{account}/{path.rpartition('/')[2]}"
