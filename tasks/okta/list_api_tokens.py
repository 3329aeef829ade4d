"""List the API tokens of an Okta org.

An API token is made by an administrator for a program and may do whatever its owner may. Every one that Okta lists is here, whatever its
owner's status: the tokens of somebody who is suspended or deactivated do not work meanwhile, and work again once the account does.

Okta does not tell when a token was last used, so nobody can say here that one is unused. Firedoor's own token is among them: nothing in
the list tells which it is but its owner, by whom the guard knows it. Tokens of an owner whom Okta does not know any more are listed too.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from firedoor.canonical import JSON
from firedoor.errors import NotFound
from firedoor.inventory import Credential, State
from firedoor.source import Source, SourceSpec
from firedoor.vendors.okta.client import OktaClient
from firedoor.vendors.okta.credentials import ApiTokenRecord, user_names
from firedoor.vendors.okta.values import UserRecord


class ListApiTokens(Source):
    """`GET /api/v1/api-tokens`, and each owner once. The org is the only place, and its owners of tokens are one page."""

    spec = SourceSpec(
        id="okta.list_api_tokens",
        title="List the API tokens of an Okta org",
        kinds=("api_token",),
        reads=frozenset({"okta.apiTokens.read", "okta.users.read"}),
        unestablished=(
            "whether lastUpdated or expiresAt of a token moves with its use; the last use is taken to be unknown",
            "whether a token that has expired is still listed",
        ),
        pages=("https://developer.okta.com/docs/api/openapi/okta-management/management/tag/ApiToken/",),
    )

    def __init__(self, okta: OktaClient) -> None:
        self._okta = okta

    async def places(self) -> Sequence[str]:
        """The org, by its host name."""
        return (self._okta.org,)

    async def holders(self, place: str) -> AsyncIterator[Sequence[str]]:
        """The ids of those who own a token."""
        del place
        owners = sorted({token.user_id for token in await self._okta.api_tokens()})
        if owners:
            yield owners

    async def credentials(self, place: str, holders: Sequence[str]) -> Sequence[Credential]:
        """Their tokens, by id."""
        found = sorted((token for token in await self._okta.api_tokens() if token.user_id in set(holders)), key=lambda token: token.id)
        now = await self._okta.now()
        owners = {user_id: await self._owner(user_id) for user_id in sorted({token.user_id for token in found})}
        return [
            _credential(place, token, owners[token.user_id], expired=token.expires is not None and token.expires <= now) for token in found
        ]

    async def _owner(self, user_id: str) -> UserRecord | None:
        try:
            return await self._okta.user(user_id)
        except NotFound:
            return None


def _credential(place: str, token: ApiTokenRecord, owner: UserRecord | None, *, expired: bool) -> Credential:
    login = owner.login if owner else ""
    facts: dict[str, JSON] = {"name": token.name, "login": login, "owner_status": owner.status if owner else "GONE"}
    facts |= {name: value for name, value in (("client", token.client_name), ("network", token.network)) if value}
    return Credential(
        system="okta",
        kind="api_token",
        place=place,
        holder=token.user_id,
        id=token.id,
        names=(f"okta:api_token:{token.id}", *user_names(token.user_id, login)),
        state=State.EXPIRED if expired else State.ACTIVE,
        created=token.created,
        owner=login,
        facts=facts,
    )
