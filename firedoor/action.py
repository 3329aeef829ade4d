"""The two contracts that a room in ``tasks`` fulfils: `Action` changes the world, `Query` finds targets and only looks.

An action never learns the mode of the run. It is handed a client of its vendor; in a preview that client refuses to write.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Generic, TypeVar

from firedoor.errors import FiredoorError
from firedoor.model import Change, Intent, Plan, Receipt, Residual, Reversal, Snapshot, Standing, Target, Tier, Verdict

T = TypeVar("T", bound=Target)
S = TypeVar("S", bound=Snapshot)
Q = TypeVar("Q")


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """What an action declares of itself.

    ``reads`` and ``writes`` are the vendor's permissions by name. ``limit`` is the most targets one run may touch with it.
    ``settle_within`` is how many seconds the vendor may lag before a change must be visible; ``hold`` for how many it must then be seen to
    hold without a break: until the vendor enforces a change everywhere, whoever is being shut out can still take it back.
    ``sources`` are the actions that close what mints the thing this one closes: one of them must stand in a playbook, and each that does
    comes first. ``after`` are other actions that come first, where they stand there.
    ``back`` is the least tier of undoing it, where letting back in is more to ask than shutting out.
    ``reopens`` are the actions whose work it takes back on purpose, for whoever it lets in: the watch sounds no alarm over that.
    ``recovers``: it gives back to whoever was contained, so its targets are not what an incident concerns.
    ``unestablished`` names facts about the vendor that nobody here could confirm, ``pages`` the vendor's pages this rests on.
    """

    id: str
    title: str
    reads: frozenset[str]
    writes: frozenset[str]
    tier: Tier
    reversal: Reversal
    limit: int
    settle_within: float
    hold: float = 0.0
    sources: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    back: Tier = Tier.AUTO
    reopens: tuple[str, ...] = ()
    recovers: bool = False
    unestablished: tuple[str, ...] = ()
    pages: tuple[str, ...] = ()

    @property
    def approvals(self) -> Tier:
        """The tier in force: what can never be undone needs one approver more."""
        return Tier(min(self.tier + 1, Tier.TWO)) if self.reversal is Reversal.NEVER else self.tier

    @property
    def vendor(self) -> str:
        """The room the action works in: the first part of its id."""
        return self.id.partition(".")[0]


class NotUndoable(FiredoorError):
    """The action has no inverse; its message says why and what a person can do instead."""


class Action(ABC, Generic[T, S]):
    """One containment step on one target. See ``docs/adr`` for why `plan` is pure and `apply` makes one change."""

    spec: Spec
    target: type[T]

    @abstractmethod
    async def clock(self, target: T) -> datetime:
        """The vendor's clock now, where the target lives. Every "began before T" is measured on it."""

    @abstractmethod
    def lease(self, target: T) -> str:
        """The vendor resource that writers must take turns on."""

    @abstractmethod
    async def read(self, target: T) -> S:
        """Look at the target, changing nothing."""

    @abstractmethod
    def plan(self, target: T, before: S) -> Plan:
        """What is left to do. Pure: no I/O, no clock, the same answer for the same arguments."""

    @abstractmethod
    async def apply(self, change: Change, intent: Intent) -> Receipt:
        """Make one change. Called only under a durable intent."""

    def receipt(self, change: Change, intent: Intent) -> Receipt:
        """The receipt of a change that was made. Pure: `apply` returns it, and where a reply was lost the engine asks for it instead."""
        return Receipt(change=change.key, at=intent.at)

    async def verify(self, target: T, receipts: Sequence[Receipt]) -> Verdict:
        """Read back and judge. By default: nothing left to plan means that it holds."""
        del receipts
        return self.judge(target, await self.read(target))

    def judge(self, target: T, now: S) -> Verdict:
        """The default verdict on a world already read."""
        plan = self.plan(target, now)
        if plan.changes:
            return Verdict(standing=Standing.NOT_YET, says="still to see: " + "; ".join(change.says for change in plan.changes))
        if plan.blocked:
            return Verdict(standing=Standing.UNKNOWN, says=plan.blocked)
        return Verdict(standing=Standing.HOLDS, says=plan.reason)

    def residuals(self, target: T, now: S) -> Sequence[Residual]:
        """What may outlive this step, given the world as last read. Pure."""
        del target, now
        return ()

    def plan_undo(self, target: T, receipts: Sequence[Receipt], now: S) -> Plan:
        """The inverse of what the receipts say was done, given the world as it is. Pure."""
        del receipts, now
        raise NotUndoable(
            f"{self.spec.id} cannot be undone",
            target=target.label,
            advice="See the action's page for what its owner can do instead",
        )


class FoundInPart(FiredoorError):
    """A query found some of its targets, ``found``, and says here why not the rest. What was found is contained all the same."""

    def __init__(self, what: str, *, found: Sequence[Target], target: str = "", advice: str = "") -> None:
        super().__init__(what, target=target, advice=advice)
        self.found = tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class QuerySpec:
    """What a query declares of itself."""

    id: str
    title: str
    reads: frozenset[str]
    pages: tuple[str, ...] = ()

    @property
    def vendor(self) -> str:
        """The room the query looks in."""
        return self.id.partition(".")[0]


class Query(ABC, Generic[Q, T]):
    """Finds targets before the plan is made. It only looks."""

    spec: ClassVar[QuerySpec]
    question: type[Q]
    target: type[T]

    @abstractmethod
    async def find(self, question: Q) -> Sequence[T]:
        """The targets that answer the question, in a stable order.

        Raises `BadInput` where the question names something unknown, `Misconfigured` where nobody prepared what it looks for, and
        `FoundInPart` where that is true of some of it.
        """
