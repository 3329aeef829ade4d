"""Puts the parts together: settings into clients, clients into actions, all of it into an engine. Nothing else knows every part."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import tasks
from firedoor import catalogue, drafting, inputs, lint, playbook
from firedoor.approval import Person, Seal
from firedoor.catalogue import Catalogue
from firedoor.channel import Channel, Silent
from firedoor.desk import Desk
from firedoor.drafting import Units
from firedoor.engine import Engine
from firedoor.errors import BadInput, FiredoorError, Misconfigured, Unauthorized, Unreachable, nearest
from firedoor.guard import Guard
from firedoor.journal import Journal
from firedoor.lease import Leases
from firedoor.model import Mode
from firedoor.playbook import Playbook
from firedoor.run import Item, Order
from firedoor.settings import Settings
from firedoor.store import Store
from firedoor.vendors.access import Access

if TYPE_CHECKING:
    from firedoor.vendors.aws.client import AwsClient
    from firedoor.vendors.aws.session import AwsCredentials
    from firedoor.vendors.okta.client import OktaClient

MOST_SKEW = timedelta(minutes=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsStandIn:
    """Where a drill's AWS listens and with which credentials. Live runs leave both to AWS's own chain."""

    endpoint: str
    credentials: AwsCredentials


@dataclass(frozen=True, slots=True, kw_only=True)
class Clients:
    """The clients of one access, by vendor, and the names that Firedoor itself goes by there."""

    by_vendor: Mapping[str, Any]
    own: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """Firedoor, ready to run."""

    settings: Settings
    journal: Journal
    desk: Desk
    engine: Engine
    catalogue: Catalogue


def load_catalogue() -> Catalogue:
    """Every action and query in ``tasks``."""
    return catalogue.load(tasks)


def load_playbook(name: str, known: Catalogue) -> Playbook:
    """A playbook that passes the lint. Raises `BadInput` with every fault."""
    book = playbook.find(name)
    if faults := lint.lint(book, known):
        raise BadInput(f"the playbook {name} is broken: {'; '.join(faults)}", advice=f"Run `firedoor playbooks lint {name}`")
    return book


def vendors_of(book: Playbook, given: Mapping[str, tuple[str, ...]], known: Catalogue) -> frozenset[str]:
    """The vendors that a playbook works with for these inputs: one about which nothing is asked need not be set up."""
    wanted = drafting.asked(book, given, known.queries)
    units = [step.action for step in book.steps if step.source in wanted] + [book.queries[name].query for name in wanted]
    return frozenset(unit.partition(".")[0] for unit in units)


def vendors_in(items: Sequence[Item]) -> frozenset[str]:
    """The vendors that a run's items belong to."""
    return frozenset(item.action.partition(".")[0] for item in items)


def take_order(book: Playbook, given: Mapping[str, tuple[str, ...]], *, mode: Mode, requester: str) -> Order:
    """An order with checked inputs and a fresh run name. Raises `BadInput`."""
    now = datetime.now(UTC)
    run = f"{now:%y%m%d}-{secrets.token_hex(3)}"
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
    )


def undo_order(original: Order, *, mode: Mode, requester: str) -> Order:
    """An order to undo a run, of the same incident."""
    now = datetime.now(UTC)
    run, title = f"{now:%y%m%d}-{secrets.token_hex(3)}", f"Undo: {original.title}"
    return replace(original, run=run, mode=mode, requester=requester, asked=now, title=title, undoes=original.run)


def requester(settings: Settings, name: str) -> Person:
    """The person on the roster who asks. Raises `Misconfigured` for an empty roster, `BadInput` for somebody who may not ask."""
    roster = settings.roster
    if not roster.people:
        raise Misconfigured("the roster is empty, so nobody could approve", advice="List your responders as [[people]] in firedoor.toml")
    person = roster.by_name(name)
    if person is None or not person.may_request:
        names = [one.name for one in roster.people if one.may_request]
        raise BadInput(
            f"{name!r} is not on the roster of those who may request{nearest(name, names)}",
            advice="Name yourself with --as, as in firedoor.toml",
        )
    return person


@asynccontextmanager
async def open_journal(settings: Settings) -> AsyncIterator[tuple[Store, Journal]]:
    """The journal alone: for looking at runs, no vendor needed."""
    async with Store(settings.journal_url) as store:
        yield store, Journal(store)


@asynccontextmanager
async def open_house(
    settings: Settings,
    *,
    vendors: frozenset[str],
    writes: bool,
    channel: Callable[[Journal], Channel] | None = None,
    aws: AwsStandIn | None = None,
) -> AsyncIterator[House]:
    """Everything, checked: each vendor is reachable, knows us, and has about our time. Raises `BadInput` with nothing touched."""
    known = load_catalogue()
    async with AsyncExitStack() as stack:
        store, journal = await stack.enter_async_context(open_journal(settings))
        look = await _clients(stack, settings, vendors, Access.READ, aws)
        act = await _clients(stack, settings, vendors, Access.WRITE, aws) if writes else None
        desk = Desk(journal=journal, roster=settings.roster, seal=Seal.kept_in(settings.state_dir))
        own = {**look.own, **(act.own if act else {})}
        guard = Guard(
            protected={**{one.name: one.why for one in settings.protected}, **own},
            roster=settings.roster,
            limit=settings.limits.targets,
            own_networks=settings.where_we_are,
        )
        engine = Engine(
            journal=journal,
            leases=Leases(store, holder()),
            desk=desk,
            guard=guard,
            channel=channel(journal) if channel else Silent(),
            look=units(known, look.by_vendor),
            act=units(known, act.by_vendor) if act else None,
        )
        yield House(settings=settings, journal=journal, desk=desk, engine=engine, catalogue=known)


def holder() -> str:
    """A name for this process that no other has, now or later."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"


def units(known: Catalogue, clients: Mapping[str, Any]) -> Units:
    """Each action and query of the vendors at hand, with its client."""
    actions = {name: unit(clients[unit.spec.vendor]) for name, unit in known.actions.items() if unit.spec.vendor in clients}  # type: ignore[call-arg]
    queries = {name: unit(clients[unit.spec.vendor]) for name, unit in known.queries.items() if unit.spec.vendor in clients}  # type: ignore[call-arg]
    return Units(actions=actions, queries=queries)


async def _clients(stack: AsyncExitStack, settings: Settings, vendors: frozenset[str], access: Access, aws: AwsStandIn | None) -> Clients:
    clients: dict[str, Any] = {}
    own: dict[str, str] = {}
    if "okta" in vendors:
        okta = await stack.enter_async_context(_okta(settings, access))
        me = await _greet(okta)
        clients["okta"] = okta
        own |= dict.fromkeys((f"okta:user:{me.id}", f"okta:user:{me.login}"), "it owns Firedoor's own Okta token")
    if "aws" in vendors:
        client = await _aws(stack, settings, access, aws)
        clients["aws"] = client
        own |= await _own_aws(client)
    return Clients(by_vendor=clients, own=own)


def _okta(settings: Settings, access: Access) -> OktaClient:
    from firedoor.vendors.okta.client import OktaClient

    token = settings.okta_preview_api_token if access is Access.READ and settings.okta_preview_api_token else settings.okta_api_token
    missing = [name for name, value in (("FIREDOOR_OKTA_ORG_URL", settings.okta_org_url), ("FIREDOOR_OKTA_API_TOKEN", token)) if not value]
    if missing or settings.okta_org_url is None or token is None:
        raise Misconfigured(f"this playbook works with Okta, and {' and '.join(missing)} is not set", advice="Set it in the environment")
    return OktaClient(org_url=settings.okta_org_url, token=token, access=access)


async def _greet(okta: OktaClient) -> Any:
    try:
        me = await okta.whoami()
        _check_clock("Okta", await okta.skew())
    except (Unauthorized, Unreachable) as error:
        raise Misconfigured(
            f"Okta: {error.what}", advice=error.advice or "Check FIREDOOR_OKTA_ORG_URL and FIREDOOR_OKTA_API_TOKEN"
        ) from error
    return me


async def _aws(stack: AsyncExitStack, settings: Settings, access: Access, stand_in: AwsStandIn | None) -> AwsClient:
    from firedoor.vendors.aws.client import AwsClient

    where: dict[str, Any] = {"region": settings.aws_region}
    if stand_in is not None:
        where |= {"endpoint": stand_in.endpoint, "credentials": stand_in.credentials}
    accounts = (settings.aws_preview_accounts if access is Access.READ else {}) or settings.aws_accounts
    try:
        if not accounts:
            async with AwsClient({}, access, **where) as base:
                accounts = {(await base.whoami()).account: ""}
        client = await stack.enter_async_context(AwsClient(accounts, access, **where))
        _check_clock("AWS", await client.skew())
        await asyncio.gather(*(client.whoami(account) for account in client.accounts))
    except Misconfigured:
        raise
    except FiredoorError as error:
        raise Misconfigured(
            f"AWS: {error.what}", advice=error.advice or "Check AWS_PROFILE or AWS_ACCESS_KEY_ID, and AWS_ENDPOINT_URL"
        ) from error
    return client


async def _own_aws(client: AwsClient) -> dict[str, str]:
    """The IAM users that Firedoor itself is, in target names."""
    callers = [await client.whoami(), *[await client.whoami(account) for account in client.accounts]]
    names = [f"aws:user:{caller.account}/{caller.arn.rpartition('/')[2]}" for caller in callers if ":user/" in caller.arn]
    return dict.fromkeys(names, "it is the identity that Firedoor itself runs as")


def _check_clock(vendor: str, skew: timedelta) -> None:
    if abs(skew) > MOST_SKEW:
        raise Misconfigured(
            f"this machine's clock and {vendor}'s are {abs(skew.total_seconds()):.0f} s apart",
            advice="Set the clock (for instance with chrony), for approvals, signatures and the log all rest on it",
        )
