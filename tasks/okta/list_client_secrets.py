"""List what the service apps of an Okta org sign in with: their client secrets and the public keys they are known by.

Every OAuth client of type service is asked, whatever its status: the secrets of an app that is inactive work again once it is activated.
Of the secrets there is an id, a status and a time; Okta shows the secrets too, and those stay behind. Okta does not tell when one was last
used.

It does not list the secrets of apps that people sign in through, of API service integrations from Okta's catalogue, or an app's encryption
keys, with which nobody signs in.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Final

from firedoor.canonical import JSON
from firedoor.errors import NotFound
from firedoor.inventory import Credential, State
from firedoor.source import Source, SourceSpec
from firedoor.vendors.okta.client import OktaClient
from firedoor.vendors.okta.credentials import ClientKeyRecord, ClientSecretRecord
from firedoor.vendors.okta.values import AppRecord

AT_ONCE: Final = 8  # apps that are asked at the same time
STATES: Final = {"ACTIVE": State.ACTIVE, "INACTIVE": State.INACTIVE}


class ListClientSecrets(Source):
    """`GET /api/v1/apps`, and for each service app `GET /api/v1/apps/{id}` with `/credentials/secrets` and `/credentials/jwks`."""

    spec = SourceSpec(
        id="okta.list_client_secrets",
        title="List the client secrets and keys of an Okta org's service apps",
        kinds=("client_secret", "client_key"),
        reads=frozenset({"okta.apps.read"}),
        unestablished=("whether an app's keys that were never given an id are listed with one; without one the list cannot be read",),
        pages=(
            "https://developer.okta.com/docs/api/openapi/okta-management/management/tag/Application/",
            "https://developer.okta.com/docs/api/openapi/okta-management/management/tag/ApplicationSSOCredentialOAuth2ClientAuth/",
        ),
    )

    def __init__(self, okta: OktaClient) -> None:
        self._okta = okta

    async def places(self) -> Sequence[str]:
        """The org, by its host name."""
        return (self._okta.org,)

    async def holders(self, place: str) -> AsyncIterator[Sequence[str]]:
        """The ids of the service apps, a page for each of Okta's that has any."""
        del place
        async for page in self._okta.apps():
            if apps := [app.id for app in page if app.is_service]:
                yield apps

    async def credentials(self, place: str, holders: Sequence[str]) -> Sequence[Credential]:
        """What each of them signs in with: its secrets, then its keys, each by id."""
        gate = asyncio.Semaphore(AT_ONCE)

        async def of(app_id: str) -> Sequence[Credential]:
            async with gate:
                return await self._of(place, app_id)

        return [one for found in await asyncio.gather(*map(of, holders)) for one in found]

    async def _of(self, place: str, app_id: str) -> Sequence[Credential]:
        try:
            app = await self._okta.app(app_id)
            secrets = sorted(await self._okta.client_secrets(app_id), key=lambda secret: secret.id)
            keys = sorted(await self._okta.client_keys(app_id), key=lambda key: key.id)
        except NotFound:
            return ()
        statuses: dict[str, JSON] = {secret.id: secret.status for secret in secrets}
        signing = [key for key in keys if key.use != "enc"]
        return [
            *(_credential(place, app, secret, kind="client_secret", facts={"secrets": statuses}) for secret in secrets),
            *(_credential(place, app, key, kind="client_key", facts={"kid": key.kid, "status": key.status}) for key in signing),
        ]


def _credential(
    place: str, app: AppRecord, one: ClientSecretRecord | ClientKeyRecord, *, kind: str, facts: Mapping[str, JSON]
) -> Credential:
    return Credential(
        system="okta",
        kind=kind,
        place=place,
        holder=app.id,
        id=one.id,
        names=(f"okta:{kind}:{one.id}", f"okta:app:{app.id}"),
        state=STATES.get(one.status, State.UNKNOWN),
        created=one.created,
        facts={"app": app.label, "app_status": app.status, **facts},
    )
