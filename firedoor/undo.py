"""The way back: a run's receipts as actions whose plan is the inverse, for the very same engine to preview, ask, apply and verify."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from firedoor.action import Action, NotUndoable
from firedoor.catalogue import AnyAction
from firedoor.drafting import Draft, Drafts
from firedoor.errors import Misconfigured
from firedoor.guard import Guard
from firedoor.model import Change, Intent, Plan, Receipt, Reversal, Snapshot, Target
from firedoor.run import Item, Record, revive


class Undo(Action[Any, Any]):
    """An action turned round: what is left to do is what these receipts of it say was done, and the world still shows.

    It is done once and not held to: whoever contains again meanwhile must not be fought. The target is looked at as of the run's own T; as
    of the undo's, what the run made before it would not be found, and would pass for undone.
    """

    def __init__(self, action: AnyAction, receipts: Sequence[Receipt]) -> None:
        self._action = action
        self._receipts = tuple(receipts)
        self.spec = replace(action.spec, sources=(), after=(), hold=0.0, tier=max(action.spec.tier, action.spec.back))
        self.target = action.target

    async def clock(self, target: Target) -> datetime:
        """As of the action."""
        return await self._action.clock(target)

    def lease(self, target: Target) -> str:
        """As of the action: doing and undoing take turns."""
        return self._action.lease(target)

    async def read(self, target: Target) -> Snapshot:
        """As the action reads."""
        found: Snapshot = await self._action.read(self._as_of_the_run(target))
        return found

    def plan(self, target: Target, before: Snapshot) -> Plan:
        """The inverse of the receipts, given the world as it is. What can never be undone says so, and does not pass for done."""
        try:
            return self._action.plan_undo(self._as_of_the_run(target), self._receipts, before)
        except NotUndoable as lasting:
            words = f"{lasting.what}. {lasting.advice}"
            if self.spec.reversal is Reversal.OWNER:
                return Plan(reason=f"nothing to undo: {words}")
            return Plan(impossible=words)

    def _as_of_the_run(self, target: Target) -> Target:
        return target.bound(min(receipt.at for receipt in self._receipts)) if self._receipts else target

    async def apply(self, change: Change, intent: Intent) -> Receipt:
        """As the action applies its inverse changes."""
        return await self._action.apply(change, intent)

    def receipt(self, change: Change, intent: Intent) -> Receipt:
        """As of the action."""
        return self._action.receipt(change, intent)


def actions(record: Record, known: Mapping[str, AnyAction]) -> Mapping[str, AnyAction]:
    """For each item of a run that changed something, its action turned round. Actions without a client are left out."""
    return {item.id: Undo(known[item.action], _receipts(record, item)) for item in _changed(record) if item.action in known}


def draft(record: Record, known: Mapping[str, AnyAction], guard: Guard) -> Drafts:
    """The items that a run changed, in reverse: what came last is undone first. The guard has its say as on any plan.

    Raises `Misconfigured` where an action has no client: an undo that leaves something out in silence would pass for a whole one.
    """
    changed = _changed(record)[::-1]
    if absent := {item.action for item in changed} - known.keys():
        raise Misconfigured(f"this process has no client for {', '.join(sorted(absent))}", advice="Set up that vendor, then start it again")
    targets: Mapping[str, Target] = {item.id: revive(known[item.action].target, item.target) for item in changed}
    steps = {item.id: item for item in record.items}
    upstream = {item.id: _upstream(item, steps) for item in changed}
    drafts = []
    for item in changed:
        alike = [targets[other.id] for other in changed if other.action == item.action]
        refused = guard.excess(item.action, alike, limit=known[item.action].spec.limit) or guard.refusal(targets[item.id])
        needs = tuple(later for later, earlier in upstream.items() if item.id in earlier)
        drafts.append(Draft(item=replace(item, needs=needs, plan=None, refused=refused, residual=()), target=targets[item.id]))
    whole = [revive(known[item.action].target, item.target) for item in record.items if item.target and item.action in known]
    return Drafts(drafts=tuple(drafts), names=tuple(dict.fromkeys(name for target in whole for name in target.names)))


def _changed(record: Record) -> list[Item]:
    """The items that the run changed something of. Tickets and notices stay as they are: people have read them."""
    return [item for item in record.items if _receipts(record, item) and not item.telling]


def _receipts(record: Record, item: Item) -> list[Receipt]:
    """What this run did to the item, and nobody else."""
    return [done.receipt for done in record.done(item.id) if done.receipt.settled != "refusal"]


def _upstream(item: Item, steps: Mapping[str, Item]) -> set[str]:
    found: set[str] = set()
    queue = list(item.needs)
    while queue:
        name = queue.pop()
        if name not in found and name in steps:
            found.add(name)
            queue.extend(steps[name].needs)
    return found
