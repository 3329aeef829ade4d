"""What a user let OAuth clients do: the part of `OktaClient` that lists consents and tokens, and takes them back."""

from __future__ import annotations

from typing import Final

from firedoor.vendors.okta import operations, replies
from firedoor.vendors.okta.calls import Calls
from firedoor.vendors.okta.values import Consent, check_id

GRANT_PAGE: Final = 200


class GrantCalls(Calls):
    """See `OktaClient` for the errors that every method may raise."""

    async def user_grants(self, user_id: str) -> tuple[Consent, ...]:
        """The user's consents, of every client (listUserGrants)."""
        path = operations.LIST_USER_GRANTS.fill(check_id(user_id)) + f"?limit={GRANT_PAGE}"
        return await self._pages(operations.LIST_USER_GRANTS, path, replies.consent, target=user_id)

    async def revoke_user_grants(self, user_id: str) -> None:
        """Take back every consent (revokeUserGrants). Tokens that clients already hold are another matter."""
        await self._write(operations.REVOKE_USER_GRANTS, user_id)

    async def revoke_client_tokens(self, user_id: str, client_id: str) -> None:
        """Revoke every refresh token that one client holds for the user (revokeTokensForUserAndClient)."""
        await self._write(operations.REVOKE_CLIENT_TOKENS, user_id, client_id)
