"""Runs one action against its vendor's simulator over the wire, just as the engine does, from data.

A case is a file ``tests/tasks/<action id>/<case>.yaml``:

    world:    the simulated world before, in the simulator's own format
    target:   the fields of the action's target
    lag:      seconds by which the simulator is late, by the names that its room knows (system_log, user_status; iam)
    settle:   seconds allowed for the change to show (3 where it is left out)
    clear:    the world's sessions are cleared by an administrator before the run: a log entry at a time of its own
    incidents: open incidents: {run, label, names} of each target; with ``begins: true`` it begins once the plan is approved
    then:     what happens in the world once the plan is approved, as the vendor's room knows it
    faults:   what goes wrong once the plan is approved: the fields of `Fault`, with ``code`` for an error body of the vendor, and ``times``
    plan:     {changes: [words]} or {reason: words}, {impossible: words} or {waits: words}; a part of the words is enough
    outcome:  how the step ends; ``reason``: a part of the words it gives
    writes:   how often each writing operation had its effect
    after:    a part of the world after
    undo:     {changes: [words]}, {reason: words} or {refuses: words}; where there are changes, the world is then exactly as before, but for
              what is named under ``but``, a part of the world: that cannot be brought back
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

import pytest
import yaml

import tasks
from firedoor import catalogue
from firedoor.action import NotUndoable
from firedoor.approval import Answer, Decision, Grant, Person, Request, Roster
from firedoor.canonical import canonical, plain
from firedoor.catalogue import AnyAction
from firedoor.journal import Journal, Kind
from firedoor.lease import Leases
from firedoor.model import Intent, Mode, Plan, Snapshot, Target, Tier
from firedoor.run import Done, Item, Order, Record, Started, StepResult, read_as, revive
from firedoor.seal import Seal
from firedoor.step import Bench, perform
from firedoor.store import Store
from firedoor.vendors.faults import Effect, Fault, Faults
from firedoor.vendors.unclosed import Concerned
from tests.tasks.rooms import ROOMS
from tests.tasks.rooms.base import Simulated

HERE = Path(__file__).parent
CATALOGUE = catalogue.load(tasks)
SETTLES, HOLDS = 3.0, 0.1
_SECRETS = ("password", "refresh", "access", "token", "secret")


@dataclass(frozen=True)
class Case:
    """One file. ``name`` is its file's."""

    action: str
    name: str
    data: Mapping[str, Any]

    @property
    def secrets(self) -> set[str]:
        """Every secret that the world was given: none may be found outside it."""
        sessions = self.data["world"].get("sessions", ()) if isinstance(self.data["world"], Mapping) else ()
        return {*_secrets_in(self.data["world"]), *(one["id"] for one in sessions)}


def _secrets_in(data: object) -> set[str]:
    if isinstance(data, Mapping):
        here = {value for key, value in data.items() if key in _SECRETS and isinstance(value, str)}
        return here.union(*(_secrets_in(value) for value in data.values()))
    return set().union(*map(_secrets_in, data)) if isinstance(data, list) else set()


@cache
def cases() -> tuple[Case, ...]:
    """Every case there is, read once a process. Nobody writes to what they hold."""
    found = sorted(HERE.glob("*/*.yaml"))
    return tuple(Case(path.parent.name, path.stem, yaml.safe_load(path.read_text(encoding="utf-8"))) for path in found)


@dataclass(slots=True, kw_only=True)
class Room:
    """A simulated vendor with one action on it."""

    action: AnyAction
    at: Simulated


@asynccontextmanager
async def room(action: str, world: Mapping[str, Any], *, lag: Mapping[str, float], settle: float) -> AsyncIterator[Room]:
    """The action in its vendor's room. What it must be seen to hold for is as short as what it may take to settle is."""
    unit: Any = CATALOGUE.action(action)
    hold = min(unit.spec.hold, HOLDS)
    quick = type(unit.__name__, (unit,), {"spec": replace(unit.spec, settle_within=settle, hold=hold)})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("firedoor.vendors.retry._BACKOFF", lambda _: 0.0)
        patch.setattr("firedoor.step.FIRST_POLL", 0.01)
        patch.setattr("firedoor.step.LONGEST_POLL", 0.05)
        patch.setattr("firedoor.step.OVERDUE", 60.0)  # nobody takes anything back here, however slow the machine
        async with ROOMS[unit.spec.vendor].open(world, lag) as at:
            yield Room(action=quick(at.client), at=at)


@dataclass(slots=True, kw_only=True)
class Bout:
    """One run of one action on one target: what was approved, how it ended, what was put on record."""

    item: Item
    result: StepResult
    intents: Sequence[Started]
    done: Sequence[Done]
    target: Target
    record: bytes


async def bout(
    action: AnyAction, target: Target, plan: Plan, folder: Path, *, run: str = "r1", proceed: Callable[[], None] | None = None
) -> Bout:
    """Approve a plan and carry it out with a real journal. ``proceed`` is called once it is approved."""
    item = Item(id=f"s/{target.label}", step="s", action=action.spec.id, label=target.label, target=plain(target), plan=plan)  # type: ignore[arg-type]
    order = Order(
        run=run, incident="i", playbook="p", mode=Mode.LIVE, requester="Ada", asked=datetime.now(UTC), inputs={}, title="Shut the doors"
    )
    async with Store(f"sqlite:///{folder}/journal.db") as store:
        journal = Journal(store)
        if proceed is not None:
            proceed()
        bench = Bench(journal=journal, leases=Leases(store, run), grant=grant(item, order), stopped=_nobody)
        result = await perform(item, action, record=Record(order=order, items=(item,)), bench=bench)
        events = await journal.events(run)
        record = _bytes_in(folder)
    intents = [read_as(Started, event.body, event) for event in events if event.kind == Kind.INTENT]
    done = [read_as(Done, event.body, event) for event in events if event.kind == Kind.RECEIPT]
    bound = target.bound(intents[0].at) if intents else target
    return Bout(item=item, result=result, intents=intents, done=done, target=bound, record=record)


def _bytes_in(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir())


async def _nobody() -> str:
    return ""


def grant(item: Item, order: Order) -> Grant:
    """Ben's approval of one item, exactly as planned."""
    assert item.plan is not None
    seal, roster, now = Seal(b"k" * 32), Roster(people=(Person(name="Ada", slack="U1"), Person(name="Ben", slack="U2"))), datetime.now(UTC)
    request = Request(
        run=order.run,
        mode=order.mode,
        playbook=order.playbook,
        fingerprint="",
        effects={item.id: tuple(change.effect(item.action) for change in item.plan.changes)},
        covers={item.id: item.plan.covers},
        required=Tier.ONE,
        requester="Ada",
        roster=roster.hash,
        barred=(),
        requested=now,
        expires=now + timedelta(minutes=5),
        lapses=now + timedelta(minutes=9),
        nonce="n",
    )
    bare = Decision(request=request.digest, answer=Answer.APPROVE, by="Ben", via="test", at=now)
    return Grant(request=request, decisions=(replace(bare, proof=seal.sign(bare)),), roster=roster, seal=seal)


@dataclass(slots=True, kw_only=True)
class Ended:
    """All that a case showed. ``undo`` is the plan of the way back, or the words of a refusal."""

    target: Target
    seen: tuple[Snapshot, Snapshot]
    plan: Plan
    bout: Bout
    second: Plan
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    writes: Counter[str]
    undo: Plan | str
    undone: Mapping[str, Any]
    used: frozenset[str]
    leaks: list[str]


_ended: dict[tuple[str, str], Ended] = {}


def ended(case: Case) -> Ended:
    """The case's end; each is run once in a session, whoever asks. Not to be called from a running event loop."""
    key = (case.action, case.name)
    if key not in _ended:
        with TemporaryDirectory() as folder, _Ears() as ears:
            _ended[key] = asyncio.run(_run(case, Path(folder), ears))
    return _ended[key]


class _Ears(logging.Handler):
    """Everything that is logged at all, kept."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.heard: list[str] = []
        self.setFormatter(logging.Formatter("%(name)s %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        self.heard.append(self.format(record))

    def __enter__(self) -> Self:
        self._level = logging.root.level
        logging.root.addHandler(self)
        logging.root.setLevel(logging.DEBUG)
        return self

    def __exit__(self, *_: object) -> None:
        logging.root.removeHandler(self)
        logging.root.setLevel(self._level)


async def _run(case: Case, folder: Path, ears: _Ears) -> Ended:
    data = case.data
    async with room(case.action, data["world"], lag=data.get("lag", {}), settle=data.get("settle", SETTLES)) as found:
        action, at = found.action, found.at
        target: Target = revive(action.target, data["target"])
        for name in data.get("clear", ()):
            at.world.clear_sessions(at.world.user(name), oauth_tokens=True, by=at.world.user(name).party)
        at.incidents += _concerned(data, begins=False)
        before: Mapping[str, Any] = {}
        snapshot = await action.read(target)
        plan = action.plan(target, snapshot)

        def proceed() -> None:
            nonlocal before
            at.incidents.extend(_concerned(data, begins=True))
            for event in data.get("then", ()):
                ROOMS[action.spec.vendor].happen(at.world, event)
            before = json.loads(canonical(at.state()))
            _plant(at.faults, data.get("faults", ()), action.spec.vendor)

        went = await bout(action, target, plan, folder, proceed=proceed)
        at.faults._planned.clear()
        after, writes = json.loads(canonical(at.state())), at.writes()
        now = await action.read(went.target)
        second = action.plan(went.target, now)
        undo: Plan | str
        try:
            undo = action.plan_undo(target, [done.receipt for done in went.done], now)
        except NotUndoable as refusal:
            undo = str(refusal)
        for change in undo.changes if isinstance(undo, Plan) else ():
            await action.apply(change, Intent(run="r2", item="s", key="k", at=await action.clock(target), fence=1))
        undone = json.loads(canonical(at.state()))
        told = [canonical(plain(each)) for each in (plan, snapshot, went.result, second, now)] + [str(undo), *ears.heard]
        text = "\n".join(told).encode() + went.record
        leaks = sorted(secret for secret in case.secrets | at.secrets if secret.encode() in text)
        used = frozenset(at.used)
    return Ended(
        target=target,
        seen=(snapshot, now),
        plan=plan,
        bout=went,
        second=second,
        before=before,
        after=after,
        writes=writes,
        undo=undo,
        undone=undone,
        used=used,
        leaks=leaks,
    )


def _concerned(data: Mapping[str, Any], *, begins: bool) -> list[Concerned]:
    some = [one for one in data.get("incidents", ()) if one.get("begins", False) is begins]
    return [Concerned(run=one["run"], label=one["label"], names=tuple(one["names"])) for one in some]


def _plant(faults: Faults, planned: Sequence[Mapping[str, Any]], vendor: str) -> None:
    for each in planned:
        rest = dict(each)
        times, code = rest.pop("times", 1), rest.pop("code", "")
        if code:
            rest["body"] = ROOMS[vendor].error_body(str(rest["operation"]), code)
        faults.plan(Fault(**{**rest, "effect": Effect(rest.get("effect", "none"))}), times=times)
