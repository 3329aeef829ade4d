"""List what the service users of an Okta org allowed OAuth clients to do.

A grant is one scope that one user lets one client have. Okta lists grants only user by user, one call and more for each, so it is a choice
whom to ask: the members of the group that `okta_service_group` names, which are the users that are programs. Somebody who answers for the
org keeps that group; a word in a user's profile, by which such users are marked elsewhere, is their own to edit, and searching by it lags.
Where no group is named nothing is listed, and the list says so instead of being empty.

It does not list the grants of other users: `okta.revoke_grants` takes back all those of one person. Nor does it list consents that an
administrator gave for everybody. Okta does not tell when a grant was last used.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Final

from firedoor.errors import Misconfigured, NotFound
from firedoor.inventory import Credential, State
from firedoor.source import Source, SourceSpec
from firedoor.vendors.okta.client import OktaClient
from firedoor.vendors.okta.credentials import user_names
from firedoor.vendors.okta.values import Consent, UserRecord

AT_ONCE: Final = 8  # users who are asked for at the same time
STATES: Final = {"ACTIVE": State.ACTIVE, "REVOKED": State.INACTIVE}


class ListGrants(Source):
    """`GET /api/v1/groups/{id}/users`, and for each of them `GET /api/v1/users/{id}` with `/grants`."""

    spec = SourceSpec(
        id="okta.list_grants",
        title="List what the service users of an Okta org allowed OAuth clients to do",
        kinds=("grant",),
        reads=frozenset({"okta.groups.read", "okta.users.read"}),
        unestablished=("whether a deactivated user stays in the list of a group's members",),
        pages=(
            "https://developer.okta.com/docs/api/openapi/okta-management/management/tag/Group/",
            "https://developer.okta.com/docs/api/openapi/okta-management/management/tag/UserGrant/",
        ),
    )

    def __init__(self, okta: OktaClient) -> None:
        self._okta = okta

    async def places(self) -> Sequence[str]:
        """The org, by its host name."""
        return (self._okta.org,)

    async def holders(self, place: str) -> AsyncIterator[Sequence[str]]:
        """The ids of the service users, page by page. Raises `Misconfigured` where nobody said who they are."""
        group = self._okta.service_group
        if not group:
            raise Misconfigured(
                "nobody said which users of Okta are programs, so their grants are not listed",
                target=place,
                advice="Set okta_service_group to the id of a group that they are in",
            )
        async for page in self._okta.group_members(group):
            if page:
                yield [user.id for user in page]

    async def credentials(self, place: str, holders: Sequence[str]) -> Sequence[Credential]:
        """What each of them granted, by id."""
        gate = asyncio.Semaphore(AT_ONCE)

        async def of(user_id: str) -> Sequence[Credential]:
            async with gate:
                try:
                    user = await self._okta.user(user_id)
                    grants = await self._okta.user_grants(user_id)
                except NotFound:
                    return ()
            return [_credential(place, user, grant) for grant in sorted(grants, key=lambda grant: grant.id)]

        return [one for found in await asyncio.gather(*map(of, holders)) for one in found]


def _credential(place: str, user: UserRecord, grant: Consent) -> Credential:
    return Credential(
        system="okta",
        kind="grant",
        place=place,
        holder=user.id,
        id=grant.id,
        names=(f"okta:grant:{grant.id}", *user_names(user.id, user.login)),
        state=STATES.get(grant.status, State.UNKNOWN),
        created=grant.created,
        owner=user.login,
        consumers=(f"okta:app:{grant.client_id}",) if grant.client_id else (),
        facts={"client": grant.client_id, "scope": grant.scope, "status": grant.status, "login": user.login, "owner_status": user.status},
    )
