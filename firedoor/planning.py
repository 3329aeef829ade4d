"""From a playbook, or from a run that is to be undone, to a plan: read each target, ask each action what is left to do."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_exponential

from firedoor.canonical import digest
from firedoor.catalogue import AnyAction
from firedoor.defect import kind_and_place
from firedoor.drafting import Draft, Drafts, Units, asked, draft
from firedoor.errors import FiredoorError, Misconfigured, VendorError
from firedoor.guard import Guard
from firedoor.model import Mode, Plan, Residual, Snapshot, Target, Tier
from firedoor.playbook import Playbook
from firedoor.run import Item, Order

log = logging.getLogger(__name__)

Looked: TypeAlias = tuple[Plan, tuple[Residual, ...]]
READERS = 16  # at each vendor
SILENT_SECONDS = 15.0  # of a vendor, after which the plan is made without it: what it would have shown is read again before it is changed
TELLING_SECONDS = 3.0  # for what only tells people: nobody approves it, and it is read when its turn comes
# What cannot be read is left out of the approval, so one more look is worth its second.
TRYING = AsyncRetrying(
    retry=retry_if_exception(lambda error: isinstance(error, VendorError) and error.retryable),
    stop=stop_after_attempt(3),
    wait=wait_exponential(multiplier=0.2),
    reraise=True,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A plan for the whole run. ``names`` are all names of all targets, refused ones too.

    ``powers`` is why chat may be in the attacker's hands, if it may.
    """

    items: tuple[Item, ...]
    names: tuple[str, ...]
    tier: Tier
    fingerprint: str
    powers: tuple[str, ...]


async def make(book: Playbook, order: Order, *, units: Units, guard: Guard) -> Planned:
    """Plan the run. Only reads are made. Raises what `draft` raises, `Misconfigured` where an action has no client."""
    wanted = asked(book, order.inputs)
    concerned = {step.action for step in book.steps if step.source in wanted} | {book.queries[name].query for name in wanted}
    here = {*units.actions, *units.queries, *(name for name in concerned if name.partition(".")[0] in units.missing)}
    if absent := concerned - here:
        raise Misconfigured(f"this process has no client for {', '.join(sorted(absent))}", advice="Set up that vendor, then start it again")
    drafts = await draft(book, order, units=units, guard=guard)
    return await read_and_plan(drafts, order, units, units.actions, at_least=Tier(book.approval.at_least))


async def read_and_plan(
    drafts: Drafts, order: Order, units: Units, actions: Mapping[str, AnyAction], *, at_least: Tier = Tier.AUTO
) -> Planned:
    """Each draft that was not refused, read and planned. ``actions`` by the item's action, or by its id where it has one of its own."""
    powers, items = await asyncio.gather(units.powers(drafts.names), looked_at(drafts.drafts, actions))
    return Planned(
        items=tuple(items),
        names=drafts.names,
        tier=tier(items, actions, at_least=at_least),
        fingerprint=fingerprint(items, mode=order.mode, playbook=order.playbook),
        powers=tuple(powers),
    )


async def looked_at(drafts: Sequence[Draft], actions: Mapping[str, AnyAction]) -> Sequence[Item]:
    """The drafts' items, each with its plan as the world is now, but for those that were refused or have no target."""
    readers: defaultdict[str, _Readers] = defaultdict(_Readers)

    async def consider(one: Draft) -> Item:
        if one.target is None or one.item.refused:
            return one.item
        action = actions.get(one.item.id) or actions[one.item.action]
        patience = TELLING_SECONDS if one.item.telling else SILENT_SECONDS
        plan, residual = await readers[action.spec.vendor].plan(action, one.target, patience)
        return replace(one.item, plan=plan, residual=residual)

    return await asyncio.gather(*map(consider, drafts))


def lines(items: Sequence[Item]) -> tuple[str, ...]:
    """What a plan changes, or may come to change, in words: a line each. It is what people sign."""
    planned = [item.plan for item in items if item.plan is not None and not item.telling]
    changes = [change.says for plan in planned for change in plan.changes]
    return (*changes, *(f"{cover.says} (at most {cover.at_most})" for plan in planned for cover in plan.covers))


def tier(items: Sequence[Item], actions: Mapping[str, AnyAction], *, at_least: Tier) -> Tier:
    """The highest tier among the items that would change something; AUTO where none would but those that only tell people."""
    changing = [item for item in items if item.plan is not None and item.plan.wants_approval and not item.telling]
    return max([at_least, *((actions.get(item.id) or actions[item.action]).spec.approvals for item in changing)]) if changing else Tier.AUTO


def fingerprint(items: Sequence[Item], *, mode: Mode, playbook: str) -> str:
    """The digest of all changes of a plan: the prior values they overwrite, the classes they may grow to, whom they concern, their order.

    Tickets and notices are left out: what they say is known only once the rest is done, and nobody approves them.
    """
    whole = {
        item.id: {
            "action": item.action,
            "target": item.target,
            "changes": [change.digest(item.action) for change in item.plan.changes],
            "covers": item.plan.covers,
            "needs": sorted(item.needs),
        }
        for item in items
        if item.plan is not None and not item.telling
    }
    return digest({"mode": mode, "playbook": playbook, "items": whole})


class _Readers:
    """Those who read at one vendor. One that has said nothing for a while is not waited for: the others' plan would wait with it."""

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(READERS)
        self._heard = time.monotonic()

    async def plan(self, action: AnyAction, target: Target, patience: float) -> Looked:
        """What is left to do at the target, and what that would leave. ``patience``: for how many seconds of silence it is waited for."""
        async with self._turns:
            reading = asyncio.ensure_future(_read_and_plan(action, target))
            try:
                while (left := self._heard + patience - time.monotonic()) > 0:
                    if (await asyncio.wait({reading}, timeout=left))[0]:
                        break
                else:
                    return Plan(impossible=f"it could not be read: {action.spec.vendor} said nothing for {patience:g} s"), ()
                self._heard = time.monotonic()
                return await reading
            finally:
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)


def _residual(action: AnyAction, target: Target, found: Snapshot) -> tuple[Residual, ...]:
    """What it would leave. That is for people to know: where it cannot be told, the plan stands all the same, and the report tells it."""
    try:
        return tuple(action.residuals(target, found))
    except Exception as defect:  # noqa: BLE001 - as below
        log.error("a defect in what %s says of its residual: %s", action.spec.id, kind_and_place(defect))  # noqa: TRY400 - as below
        return ()


async def _read_and_plan(action: AnyAction, target: Target) -> Looked:
    try:
        found = await TRYING.wraps(action.read)(target)
        plan = action.plan(target, found)
        return plan, () if plan.impossible else _residual(action, target, found)
    except FiredoorError as error:
        return Plan(impossible=f"it could not be read: {error}"), ()
    except Exception as defect:  # noqa: BLE001 - one action's defect must not hold the other doors open
        log.error("a defect in %s: %s", action.spec.id, kind_and_place(defect))  # noqa: TRY400 - a traceback may quote a secret
        return Plan(impossible=f"a defect in {action.spec.id} ({kind_and_place(defect)}); look at its target by hand"), ()
