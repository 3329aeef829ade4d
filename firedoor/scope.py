"""Which credentials an inventory shows or a sweep is about. Pure. What is not known of a credential never makes it fit, and is told."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from firedoor.inventory import Credential, Use


class Unknown(StrEnum):
    """What a scope asks of a credential and nobody may know."""

    OWNER = "owner"
    GIVEN_TO = "given_to"
    USE = "use"


NOBODY_KNOWS: Final = {
    Unknown.OWNER: "who owns them",
    Unknown.GIVEN_TO: "whom they were given to",
    Unknown.USE: "when they were last used",
}
REMEDY: Final = {
    Unknown.OWNER: "tag them with it, name their holders in a scope without owners, or take that out and say everything: true",
    Unknown.GIVEN_TO: "tag them with it, name their holders in a scope without given_to, or take that out and say everything: true",
    Unknown.USE: "name their holders in a scope without unused_for_days, or take that out and say everything: true",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a credential must be, each empty where it does not matter.

    ``types`` (``aws.access_key``), ``places``, ``holders``, ``owners``, ``given_to`` are patterns with ``*`` and ``?``: one of each must
    fit. ``unused_for``: its vendor says when it was last used, and that is longer ago; or says never, and it was made longer ago.
    ``created_before``: it was made earlier, or nobody knows when.
    """

    types: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    holders: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    given_to: tuple[str, ...] = ()
    unused_for: timedelta | None = None
    created_before: datetime | None = None

    @property
    def everything(self) -> bool:
        """Whether nothing but the type narrows it."""
        return not (self.places or self.holders or self.owners or self.given_to or self.unused_for or self.created_before)

    def holds(self, one: Credential, *, now: datetime, however_new: bool = False) -> bool:
        """Whether the credential is in it; ``however_new``: whenever it was made."""
        old = however_new or _old_enough(one, self.created_before)
        return old and self._stands(one) and all(answer is True for answer in self._asked(one, now).values())

    def fits(self, one: Credential, *, now: datetime) -> bool:
        """Whether it is in it, or may be, but for its age and use."""
        asked = self._asked(one, now)
        return self._stands(one) and asked[Unknown.OWNER] is not False and asked[Unknown.GIVEN_TO] is not False

    def doubt(self, one: Credential, *, now: datetime, however_new: bool = False) -> Unknown | None:
        """What nobody knows of a credential that is left out for that alone: the first of it. None: it is in, or out by what is known."""
        asked = self._asked(one, now)
        out = not self._stands(one) or not (however_new or _old_enough(one, self.created_before)) or False in asked.values()
        return None if out else next((what for what, answer in asked.items() if answer is None), None)

    def concerns(self, kind: str) -> bool:
        """Whether credentials of a type can be in it."""
        return _any(self.types, kind)

    def enters(self, place: str) -> bool:
        """Whether anything there can be in it."""
        return _any(self.places, place)

    def _asked(self, one: Credential, now: datetime) -> Mapping[Unknown, bool | None]:
        """What may be unknown, and whether it is as asked for. None: nobody can tell."""
        return {
            Unknown.OWNER: _any(self.owners, one.owner) or (False if one.owner else None),
            Unknown.GIVEN_TO: _any(self.given_to, one.given_to) or (False if one.given_to else None),
            Unknown.USE: _unused(one, self.unused_for, now),
        }

    def _stands(self, one: Credential) -> bool:
        return _any(self.types, one.type) and _any(self.places, one.place) and _any(self.holders, one.holder)


def left_out(unknown: Mapping[str, int]) -> Mapping[str, int]:
    """How many are left out for what nobody knows of them, as JSON data."""
    return {f"unknown_{what}_left_out": unknown.get(what, 0) for what in Unknown}


def _any(patterns: tuple[str, ...], value: str) -> bool:
    return not patterns or any(fnmatch.fnmatchcase(value, pattern) for pattern in patterns)


def _old_enough(one: Credential, moment: datetime | None) -> bool:
    return moment is None or one.created is None or one.created < moment


def _unused(one: Credential, least: timedelta | None, now: datetime) -> bool | None:
    """Made long ago is not unused for long: what counts is the last use, as far as the vendor knows it. None: nobody can tell."""
    since = one.last_use.at if one.last_use.use is Use.USED else one.created if one.last_use.use is Use.NEVER else None
    return True if least is None else None if since is None else since < now - least
