"""Client secrets and keys over the wire: Okta's rules for them, and that neither secret nor hash leaves the client."""

from __future__ import annotations

import traceback

import aiohttp
import pytest

from firedoor.errors import Conflict, Malformed, NotFound
from firedoor.vendors.faults import Fault
from firedoor.vendors.okta.client import OktaClient
from firedoor.vendors.okta.services import ClientKey
from firedoor.vendors.okta.simulator import OktaSimulator
from firedoor.vendors.okta.world import OktaWorld
from tests.vendors.okta.conftest import BOT, BOT_SECRET

FIRST = f"ocs{BOT}"


async def sign_in(okta: OktaSimulator, secret: str) -> int:
    form = {"grant_type": "client_credentials", "client_id": BOT, "client_secret": secret}
    async with aiohttp.ClientSession(okta.url) as http, http.post("/oauth2/v1/token", data=form) as response:
        return response.status


async def test_a_secret_is_replaced_and_the_old_one_opens_nothing(client: OktaClient, okta: OktaSimulator, world: OktaWorld) -> None:
    assert await sign_in(okta, BOT_SECRET) == 200
    made = await client.create_client_secret(BOT)
    assert await sign_in(okta, BOT_SECRET) == await sign_in(okta, world.client_secrets[made.id].secret) == 200
    await client.deactivate_client_secret(BOT, FIRST)
    assert await sign_in(okta, BOT_SECRET) == 401
    assert await sign_in(okta, world.client_secrets[made.id].secret) == 200
    assert [(secret.id, secret.status) for secret in await client.client_secrets(BOT)] == [(FIRST, "INACTIVE"), (made.id, "ACTIVE")]
    await client.activate_client_secret(BOT, FIRST)
    assert await sign_in(okta, BOT_SECRET) == 200


async def test_the_rules_for_secrets(client: OktaClient, world: OktaWorld) -> None:
    with pytest.raises(Conflict, match="E0000001"):
        await client.deactivate_client_secret(BOT, FIRST)  # the only one
    made = await client.create_client_secret(BOT)
    with pytest.raises(Conflict, match="E0000001"):
        await client.create_client_secret(BOT)  # a third
    with pytest.raises(Conflict, match="E0000001"):
        await client.delete_client_secret(BOT, FIRST)  # it is active
    await client.deactivate_client_secret(BOT, FIRST)
    with pytest.raises(Conflict, match="E0000001"):
        await client.deactivate_client_secret(BOT, made.id)  # the only one that works
    await client.delete_client_secret(BOT, FIRST)
    with pytest.raises(NotFound):
        await client.delete_client_secret(BOT, FIRST)
    assert world.client_secrets.keys() == {made.id, "ocs0oaslides"}


def break_the_list(okta: OktaSimulator) -> None:
    body = f'[{{"client_secret": "{BOT_SECRET}", "secret_hash": "hashof{BOT_SECRET}", "id": "ocs9"}}]'
    okta.faults.plan(Fault(operation="listOAuth2ClientSecrets", status=200, body=body), times=9)


async def test_no_secret_and_no_hash_comes_along(client: OktaClient, okta: OktaSimulator, world: OktaWorld) -> None:
    made = await client.create_client_secret(BOT)
    told = str([made, *await client.client_secrets(BOT), *await client.client_keys(BOT)])
    assert not [secret for secret in (BOT_SECRET, *world.handed_out) if secret in told]
    assert len(world.handed_out) == 2
    break_the_list(okta)
    with pytest.raises(Malformed, match="status is missing") as refused:
        await client.client_secrets(BOT)
    assert BOT_SECRET not in "".join(traceback.TracebackException.from_exception(refused.value, capture_locals=True).format())


async def test_a_lifecycle_reply_is_not_even_parsed(client: OktaClient, okta: OktaSimulator) -> None:
    await client.create_client_secret(BOT)
    okta.faults.plan(Fault(operation="deactivateOAuth2ClientSecret", status=200, body="anything at all"))
    await client.deactivate_client_secret(BOT, FIRST)


async def test_keys_are_switched_and_an_encryption_key_is_not(client: OktaClient, world: OktaWorld) -> None:
    world.client_keys["pksenc"] = ClientKey(id="pksenc", app=BOT, kid="enc", use="enc")
    await client.deactivate_client_key(BOT, "pksbot1")
    with pytest.raises(Conflict):
        await client.deactivate_client_key(BOT, "pksenc")
    found = {key.id: (key.kid, key.use, key.status) for key in await client.client_keys(BOT)}
    assert found == {"pksbot1": ("bot-2023", "sig", "INACTIVE"), "pksenc": ("enc", "enc", "ACTIVE")}
    await client.activate_client_key(BOT, "pksbot1")
    assert (await client.client_keys(BOT))[0].status == "ACTIVE"


async def test_apps_come_in_pages_of_every_kind(client: OktaClient, okta: OktaSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firedoor.vendors.okta.apps.APP_PAGE", 1)
    pages = [[(app.id, app.kind) for app in page] async for page in client.apps()]
    assert pages == [[(BOT, "service")], [("0oaslides", "web")]]
    assert [seen.operation for seen in okta.requests] == ["listApplications"] * 2
