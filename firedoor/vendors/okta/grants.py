"""What a user let OAuth clients do: the part of `OktaClient` that lists consents and tokens, and takes them back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

from firedoor.vendors.okta import operations, replies
from firedoor.vendors.okta.calls import Calls
from firedoor.vendors.okta.values import Consent, UserRecord, check_id

GRANT_PAGE: Final = 200
MEMBER_PAGE: Final = 200


class GrantCalls(Calls):
    """See `OktaClient` for the errors that every method may raise."""

    async def user_grants(self, user_id: str) -> tuple[Consent, ...]:
        """The user's consents, of every client (listUserGrants)."""
        path = operations.LIST_USER_GRANTS.fill(check_id(user_id)) + f"?limit={GRANT_PAGE}"
        return await self._pages(operations.LIST_USER_GRANTS, path, replies.consent, target=user_id)

    async def user_grant(self, user_id: str, grant_id: str) -> Consent:
        """One consent (getUserGrant). Raises `NotFound` where the user has none of that id."""
        operation = operations.GET_USER_GRANT
        path = operation.fill(check_id(user_id), check_id(grant_id, kind="grant"))
        found, _ = await self._call(operation, path, lambda body: replies.one(body, replies.consent), target=user_id)
        return found

    async def revoke_user_grant(self, user_id: str, grant_id: str) -> None:
        """Take back one consent (revokeUserGrant). Raises `NotFound` where there is none of that id any more."""
        await self._write(operations.REVOKE_USER_GRANT, user_id, check_id(grant_id, kind="grant"))

    def group_members(self, group_id: str) -> AsyncIterator[tuple[UserRecord, ...]]:
        """The members of a group, page by page (listGroupUsers)."""
        path = operations.LIST_GROUP_USERS.fill(check_id(group_id, kind="group")) + f"?limit={MEMBER_PAGE}"
        return self._each_page(operations.LIST_GROUP_USERS, path, replies.user, target=group_id)

    async def revoke_user_grants(self, user_id: str) -> None:
        """Take back every consent (revokeUserGrants). Tokens that clients already hold are another matter."""
        await self._write(operations.REVOKE_USER_GRANTS, user_id)

    async def revoke_client_tokens(self, user_id: str, client_id: str) -> None:
        """Revoke every refresh token that one client holds for the user (revokeTokensForUserAndClient)."""
        await self._write(operations.REVOKE_CLIENT_TOKENS, user_id, client_id)
