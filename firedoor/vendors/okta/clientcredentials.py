"""What OAuth clients sign in with: the part of `OktaClient` that lists an app's client secrets and keys, and switches them."""

from __future__ import annotations

from typing import Final

from firedoor.vendors.okta import operations, replies
from firedoor.vendors.okta.calls import Calls
from firedoor.vendors.okta.credentials import ClientKeyRecord, ClientSecretRecord
from firedoor.vendors.okta.values import check_id

MOST_SECRETS: Final = 2  # that Okta lets an app have


class ClientCredentialCalls(Calls):
    """See `OktaClient` for the errors that every method may raise."""

    async def client_secrets(self, app_id: str) -> tuple[ClientSecretRecord, ...]:
        """The client secrets of an app, two at the most (listOAuth2ClientSecrets)."""
        path = operations.LIST_CLIENT_SECRETS.fill(check_id(app_id, kind="app"))
        return await self._pages(operations.LIST_CLIENT_SECRETS, path, replies.client_secret, target=app_id)

    async def create_client_secret(self, app_id: str) -> ClientSecretRecord:
        """Have Okta make another secret, ACTIVE at once, which nobody is told (createOAuth2ClientSecret).

        Raises `Conflict` where the app has two already.
        """
        operation = operations.CREATE_CLIENT_SECRET
        made, _ = await self._call(
            operation,
            operation.fill(check_id(app_id, kind="app")),
            lambda body: replies.one(body, replies.client_secret),
            target=app_id,
            body={"status": "ACTIVE"},
        )
        return made

    async def deactivate_client_secret(self, app_id: str, secret_id: str) -> None:
        """From now on the secret opens nothing (deactivateOAuth2ClientSecret). Raises `Conflict` where it is the app's only one."""
        await self._switch(operations.DEACTIVATE_CLIENT_SECRET, app_id, secret_id)

    async def activate_client_secret(self, app_id: str, secret_id: str) -> None:
        """It opens the door again (activateOAuth2ClientSecret)."""
        await self._switch(operations.ACTIVATE_CLIENT_SECRET, app_id, secret_id)

    async def delete_client_secret(self, app_id: str, secret_id: str) -> None:
        """For good (deleteOAuth2ClientSecret). Raises `Conflict` where it is ACTIVE, `NotFound` where it is gone."""
        await self._switch(operations.DELETE_CLIENT_SECRET, app_id, secret_id)

    async def client_keys(self, app_id: str) -> tuple[ClientKeyRecord, ...]:
        """The public keys of an app (listJwk)."""
        path = operations.LIST_CLIENT_KEYS.fill(check_id(app_id, kind="app"))
        return await self._pages(operations.LIST_CLIENT_KEYS, path, replies.client_key, target=app_id)

    async def deactivate_client_key(self, app_id: str, key_id: str) -> None:
        """What its private key signs is refused (deactivateOAuth2ClientJsonWebKey). Raises `Conflict` for an encryption key."""
        await self._switch(operations.DEACTIVATE_CLIENT_KEY, app_id, key_id)

    async def activate_client_key(self, app_id: str, key_id: str) -> None:
        """It is taken again (activateOAuth2ClientJsonWebKey)."""
        await self._switch(operations.ACTIVATE_CLIENT_KEY, app_id, key_id)

    async def _switch(self, operation: operations.HttpOperation, app_id: str, credential_id: str) -> None:
        # Lifecycle calls answer with the whole secret: what comes back is not even parsed.
        await self._write(operation, app_id, check_id(credential_id, kind="client credential"), read=replies.unread)
