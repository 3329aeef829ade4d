"""The clients of every vendor: made from the settings, greeted, and asked what the guard must know of them. A vendor is a function here."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from firedoor import powers
from firedoor.errors import FiredoorError, Misconfigured, VendorError
from firedoor.guard import Keepers
from firedoor.settings import Settings
from firedoor.source import Sightings
from firedoor.vendors.access import Access
from firedoor.vendors.pace import Pace
from firedoor.vendors.unclosed import Unclosed

if TYPE_CHECKING:
    from firedoor.vendors.aws.client import AwsClient
    from firedoor.vendors.aws.session import AwsCredentials
    from firedoor.vendors.okta.client import OktaClient

# Where people are told. Nobody has to set them up for containment.
TELLING = frozenset({"slack", "jira"})
MOST_SKEW = timedelta(minutes=2)
GREETING_SECONDS = 15.0  # a vendor that is there answers at once; the others, and the people, wait no longer for it

T = TypeVar("T")

log = logging.getLogger(__name__)


class ClockOff(Misconfigured):
    """This machine's clock is wrong, and so would be everything that is signed, approved or logged by it: a matter of no one vendor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsStandIn:
    """Where a drill's AWS listens and with which credentials. Live runs leave both to AWS's own chain."""

    endpoint: str
    credentials: AwsCredentials


@dataclass(slots=True, kw_only=True)
class Clients:
    """The clients of one access, by vendor, and the names that Firedoor itself goes by there.

    ``missing`` are vendors that cannot be worked with just now, and why: their steps fail, and the containment of the others goes on. An
    attacker who takes one of them from us must not have stopped the rest.
    """

    by_vendor: dict[str, Any] = field(default_factory=dict)
    own: dict[str, str] = field(default_factory=dict)
    missing: dict[str, Misconfigured] = field(default_factory=dict)

    async def unless_missing(self, vendor: str, greet: Callable[[], Awaitable[None]]) -> None:
        """Greet a vendor. Why it cannot be worked with is noted instead of raised. Raises `ClockOff` all the same."""
        try:
            try:
                async with asyncio.timeout(GREETING_SECONDS):
                    await greet()
            except TimeoutError:
                raise Misconfigured(
                    f"{vendor} did not answer within {GREETING_SECONDS:g} s",
                    advice="Look at the network and the vendor's status page; resume the run once it answers",
                ) from None
        except ClockOff:
            raise
        except Misconfigured as why:
            log.warning("%s", why)
            self.missing[vendor] = why

    async def keepers(self) -> Sequence[Keepers]:
        """Those who can let everybody in again, Firedoor's own identities aside. Where a vendor does not say, containment goes on."""
        okta: OktaClient | None = self.by_vendor.get("okta")
        if okta is None:
            return ()
        try:
            found = await okta.super_administrators()
        except VendorError as error:
            log.warning("the last administrator cannot be told: %s", error.what)
            return ()
        members = tuple((f"okta:user:{one.id}", f"okta:user:{one.login}") for one in found if f"okta:user:{one.id}" not in self.own)
        return (Keepers(what="super administrator of Okta", members=members),)

    async def powers(self, names: Sequence[str]) -> Sequence[str]:
        """Why chat, or who signs in to it, may be in the attacker's hands where these targets are. See `firedoor.powers`."""
        return await powers.among(names, okta=self.by_vendor.get("okta"), slack=self.by_vendor.get("slack"))


async def connect(
    stack: AsyncExitStack,
    settings: Settings,
    vendors: frozenset[str],
    access: Access,
    aws: AwsStandIn | None,
    *,
    pace: Pace | None = None,
    unclosed: Unclosed | None = None,
) -> Clients:
    """The clients of the vendors named, each reachable, known to its vendor, and of about our time; or why not.

    ``pace`` holds their requests back; who contains an incident has none. ``unclosed`` knows whom open incidents concern (None: nobody).

    Raises `Misconfigured` where a vendor that is to be contained at was never set up, `ClockOff` where our clock is off.
    """
    found = Clients()
    wanted: dict[str, Callable[[], Awaitable[None]]] = {}

    async def at_okta(client: OktaClient) -> None:
        me = await _greet(await stack.enter_async_context(client))
        found.by_vendor["okta"] = client
        found.own |= dict.fromkeys((f"okta:user:{me.id}", f"okta:user:{me.login}"), "it owns Firedoor's own Okta token")

    async def at_aws() -> None:
        client = await _aws(stack, settings, access, {**aws_line(settings, pace), "unclosed": unclosed}, aws)
        found.own |= await _own_aws(client)
        found.by_vendor["aws"] = client

    async def where_told(name: str, make: Callable[[Settings, Access], Any]) -> None:
        found.by_vendor[name] = await stack.enter_async_context(make(settings, access))

    if "okta" in vendors:
        wanted["okta"] = partial(at_okta, okta_client(settings, access, pace))
    if "aws" in vendors:
        wanted["aws"] = at_aws
    wanted |= {name: partial(where_told, name, make) for name, make in (("slack", slack_client), ("jira", jira_client)) if name in vendors}
    await every(*(found.unless_missing(vendor, greet) for vendor, greet in wanted.items()))
    return found


def check_set_up(settings: Settings, vendors: frozenset[str]) -> None:
    """Raise `Misconfigured` where a vendor that is to be contained at was never set up. None is reached."""
    if "okta" in vendors:
        okta_client(settings, Access.WRITE)


async def every(*jobs: Awaitable[T]) -> Sequence[T]:
    """All of them at once, to their ends; raises the first error in their order, if any."""
    ended = await asyncio.gather(*jobs, return_exceptions=True)
    for one in ended:
        if isinstance(one, BaseException):
            raise one
    return [one for one in ended if not isinstance(one, BaseException)]


def okta_client(settings: Settings, access: Access, pace: Pace | None = None) -> OktaClient:
    """A client of Okta that is yet to be greeted, with the preview's token where it only reads. Raises `Misconfigured`."""
    from firedoor.vendors.okta.client import OktaClient

    token = settings.okta_preview_api_token if access is Access.READ and settings.okta_preview_api_token else settings.okta_api_token
    missing = [name for name, value in (("FIREDOOR_OKTA_ORG_URL", settings.okta_org_url), ("FIREDOOR_OKTA_API_TOKEN", token)) if not value]
    if missing or settings.okta_org_url is None or token is None:
        what = f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set"
        raise Misconfigured(f"this playbook works with Okta, and {what}", advice="Set what is missing in the environment")
    zone, group = settings.okta_block_zone, settings.okta_service_group
    return OktaClient(org_url=settings.okta_org_url, token=token, access=access, block_zone=zone, service_group=group, pace=pace)


async def _greet(okta: OktaClient) -> Any:
    try:
        me = await okta.whoami()
        _check_clock("Okta", await okta.skew())
    except VendorError as error:
        raise Misconfigured(
            f"Okta: {error.what}", advice=error.advice or "Check FIREDOOR_OKTA_ORG_URL and FIREDOOR_OKTA_API_TOKEN"
        ) from error
    return me


async def _aws(stack: AsyncExitStack, settings: Settings, access: Access, where: dict[str, Any], stand_in: AwsStandIn | None) -> AwsClient:
    if stand_in is not None:
        where |= {"endpoint": stand_in.endpoint, "credentials": stand_in.credentials}
    try:
        client = await stack.enter_async_context(await aws_client(settings, access, where))
        _check_clock("AWS", await client.skew())
    except Misconfigured:
        raise
    except FiredoorError as error:
        raise Misconfigured(
            f"AWS: {error.what}", advice=error.advice or "Check AWS_PROFILE or AWS_ACCESS_KEY_ID, and AWS_ENDPOINT_URL"
        ) from error
    return client


def aws_line(settings: Settings, pace: Pace | None = None) -> dict[str, Any]:
    """What every client of AWS is made with, whatever its accounts are."""
    from firedoor.vendors.aws.prepared import AwsPrepared, IpSet

    prepared = AwsPrepared(
        ip_sets=tuple(IpSet(**one.model_dump()) for one in settings.aws_ip_sets),
        management_account=settings.aws_management_account,
        deny_policy=settings.aws_deny_policy,
        sso_policy=settings.aws_sso_policy,
    )
    return {
        "region": settings.aws_region,
        "pool": settings.aws_connections,
        "prepared": prepared,
        "pace": pace,
        "tags": settings.aws_tags,
    }


async def aws_client(settings: Settings, access: Access, where: Mapping[str, Any]) -> AwsClient:
    """A client of every account that the settings name; of that of the base credentials, where they name none. ``where``: `aws_line`."""
    from firedoor.vendors.aws.client import AwsClient

    accounts: Mapping[str, str] = (settings.aws_preview_accounts if access is Access.READ else {}) or settings.aws_accounts
    if settings.aws_organization_role:
        accounts = await _organization(settings, accounts, access, where)
    elif not accounts:
        async with AwsClient({}, access, **where) as base:
            accounts = {(await base.whoami()).account: ""}
    return AwsClient(accounts, access, **where)


async def _organization(settings: Settings, named: Mapping[str, str], access: Access, where: Mapping[str, Any]) -> Mapping[str, str]:
    """Every active account of the organization with the one role's ARN; those that are ``named`` keep what they are named with.

    The management account, which alone can list them, has no such role by AWS's doing: it is named, or the base credentials are its own.
    """
    from firedoor.vendors.aws.client import AwsClient

    management = settings.aws_management_account
    if not management:
        raise Misconfigured("aws_organization_role is set, and no management account", advice="Set aws_management_account")
    async with AwsClient({management: named.get(management, "")}, access, **where) as client:
        if (found := (await client.whoami(management)).account) != management:
            advice = "Name its role in aws_accounts, or use credentials of that account"
            raise Misconfigured(f"AWS: the credentials are of account {found}, not of the management account {management}", advice=advice)
        members = await client.organizations.accounts()
    return {account: f"arn:aws:iam::{account}:role/{settings.aws_organization_role}" for account in members} | {management: "", **named}


async def _own_aws(client: AwsClient) -> Mapping[str, str]:
    """The IAM users and roles that Firedoor itself is, in target names. Raises `Misconfigured` where no account at all lets us in."""
    base = await client.whoami()
    greeted = await asyncio.gather(*(client.whoami(account) for account in client.accounts), return_exceptions=True)
    shut = {account: one for account, one in zip(client.accounts, greeted, strict=True) if isinstance(one, FiredoorError)}
    for account, error in shut.items():
        log.warning("AWS account %s does not let Firedoor in, so its steps will fail: %s", account, error)
    if len(shut) == len(client.accounts):
        error = next(iter(shut.values()))
        raise Misconfigured(f"AWS: {error.what}", advice=error.advice or "Check the roles in aws_accounts") from error
    callers = [base, *(one for one in greeted if not isinstance(one, BaseException))]
    return dict.fromkeys((caller.name for caller in callers if caller.name), "it is the identity that Firedoor itself runs as")


def slack_client(settings: Settings, access: Access) -> Any:
    """A client of Slack that is yet to be greeted. Raises `Misconfigured`."""
    from firedoor.vendors.slack.client import SlackClient

    if settings.slack_bot_token is None or not settings.slack_channel:
        raise Misconfigured(
            "nobody can be told in Slack: FIREDOOR_SLACK_BOT_TOKEN or slack_channel is not set", advice="Tell your colleagues yourself"
        )
    token = settings.slack_preview_bot_token if access is Access.READ and settings.slack_preview_bot_token else settings.slack_bot_token
    return SlackClient(token=token, channel=settings.slack_channel, access=access, base_url=settings.slack_base_url)


def jira_client(settings: Settings, access: Access) -> Any:
    """A client of Jira; of files alone, where none is set up."""
    from firedoor.vendors.jira.client import JiraClient
    from firedoor.vendors.jira.values import Flavour
    from firedoor.vendors.jira.wire import Site

    site = None
    token = settings.jira_preview_api_token if access is Access.READ and settings.jira_preview_api_token else settings.jira_api_token
    if settings.jira_url is not None and token is not None and settings.jira is not None:
        site = Site(
            url=settings.jira_url,
            flavour=Flavour(settings.jira.flavour),
            token=token,
            project=settings.jira.project,
            issue_type=settings.jira.issue_type,
            security_level=settings.jira.security_level,
            user=settings.jira_user,
        )
    return JiraClient(access=access, folder=settings.state_dir / "tickets", site=site)


def _check_clock(vendor: str, skew: timedelta) -> None:
    if abs(skew) > MOST_SKEW:
        raise ClockOff(
            f"this machine's clock and {vendor}'s are {abs(skew.total_seconds()):.0f} s apart",
            advice="Set the clock (for instance with chrony), for approvals, signatures and the log all rest on it",
        )


def sightings(settings: Settings, at: Clients) -> Sequence[Sightings]:
    """The logs of what is used that a sweep is compared with: CloudTrail's files, where some are set."""
    if not settings.aws_trail or "aws" not in at.by_vendor:
        return ()
    from firedoor.vendors.aws.sightings import TrailSightings

    return (TrailSightings(at.by_vendor["aws"], settings.aws_trail),)
