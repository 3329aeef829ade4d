"""Puts the parts together: settings into clients, clients into actions, all of it into an engine. Nothing else knows every part."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import tasks
from firedoor import catalogue, clients, drafting, inputs, lint, orchestrating, playbook, telemetry
from firedoor.allotment import Allotments
from firedoor.approval import Way
from firedoor.asked import Asked
from firedoor.catalogue import Catalogue
from firedoor.channel import Channel, Silent, Together
from firedoor.clients import AwsStandIn, Clients
from firedoor.desk import Desk
from firedoor.drafting import Units
from firedoor.engine import Engine
from firedoor.errors import BadInput, Misconfigured
from firedoor.guard import Guard
from firedoor.journal import Journal
from firedoor.lease import Leases
from firedoor.model import Mode
from firedoor.pace import Pace, Shared
from firedoor.playbook import Playbook
from firedoor.run import RUN, Item, Order, Via
from firedoor.seal import Seal
from firedoor.seen import Seen
from firedoor.settings import Settings
from firedoor.store import Store
from firedoor.sweeping import Sweeping
from firedoor.unclosed import Incidents
from firedoor.vendors.access import Access
from firedoor.vendors.unclosed import Nobody


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """Firedoor, ready to run; but for the vendors that are ``missing``. ``looking`` are the units that can only read."""

    settings: Settings
    journal: Journal
    desk: Desk
    engine: Engine
    asked: Asked
    catalogue: Catalogue
    seen: Seen
    leases: Leases
    looking: Units = field(default_factory=lambda: Units(actions={}, queries={}))
    sweeping: Sweeping | None = None
    missing: Mapping[str, Misconfigured] = field(default_factory=dict)


def load_catalogue() -> Catalogue:
    """Every action and query in ``tasks``."""
    return catalogue.load(tasks)


def load_playbook(name: str, known: Catalogue) -> Playbook:
    """A playbook that passes the lint. Raises `BadInput` with every fault."""
    book = playbook.find(name)
    if faults := lint.lint(book, known):
        raise BadInput(f"the playbook {name} is broken: {'; '.join(faults)}", advice=f"Run `firedoor playbooks lint {name}`")
    return book


def vendors_of(book: Playbook, given: Mapping[str, tuple[str, ...]]) -> frozenset[str]:
    """The vendors that a playbook works with for these inputs: one about which nothing is asked need not be set up."""
    wanted = drafting.asked(book, given)
    units = [step.action for step in book.steps if step.source in wanted] + [book.queries[name].query for name in wanted]
    return frozenset(unit.partition(".")[0] for unit in units)


def vendors_in(items: Sequence[Item]) -> frozenset[str]:
    """The vendors that a run's items belong to."""
    return frozenset(item.action.partition(".")[0] for item in items)


def name_run() -> str:
    """A name for a run that is yet to begin."""
    return f"{datetime.now(UTC):%y%m%d}-{secrets.token_hex(3)}"


def take_order(
    book: Playbook, given: Mapping[str, Sequence[str]], *, mode: Mode, requester: str = "", via: Via = Via.TERMINAL, run: str = ""
) -> Order:
    """An order with checked inputs, and a fresh run name unless one was given out before (`name_run`). Raises `BadInput`.

    At a terminal whoever signs it is its ``requester``: see `firedoor.terminal.give`.
    """
    if run and not RUN.fullmatch(run):
        raise BadInput("that is no name of a run", advice="Start again")
    run, now = run or name_run(), datetime.now(UTC)
    bound = inputs.bind(book, given)
    return Order(
        run=run,
        incident=f"inc-{run}",
        playbook=book.playbook,
        mode=mode,
        requester=requester,
        asked=now,
        inputs=bound,
        title=book.title,
        via=via,
    )


def undo_order(original: Order, *, mode: Mode, requester: str = "", via: Via = Via.TERMINAL) -> Order:
    """As `take_order`, to undo a run. Raises `BadInput` for an exercise, which changed nothing, and for a sweep: what it shut stays shut
    until people look at it.
    """
    if original.mode is Mode.EXERCISE:
        raise BadInput(
            f"run {original.run} was an exercise: nothing was changed, so there is nothing to undo",
            advice=f"See `firedoor show {original.run}` for what would have been",
        )
    if original.sweep:
        raise BadInput(
            f"run {original.run} is a sweep, and a sweep is not undone as a whole",
            advice=f"Activate single credentials by hand, at their vendor; what was written: firedoor audit export {original.run}",
        )
    return Order(
        run=name_run(),
        incident=original.incident,
        playbook=original.playbook,
        mode=mode,
        requester=requester,
        asked=datetime.now(UTC),
        inputs=original.inputs,
        title=f"Undo: {original.title}",
        undoes=original.run,
        via=via,
    )


def follow_up(order: Order, done: Mapping[str, Any], *, anew: bool = False) -> Order | None:
    """An order for what a run found to do and nobody had approved; None where its report tells of no such thing, unless ``anew``.

    It plans anew: whatever is done already is no longer in it. However the first was approved, this one takes the ordinary way.
    """
    if order.undoes or not (anew or any(step["extras"] for step in done["steps"])):
        return None
    following = replace(order, run=name_run(), asked=datetime.now(UTC), follows=order.run, way=Way.ORDINARY, standing=None)
    return replace(following, via=Via.FIREDOOR, roster="", nonce="", expires=None, proof="")


@asynccontextmanager
async def open_journal(settings: Settings, *, begins: bool = False) -> AsyncIterator[tuple[Store, Journal]]:
    """The journal alone, no vendor needed. What ``begins`` runs begins the stand-by too, where it must. Raises `Misconfigured`."""
    async with Store(settings.journal_url, standby=settings.standby, begins=begins) as store:
        yield store, Journal(store)


async def check_ready(settings: Settings, vendors: frozenset[str]) -> None:
    """What can be told before anybody signs: that the vendors are set up, and that there is a journal. Raises `Misconfigured`."""
    clients.check_set_up(settings, vendors)
    async with open_journal(settings, begins=True):
        pass


@asynccontextmanager
async def open_house(
    settings: Settings,
    *,
    vendors: frozenset[str],
    writes: bool,
    channel: Callable[[Journal, Leases], Channel | Together] | None = None,
    aws: AwsStandIn | None = None,
    drills: bool = False,
) -> AsyncIterator[House]:
    """Everything, checked: each vendor is reachable, knows us, and has about our time. Raises `BadInput` with nothing touched.

    ``drills``: they are a drill's. With settings of a sweep, requests are held back: containment comes first.
    """
    known = load_catalogue()
    async with AsyncExitStack() as stack:
        stack.enter_context(telemetry.traced(settings))
        store, journal = await stack.enter_async_context(open_journal(settings, begins=writes))
        stack.push_async_callback(orchestrating.farewells, journal)
        accesses = (Access.READ, Access.WRITE) if writes else (Access.READ,)
        pace = Pace(Shared(store), rates=settings.rates, kept=settings.sweep_keeps) if settings.sweeps else None
        # A drill's world knows no incident but its own.
        open_ = Incidents(journal, known.actions, settings.roster) if aws is None else Nobody()
        greeted = await clients.every(
            *(clients.connect(stack, settings, vendors, access, aws, pace=pace, unclosed=open_) for access in accesses)
        )
        look, act = greeted[0], greeted[1] if writes else None
        desk = Desk(journal=journal, roster=settings.roster, seal=Seal.kept_in(settings.state_dir))
        own = {**look.own, **(act.own if act else {})}
        guard = Guard(
            protected={**{one.name: one.why for one in settings.protected}, **own},
            roster=settings.roster,
            limit=settings.limits.targets,
            own_networks=settings.where_we_are,
        )
        leases = Leases(store, holder())
        told = channel(journal, leases) if channel else Silent()
        looking, acting = units(known, look), units(known, act) if act else None
        engine = Engine(
            journal=journal,
            leases=leases,
            desk=desk,
            guard=guard,
            channel=told,
            look=looking,
            act=acting,
            drills=drills,
        )
        sweeping = Sweeping(
            journal=journal,
            leases=leases,
            allotments=Allotments(store),
            desk=desk,
            guard=guard,
            channel=told,
            act=acting or looking,
            sightings=clients.sightings(settings, act or look),
        )
        missing = {**look.missing, **(act.missing if act else {})}
        yield House(
            settings=settings,
            journal=journal,
            desk=desk,
            engine=engine,
            asked=Asked(engine=engine, journal=journal, leases=leases, desk=desk, channel=told),
            catalogue=known,
            seen=Seen(store),
            leases=leases,
            looking=looking,
            sweeping=sweeping,
            missing=missing,
        )


def holder() -> str:
    """A name for this process that no other has, now or later."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"


def units(known: Catalogue, at: Clients) -> Units:
    """Each action, query and source of the vendors at hand, with its client."""
    actions = {name: unit(at.by_vendor[unit.spec.vendor]) for name, unit in known.actions.items() if unit.spec.vendor in at.by_vendor}  # type: ignore[call-arg]
    queries = {name: unit(at.by_vendor[unit.spec.vendor]) for name, unit in known.queries.items() if unit.spec.vendor in at.by_vendor}  # type: ignore[call-arg]
    sources = {name: unit(at.by_vendor[unit.spec.vendor]) for name, unit in known.sources.items() if unit.spec.vendor in at.by_vendor}  # type: ignore[call-arg]
    return Units(actions=actions, queries=queries, sources=sources, keepers=at.keepers, powers=at.powers, missing=at.missing)
