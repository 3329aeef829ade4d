"""Okta: its tokens, what their owners' roles allow, and the zone that blocks."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from firedoor.clients import okta_client
from firedoor.doctor import clocks
from firedoor.doctor.checkup import Check, Diagnosis, Looks, failure, not_checked, ok, untold, warning
from firedoor.doctor.identities import Identity, variable
from firedoor.errors import Forbidden, NotFound
from firedoor.settings import Settings
from firedoor.vendors.access import Access
from firedoor.vendors.okta.admins import SUPER_ADMIN

if TYPE_CHECKING:
    from firedoor.vendors.okta.client import OktaClient
    from firedoor.vendors.okta.values import AdminRole

AREA: Final = "okta"
READ_ONLY: Final = "READ_ONLY_ADMIN"
TABLE: Final = "https://help.okta.com/en-us/content/topics/security/administrators-admin-comparison.htm"


def is_set_up(settings: Settings) -> bool:
    """Whether Firedoor was told of Okta at all."""
    return bool(settings.okta_org_url or settings.okta_api_token or settings.okta_preview_api_token or settings.okta_sweep_api_token)


def check(identity: Identity) -> Check:
    """The look at one token. A token of Okta (SSWS) may do what its owner's roles allow, so these are what is looked at."""
    token = variable(identity.setting)
    remedy = f"Set FIREDOOR_OKTA_ORG_URL to the org's address, and {token} to a live token of it, whose owner is active"
    return Check(area=AREA, at=token, look=partial(_look, identity), remedy=remedy)


async def _look(identity: Identity) -> Looks:
    token = variable(identity.setting)
    async with okta_client(identity.settings, Access.READ) as client:
        me = await client.whoami()
        yield ok(AREA, token, f"Okta knows it: {me.login}")
        if identity.first:
            yield clocks.compared("Okta", await client.skew())
        yield await _allowed(client, identity, me.id)
        if identity.first and client.block_zone:
            yield await _zone(client)


async def _allowed(client: OktaClient, identity: Identity, owner: str) -> Diagnosis:
    token = variable(identity.setting)
    try:
        roles = await client.admin_roles(owner)
    except Forbidden as error:
        return untold(error, AREA, token, remedy=f"Look in the Admin Console that its owner has what is needed: {_listed(identity.needs)}")
    active = [role for role in roles if role.status in ("ACTIVE", "")]
    kinds = {role.type for role in active}
    if not kinds:
        says = f"its owner is no administrator, so it may do nothing of what is needed: {_listed(identity.needs)}"
        return failure(AREA, token, says, f"Assign its owner {READ_ONLY if not identity.writes else SUPER_ADMIN}, or a role with these")
    if identity.never and kinds != {READ_ONLY}:
        says = f"its owner is {_named(active)}: what only looks could change things too"
        return warning(AREA, token, says, f"Make the token as another user, with {READ_ONLY} alone")
    if identity.writes and kinds == {READ_ONLY}:
        says = f"its owner is {_named(active)}, and it cannot write: {_listed(identity.writes)}"
        return failure(AREA, token, says, f"Assign its owner {SUPER_ADMIN}, or a role with these")
    if not identity.writes or SUPER_ADMIN in kinds:
        return ok(AREA, token, f"its owner is {_named(active)}: enough for {len(identity.needs)} scopes that the units declare")
    says = f"its owner is {_named(active)}, and Okta does not tell what that allows of {_listed(identity.needs)}"
    return not_checked(AREA, token, says, f"Compare the role with {TABLE}")


async def _zone(client: OktaClient) -> Diagnosis:
    at = f"okta_block_zone {client.block_zone}"
    remedy = "Set okta_block_zone to the id of an active IP zone with usage BLOCKLIST"
    try:
        zone = await client.network_zone(client.block_zone)
    except NotFound:
        return failure(AREA, at, "Okta has no network zone of that id", remedy)
    except Forbidden as error:
        return untold(error, AREA, at)
    if zone.type != "IP" or zone.usage != "BLOCKLIST":
        return failure(AREA, at, f"the zone {zone.name} blocks nobody: its type is {zone.type}, its usage {zone.usage}", remedy)
    if zone.status != "ACTIVE":
        return failure(AREA, at, f"the zone {zone.name} is {zone.status}", remedy)
    return ok(AREA, at, f"the zone {zone.name} is there, and blocks")


def _named(roles: list[AdminRole]) -> str:
    return " and ".join(sorted({role.label or role.type for role in roles}))


def _listed(permissions: frozenset[str]) -> str:
    return ", ".join(sorted(permissions))
