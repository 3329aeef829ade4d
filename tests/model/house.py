"""The house that the ledger keeps account of: real engines and journals on one real database, and a vendor whose every call is a gate."""

from __future__ import annotations

import asyncio
import tempfile
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar, cast
from unittest.mock import patch

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from firedoor.approval import Answer, Person
from firedoor.channel import Silent
from firedoor.desk import Desk
from firedoor.drafting import Units
from firedoor.engine import Engine
from firedoor.errors import (
    BadInput,
    Conflict,
    DecisionRefused,
    Forbidden,
    JournalError,
    RateLimited,
    RunTaken,
    Unavailable,
    Unreachable,
    VendorError,
)
from firedoor.guard import Guard
from firedoor.journal import Event, Journal, Kind
from firedoor.lease import Granted, Held, Lease, Leases
from firedoor.model import Change, Intent, Mode, Receipt
from firedoor.run import ITSELF, Order, Via
from firedoor.seal import Seal
from firedoor.sharing import Work
from firedoor.stage import Plainly
from firedoor.stops import Stops
from firedoor.store import Store
from firedoor.tables import leases
from tests.fakes import ASKER, ROSTER, Door, Find, Seen, Shut, Vendor, book, resumption, spec
from tests.model.clockwork import Clockwork, patched
from tests.model.pure import Key, Ledger

SHM = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
# Whoever waits here looks up less often: each look is work, and time costs nothing.
SEDATE = {
    "firedoor.journal.POLL_SECONDS": 5.0,
    "firedoor.lease.RETRY_SECONDS": 2.0,
    "firedoor.lease.RENEW_SECONDS": 6.0,
    "firedoor.step.FIRST_POLL": 0.3,
}
SEAL = Seal(b"k" * 32)


def _error(kind: type[VendorError], *, changed: bool | None) -> VendorError:
    return kind("it went wrong", vendor="fake", operation="write", changed=changed)


@dataclass(frozen=True, slots=True)
class Trouble:
    """What becomes of one write: whether it has its effect, and what is heard of it (``sure``: done, not done, or nothing)."""

    effect: bool
    sure: bool | None
    error: Callable[[], VendorError] | None = None


TROUBLES: Mapping[str, Trouble] = {
    "done, and the reply is lost": Trouble(True, None, lambda: _error(Unreachable, changed=None)),
    "done, and called broken": Trouble(True, None, lambda: _error(Unavailable, changed=None)),
    "not done, and no reply": Trouble(False, None, lambda: _error(Unreachable, changed=None)),
    "not done, and called broken": Trouble(False, None, lambda: _error(Unavailable, changed=None)),
    "not done, for now": Trouble(False, None, lambda: RateLimited("slow down", vendor="fake", operation="write", retry_after=1.0)),
    "not done, in this state": Trouble(False, False, lambda: _error(Conflict, changed=False)),
    "not done, never": Trouble(False, None, lambda: _error(Forbidden, changed=False)),
    "not done, and called done": Trouble(False, True),
}
UNREADABLE: Mapping[str, Callable[[], VendorError]] = {
    "for now": lambda: _error(Unavailable, changed=False),
    "for good": lambda: _error(Forbidden, changed=False),
}


T = TypeVar("T")


class Connected(Store):
    """A process's own way to the database, for as long as it lives."""

    def __init__(self, whole: Store, process: Process) -> None:
        super().__init__("")
        self._main, self._process = whole._main, process

    @asynccontextmanager
    async def transaction(self, *, awaited: bool = False) -> AsyncIterator[AsyncConnection]:
        self._process.check_alive()
        async with super().transaction(awaited=awaited) as connection:
            yield connection

    async def write(self, work: Work[T], *, awaited: bool = False) -> T:
        self._process.check_alive()
        return await super().write(work, awaited=awaited)

    async def read(self, look: Callable[[sa.Connection], T]) -> T:
        self._process.check_alive()
        return await super().read(look)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        self._process.check_alive()
        async with super().reading() as connection:
            yield connection


class Watched(Journal):
    """A journal at whose every event somebody may stop the world; the ledger is told of what is durable."""

    def __init__(self, store: Store, process: Process) -> None:
        super().__init__(store)
        self.process = process

    async def append(
        self, run: str, kind: Kind, body: object, *, claim: str | None = None, seen: int | None = None, under: Lease | Held | None = None
    ) -> Event:
        await self.process.gate(f"record {kind}")
        if fails := self.process.journal_fails:
            self.process.journal_fails, self.process.hurt = "", True
            if fails == "before":
                raise JournalError("the disk is full")
        event = await super().append(run, kind, body, claim=claim, seen=seen, under=under)
        self.process.house.told(self.process, event)
        if fails:
            raise JournalError("the database went away")
        return event


class Heard(Stops):
    """Who stopped a run; the ledger is told who asked, and as of when."""

    async def by(self) -> str:
        process = cast("Watched", self._growing._journal).process
        at = process.house.ledger.moment()
        who = await super().by()
        process.house.ledger.looks(process.number, hand(), at)
        return who


class Turns(Leases):
    """Leases of which the ledger is told."""

    def __init__(self, store: Store, process: Process) -> None:
        super().__init__(store, f"process {process.number}")
        self._process = process

    async def take(self, resource: str) -> Lease | None:
        lease = await super().take(resource)
        kind, _, door = resource.partition(":")
        if lease is not None and kind == "fake":
            self._process.house.ledger.has_turn(self._process.number, door, lease.fence)
        return lease

    async def _give_up(self, turns: Granted) -> None:
        await super()._give_up(turns)
        for resource in turns:
            self._process.house.ledger.gives_turn_up(self._process.number, resource.partition(":")[2])


class View(Vendor):
    """The vendor as one process reaches it."""

    def __init__(self, process: Process) -> None:
        super().__init__(process.house.ledger.doors)
        self.process = process


class GatedShut(Shut):
    """Shuts doors at a vendor whom nobody hurries. Whatever the vendor is asked for that is so already, it refuses."""

    spec = spec("shut", settle_within=3.0)
    vendor: View

    async def clock(self, target: Door) -> datetime:
        process, house = self.vendor.process, self.vendor.process.house
        await process.gate(f"clock {target.name}")
        house.ledger.calls(process.number, hand())
        if house.clocks_broken:
            house.clocks_broken -= 1
            raise _error(Unavailable, changed=False)
        return house.loop.now()

    async def read(self, target: Door) -> Seen:
        process, door = self.vendor.process, target.name
        await process.gate(f"read {door}")
        house = process.house
        house.ledger.calls(process.number, hand())
        if house.unreadable:
            house.ledger.cannot_read(process.number, door)
            trouble = house.unreadable.popleft()
            raise trouble()
        shown, of = house.show(door)
        house.ledger.reads(process.number, door, shown, of=of)
        return Seen(keys=shown)

    async def apply(self, change: Change, intent: Intent) -> Receipt:
        process, key = self.vendor.process, (change.at["door"], change.at["key"])
        await process.gate(f"write {key}")
        process.house.written(process, key, str(change.after["status"]))
        return self.receipt(change, intent)


@dataclass(slots=True, eq=False)
class Process:
    """One process with an engine of its own, at work on one run. ``journal_fails``: ``before`` or ``after`` its next event is durable."""

    house: House
    number: int
    run: str
    hurried: bool = False
    dead: bool = False
    journal_fails: str = ""
    hurt: bool = False
    task: asyncio.Task[Any] | None = None

    def check_alive(self) -> None:
        """The dead do nothing more, not even what they would do in their last moment."""
        if self.dead:
            raise asyncio.CancelledError

    async def gate(self, what: str) -> None:
        """Wait to be let through; who is hurried need not."""
        self.check_alive()
        if not self.hurried:
            await self.house.loop.gate(self.number, what)
        self.check_alive()

    @property
    def over(self) -> bool:
        """Whether it is done, or dead."""
        return self.dead or self.task is None or self.task.done()


@dataclass(slots=True, eq=False)
class House:
    """Everything together.

    ``most``: how many keys of a door an approval covers, besides those it names. ``lag``: so many readings after an effect show the past.
    """

    loop: Clockwork
    ledger: Ledger
    store: Store
    most: int
    processes: list[Process] = field(default_factory=list)
    orders: dict[str, Order] = field(default_factory=dict)
    answers: dict[str, Answer | None] = field(default_factory=dict)
    troubles: deque[str] = field(default_factory=deque)
    unreadable: deque[Callable[[], VendorError]] = field(default_factory=deque)
    clocks_broken: int = 0
    lag: int = 0
    stale: dict[str, tuple[int, Mapping[str, str], int]] = field(default_factory=dict)
    planned: dict[str, tuple[Mapping[str, list[str]], Mapping[str, int]]] = field(default_factory=dict)

    # --- the vendor ---

    def show(self, door: str) -> tuple[dict[str, str], int]:
        """The door as it shows, and as of when."""
        left, old, of = self.stale.get(door, (0, {}, 0))
        if left:
            self.stale[door] = (left - 1, old, of)
            return dict(old), of
        return dict(self.ledger.doors[door]), self.ledger.now

    def written(self, process: Process, key: Key, status: str) -> None:
        """A write arrives."""
        door, name = key
        trouble = TROUBLES[self.troubles.popleft()] if self.troubles else Trouble(True, True)
        if self.ledger.doors[door][name] == status and trouble.effect:
            trouble = TROUBLES["not done, in this state"]
        if trouble.effect and self.lag:
            self.stale[door] = (self.lag, dict(self.ledger.doors[door]), self.ledger.now)
        self.ledger.writes(process.number, key, status, effect=trouble.effect, sure=trouble.sure)
        if trouble.error is not None:
            raise trouble.error()

    # --- the record ---

    def told(self, process: Process, event: Event) -> None:
        """The ledger learns what is durable."""
        body, who, ledger = cast("Mapping[str, Any]", event.body), process.number, self.ledger
        match event.kind:
            case Kind.PLANNED:
                plans = {_door(item["id"]): item["plan"] or {"changes": (), "covers": ()} for item in body["items"]}
                keys = {door: [_key(change["key"]) for change in plan["changes"]] for door, plan in plans.items()}
                self.planned[event.run] = keys, {door: cover["at_most"] for door, plan in plans.items() for cover in plan["covers"]}
            case Kind.REQUESTED:
                ledger.asks(event.run, *self.planned[event.run])
            case Kind.INTENT:
                change = body["change"]
                key = (change["at"]["door"], change["at"]["key"])
                ledger.intends(who, key, change["after"]["status"], change["before"]["status"], fence=body["fence"], hand=hand())
            case Kind.RECEIPT:
                receipt = body["receipt"]
                key = (_door(body["item"]), _key(receipt["change"]))
                ledger.keeps(who, key, str(receipt["facts"].get("before")), receipt["settled"])
            case Kind.ENDED:
                named = [[_named(words) for words in body[what]] for what in ("changes", "extras")]
                ledger.ends(who, _door(body["item"]), body["outcome"], changed=named[0], extras=named[1])
            case Kind.RESUMED:
                ledger.resumes(event.run)
            case Kind.UNDONE:
                ledger.takes_back(event.run)
            case _:
                pass

    # --- who is at work ---

    @property
    def alive(self) -> list[Process]:
        """The processes that are at work."""
        return [process for process in self.processes if not process.over]

    def contain(self, run: str, doors: tuple[str, ...]) -> Process:
        """A new process begins a new run."""
        self.orders[run] = self._order(run, doors)
        process = self._process(run)
        self.ledger.begins(process.number, run, doors, most=self.most)
        return self._start(process, self.engine(process).contain(self.orders[run], book(minutes=1), Plainly()))

    def resume(self, run: str) -> Process:
        """A new process takes up a run; one that was stopped, on Ada's signed word."""
        process = self._process(run)
        by = resumption(self.orders[run]) if self.ledger.runs[run].ever_stopped else ITSELF
        self.ledger.begins(process.number, run)
        return self._start(process, self.engine(process).resume(run, Plainly(), by))

    def undo(self, run: str, undoing: str) -> Process:
        """A new process begins to undo a run."""
        self.orders[undoing] = replace(self._order(undoing, self.ledger.runs[run].doors), undoes=run)
        process = self._process(undoing)
        self.ledger.begins(process.number, undoing, self.ledger.runs[run].doors, undoes=run)
        return self._start(process, self.engine(process).undo(self.orders[undoing], Plainly()))

    def crash(self, process: Process) -> None:
        """It is dead from one moment to the next."""
        process.dead = True
        self.ledger.dies(process.number)
        assert process.task is not None
        process.task.cancel()
        self.loop.settle()
        assert process.task.done(), "the dead do not rest"

    def lapse(self, process: Process) -> None:
        """Every turn it holds runs out, as if it had slept. It is not told."""
        self.ledger.loses_turns(process.number)

        async def run_out() -> None:
            async with self.store.transaction() as connection:
                await connection.execute(leases.update().where(leases.c.holder == f"process {process.number}").values(expires=0.0))

        self.loop.complete(run_out())

    def decide(self, run: str, person: Person, answer: Answer) -> None:
        """Somebody decides, or stops the run, unless they are told that they may not."""

        async def say() -> None:
            try:
                await self.desk().decide(run, person, answer, via="test")
            except (DecisionRefused, BadInput):
                return
            if answer is Answer.STOP:
                self.ledger.stops(run)
            else:
                self.ledger.decides(run, str(answer))

        self.loop.complete(say())

    def desk(self) -> Desk:
        """The desk of a process that has nothing else to do."""
        return Desk(journal=Journal(self.store), roster=ROSTER, seal=SEAL)

    def engine(self, process: Process) -> Engine:
        """An engine as that process has one."""
        store, view = Connected(self.store, process), View(process)
        journal = Watched(store, process)
        action = GatedShut(view)
        action.cover = self.most
        units = Units(actions={"fake.shut": action}, queries={"fake.find": Find(view)})
        return Engine(
            journal=journal,
            leases=Turns(store, process),
            desk=Desk(journal=journal, roster=ROSTER, seal=SEAL),
            guard=Guard(protected={}, roster=ROSTER, limit=50, own_networks={}),
            channel=Silent(),
            look=units,
            act=units,
        )

    def figures(self) -> Mapping[str, int]:
        """What happened here."""
        runs = self.ledger.runs.values()
        begun = [write for run in runs for write in run.writes]
        return {
            "worlds": 1,
            "runs": len(runs),
            "processes": len(self.processes),
            "deaths": sum(process.dead for process in self.processes),
            "deaths with a write under way": sum(
                process.dead and process.number in {one.who for one in begun} for process in self.processes
            ),
            "failures of the journal": sum(process.hurt for process in self.processes),
            "writes": len(begun),
            "writes to undo": sum(len(run.writes) for run in runs if run.undoes),
            "writes of unknown fate": sum(write.sure is None for write in begun),
            "effects": sum(write.had_effect for write in begun),
            "stops": sum(run.ever_stopped for run in runs),
            "runs contained": sum(run.report == "contained" for run in runs),
            "runs with something open": sum(run.report in {"partial", "failed"} for run in runs),
        }

    def close(self) -> None:
        """Everybody goes home."""
        for process in self.alive:
            self.crash(process)
        self.loop.complete(self.store.__aexit__(None, None, None))
        self.loop.end()

    def _process(self, run: str) -> Process:
        self.processes.append(Process(self, len(self.processes) + 1, run))
        return self.processes[-1]

    def _order(self, run: str, doors: tuple[str, ...]) -> Order:
        inputs = {"doors": doors}
        return Order(
            run=run,
            incident="i",
            playbook="fire",
            mode=Mode.LIVE,
            requester=ASKER.name,
            asked=self.loop.now(),
            inputs=inputs,
            title="Shut the doors",
            via=Via.SLACK,
        )

    def _start(self, process: Process, job: Coroutine[Any, Any, Mapping[str, Any]]) -> Process:
        process.task = self.loop.begin(self._work(process, job))
        return process

    async def _work(self, process: Process, job: Coroutine[Any, Any, Mapping[str, Any]]) -> None:
        """Everything that a process does, to its report or to its refusal. Nothing else ever comes of it."""
        try:
            report = await job
        except BadInput:
            self.ledger.refuses(process.number)
        except RunTaken:
            pass  # how it ends is another process's to say
        except JournalError:
            if not process.hurt:
                raise
        else:
            ended = {_door(step["id"]): step["outcome"] for step in report["steps"]}
            self.ledger.reports(process.number, report["outcome"], ended)


def hand() -> str:
    """Which of a process's tasks does this."""
    task = asyncio.current_task()
    return task.get_name() if task is not None else ""


def _door(item: str) -> str:
    return item.partition(":")[2]


def _key(change: str) -> str:
    return change.partition(":")[2]


def _named(words: str) -> str:
    """The key that a change is about, by its words: "shut a/k1", "make a/k1 open again"."""
    return words.split()[1].partition("/")[2]


@contextmanager
def house(doors: Mapping[str, Mapping[str, str]], *, most: int) -> Iterator[House]:
    """A house of its own, in a folder of its own."""
    loop = Clockwork()
    with ExitStack() as stack:
        stack.enter_context(patched(loop))
        stack.enter_context(patch("firedoor.engine.Stops", Heard))
        for where, seconds in SEDATE.items():
            stack.enter_context(patch(where, seconds))
        folder = stack.enter_context(tempfile.TemporaryDirectory(dir=SHM if SHM.is_dir() else None))
        store = Store(f"sqlite:///{folder}/journal.db")
        loop.complete(store.__aenter__())
        made = House(loop, Ledger({door: dict(keys) for door, keys in doors.items()}), store, most)
        try:
            yield made
        finally:
            made.close()
