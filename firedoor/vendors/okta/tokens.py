"""API tokens: the part of `OktaClient` that lists what administrators made for programs, and revokes it."""

from __future__ import annotations

from firedoor.vendors.okta import operations, replies
from firedoor.vendors.okta.calls import Calls
from firedoor.vendors.okta.credentials import ApiTokenRecord, check_token_id

_WHAT = "the org's API tokens"


class TokenCalls(Calls):
    """See `OktaClient` for the errors that every method may raise."""

    async def api_tokens(self) -> tuple[ApiTokenRecord, ...]:
        """Every live API token of the org, whoever owns it, Firedoor's own among them (listApiTokens). Okta gives them all at once."""
        return await self._pages(operations.LIST_API_TOKENS, operations.LIST_API_TOKENS.path, replies.api_token, target=_WHAT)

    async def api_token(self, token_id: str) -> ApiTokenRecord:
        """One live API token (getApiToken). Raises `NotFound` once it is revoked."""
        return await self._read_one(operations.GET_API_TOKEN, check_token_id(token_id), replies.api_token, target=token_id)

    async def revoke_api_token(self, token_id: str) -> None:
        """Revoke one API token, at once and for good (revokeApiToken). Raises `NotFound` where there is none of that id any more."""
        await self._write(operations.REVOKE_API_TOKEN, check_token_id(token_id))
