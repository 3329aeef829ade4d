"""A vendor in memory, two actions on it, and a whole engine around them, with a real journal in a real database.

A `Door` has keys that are open or shut. `Shut` shuts them, one change a key; `Clear` revokes what was minted before T. The vendor counts
every effect, plays planned troubles, and can be slow to show what was done.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import pytest

from firedoor import ordering
from firedoor.action import Action, NotUndoable, Query, QuerySpec, Spec
from firedoor.approval import Answer, Decision, Person, Roster
from firedoor.channel import Channel, Silent
from firedoor.desk import Desk
from firedoor.drafting import Units
from firedoor.elsewhere import LIVES
from firedoor.engine import Engine
from firedoor.errors import FiredoorError, MustBeSigned, NotFound
from firedoor.exercise.keys import SecurityKey
from firedoor.guard import Guard
from firedoor.journal import Event, Journal, Kind
from firedoor.lease import Leases
from firedoor.model import Change, Cover, Intent, Mode, Plan, Receipt, Residual, Reversal, Snapshot, Target, Tier
from firedoor.playbook import Playbook
from firedoor.run import ITSELF, Order, Resumption, Via
from firedoor.seal import Seal
from firedoor.stage import Plainly, Stage
from firedoor.store import Store

Report = Mapping[str, Any]
Effect = Callable[[], None]
Trouble = Callable[[Effect], Awaitable[None]]
KEYS = {name: SecurityKey() for name in ("Ada", "Ben", "Cem", "Dan")}
ASKER, YES, NO, DAN = (Person(name=name, slack=f"U{n}", keys=(key.public,)) for n, (name, key) in enumerate(KEYS.items(), start=1))
ROSTER = Roster(people=(ASKER, YES, NO))


def failing(trouble: Exception, *, first: bool = False) -> Trouble:
    """The write raises; with ``first`` it had its effect before."""

    async def play(effect: Effect) -> None:
        if first:
            effect()
        raise trouble

    return play


@dataclass(frozen=True, slots=True, kw_only=True)
class Door(Target):
    """A door by name; ``before`` is T."""

    name: str
    before: datetime | None = None

    @property
    def label(self) -> str:
        return self.name

    @property
    def names(self) -> tuple[str, ...]:
        return (f"fake:door:{self.name}",)

    def bound(self, moment: datetime) -> Self:
        return replace(self, before=moment)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen(Snapshot):
    """The status of each key, and when the door was last cleared."""

    keys: Mapping[str, str]
    cleared: datetime | None = None


@dataclass(slots=True)
class Vendor:
    """``doors`` are the keys of each door. ``hidden``: so many readings after an effect still show the world before it."""

    doors: dict[str, dict[str, str]]
    cleared: dict[str, datetime] = field(default_factory=dict)
    effects: Counter[str] = field(default_factory=Counter)
    calls: list[str] = field(default_factory=list)
    bound: list[datetime | None] = field(default_factory=list)
    on_apply: deque[Trouble] = field(default_factory=deque)
    on_read: deque[Exception | Callable[[], None] | None] = field(default_factory=deque)
    on_clock: deque[Callable[[], Awaitable[None]]] = field(default_factory=deque)
    unfindable: FiredoorError | None = None
    hidden: int = 0
    _stale: dict[str, tuple[int, Seen]] = field(default_factory=dict)

    def show(self, door: str) -> Seen:
        """The door as the vendor shows it."""
        if door not in self.doors:
            raise NotFound("no such door", vendor="fake", operation="read", target=door)
        left, old = self._stale.get(door, (0, None))
        if left and old is not None:
            self._stale[door] = (left - 1, old)
            return old
        return self._true(door)

    def _true(self, door: str) -> Seen:
        return Seen(keys=dict(self.doors[door]), cleared=self.cleared.get(door))

    def effect(self, what: str, door: str, key: str = "", status: str = "shut") -> None:
        """The change itself, counted."""
        if self.hidden:
            self._stale[door] = (self.hidden, self._true(door))
        self.effects[f"{what} {door}{'/' if key else ''}{key}"] += 1
        if key:
            self.doors[door][key] = status
        else:
            self.cleared[door] = datetime.now(UTC)


def spec(name: str, **changed: Any) -> Spec:
    """A specification that settles soon."""
    plain: dict[str, Any] = {
        "id": f"fake.{name}",
        "title": name,
        "reads": frozenset({"read"}),
        "writes": frozenset({"write"}),
        "tier": Tier.ONE,
        "reversal": Reversal.EXACT,
        "limit": 50,
        "settle_within": 0.4,
        "pages": ("about:blank",),
    }
    return Spec(**{**plain, **changed})


class Shut(Action[Door, Seen]):
    """Shuts every open key of a door."""

    spec = spec("shut")
    target = Door
    cover = 0

    def __init__(self, vendor: Vendor) -> None:
        self.vendor = vendor

    async def clock(self, target: Door) -> datetime:
        self.vendor.calls.append(f"clock {self.spec.id} {target.name}")
        if self.vendor.on_clock:
            await self.vendor.on_clock.popleft()()
        return datetime.now(UTC)

    def lease(self, target: Door) -> str:
        return f"fake:{target.name}"

    async def read(self, target: Door) -> Seen:
        self.vendor.calls.append(f"read {self.spec.id} {target.name}")
        self.vendor.bound.append(target.before)
        await asyncio.sleep(0)
        trouble = self.vendor.on_read.popleft() if self.vendor.on_read else None
        if isinstance(trouble, Exception):
            raise trouble
        if trouble is not None:
            trouble()
        return self.vendor.show(target.name)

    def plan(self, target: Door, before: Seen) -> Plan:
        changes = tuple(
            Change(
                key=f"shut:{key}",
                subject=f"fake:{target.name}/{key}",
                says=f"shut {target.name}/{key}",
                at={"door": target.name, "key": key},
                before={"status": status},
                after={"status": "shut"},
                cover="keys" if self.cover else "",
            )
            for key, status in before.keys.items()
            if status not in {"shut", "stuck"}
        )
        if "stuck" in before.keys.values():
            return Plan(impossible=f"{target.name} is stuck")
        if not changes:
            return Plan(reason=f"{target.name} is shut")
        covers = (Cover(name="keys", says=f"every key of {target.name}", at_most=self.cover),) if self.cover else ()
        return Plan(changes=changes, covers=covers)

    async def apply(self, change: Change, intent: Intent) -> Receipt:
        door, key = change.at["door"], change.at["key"]
        status = str(change.after["status"])
        await self._do(lambda: self.vendor.effect("shut" if status == "shut" else "open", door, key, status), f"{door}/{key}")
        return self.receipt(change, intent)

    async def _do(self, effect: Effect, what: str) -> None:
        self.vendor.calls.append(f"apply {self.spec.id} {what}")
        if self.vendor.on_apply:
            await self.vendor.on_apply.popleft()(effect)
        else:
            effect()

    def receipt(self, change: Change, intent: Intent) -> Receipt:
        return Receipt(change=change.key, at=intent.at, facts={"before": change.before.get("status")})

    def plan_undo(self, target: Door, receipts: Sequence[Receipt], now: Seen) -> Plan:
        ours = {receipt.change.partition(":")[2]: str(receipt.facts["before"]) for receipt in receipts}
        if gone := sorted(key for key in ours if now.keys.get(key) not in {"shut", ours[key]}):
            return Plan(impossible=f"{target.name}/{gone[0]} is not as this run left it")
        changes = tuple(
            Change(
                key=f"open:{key}",
                subject=f"fake:{target.name}/{key}",
                says=f"make {target.name}/{key} {before} again",
                at={"door": target.name, "key": key},
                before={"status": "shut"},
                after={"status": before},
            )
            for key, before in ours.items()
            if now.keys[key] == "shut"
        )
        return Plan(changes=changes) if changes else Plan(reason=f"{target.name} is as it was")

    def residuals(self, target: Door, now: Seen) -> Sequence[Residual]:
        del now
        return (Residual(what=f"cookies of {target.name}", until="an hour", closes_by="nothing"),)


class Covering(Shut):
    """The same under an approval for up to three keys."""

    cover = 3


class Unattended(Shut):
    """The same without anybody's approval."""

    spec = spec("shut", tier=Tier.AUTO)


class Clear(Shut):
    """Clears a door of what came in before T."""

    spec = spec("clear", sources=("fake.shut",), reversal=Reversal.OWNER)

    def plan(self, target: Door, before: Seen) -> Plan:
        if target.before is not None and before.cleared is not None and before.cleared >= target.before:
            return Plan(reason=f"{target.name} was cleared")
        change = Change(key="clear", subject=target.name, says=f"clear {target.name}", at={"door": target.name}, after={"in": "none"})
        return Plan(changes=(change,))

    async def apply(self, change: Change, intent: Intent) -> Receipt:
        door = change.at["door"]
        await self._do(lambda: self.vendor.effect("clear", door), door)
        return self.receipt(change, intent)

    def plan_undo(self, target: Door, receipts: Sequence[Receipt], now: Seen) -> Plan:
        del receipts, now
        raise NotUndoable("what was cleared stays out", target=target.name, advice="They come in again by themselves")


class Waiting(Clear):
    """Clears a door, but only one that is shut; what it will do then is approved as a class."""

    spec = spec("clear", sources=("fake.shut",), reversal=Reversal.OWNER)

    def plan(self, target: Door, before: Seen) -> Plan:
        covers = (Cover(name="clearing", says=f"clear {target.name}", at_most=1),)
        if set(before.keys.values()) != {"shut"}:
            return Plan(waits="only once it is shut", covers=covers)
        plan = super().plan(target, before)
        return replace(plan, changes=tuple(replace(change, cover="clearing") for change in plan.changes), covers=covers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """Which doors."""

    names: tuple[str, ...]


class Find(Query[Names, Door]):
    """Doors by name."""

    spec = QuerySpec(id="fake.find", title="find", reads=frozenset({"read"}))
    question = Names
    target = Door

    def __init__(self, vendor: Vendor) -> None:
        self.vendor = vendor

    async def find(self, question: Names) -> Sequence[Door]:
        if self.vendor.unfindable is not None:
            raise self.vendor.unfindable
        return [Door(name=name) for name in question.names]


def book(*, steps: Sequence[Mapping[str, Any]] = (), minutes: int = 30, at_least: int = 0) -> Playbook:
    """A playbook over the doors that are named: shut each, unless told otherwise."""
    made = Playbook.model_validate(
        {
            "playbook": "fire",
            "title": "Shut the doors",
            "about": "A test",
            "inputs": {"doors": {"type": "text", "many": True, "help": "which", "example": "a"}},
            "queries": {"doors": {"query": "fake.find", "with": {"names": "${inputs.doors}"}}},
            "steps": list(steps) or [SHUT],
            "approval": {"at_least": at_least},
        }
    )
    return made.model_copy(update={"approval": made.approval.model_copy(update={"expires_minutes": minutes})})


SHUT: Mapping[str, Any] = {"id": "shut", "action": "fake.shut", "for_each": "${queries.doors}"}
CLEAR: Mapping[str, Any] = {"id": "clear", "action": "fake.clear", "for_each": "${queries.doors}", "needs": ["shut"]}


@dataclass(slots=True)
class Lab:
    """A vendor, its actions, and everything it takes to run them. ``journal`` is the test's own connection to the record."""

    vendor: Vendor
    store: Store
    journal: Journal
    path: Path
    seal: Seal = field(default_factory=lambda: Seal(b"k" * 32))
    actions: tuple[type[Shut], ...] = (Shut, Clear)
    protected: Mapping[str, str] = field(default_factory=dict)
    roster: Roster = ROSTER
    limit: int = 50
    drills: bool = True  # its vendor is no real one
    later: list[asyncio.TimerHandle] = field(default_factory=list)
    _made: int = 0

    def engine(self, *, journal: Journal | None = None, channel: Channel | None = None, act: bool = True) -> Engine:
        """An engine as another process would have one."""
        self._made += 1
        own = journal or Journal(self.store)
        units = Units(actions={unit.spec.id: unit(self.vendor) for unit in self.actions}, queries={"fake.find": Find(self.vendor)})
        return Engine(
            journal=own,
            leases=Leases(self.store, f"process {self._made}"),
            desk=Desk(journal=own, roster=self.roster, seal=self.seal),
            guard=Guard(protected=self.protected, roster=self.roster, limit=self.limit, own_networks={}),
            channel=channel or Silent(),
            look=units,
            act=units if act else None,
            drills=self.drills,
        )

    def order(self, run: str = "r1", *, mode: Mode = Mode.LIVE, doors: Sequence[str] | None = None) -> Order:
        """An order of Ada's for the doors named, or for all."""
        inputs = {"doors": tuple(doors or self.vendor.doors)}
        return Order(
            run=run,
            incident="i",
            playbook="fire",
            mode=mode,
            requester=ASKER.name,
            asked=datetime.now(UTC),
            inputs=inputs,
            title="Shut the doors",
            via=Via.SLACK,
        )

    async def contain(
        self,
        playbook: Playbook | None = None,
        *,
        run: str = "r1",
        answer: Answer | None = Answer.APPROVE,
        engine: Engine | None = None,
        stage: Stage | None = None,
        mode: Mode = Mode.LIVE,
        doors: Sequence[str] | None = None,
    ) -> Report:
        """Contain the doors named, or all, with Ben answering the request."""
        job = (engine or self.engine()).contain(self.order(run, mode=mode, doors=doors), playbook or book(), stage or Plainly())
        return await self._beside(run, answer, job)

    async def resume(self, run: str = "r1", *, engine: Engine | None = None, by: Resumption = ITSELF) -> Report:
        """Go on with a run, as a new process would; ``by`` is who wants it to."""
        return await self._beside(run, Answer.APPROVE, (engine or self.engine()).resume(run, Plainly(), by))

    async def undo(
        self, run: str = "r1", *, undoing: str = "u1", engine: Engine | None = None, answer: Answer | None = Answer.APPROVE
    ) -> Report:
        """Undo a run, with Ben answering the request."""
        order = replace(self.order(undoing), undoes=run)
        return await self._beside(undoing, answer, (engine or self.engine()).undo(order, Plainly()))

    async def _beside(self, run: str, answer: Answer | None, job: Awaitable[Report]) -> Report:
        people = asyncio.create_task(self.decide(run, YES, answer)) if answer else None
        try:
            return await job
        finally:
            if people is not None:
                people.cancel()
                await asyncio.gather(people, return_exceptions=True)

    async def decide(self, run: str, person: Person, answer: Answer) -> None:
        """Answer a run's request as soon as it stands, unless the person has answered already."""
        async for _ in self.journal.ticks():
            events = await self.journal.events(run)
            if any(event.kind == Kind.REQUESTED for event in events):
                if not any(event.kind == Kind.DECIDED and event.body["by"] == person.name for event in events):
                    await answered(self.desk(), run, person, answer)
                return

    def desk(self) -> Desk:
        """An approval desk on the test's own connection."""
        return Desk(journal=self.journal, roster=self.roster, seal=self.seal)

    async def kinds(self, run: str = "r1") -> list[str]:
        """What the journal holds of a run, in order."""
        return [event.kind for event in await self.events(run)]

    async def events(self, run: str = "r1") -> Sequence[Event]:
        """The run's events."""
        return await self.journal.events(run)


def ordered(order: Order, name: str = ASKER.name, *, roster: Roster = ROSTER) -> Order:
    """The order as that person gives it at a terminal, signed."""
    order = replace(order, requester=name, via=Via.TERMINAL, roster=roster.hash, nonce=f"{order.run}'s", expires=order.asked + LIVES)
    return replace(order, proof=KEYS[name].sign(ordering.document(order)).proof)


def resumption(
    order: Order,
    name: str = ASKER.name,
    *,
    at: datetime | None = None,
    roster: Roster = ROSTER,
    keys: Mapping[str, SecurityKey] = KEYS,
) -> Resumption:
    """That person's word at a terminal to go on with a run, signed, now or ``at`` a moment."""
    now = at or datetime.now(UTC)
    made = Resumption(via=Via.TERMINAL, by=name, at=now, expires=now + LIVES, roster=roster.hash, nonce="another")
    return replace(made, proof=keys[name].sign(ordering.resumption_document(order, made)).proof)


async def answered(desk: Desk, run: str, person: Person, answer: Answer) -> Decision:
    """The person's decision on a run: signed, where it must be."""
    try:
        return await desk.decide(run, person, answer, via="test")
    except MustBeSigned:
        decision, document = await desk.draw_up(run, person, answer, via="test")
        return await desk.submit(run, replace(decision, proof=KEYS[person.name].sign(document).proof))


@asynccontextmanager
async def lab(folder: Path, doors: Mapping[str, Mapping[str, str]], **settings: Any) -> AsyncIterator[Lab]:
    """A laboratory in a folder. ``doors``: the status of each key of each door."""
    path = folder / "journal.db"
    async with Store(f"sqlite:///{path}") as store:
        vendor = Vendor({name: dict(keys) for name, keys in doors.items()})
        yield Lab(vendor=vendor, store=store, journal=Journal(store), path=path, **settings)


def hasten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Poll the journal and the vendor often, and say goodbye soon: what is waited for stays the same."""
    monkeypatch.setattr("firedoor.journal.POLL_SECONDS", 0.02)
    monkeypatch.setattr("firedoor.step.FIRST_POLL", 0.005)
    monkeypatch.setattr("firedoor.step.LONGEST_POLL", 0.02)
    monkeypatch.setattr("firedoor.step.OVERDUE", 0.1)
    monkeypatch.setattr("firedoor.voices.GOODBYE_SECONDS", 0.2)


def outcomes(report: Report) -> list[str]:
    """How each step ended, in the plan's order."""
    return [step["outcome"] for step in report["steps"]]
