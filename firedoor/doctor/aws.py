"""AWS: the base credentials, the role in each account and what it may do, and what was prepared there."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from firedoor.clients import aws_client, aws_line
from firedoor.doctor import clocks
from firedoor.doctor.checkup import SECONDS, Check, Diagnosis, Looks, failed, failure, not_checked, ok, untold, warning
from firedoor.doctor.identities import Identity
from firedoor.errors import BadInput, FiredoorError, Forbidden, NotFound, Unauthorized
from firedoor.settings import Settings
from firedoor.vendors.access import Access

if TYPE_CHECKING:
    from firedoor.vendors.aws.client import AwsClient
    from firedoor.vendors.aws.prepared import IpSet

AREA: Final = "aws"
PATIENCE: Final = 5.0  # seconds for each of connecting and reading: a thread cannot be called off
LEAVING: Final = 3 * PATIENCE  # for threads that are still at it
ORGANIZATION_SECONDS: Final = 120.0  # an organization may have hundreds of accounts, and each is entered
AMBIENT: Final = (
    "AWS_PROFILE",
    "AWS_ACCESS_KEY_ID",
    "AWS_ROLE_ARN",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
)
# What is asked of the base credentials, and what only the management account is asked.
OF_THE_BASE: Final = "sts:"
OF_A_POLICY: Final = ("organizations:DescribePolicy", "organizations:ListTargetsForPolicy", "organizations:UpdatePolicy")
OF_IP_SETS: Final = "wafv2:"
OF_THE_ORGANIZATION: Final = ("organizations:", "sso:", "identitystore:")


def is_set_up(settings: Settings) -> bool:
    """Whether Firedoor was told of AWS at all: by its own settings, or by AWS's own variables."""
    named = settings.aws_accounts or settings.aws_preview_accounts or settings.aws_sweep_accounts or settings.aws_organization_role
    return bool(named) or any(os.environ.get(name) for name in AMBIENT)


def check(identity: Identity) -> Check:
    """The look at one identity, in every account."""
    return Check(area=AREA, at="the base credentials", look=partial(_look, identity), seconds=_seconds(identity) + LEAVING)


async def _look(identity: Identity) -> Looks:
    async with await aws_client(identity.settings, Access.READ, {**aws_line(identity.settings), "timeout": PATIENCE}) as client:
        base = await client.whoami()
        if identity.first:
            yield ok(AREA, "the base credentials", f"AWS knows them: {base.arn}")
            yield clocks.compared("AWS", await client.skew())
        for found in await asyncio.gather(*(_in_time(client, identity, account) for account in client.accounts)):
            for one in found:
                yield one
        if identity.first:
            for ip_set in client.prepared.ip_sets:
                yield await _ip_set(client, ip_set)
            for setting in ("deny_policy", "sso_policy"):
                if policy := getattr(client.prepared, setting):
                    yield await _policy(client, f"aws_{setting}", policy)


async def _in_time(client: AwsClient, identity: Identity, account: str) -> Sequence[Diagnosis]:
    """One account that does not answer must not hide the others."""
    try:
        async with asyncio.timeout(_seconds(identity)):
            return await _account(client, identity, account)
    except TimeoutError:
        says, remedy = f"no answer within {_seconds(identity):g} s", "See that AWS can be reached from this machine, and look again"
        return (failure(AREA, _at(client, identity, account), says, remedy),)


def _seconds(identity: Identity) -> float:
    return ORGANIZATION_SECONDS if identity.settings.aws_organization_role else SECONDS


async def _account(client: AwsClient, identity: Identity, account: str) -> Sequence[Diagnosis]:
    at = _at(client, identity, account)
    try:
        me = await client.whoami(account)
    except (Forbidden, Unauthorized, NotFound) as error:
        says = f"it does not let Firedoor in ({error.what})"
        remedy = f"Name the right role in {identity.setting}, and let its trust policy name the identity that Firedoor runs as"
        return (failure(AREA, at, says, remedy),)
    except FiredoorError as error:
        return (failed(error, AREA, at),)
    if me.account != account:
        says = f"the credentials are of account {me.account}"
        return (failure(AREA, at, says, f"Name a role of account {account} in {identity.setting}, or leave it out"),)
    return ok(AREA, at, f"Firedoor is let in: {me.arn}"), await _allowed(client, identity, account, me.arn)


async def _allowed(client: AwsClient, identity: Identity, account: str, arn: str) -> Diagnosis:
    at = _at(client, identity, account)
    needs, never = (_asked_of(client, account, actions) for actions in (identity.needs, identity.never))
    principal = client.role(account) or (arn if ":user/" in arn else "")
    advice = "Compare its policies with what `firedoor permissions aws` prints for its purpose"
    if not principal:
        return not_checked(AREA, at, "AWS simulates what a user or a named role may do, and this is neither", advice)
    try:
        refused = await _refused(client, account, principal, [*needs, *never])
    except Forbidden:
        says = "what it may do was not checked: it may not ask (iam:SimulatePrincipalPolicy)"
        return not_checked(AREA, at, says, f"Allow it iam:SimulatePrincipalPolicy. Or: {advice[0].lower()}{advice[1:]}")
    except FiredoorError as error:
        return untold(error, AREA, at, remedy=advice)
    if lacks := [action for action in needs if action in refused]:
        says = f"its policies do not allow {', '.join(lacks)}"
        return failure(AREA, at, says, "Give it the policy that `firedoor permissions aws` prints for its purpose")
    if could := [action for action in never if action not in refused]:
        says = f"it allows what only looks to change things: {', '.join(could)}"
        return warning(AREA, at, says, "Take these out of its policies: the identity that contains has a role of its own")
    return ok(AREA, at, f"its policies allow all {len(needs)} actions that are needed")


async def _refused(client: AwsClient, account: str, principal: str, actions: Sequence[str]) -> frozenset[str]:
    """Those that its policies do not allow: on the IP sets that were prepared, and else on every resource."""
    partition, own = principal.split(":")[1], [one for one in client.prepared.ip_sets if one.account == account]
    lists = [action for action in actions if action.startswith(OF_IP_SETS)]
    others = [action for action in actions if not action.startswith(OF_IP_SETS)]
    refused = await client.permits.refused(account, principal, others)
    return frozenset(refused) | frozenset(
        await client.permits.refused(account, principal, lists, resources=[one.arn(partition) for one in own])
    )


def _asked_of(client: AwsClient, account: str, actions: frozenset[str]) -> Sequence[str]:
    """Those of ``actions`` that this account is for: the organization's are for the management account, and lists where there are any.

    What works on the prepared policies alone is left out: their ARNs are not known here, and they are read in any case.
    """
    elsewhere = [OF_THE_BASE, *OF_A_POLICY]
    if account != client.prepared.management_account:
        elsewhere += OF_THE_ORGANIZATION
    if account not in {one.account for one in client.prepared.ip_sets}:
        elsewhere.append(OF_IP_SETS)
    return sorted(one for one in actions if not one.startswith(tuple(elsewhere)))


async def _ip_set(client: AwsClient, ip_set: IpSet) -> Diagnosis:
    at = f"aws_ip_sets {ip_set.name} ({ip_set.account}, {ip_set.region}, {ip_set.scope})"
    remedy = "Set account, region, scope, name and id as `aws wafv2 list-ip-sets` shows them, or make the set"
    try:
        found = await client.waf.entries(ip_set)
    except NotFound:
        return failure(AREA, at, f"AWS has no IP set of that name and id ({ip_set.id})", remedy)
    except BadInput as error:
        return failure(AREA, at, error.what, error.advice or remedy)
    except FiredoorError as error:
        return untold(error, AREA, at)
    if found.version != ip_set.version:
        return failure(AREA, at, f"it is for {found.version}, and set up for {ip_set.version}", f"Set its version to {found.version}")
    return ok(AREA, at, f"it is there, with {len(found.entries)} entries. Whether a web ACL blocks by it was not looked at")


async def _policy(client: AwsClient, setting: str, policy: str) -> Diagnosis:
    at = f"{setting} {policy}"
    try:
        state = await client.organizations.state(policy)
    except FiredoorError as error:
        return untold(error, AREA, at)
    if state.missing is not None:
        remedy = "Set aws_management_account, its role in aws_accounts, and the id of a service control policy that was prepared there"
        return failure(AREA, at, f"it cannot be worked with ({state.missing})", remedy)
    if not state.attached:
        return failure(AREA, at, "it is attached to nothing, so it denies nothing", "Attach it to the organization's root")
    return ok(AREA, at, f"it is there, and attached to {', '.join(state.attached)}")


def _at(client: AwsClient, identity: Identity, account: str) -> str:
    return f"{identity.setting} {account}, {client.role(account) or 'by the base credentials'}"
