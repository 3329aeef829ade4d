"""The values that everything else passes around. All are frozen; none holds a secret."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Self

from firedoor.canonical import JSON, digest


class Mode(StrEnum):
    """What a run may do. Only the engine and the wiring know it."""

    PREVIEW = "preview"
    LIVE = "live"
    DRILL = "drill"


class Tier(IntEnum):
    """How many people must approve."""

    AUTO = 0
    ONE = 1
    TWO = 2


class Reversal(StrEnum):
    """How far an action can be undone. OWNER: the person just signs in again. NEVER raises the tier by one."""

    EXACT = "exact"
    OWNER = "owner"
    PARTIAL = "partial"
    NEVER = "never"


class Outcome(StrEnum):
    """How a step ended."""

    CHANGED = "CHANGED"
    ALREADY = "ALREADY"
    PREVIEWED = "PREVIEWED"
    REFUSED = "REFUSED"
    DENIED = "DENIED"
    EXPIRED = "EXPIRED"
    STALE = "STALE"
    STOPPED = "STOPPED"
    FAILED = "FAILED"
    UNVERIFIED = "UNVERIFIED"
    SKIPPED = "SKIPPED"
    UNSUPPORTED = "UNSUPPORTED"

    @property
    def exit_code(self) -> int:
        """0: done. 1: this door is still open. 3: people said no, or said nothing in time."""
        if self in (Outcome.CHANGED, Outcome.ALREADY, Outcome.PREVIEWED):
            return 0
        return 3 if self in (Outcome.DENIED, Outcome.EXPIRED, Outcome.STOPPED) else 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Briefing:
    """What a ticket or a notice is told of the run: its names, a title for people, and ``text``, the report so far in Markdown.

    ``scope`` are all names of all targets in the run's plan, so that a place which one of them can read is avoided.
    """

    run: str
    incident: str
    title: str
    text: str = ""
    scope: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Target(ABC):
    """What an action acts on. Subclasses live in their vendor's room and check their identifiers on creation."""

    @property
    @abstractmethod
    def label(self) -> str:
        """What people call it: a login, a key id."""

    @property
    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """Every name it goes by, as ``vendor:kind:name``, the most lasting one first. The guard looks for protected names among them."""

    def bound(self, moment: datetime) -> Self:
        """The target with "revoke what began before T" made definite: ``moment`` is T, on the vendor's clock. Most targets have no T."""
        del moment
        return self

    @property
    def addresses(self) -> tuple[str, ...]:
        """The networks that would be shut out, in CIDR form. Most targets are not made of addresses."""
        return ()

    def only(self, addresses: Collection[str]) -> Self:
        """The same target with none but these of its ``addresses``."""
        del addresses
        return self

    def briefed(self, briefing: Briefing) -> Self:
        """The target told of the run it is in. Only what people read, a ticket or a notice, has use for it."""
        del briefing
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What an action read of its target: all that plan and undo need, no secret, nothing volatile that plan does not use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cover:
    """A bounded class of changes that one approval may cover: ``every key of user X, at most 4``."""

    name: str
    says: str
    at_most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One settleable effect on the world, as data.

    ``key`` is unique within a plan. ``subject`` is the resource (``okta:user:00u1``), ``at`` the vendor's ids that `Action.apply` needs,
    ``before`` the prior values that are overwritten, ``after`` the values wanted. ``cover`` names the class it belongs to, if any.
    """

    key: str
    subject: str
    says: str
    after: Mapping[str, JSON]
    before: Mapping[str, JSON] = field(default_factory=dict)
    at: Mapping[str, str] = field(default_factory=dict)
    cover: str = ""

    def effect(self, action: str) -> str:
        """What is done to what: the digest that finds an approved change again, whatever else has drifted meanwhile. Prose is left out."""
        return digest({"action": action, "key": self.key, "subject": self.subject, "at": self.at, "after": self.after})

    def digest(self, action: str) -> str:
        """The effect and the prior values it overwrites: what the people who approved were shown."""
        return digest({"effect": self.effect(action), "before": self.before})


@dataclass(frozen=True, slots=True, kw_only=True)
class Residual:
    """What may still live after containment: until when, and what would close it. ``hours``: after so many it is gone, whatever happens."""

    what: str
    until: str
    closes_by: str
    hours: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What an action would do. Exactly one holds: changes, a reason why none is needed, why the vendor cannot do it as things are, or what
    it waits for: another step that comes first, or a time (``until``). What it will do then is known by its ``covers``.
    """

    changes: tuple[Change, ...] = ()
    reason: str = ""
    impossible: str = ""
    waits: str = ""
    until: datetime | None = None
    covers: tuple[Cover, ...] = ()
    also_hit: tuple[str, ...] = ()

    @property
    def blocked(self) -> str:
        """Why nothing can be done just now; empty where something can, or need not be."""
        return self.impossible or self.waits

    @property
    def wants_approval(self) -> bool:
        """Whether people have something to approve: changes, or a class of changes that are known only later."""
        return bool(self.changes) or bool(self.waits and self.covers)

    def __post_init__(self) -> None:
        if sum(map(bool, (self.changes, self.reason, self.impossible, self.waits))) != 1:
            raise ValueError(
                "a plan has changes, or a reason for none, or says what makes it impossible or what it waits for: one of these"
            )
        if self.until is not None and not self.waits:
            raise ValueError("only a plan that waits says until when")
        if len({change.key for change in self.changes}) != len(self.changes):
            raise ValueError("two changes of a plan share a key")


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """The right to make one change, durable before the write leaves. ``at`` is the vendor's clock, ``key`` the same on every attempt."""

    run: str
    item: str
    key: str
    at: datetime
    fence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A change that was made. ``facts`` is what undo needs. ``settled`` says who tells: a ``reply``, a ``reading`` after a lost reply, or a
    ``refusal``: the vendor refused our write, and the world is as wanted by somebody else's hand.
    """

    change: str
    at: datetime
    facts: Mapping[str, JSON] = field(default_factory=dict)
    settled: str = "reply"


class Standing(StrEnum):
    """What reading back showed."""

    HOLDS = "holds"
    NOT_YET = "not yet"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether the wanted state holds, in words too."""

    standing: Standing
    says: str
