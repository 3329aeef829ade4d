"""Whom a playbook concerns, before anything is read of them: its queries asked, an item for each step and target, the guard's refusals."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from firedoor.action import FoundInPart
from firedoor.canonical import plain
from firedoor.catalogue import AnyAction, AnyQuery
from firedoor.errors import BadInput, FiredoorError, Misconfigured, VendorError
from firedoor.guard import Guard, Keepers
from firedoor.model import Briefing, Plan, Target, Tier
from firedoor.playbook import REFERENCE, Playbook, Question, Step
from firedoor.run import Item, Order, revive
from firedoor.source import Source


async def _no_keepers() -> Sequence[Keepers]:
    return ()


async def _no_powers(names: Sequence[str]) -> Sequence[str]:
    del names
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Units:
    """Actions, queries and sources with a client in hand: read-only ones for planning, writing ones for applying.

    ``keepers`` asks the vendors who can let everybody in again, ``powers`` whether some targets, by their names, could turn the chat
    against us. ``missing`` are vendors without a client, and why: what a playbook wants
    of them becomes an item that says so, and holds nothing up.
    """

    actions: Mapping[str, AnyAction]
    queries: Mapping[str, AnyQuery]
    keepers: Callable[[], Awaitable[Sequence[Keepers]]] = field(default=_no_keepers)
    powers: Callable[[Sequence[str]], Awaitable[Sequence[str]]] = field(default=_no_powers)
    missing: Mapping[str, Misconfigured] = field(default_factory=dict)
    sources: Mapping[str, Source] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An item before its target was read. Without a target, its step's targets could not be found."""

    item: Item
    target: Target | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a query found, and what it could not answer, if anything."""

    found: tuple[Target, ...] = ()
    failed: FiredoorError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Drafts:
    """All drafts of a run, in the playbook's order. ``names`` are all names of all targets, refused ones too."""

    drafts: tuple[Draft, ...]
    names: tuple[str, ...]


def asked(book: Playbook, inputs: Mapping[str, tuple[str, ...]]) -> frozenset[str]:
    """The names of the playbook's queries that are asked: not those that are told an input which was left out."""
    given = _given(book, inputs)
    return frozenset(name for name, question in book.queries.items() if _is_asked(question, given))


async def draft(book: Playbook, order: Order, *, units: Units, guard: Guard) -> Drafts:
    """Ask the queries and draft the run.

    A question that a vendor failed to answer, or that nobody made ready for, becomes an item that says so and holds nothing up; the first
    such failure is raised where nothing to contain was found. Raises `BadInput` for a question that names something unknown.
    """
    given = _given(book, order.inputs)
    guard = guard.lifted() if order.protected else guard
    answers = dict(zip(book.queries, await asyncio.gather(*(_find(one, given, units) for one in book.queries.values())), strict=True))
    _check_there_is_work(book, answers, units)
    names = tuple(dict.fromkeys(name for step in book.steps for target in answers[step.source].found for name in target.names))
    briefing = Briefing(run=order.run, incident=order.incident, title=order.title, scope=names)
    steps = {step.id: step for step in book.steps}
    drafts: list[Draft] = []
    for step in book.steps:
        answer, action = answers[step.source], units.actions.get(step.action)
        item = Item(id=f"{step.id}/?", step=step.id, action=step.action, label="?", target={})
        if action is None:
            if answer.failed or answer.found:
                absent = answer.failed or units.missing[step.action.partition(".")[0]]
                drafts.append(Draft(item=replace(item, plan=Plan(impossible=str(absent))), target=None))
            continue
        item = replace(item, reversal=action.spec.reversal, telling=action.spec.approvals is Tier.AUTO)
        if answer.failed is not None:
            words = (
                f"not all of its targets could be found: {answer.failed} Once that is mended, resume the run, or start the playbook again"
            )
            drafts.append(Draft(item=replace(item, plan=Plan(impossible=words)), target=None))
        touched = [target for other in book.steps if other.action == step.action for target in answers[other.source].found]
        excess = guard.excess(step.action, touched, limit=min(book.limits.targets, action.spec.limit))
        for target in answer.found:
            needs = tuple(need for name in step.needs for need in _needs(steps[name], step, target, answers, units))
            drafts += _of(replace(item, needs=needs, refused=excess), target.briefed(briefing), guard)
    return Drafts(drafts=await keep_one(drafts, units=units, guard=guard), names=names)


def _check_there_is_work(book: Playbook, answers: Mapping[str, Answer], units: Units) -> None:
    """Raise why there is nothing to do, if so. To tell people of it is not enough where the playbook is to contain something."""
    tells = {name for name, action in units.actions.items() if action.spec.approvals is Tier.AUTO}
    contains = [step for step in book.steps if step.action not in tells]
    if any(answers[step.source].found for step in contains or book.steps):
        return
    if failed := [answer.failed for answer in answers.values() if answer.failed is not None]:
        raise failed[0]
    if contains:
        raise BadInput(
            f"there is nothing to contain: of what {book.playbook} works on, none was named or found",
            advice=f"See what it can be told: `firedoor playbooks show {book.playbook}`",
        )


def _of(item: Item, target: Target, guard: Guard) -> list[Draft]:
    """The item on its target; where some of its addresses must not be blocked, one item for these and one for the rest."""
    whys = guard.unblockable(target)
    if not whys:
        return [_on(item, target, item.refused or guard.refusal(target))]
    rest = [address for address in target.addresses if address not in whys]
    drafts = [_on(item, target.only(rest), item.refused or guard.refusal(target))] if rest else []
    refused = _on(item, target.only(list(whys)), "; ".join(whys.values()))
    return [*drafts, Draft(item=replace(refused.item, id=f"{refused.item.id}/refused"), target=refused.target)] if rest else [refused]


def _on(item: Item, target: Target, refused: str) -> Draft:
    data: Mapping[str, Any] = plain(target)  # type: ignore[assignment]
    return Draft(item=replace(item, id=_id(item.step, target), label=target.label, target=data, refused=refused), target=target)


async def keep_one(drafts: Sequence[Draft], *, units: Units, guard: Guard) -> tuple[Draft, ...]:
    """The drafts, with those refused that would together shut out the last who can let everybody in again."""
    touched = [name for one in drafts if one.target is not None and not one.item.refused for name in one.target.names]
    for keepers in await units.keepers():
        if why := guard.lockout(touched, keepers):
            members = {name.casefold() for member in keepers.members for name in member}
            drafts = [_refused(one, why) if _is_among(one, members) else one for one in drafts]
    return tuple(drafts)


def _is_among(one: Draft, members: set[str]) -> bool:
    return one.target is not None and bool(members.intersection(map(str.casefold, one.target.names)))


def _refused(one: Draft, why: str) -> Draft:
    return replace(one, item=replace(one.item, refused=one.item.refused or why))


async def _find(question: Question, inputs: Mapping[str, object], units: Units) -> Answer:
    if not _is_asked(question, inputs):
        return Answer()
    query = units.queries.get(question.query)
    if query is None:
        return Answer(failed=units.missing[question.query.partition(".")[0]])
    try:
        found: Sequence[Target] = await query.find(revive(query.question, _asks(question, inputs)))
    except FoundInPart as part:
        return Answer(found=_each_once(part.found), failed=part)
    except (VendorError, Misconfigured) as error:
        return Answer(failed=error)
    return Answer(found=_each_once(found))


def _each_once(found: Sequence[Target]) -> tuple[Target, ...]:
    return tuple({target.names[0]: target for target in found}.values())


def _given(book: Playbook, inputs: Mapping[str, tuple[str, ...]]) -> Mapping[str, object]:
    return {name: inputs[name] if wanted.many else "".join(inputs[name]) for name, wanted in book.inputs.items()}


def _asks(question: Question, inputs: Mapping[str, object]) -> Mapping[str, object]:
    return {name: _resolve(value, inputs) for name, value in question.asks.items()}


def _is_asked(question: Question, inputs: Mapping[str, object]) -> bool:
    return all(_asks(question, inputs).values())


def _resolve(value: object, inputs: Mapping[str, object]) -> object:
    reference = REFERENCE.fullmatch(value) if isinstance(value, str) else None
    return inputs[reference[2]] if reference else value


def _id(step: str, target: Target) -> str:
    return f"{step}/{target.names[0].partition(':')[2]}"


def _needs(needed: Step, step: Step, target: Target, answers: Mapping[str, Answer], units: Units) -> list[str]:
    """Steps over the same targets wait for each other target by target; others wait for all."""
    answer = answers[needed.source]
    if needed.action not in units.actions:
        return [f"{needed.id}/?"] if answer.failed or answer.found else []
    unknown = [f"{needed.id}/?"] if answer.failed is not None else []
    return [*(_id(needed.id, other) for other in ([target] if needed.source == step.source else answer.found)), *unknown]
