"""Which credentials an inventory shows or a sweep is about. Pure. What is not known of a credential never makes it fit."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass
from datetime import datetime, timedelta

from firedoor.inventory import Credential, Use


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

    def holds(self, one: Credential, *, now: datetime) -> bool:
        """Whether the credential is in it."""
        return self.fits(one) and _old_enough(one, self.created_before) and (self.unused_for is None or _unused(one, self.unused_for, now))

    def fits(self, one: Credential) -> bool:
        """Whether it is in it but for its age and use."""
        asked = (
            (self.types, one.type),
            (self.places, one.place),
            (self.holders, one.holder),
            (self.owners, one.owner),
            (self.given_to, one.given_to),
        )
        return all(not patterns or any(fnmatch.fnmatchcase(value, pattern) for pattern in patterns) for patterns, value in asked)

    def concerns(self, kind: str) -> bool:
        """Whether credentials of a type can be in it."""
        return not self.types or any(fnmatch.fnmatchcase(kind, pattern) for pattern in self.types)

    def enters(self, place: str) -> bool:
        """Whether anything there can be in it."""
        return not self.places or any(fnmatch.fnmatchcase(place, pattern) for pattern in self.places)


def _old_enough(one: Credential, moment: datetime | None) -> bool:
    return moment is None or one.created is None or one.created < moment


def _unused(one: Credential, least: timedelta, now: datetime) -> bool:
    """Made long ago is not unused for long: what counts is the last use, as far as the vendor knows it up to now."""
    match one.last_use.use:
        case Use.USED:
            return one.last_use.at is not None and one.last_use.at < now - least
        case Use.NEVER:
            return one.created is not None and one.created < now - least
        case Use.UNKNOWN:
            return False
