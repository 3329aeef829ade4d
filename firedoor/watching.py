"""The long watch: whether what runs have contained still stands, read anew and planned anew, until somebody closes the incident.

It only looks. What is open again is told, with the command that contains it; that is a person's decision, as it was the first time.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from firedoor import planning
from firedoor.action import Spec
from firedoor.approval import Roster, Ruling
from firedoor.catalogue import AnyAction
from firedoor.drafting import Draft, Units
from firedoor.errors import FiredoorError, Overtaken
from firedoor.journal import Event, Journal, Kind
from firedoor.look import WATCH, Found, Look, State, after
from firedoor.model import Mode, Outcome, Plan, Target
from firedoor.run import Item, Record, fold, revive
from firedoor.situation import living, situation_of

Report: TypeAlias = Mapping[str, Any]
CONTAINED = (Outcome.CHANGED, Outcome.ALREADY)
TRIED = (Outcome.FAILED, Outcome.UNVERIFIED, Outcome.STALE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A run as the journal has it. ``seen`` is the number of its newest event."""

    record: Record
    seen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """Every run that can be read, newest first, and why the others cannot."""

    runs: tuple[Known, ...]
    damaged: Mapping[str, str]


async def past_of(journal: Journal) -> Past:
    """All that is on record, sweeps' runs included. One that is damaged keeps no other from being looked at, and is no secret either."""
    runs: list[Known] = []
    damaged: dict[str, str] = {}
    for run in await journal.runs():
        try:
            events = await journal.events(run)
            runs.append(Known(record=fold(run, events), seen=events[-1].n))
        except FiredoorError as broken:
            damaged[run] = broken.what
    return Past(runs=tuple(runs), damaged=damaged)


def left_alone(record: Record, specs: Mapping[str, Spec], roster: Roster) -> str:
    """Why a run is not watched; empty where it is."""
    order = record.order
    whys = {
        "it was an exercise, and changed nothing": order.mode is Mode.EXERCISE,
        "it was a drill": order.mode is not Mode.LIVE,
        "it is a sweep, which lists everything anew each time": order.sweep,
        f"it is the way back from run {order.undoes}": bool(order.undoes),
        f"run {record.undone_by} has undone it": bool(record.undone_by),
        "it let somebody in again": lets_in(record, specs),
        "it contained nothing": not _contained(record, specs),
        "it is not over": record.report is None,
        f"{record.closing.by if record.closing else ''} has closed it": is_closed(record, roster),
    }
    return next((why for why, holds in whys.items() if holds), "")


def is_closed(record: Record, roster: Roster) -> bool:
    """Whether a closing on record counts: whoever writes one into the database without a key ends no watch."""
    return record.closing is not None and record.closing.holds(record.order.run, roster)


def lets_in(record: Record, specs: Mapping[str, Spec]) -> bool:
    """Whether a run is one that lets people in again."""
    return any(item.action in specs and specs[item.action].reopens for item in record.items)


def _contained(record: Record, specs: Mapping[str, Spec]) -> bool:
    """Whether a run has contained something, or had the approval to and failed: whoever it was to shut out may be at large."""
    approved = record.ruling in (None, Ruling.GRANTED)
    return any(
        (approved and (_closed(record, item) or _failed(record, item, specs))) or record.done(item.id)
        for item in record.items
        if not item.telling
    )


def _failed(record: Record, item: Item, specs: Mapping[str, Spec]) -> bool:
    result = record.results.get(item.id)
    if record.ruling is not Ruling.GRANTED or result is None or result.outcome not in TRIED:
        return False
    return item.action not in specs or not specs[item.action].recovers


def _closed(record: Record, item: Item) -> bool:
    result = record.results.get(item.id)
    return result is not None and result.outcome in CONTAINED


async def look(watched: Sequence[Known], past: Past, at: Units, *, now: datetime) -> Mapping[str, Look]:
    """Read and plan again all that the runs contained, or tried to, by their names. ``at`` are units on clients that only read."""
    opened = list(_opened(past, at.actions))
    drafts, settled = [], dict[str, dict[str, tuple[State, str]]]()
    for one in watched:
        run = one.record.order.run
        settled[run] = {}
        for item in _items(one.record):
            told = _without_reading(one.record, item, at, opened)
            if isinstance(told, Draft):
                drafts.append((run, told))
            else:
                settled[run][item.id] = told
    for (run, _), item in zip(drafts, await planning.looked_at([draft for _, draft in drafts], at.actions), strict=True):
        assert item.plan is not None
        settled[run][item.id] = judged(item.plan)
    return {one.record.order.run: _look(one.record, settled[one.record.order.run], now) for one in watched}


def _items(record: Record) -> Iterator[Item]:
    """What is looked at. Tickets and notices are not: people have read them."""
    return (item for item in record.items if not item.telling)


def _without_reading(record: Record, item: Item, at: Units, opened: Sequence[_Opened]) -> Draft | tuple[State, str]:
    """What is known of an item without a look at it; else what is to be read."""
    if item.refused:
        return State.LEFT, f"the guard refused it: {item.refused}"
    if not item.target:
        return State.UNREAD, "its targets could not be found when the run was planned"
    if (action := at.actions.get(item.action)) is None:
        absent = at.missing.get(item.action.partition(".")[0])
        return State.UNREAD, str(absent) if absent else f"this Firedoor has no action {item.action}"
    target = _target(record, item, action)
    ended = record.ended.get(item.id)
    for one in opened:
        if ended is not None and one.at > ended and one.is_of(item, target):
            return State.LEFT, f"run {one.run} opened it again on purpose"
    return Draft(item=item, target=target)


def _target(record: Record, item: Item, action: AnyAction) -> Target:
    """The target with the run's own T: what has begun since is another matter."""
    target: Target = revive(action.target, item.target)
    counting = record.as_it_counts(item).intents
    begun = [intent.at for intent in counting if intent.item == item.id]
    moment = min(begun) if begun else record.ended.get(item.id) if _closed(record, item) else None
    return target if moment is None else target.bound(moment)


def judged(plan: Plan) -> tuple[State, str]:
    """What a plan made anew says of something that was contained."""
    if plan.changes:
        return State.OPEN, "; ".join(change.says for change in plan.changes)
    if plan.waits and plan.until is not None:
        return State.WAITS, plan.waits
    if plan.blocked:
        return State.UNREAD, plan.blocked
    return State.STANDS, plan.reason


def _look(record: Record, settled: Mapping[str, tuple[State, str]], now: datetime) -> Look:
    found = [
        Found(item=item.id, state=settled[item.id][0], says=settled[item.id][1], since=now, again=_closed(record, item))
        for item in _items(record)
    ]
    return after(record.look, found)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opened:
    """What a run has let go on purpose: an undo the very item, a restoration whatever its action reopens for the same names."""

    run: str
    at: datetime
    actions: tuple[str, ...]
    label: str = ""
    names: tuple[str, ...] = ()

    def is_of(self, item: Item, target: Target) -> bool:
        return item.action in self.actions and (item.label == self.label or not set(self.names).isdisjoint(target.names))


def _opened(past: Past, actions: Mapping[str, AnyAction]) -> Iterator[_Opened]:
    for record in (one.record for one in past.runs if one.record.order.mode is Mode.LIVE and not one.record.undone_by):
        items = {item.id: item for item in record.items}
        for intent in record.intents:
            if (item := items.get(intent.item)) is None or (action := actions.get(item.action)) is None:
                continue
            if record.order.undoes:
                yield _Opened(run=record.order.run, at=intent.at, actions=(item.action,), label=item.label)
            elif action.spec.reopens:
                names: tuple[str, ...] = revive(action.target, item.target).names
                yield _Opened(run=record.order.run, at=intent.at, actions=action.spec.reopens, names=names)


async def keep(journal: Journal, watched: Sequence[Known], looks: Mapping[str, Look]) -> None:
    """Put on record what has changed, run by run, and that the watch has looked."""
    for one in watched:
        run, seen = one.record.order.run, looks[one.record.order.run]
        if one.record.look is None or seen.changed:
            with suppress(Overtaken):  # another look, or the run itself, was faster: the next look sees what came of it
                await journal.append(run, Kind.WATCHED, seen, seen=one.seen)
    counted = {run: {"open": len(one.of(State.OPEN)), "unread": len(one.of(State.UNREAD))} for run, one in looks.items()}
    if counted:
        await journal.append(WATCH, Kind.LOOKED, {"runs": counted})


async def looked(journal: Journal, run: str) -> datetime | None:
    """When the watch last looked at a run, whatever it found."""

    def names_it(event: Event) -> bool:
        runs = event.body.get("runs")
        return isinstance(runs, Mapping) and run in runs

    last = await journal.newest(WATCH, names_it)
    return last.at if last is not None else None


def report(watched: Sequence[Known], looks: Mapping[str, Look], *, past: Past, now: datetime) -> Report:
    """A look as people are told of it, as JSON data: what is open first."""
    rows = [row(one.record, looks[one.record.order.run], now=now) for one in watched]
    going = [one.record.order.run for one in past.runs if is_going(one.record)]
    return {
        "open": sum(len(one["open"]) for one in rows),
        "unread": sum(len(one["unread"]) for one in rows) + len(past.damaged),
        "stands": sum(one["stands"] for one in rows),
        "looked": now.isoformat(timespec="seconds"),
        "runs": rows,
        "not_over": going,
        "damaged": dict(past.damaged),
    }


def is_going(record: Record) -> bool:
    """Whether a run that has written something is not over: the watch begins with its end."""
    order = record.order
    return order.mode is Mode.LIVE and not order.sweep and not order.undoes and record.report is None and bool(record.receipts)


def row(record: Record, seen: Look, *, now: datetime) -> Report:
    """One run's part of it. While something is open, nothing is told as lapsed: it may have been made anew."""
    order, items = record.order, {item.id: item for item in record.items}
    situation = situation_of(record)
    live = living(situation, now=now)
    return {
        "run": order.run,
        "incident": order.incident,
        "title": order.title,
        "open": [_line(one, items[one.item]) for one in seen.of(State.OPEN)],
        "unread": [_line(one, items[one.item]) for one in seen.of(State.UNREAD)],
        "stands": len(seen.of(State.STANDS, State.WAITS)),
        "waits": [_line(one, items[one.item]) for one in seen.of(State.WAITS)],
        "left_alone": [_line(one, items[one.item]) for one in seen.of(State.LEFT)],
        "lapsed": [one.what for one in situation.residual if one not in live] if seen.fine else [],
        "still_live": [one.what for one in (live if seen.fine else situation.residual)],
        "contain": command(record),
    }


def _line(one: Found, item: Item) -> Report:
    return {
        "item": one.item,
        "action": item.action,
        "target": item.label,
        "says": one.says,
        "since": one.since.isoformat(timespec="seconds"),
        "again": one.again,
    }


def command(record: Record) -> str:
    """What a person types to contain it again: a run of its own, planned anew and approved anew."""
    order = record.order
    given = [shlex.quote(f"{name}={','.join(values)}") for name, values in order.inputs.items() if values]
    protected = ["--protected"] if order.protected else []
    return " ".join(["firedoor contain", order.playbook, *(f"-i {one}" for one in given), *protected, "--key FILE"])
