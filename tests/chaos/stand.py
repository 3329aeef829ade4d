"""A vendor's world behind the proxy, and steps that are carried out in it: begun, resumed, and undone, with a real journal."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from firedoor.action import NotUndoable
from firedoor.canonical import canonical, plain
from firedoor.catalogue import AnyAction
from firedoor.journal import Journal, Kind
from firedoor.lease import Leases
from firedoor.model import Mode, Plan, Receipt, Target
from firedoor.run import Done, Item, Order, Record, Started, StepResult, read_as, revive
from firedoor.step import Bench, perform
from firedoor.store import Store
from firedoor.undo import Undo
from firedoor.vendors.access import Access
from firedoor.vendors.aws.renewal import OFF
from tests.chaos.proxy import Proxy
from tests.laws.masks import mask
from tests.tasks.harness import Case, grant, room
from tests.tasks.rooms.base import Simulated

PATIENCE: Final = 5.0
SETTLES: Final = 0.5  # seconds in which a change must show; the simulators show it at once
# Calls each of which has an effect of its own, though the world shows the last one only.
DEEDS: Final = frozenset({"resetPassword"})


async def _nobody() -> str:
    return ""


@dataclass(slots=True, kw_only=True)
class Stand:
    """A case's world, with its vendor's proxy before it. ``action`` is the case's, by way of the proxy; ``make`` makes it with a client."""

    case: Case
    at: Simulated
    make: Any
    wire: Proxy
    action: AnyAction
    store: Store

    @property
    def target(self) -> Target:
        """The case's target."""
        found: Target = revive(self.action.target, self.case.data["target"])
        return found

    def a_while_later(self) -> None:
        """From here on Slack's clock is a minute ahead: which messages are looked at depends on it, and nobody undoes within a second."""
        if slack := getattr(self.action, "_slack", None):
            slack._web.ahead += 60.0

    def world(self) -> Mapping[str, Any]:
        """The vendor's world as it is now, and how often it was made to do what leaves no other trace."""
        deeds = {name: ["done"] * times for name, times in self.at.writes().items() if name in DEEDS}
        state: dict[str, Any] = json.loads(canonical(self.at.state()))
        if "messages" in state:  # they go by their number there, and another one above them changes it
            state["messages"] = {channel: list(found.values()) for channel, found in state["messages"].items()}
        for user in (one for account in state.values() if isinstance(account, dict) for one in account.get("users", {}).values()):
            if isinstance(user, dict) and OFF in user.get("tags", {}):  # it says since when, and another time is no other world
                user["tags"][OFF] = user["tags"][OFF].partition("T")[0]
        return {**state, **({"deeds": deeds} if deeds else {})}

    @asynccontextmanager
    async def anew(self) -> AsyncIterator[None]:
        """From here on another client, as that of a process that begins now."""
        async with self.at.connect(Access.WRITE, self.wire.url, timeout=PATIENCE) as client:
            self.action = self.make(client)
            yield


@asynccontextmanager
async def stand(case: Case, store: Store, *, settle: float, patience: float = PATIENCE) -> AsyncIterator[Stand]:
    """The case's world, not yet touched. Clients of AWS's services are made as they are needed, which is quicker than all of them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("firedoor.vendors.aws.session.SERVICES", ())
        async with (
            room(case.action, case.data["world"], lag={}, settle=settle) as found,
            Proxy(vendor=case.action.partition(".")[0], upstream=found.at.url) as wire,
            found.at.connect(Access.WRITE, wire.url, timeout=patience) as client,
        ):
            make: Any = type(found.action)
            yield Stand(case=case, at=found.at, make=make, wire=wire, action=make(client), store=store)


@dataclass(slots=True, kw_only=True)
class Course:
    """One step of one run in a stand, as far as its journal says. ``turn`` makes what is carried out of the action."""

    stand: Stand
    run: str
    item: Item
    turn: Callable[[AnyAction], AnyAction]

    @property
    def action(self) -> AnyAction:
        """What is carried out."""
        return self.turn(self.stand.action)

    async def go(self) -> StepResult:
        """Begin, or go on where the journal says that it stands."""
        store = self.stand.store
        now = datetime.now(UTC)
        order = Order(
            run=self.run, incident="i", playbook="p", mode=Mode.LIVE, requester="Ada", asked=now, inputs={}, title="Shut the doors"
        )
        record = Record(order=order, items=(self.item,), intents=await self.intents(), receipts=await self.done())
        bench = Bench(journal=Journal(store), leases=Leases(store, self.run), grant=grant(self.item, order), stopped=_nobody)
        return await perform(self.item, self.action, record=record, bench=bench)

    async def intents(self) -> list[Started]:
        """The writes that were begun."""
        events = await Journal(self.stand.store).events(self.run)
        return [read_as(Started, event.body, event) for event in events if event.kind == Kind.INTENT]

    async def done(self) -> list[Done]:
        """What the journal says was done."""
        events = await Journal(self.stand.store).events(self.run)
        return [read_as(Done, event.body, event) for event in events if event.kind == Kind.RECEIPT]

    async def receipts(self) -> list[Receipt]:
        """What there is for an undo of this run to undo."""
        return [done.receipt for done in await self.done() if done.receipt.settled != "refusal"]

    async def left(self) -> Plan:
        """What another reading finds left to do."""
        intents = await self.intents()
        target: Any = revive(self.action.target, self.item.target)
        bound = target.bound(min(intent.at for intent in intents)) if intents else target
        return self.action.plan(bound, await self.action.read(bound))

    async def way_back(self) -> str:
        """What an undo would do now, in words."""
        action = self.stand.action
        target = self.stand.target
        try:
            plan = action.plan_undo(target, await self.receipts(), await action.read(target))
        except NotUndoable as refusal:
            return str(refusal)
        words = "; ".join(change.says for change in plan.changes) or plan.reason or plan.blocked
        return mask(words, self.stand.case.data["world"])


async def begun(stand: Stand, run: str) -> Course:
    """The case's own step, planned and approved."""
    target = stand.target
    plan = stand.action.plan(target, await stand.action.read(target))
    return Course(stand=stand, run=run, item=_item(stand, target, plan), turn=lambda action: action)


async def undone(stand: Stand, run: str, course: Course) -> Course:
    """The undo of a course, planned and approved; its plan has no changes where there is nothing to undo."""
    receipts = await course.receipts()
    stand.a_while_later()

    def turn(action: AnyAction) -> AnyAction:
        return Undo(action, receipts)

    target = stand.target
    undo = turn(stand.action)
    return Course(stand=stand, run=run, item=_item(stand, target, undo.plan(target, await undo.read(target))), turn=turn)


def _item(stand: Stand, target: Target, plan: Plan) -> Item:
    shown: Any = plain(target)
    return Item(id=f"s/{target.label}", step="s", action=stand.case.action, label=target.label, target=shown, plan=plan)
