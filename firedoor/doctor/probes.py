"""Facts that a look at the tenant can show by itself: each by a few reads, of what is there already. Where none of it is there, nobody can
tell, and a person has to look. A probe shows that a fact holds or that it does not; it never takes silence for either.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from firedoor.clients import aws_client, aws_line, okta_client
from firedoor.errors import FiredoorError
from firedoor.settings import Settings
from firedoor.vendors.access import Access

if TYPE_CHECKING:
    from firedoor.vendors.aws.client import AwsClient
    from firedoor.vendors.okta.client import OktaClient

SECONDS: Final = 30.0
LOG_KEPT: Final = timedelta(days=90)
ENOUGH: Final = 100  # entries of the log, from the oldest
ACCOUNTS: Final = 3  # whose reports are read: what AWS does in one it does in the others


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a look showed, and how. ``holds`` None: there was nothing to tell it by."""

    holds: bool | None
    says: str


async def _clearing(okta: OktaClient) -> Shown:
    wanted, now = 'eventType eq "user.session.clear"', await okta.now()
    seen, without = 0, 0
    async for entry in okta.log_entries(since=now - LOG_KEPT, until=now, filter=wanted):
        seen += 1
        without += not any(party.type == "User" for party in entry.targets)
        if seen == ENOUGH:
            break
    return Shown(
        holds=without == 0 if seen else None,
        says=f"of {seen} entries of that type in the System Log (listLogEvents), {without} name no user as target",
    )


async def _expired(okta: OktaClient) -> Shown:
    tokens, now = await okta.api_tokens(), await okta.now()
    expired = sum(token.expires is not None and token.expires <= now for token in tokens)
    return Shown(holds=True if expired else None, says=f"of {len(tokens)} tokens that are listed (listApiTokens), {expired} have expired")


async def _gateways(okta: OktaClient) -> Shown:
    if not okta.block_zone:
        return Shown(holds=None, says="no okta_block_zone is set")
    zone = await okta.network_zone(okta.block_zone)
    six = sum(":" in gateway for gateway in zone.gateways)
    return Shown(
        holds=True if six else None, says=f"of {len(zone.gateways)} gateways of the zone {zone.name} (getNetworkZone), {six} are of IPv6"
    )


async def _deactivated(okta: OktaClient) -> Shown:
    if not okta.service_group:
        return Shown(holds=None, says="no okta_service_group is set")
    members = [user async for page in okta.group_members(okta.service_group) for user in page]
    gone = sum(user.status == "DEPROVISIONED" for user in members)
    return Shown(
        holds=True if gone else None, says=f"of {len(members)} members of okta_service_group (listGroupUsers), {gone} are deactivated"
    )


async def _inactive(aws: AwsClient) -> Shown:
    accounts = aws.accounts[:ACCOUNTS]
    reports = [await aws.reports.of(account) for account in accounts]
    dated = sum(not key.active and key.made is not None for report in reports for user in report.users.values() for key in user.keys)
    return Shown(
        holds=True if dated else None,
        says=f"in the credential reports of {', '.join(accounts)} (GetCredentialReport), {dated} keys are inactive and have their date",
    )


async def _ipv6(aws: AwsClient) -> Shown:
    found = [entry for one in aws.prepared.ip_sets if one.version == "IPV6" for entry in (await aws.waf.entries(one)).entries]
    strange = sum(not _is_network(entry) for entry in found)
    example = f", as {found[0]}" if found else ""
    return Shown(
        holds=strange == 0 if found else None,
        says=f"{len(found)} networks of IPv6 stand in the IP sets (GetIPSet){example}; {strange} cannot be read as networks",
    )


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True


_Probe: TypeAlias = Callable[[Any], Awaitable[Shown]]
PROBES: Final[Mapping[tuple[str, str], _Probe]] = {
    ("okta", "that clearing a user's sessions is logged as user.session.clear with the user among its targets"): _clearing,
    ("okta", "whether a token that has expired is still listed"): _expired,
    ("okta", "whether Okta takes IPv6 networks among the gateways of an IP zone"): _gateways,
    ("okta", "whether a deactivated user stays in the list of a group's members"): _deactivated,
    ("aws", "whether a credential report gives the date of a key that is inactive; where it does not, a root key is not seen"): _inactive,
    (
        "aws",
        "whether a credential report gives the date of a key that is inactive; where it does not, its last use is unknown",
    ): _inactive,
    ("aws", "in which form AWS writes an IPv6 network back; networks are compared, not their text"): _ipv6,
}


async def shown(settings: Settings, wanted: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], Shown]:
    """What can be seen of these facts (vendor and words) on clients that only read. What went wrong is said in the place of an answer."""
    clients = {"okta": _okta, "aws": _aws}
    found: dict[tuple[str, str], Shown] = {}

    async def of(vendor: str) -> None:
        probes = {key: probe for key, probe in PROBES.items() if key[0] == vendor and key in wanted}
        if probes:
            found.update(await clients[vendor](settings, probes))

    await asyncio.gather(*map(of, clients))
    return found


async def _okta(settings: Settings, probes: Mapping[tuple[str, str], _Probe]) -> Mapping[tuple[str, str], Shown]:
    try:
        async with okta_client(settings, Access.READ) as client:
            return await _each(client, probes)
    except FiredoorError as error:
        return dict.fromkeys(probes, _unseen(error))


async def _aws(settings: Settings, probes: Mapping[tuple[str, str], _Probe]) -> Mapping[tuple[str, str], Shown]:
    try:
        async with await aws_client(settings, Access.READ, aws_line(settings)) as client:
            return await _each(client, probes)
    except FiredoorError as error:
        return dict.fromkeys(probes, _unseen(error))


async def _each(client: object, probes: Mapping[tuple[str, str], _Probe]) -> Mapping[tuple[str, str], Shown]:
    async def one(probe: _Probe) -> Shown:
        try:
            async with asyncio.timeout(SECONDS):
                return await probe(client)
        except FiredoorError as error:
            return _unseen(error)
        except TimeoutError:
            return Shown(holds=None, says=f"no answer within {SECONDS:g} s")

    seen = await asyncio.gather(*(one(probe) for probe in probes.values()))
    return dict(zip(probes, seen, strict=True))


def _unseen(error: FiredoorError) -> Shown:
    return Shown(holds=None, says=f"it could not be looked at: {error.what}")
