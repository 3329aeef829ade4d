"""A prepared deny: the one statement of a service control policy that denies everything to whoever its list names. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from firedoor.canonical import JSON, canonical
from firedoor.model import Snapshot

# "Quotas and service limits for AWS Organizations". Counted in bytes, and after our writing, which has no white space.
ROOM: Final = 5120
_ELEMENTS: Final = frozenset({"Sid", "Effect", "Action", "Resource", "Condition"})
_ALL: Final[tuple[JSON, ...]] = ("*", ["*"])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where a list stands: the statement's number, the operator and key as written, and who is on it."""

    number: int
    operator: str
    key: str
    entries: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deny:
    """A kind of prepared deny: the condition key that its list stands under, and the operators that compare with each entry."""

    key: str
    operators: frozenset[str]

    def entries(self, document: Mapping[str, JSON] | None) -> tuple[str, ...] | None:
        """Who is on the list; None where the document has not exactly one statement of the expected shape.

        One element more, and the deny may never apply: whoever may write the policy could leave a toothless one that looks like ours. Other
        statements do not matter: a deny stands whatever they allow.
        """
        place = self._place(document)
        return place.entries if place else None

    def listing(self, document: Mapping[str, JSON], entry: str) -> Mapping[str, JSON] | None:
        """The document with the entry on its list; the same where it is there. None where `entries` is None."""
        place = self._place(document)
        if place is None or entry in place.entries:
            return document if place else None
        return _rewritten(document, place, (*place.entries, entry))

    def unlisting(self, document: Mapping[str, JSON], entry: str) -> Mapping[str, JSON] | None:
        """The document with the entry off its list; the same where it is not there. None where `entries` is None."""
        place = self._place(document)
        if place is None or entry not in place.entries:
            return document if place else None
        return _rewritten(document, place, tuple(each for each in place.entries if each != entry))

    def _place(self, document: Mapping[str, JSON] | None) -> _Place | None:
        found = [place for number, each in enumerate(_statements(document)) if (place := self._bites(number, each))]
        return found[0] if len(found) == 1 else None

    def _bites(self, number: int, statement: Any) -> _Place | None:
        if not isinstance(statement, Mapping) or not statement.keys() <= _ELEMENTS or statement.get("Effect") != "Deny":
            return None
        if statement.get("Action") not in _ALL or statement.get("Resource") not in _ALL:
            return None
        match statement.get("Condition"):
            case {**condition} if len(condition) == 1:
                ((operator, keys),) = condition.items()
            case _:
                return None
        if operator not in self.operators or not isinstance(keys, Mapping) or len(keys) != 1:
            return None
        ((key, value),) = keys.items()
        entries = [value] if isinstance(value, str) else value
        # Names of condition keys are compared without regard to case, their values with it.
        if key.lower() != self.key.lower() or not isinstance(entries, Sequence) or not all(isinstance(each, str) for each in entries):
            return None
        return _Place(number=number, operator=operator, key=key, entries=tuple(entries))


PRINCIPALS: Final = Deny(key="aws:PrincipalArn", operators=frozenset({"ArnEquals", "ArnLike", "StringEquals", "StringLike"}))
SSO_USERS: Final = Deny(key="identitystore:userId", operators=frozenset({"StringEquals", "StringLike"}))


class Missing(StrEnum):
    """Why there is no policy to add to."""

    NOT_PREPARED = "not prepared"
    NOT_CONFIGURED = "not configured"
    GONE = "gone"
    OTHER_TYPE = "of another type"


_WORDS: Final[Mapping[Missing, str]] = {
    Missing.NOT_PREPARED: (
        "no service control policy is prepared for this: make one, attach it to the root, and name it and the management account in the"
        " settings"
    ),
    Missing.NOT_CONFIGURED: (
        "{policy} is kept in the management account {management}, which is not among the configured ones: add it and its role"
    ),
    Missing.GONE: "the organization of {management} has no policy {policy} any more: find out who deleted it, and make it again",
    Missing.OTHER_TYPE: "{policy} is not a service control policy: name the prepared one in the settings",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DenyState(Snapshot):
    """A prepared policy as it stands.

    ``attached`` are the ids of what it is attached to: ``r-`` a root, ``ou-`` an organizational unit, else an account. ``document`` None:
    it cannot be read as JSON without doubt. ``outside``: the account that was asked about is in no organization of ours.
    """

    policy: str = ""
    management: str = ""
    missing: Missing | None = None
    attached: tuple[str, ...] = ()
    document: Mapping[str, JSON] | None = None
    outside: bool = False

    def obstacle(self, deny: Deny, *, account: str = "") -> str:
        """Why nobody can be shut out by this policy, in words; "" where somebody can. ``account``: a policy attached there reaches too."""
        if self.missing is not None:
            return _WORDS[self.missing].format(policy=self.policy, management=self.management)
        if deny.entries(self.document) is None:
            return (
                f"{self.policy} is not of the expected shape, one statement that denies everything to a list under {deny.key}, so a name on"
                " it may close nothing: look at who changed it, put the statement back, and plan again"
            )
        if not any(each.startswith("r-") or each == account for each in self.attached):
            where = f"only to {', '.join(self.attached)}" if self.attached else "to nothing"
            return f"{self.policy} is attached {where}, so a name on it would close nothing or too little: attach it to the root"
        return ""

    def crowded(self, deny: Deny, entry: str) -> str:
        """Why the entry does not fit into the policy, in words; "" where it fits."""
        after = deny.listing(self.document, entry) if self.document is not None else None
        if after is None or size(after) <= ROOM:
            return ""
        listed = len(deny.entries(self.document) or ())
        return (
            f"{self.policy} would have {size(after):,} characters with one name more than its {listed}, and AWS takes {ROOM:,}: take names"
            " off it that no longer need to be there"
        )


def size(document: Mapping[str, JSON]) -> int:
    """How much of its room a document takes as we write it."""
    return len(canonical(document).encode())


def document_of(text: str) -> Mapping[str, JSON] | None:
    """A policy's content as data; None where it is no JSON object, or says something twice, so that readers may differ."""
    try:
        document = json.loads(text, object_pairs_hook=_once)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def _once(pairs: list[tuple[str, JSON]]) -> dict[str, JSON]:
    found = dict(pairs)
    if len({key.lower() for key in found}) != len(pairs):
        raise ValueError("an element stands twice")
    return found


def _statements(document: Mapping[str, JSON] | None) -> Sequence[JSON]:
    found = document.get("Statement") if document is not None else None
    if isinstance(found, Mapping):
        return [found]
    return found if isinstance(found, Sequence) and not isinstance(found, str) else []


def _rewritten(document: Mapping[str, JSON], place: _Place, entries: Sequence[str]) -> Mapping[str, JSON]:
    statements = list(_statements(document))
    before = statements[place.number]
    changed: dict[str, JSON] = {
        **(before if isinstance(before, Mapping) else {}),
        "Condition": {place.operator: {place.key: list(entries)}},
    }
    statements[place.number] = changed
    return {**document, "Statement": changed if isinstance(document.get("Statement"), Mapping) else statements}
