"""Credentials of every source as one list. Plain values: no I/O, no secret. What is not known is called so; it is never "unused"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from firedoor.canonical import JSON


class State(StrEnum):
    """Whether a credential works, as its vendor says. UNKNOWN where the vendor does not say."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


class Use(StrEnum):
    """What the vendor knows of a credential's use. NEVER is the vendor's own word, as old as it may be; UNKNOWN means that nobody says."""

    USED = "used"
    NEVER = "never"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class LastUse:
    """A last use, and how far behind the truth it may be: ``behind`` is None where the vendor does not say."""

    use: Use = Use.UNKNOWN
    at: datetime | None = None
    behind: timedelta | None = None

    def __post_init__(self) -> None:
        if (self.use is Use.USED) != (self.at is not None):
            raise ValueError("a use has its moment, and nothing else has one")

    @classmethod
    def told(cls, at: datetime | None, *, behind: timedelta | None = None) -> LastUse:
        """What a vendor says that tells of every use: a moment, or none and so never."""
        return cls(use=Use.NEVER if at is None else Use.USED, at=at, behind=behind)


UNKNOWN_USE = LastUse()


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """One credential as its source lists it.

    ``kind`` is the vendor's noun (``access_key``), ``place`` where it was listed (an account, an org), ``holder`` what it hangs on there by
    the vendor's name (a user, an app), ``id`` the vendor's. ``owner`` is who answers for it, ``given_to`` the supplier it was handed to,
    ``consumers`` what is known to use it: each empty where nobody said. ``names`` are its names and its holder's, as targets have them, for
    the guard. ``facts`` is what a treatment needs besides; never a secret.
    """

    system: str
    kind: str
    place: str
    holder: str
    id: str
    names: tuple[str, ...]
    state: State = State.UNKNOWN
    created: datetime | None = None
    last_use: LastUse = UNKNOWN_USE
    owner: str = ""
    given_to: str = ""
    consumers: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, JSON] = field(default_factory=dict)

    @property
    def type(self) -> str:
        """System and kind: ``aws.access_key``."""
        return f"{self.system}.{self.kind}"

    @property
    def name(self) -> str:
        """What no other credential is called: ``aws:access_key:111122223333/AKIA...``."""
        return f"{self.system}:{self.kind}:{self.place}/{self.id}"

    @property
    def label(self) -> str:
        """What people call it."""
        return f"{self.kind.replace('_', ' ')} {self.id} of {self.holder} in {self.place}"


class Disposition(StrEnum):
    """How a credential in scope ended. There is no "unused", and no "skipped"."""

    ROTATED = "ROTATED"
    REVOKED = "REVOKED"
    GONE = "GONE"
    EXCEPTED = "EXCEPTED"
    PENDING = "PENDING"
    FAILED = "FAILED"

    @property
    def closed(self) -> bool:
        """Whether nothing of it is left to do."""
        return self not in (Disposition.PENDING, Disposition.FAILED)
