"""Applications: the part of `OktaClient` that reads one, switches it off and on, and revokes the tokens of its users."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

from firedoor.vendors.okta import operations, replies
from firedoor.vendors.okta.calls import Calls
from firedoor.vendors.okta.values import AppRecord, RefreshToken, check_id

APP_PAGE: Final = 200
APP_TOKEN_PAGE: Final = 200


class AppCalls(Calls):
    """See `OktaClient` for the errors that every method may raise."""

    async def app(self, app_id: str) -> AppRecord:
        """One app (getApplication), without its credentials."""
        return await self._read_one(operations.GET_APPLICATION, check_id(app_id, kind="app"), replies.app, target=app_id)

    def apps(self) -> AsyncIterator[tuple[AppRecord, ...]]:
        """Every app of the org, of any kind and status, page by page (listApplications)."""
        path = f"{operations.LIST_APPLICATIONS.path}?limit={APP_PAGE}"
        return self._each_page(operations.LIST_APPLICATIONS, path, replies.app, target="the org's apps")

    async def deactivate_app(self, app_id: str) -> None:
        """Switch an app off (deactivateApplication). Its secrets and keys stay, and work again once it is activated."""
        await self._write(operations.DEACTIVATE_APPLICATION, check_id(app_id, kind="app"))

    async def activate_app(self, app_id: str) -> None:
        """Switch an app on again (activateApplication)."""
        await self._write(operations.ACTIVATE_APPLICATION, check_id(app_id, kind="app"))

    async def app_tokens(self, app_id: str) -> tuple[RefreshToken, ...]:
        """The refresh tokens that were issued to an app, of every user (listOAuth2TokensForApplication)."""
        path = operations.LIST_APP_TOKENS.fill(check_id(app_id, kind="app")) + f"?limit={APP_TOKEN_PAGE}"
        return await self._pages(operations.LIST_APP_TOKENS, path, replies.refresh_token, target=app_id)

    async def revoke_app_tokens(self, app_id: str) -> None:
        """Revoke an app's refresh tokens and the access tokens issued with them (revokeOAuth2TokensForApplication).

        Access tokens that came without a refresh token, as with client credentials, live until they expire.
        """
        await self._write(operations.REVOKE_APP_TOKENS, check_id(app_id, kind="app"))
