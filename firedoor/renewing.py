"""What is left of a run that rests on another roster: read and planned again, so that the people who are on the roster now can be asked.

Nothing is added to what was planned at first: the same steps on the same targets, less what has ended well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from firedoor import planning, results
from firedoor.approval import Way
from firedoor.catalogue import AnyAction
from firedoor.drafting import Draft, Drafts, Units, keep_one
from firedoor.guard import Guard
from firedoor.model import Outcome, Plan, Target
from firedoor.planning import Planned
from firedoor.run import Item, Order, Record, Resumption, StepResult, Via, revive


def asking(order: Order, by: Resumption) -> Order:
    """The order as it is asked for anew: in the name of whoever goes on with it, and the ordinary way, however it was approved before."""
    return replace(order, requester=by.by, way=Way.ORDINARY, standing=None)


async def plan(record: Record, actions: Mapping[str, AnyAction], *, units: Units, guard: Guard) -> Planned:
    """What is left to do. Only reads are made. ``actions`` as for `planning.read_and_plan`; the guard has its say once more."""
    order = record.order
    guard = guard.lifted() if order.protected else guard
    targets = {item.id: _target(record, item, actions) for item in record.items}
    drafts: Sequence[Draft] = [_draft(record, item, targets, actions, guard) for item in record.items]
    if not order.undoes:
        drafts = await keep_one(drafts, units=units, guard=guard)
    drafts = [_ended(one, record) if is_done(record, one.item.id) else one for one in drafts]
    names = tuple(dict.fromkeys(name for target in targets.values() if target is not None for name in target.names))
    return await planning.read_and_plan(Drafts(drafts=tuple(drafts), names=names), order, units, actions, at_least=record.required)


def is_done(record: Record, item: str) -> bool:
    """Whether an item has ended well, so that nothing more is done about it."""
    return item in record.results and record.results[item].outcome.exit_code == 0


def unapproved(record: Record, item: Item, outcome: Outcome, why: str) -> StepResult:
    """The end of an item whose changes were not approved. What was done of it before, on another approval, stays done and is told."""
    if item.plan is None or not item.plan.wants_approval:
        return results.previewed(item)
    made = tuple(dict.fromkeys(one.says for one in record.done(item.id) if one.receipt.settled != "refusal"))
    left = "; ".join(one.says for one in record.unsettled(item.id))
    words = f"{why}; nothing {'more ' if made or left else ''}was changed"
    words += f"; this was begun before, and is not seen to be done: {left}" if left else ""
    return StepResult(item=item.id, outcome=outcome, reason=words, changes=made)


def fault(was: Record, now: Record, *, refused: bool) -> str:
    """What is wrong with a plan that takes the place of the one on record; empty where it may. What people have ``refused`` may not."""
    by, rests = was.resumption, was.request or was.renewal or was.order
    unasked = was.request is None and was.renewal is not None
    if by is None or by.at is None or by.via is not Via.TERMINAL or (by.roster == rests.roster and not unasked) or refused:
        return "plans the run a second time, and nobody on another roster has ordered that"
    if [kept(item) for item in was.items] != [kept(item) for item in now.items]:
        return "plans the run a second time, and for something else than at first"
    return ""


def kept(item: Item) -> tuple[object, ...]:
    """What stays the same of an item when it is planned anew."""
    return item.id, item.step, item.action, item.label, item.target, item.needs, item.telling


def _target(record: Record, item: Item, actions: Mapping[str, AnyAction]) -> Target | None:
    """The target, with T where a write was begun: as whoever goes on with the run will see it."""
    action = actions.get(item.id) or actions.get(item.action)
    if action is None or not item.target:
        return None
    target: Target = revive(action.target, item.target)
    counting = record.as_it_counts(item, anew=record.sources_open(item)).intents
    begun = [one.at for one in counting if one.item == item.id]
    return target.bound(min(begun)) if begun else target


def _draft(record: Record, item: Item, targets: Mapping[str, Target | None], actions: Mapping[str, AnyAction], guard: Guard) -> Draft:
    target, action = targets[item.id], actions.get(item.id) or actions.get(item.action)
    if target is None or action is None:
        absent = item if action is not None else replace(item, plan=Plan(impossible=f"this process has no client for {item.action}"))
        return Draft(item=absent, target=None)
    alike = [other for one in record.items if one.action == item.action and (other := targets[one.id]) is not None]
    why = item.refused or guard.excess(item.action, alike, limit=action.spec.limit) or guard.refusal(target)
    if not why and not record.order.undoes:
        why = "; ".join(guard.unblockable(target).values())
    return Draft(item=replace(item, plan=None, refused=why, residual=()), target=target)


def _ended(one: Draft, record: Record) -> Draft:
    """What has ended well is not looked at again: the watch does that, once the run is over."""
    first = next(item for item in record.items if item.id == one.item.id)
    return Draft(item=replace(first, plan=Plan(reason=record.results[first.id].reason or "it is done"), residual=()), target=None)
