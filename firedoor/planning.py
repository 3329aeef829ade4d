"""From a playbook and its inputs to a plan: find the targets, read each, ask each action what is left to do, let the guard refuse."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from firedoor.canonical import digest, plain
from firedoor.catalogue import AnyAction, AnyQuery
from firedoor.defect import kind_and_place
from firedoor.errors import FiredoorError, Misconfigured
from firedoor.guard import Guard
from firedoor.model import Mode, Plan, Target, Tier
from firedoor.playbook import REFERENCE, Playbook, Question, Step
from firedoor.run import Item, revive

log = logging.getLogger(__name__)

READERS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Units:
    """Actions and queries with a client in hand: read-only ones for planning, writing ones for applying."""

    actions: Mapping[str, AnyAction]
    queries: Mapping[str, AnyQuery]


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A plan for the whole run. ``names`` are all names of all targets, refused ones too."""

    items: tuple[Item, ...]
    names: tuple[str, ...]
    tier: Tier
    fingerprint: str


async def make(book: Playbook, inputs: Mapping[str, tuple[str, ...]], *, mode: Mode, units: Units, guard: Guard) -> Planned:
    """Plan the run. Only reads are made. Raises `BadInput` where a query is asked for something that does not exist."""
    if absent := {step.action for step in book.steps} - units.actions.keys():
        raise Misconfigured(f"this process has no client for {', '.join(sorted(absent))}", advice="Set up that vendor, then start it again")
    given = {name: inputs[name] if wanted.many else "".join(inputs[name]) for name, wanted in book.inputs.items()}
    found = dict(zip(book.queries, await asyncio.gather(*(_find(q, given, units) for q in book.queries.values())), strict=True))
    drafts = _draft(book, found, units.actions)
    excess = {
        step.id: guard.excess(step.action, found[step.source], limit=min(book.limits.targets, units.actions[step.action].spec.limit))
        for step in book.steps
    }
    readers = asyncio.Semaphore(READERS)

    async def consider(item: Item, target: Target) -> Item:
        if refused := excess[item.step] or guard.refusal(target):
            return replace(item, refused=refused)
        async with readers:
            return replace(item, plan=await _read_and_plan(units.actions[item.action], target))

    items = await asyncio.gather(*(consider(item, target) for item, target in drafts))
    return Planned(
        items=tuple(items),
        names=tuple(dict.fromkeys(name for _, target in drafts for name in target.names)),
        tier=tier(items, units.actions, at_least=Tier(book.approval.at_least)),
        fingerprint=fingerprint(items, mode=mode, playbook=book.playbook),
    )


def tier(items: Sequence[Item], actions: Mapping[str, AnyAction], *, at_least: Tier) -> Tier:
    """The highest tier among the items that would change something; AUTO where none would."""
    tiers = [actions[item.action].spec.approvals for item in items if item.plan is not None and item.plan.changes]
    return max([at_least, *tiers]) if tiers else Tier.AUTO


def fingerprint(items: Sequence[Item], *, mode: Mode, playbook: str) -> str:
    """The digest of all changes of a plan, of the prior values they overwrite, of the classes they may grow to and of whom they concern."""
    whole = {
        item.id: {
            "action": item.action,
            "target": item.target,
            "changes": [change.digest(item.action) for change in item.plan.changes],
            "covers": item.plan.covers,
        }
        for item in items
        if item.plan is not None
    }
    return digest({"mode": mode, "playbook": playbook, "items": whole})


async def _find(question: Question, inputs: Mapping[str, object], units: Units) -> Sequence[Target]:
    query = units.queries[question.query]
    asks = {name: _resolve(value, inputs) for name, value in question.asks.items()}
    if not all(asks.values()):
        return ()
    found: Sequence[Target] = await query.find(revive(query.question, asks))
    return tuple({target.names[0]: target for target in found}.values())


def _resolve(value: object, inputs: Mapping[str, object]) -> object:
    reference = REFERENCE.fullmatch(value) if isinstance(value, str) else None
    return inputs[reference[2]] if reference else value


def _draft(book: Playbook, found: Mapping[str, Sequence[Target]], actions: Mapping[str, AnyAction]) -> list[tuple[Item, Target]]:
    steps = {step.id: step for step in book.steps}
    drafts = []
    for step in book.steps:
        for target in found[step.source]:
            needs = tuple(need for name in step.needs for need in _needs(steps[name], step, target, found))
            data: Mapping[str, Any] = plain(target)  # type: ignore[assignment]
            item = Item(
                id=_id(step, target),
                step=step.id,
                action=step.action,
                label=target.label,
                target=data,
                needs=needs,
                reversal=actions[step.action].spec.reversal,
            )
            drafts.append((item, target))
    return drafts


def _id(step: Step, target: Target) -> str:
    return f"{step.id}/{target.names[0].partition(':')[2]}"


def _needs(needed: Step, step: Step, target: Target, found: Mapping[str, Sequence[Target]]) -> list[str]:
    """Steps over the same targets wait for each other target by target; others wait for all."""
    targets = [target] if needed.source == step.source else found[needed.source]
    return [_id(needed, other) for other in targets]


async def _read_and_plan(action: AnyAction, target: Target) -> Plan:
    try:
        return action.plan(target, await action.read(target))
    except FiredoorError as error:
        return Plan(impossible=f"it could not be read: {error}")
    except Exception as defect:  # noqa: BLE001 - one action's defect must not hold the other doors open
        log.error("a defect in %s: %s", action.spec.id, kind_and_place(defect))  # noqa: TRY400 - a traceback may quote a secret
        return Plan(impossible=f"a defect in {action.spec.id} ({kind_and_place(defect)}); look at its target by hand")
