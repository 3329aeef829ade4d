"""API tokens over the wire: the list, one of them, and revoking; that no secret comes along, and that our own is never named by a word."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from firedoor.errors import BadInput, Malformed, NotFound, WriteRefused
from firedoor.vendors.access import Access
from firedoor.vendors.faults import Fault
from firedoor.vendors.okta import operations, replies
from firedoor.vendors.okta.client import OktaClient
from firedoor.vendors.okta.credentials import OktaApiToken
from firedoor.vendors.okta.simulator import OktaSimulator
from firedoor.vendors.okta.world import ApiToken, OktaWorld
from tests.vendors.okta.conftest import CANARY, JANE, OPS, READ_TOKEN

DEPLOY = "00Tdeploy1"


@pytest.fixture(autouse=True)
def _deploy(world: OktaWorld) -> None:
    world.api_tokens["canary-deploy"] = ApiToken(id=DEPLOY, token="canary-deploy", owner=JANE, name="deploy", network=["nzotrust1"])


async def test_the_list_is_whole_and_holds_no_secret(client: OktaClient, okta: OktaSimulator) -> None:
    found = await client.api_tokens()
    assert {(token.id, token.user_id) for token in found} == {("00Tgiven0", OPS), ("00Tgiven1", OPS), (DEPLOY, JANE)}
    assert found[-1] == await client.api_token(DEPLOY)
    assert (found[-1].name, found[-1].network, found[-1].expires) == ("deploy", "ZONE", None)
    told = str([asdict(token) for token in found])
    assert not [secret for secret in (CANARY, READ_TOKEN, "canary-deploy") if secret in told]
    assert [seen.operation for seen in okta.requests] == ["listApiTokens", "getApiToken"]


async def test_a_second_revocation_says_that_there_is_none(client: OktaClient, okta: OktaSimulator, world: OktaWorld) -> None:
    await client.revoke_api_token(DEPLOY)
    with pytest.raises(NotFound) as again:
        await client.revoke_api_token(DEPLOY)
    assert (again.value.status, again.value.code) == (404, "E0000007")
    with pytest.raises(NotFound):
        await client.api_token(DEPLOY)
    assert okta.accepted_writes == {"revokeApiToken": 1}
    assert "canary-deploy" not in world.api_tokens


async def test_our_own_token_is_not_revoked_by_the_word_that_means_it(client: OktaClient, okta: OktaSimulator, world: OktaWorld) -> None:
    with pytest.raises(BadInput, match="the very token that is used"):
        await client.revoke_api_token("current")
    with pytest.raises(BadInput):
        OktaApiToken(token_id="current", title="", user_id=JANE)
    operation = operations.REVOKE_API_TOKEN
    for path in ("/api/v1/api-tokens/current", "/api/v1/api-tokens/%63urrent"):
        with pytest.raises(WriteRefused):
            await client._once(operation, path, replies.nothing, target="current")
    assert not okta.requests
    assert CANARY in world.api_tokens


async def test_a_token_without_an_owner_fails_the_list_instead_of_slipping_through(client: OktaClient, okta: OktaSimulator) -> None:
    okta.faults.plan(Fault(operation="listApiTokens", status=200, body='[{"id": "00T1", "name": "deploy"}]'), times=9)
    with pytest.raises(Malformed, match="userId"):
        await client.api_tokens()


@pytest.mark.parametrize("status", ["SUSPENDED", "DEPROVISIONED"])
async def test_the_tokens_of_whom_the_org_shut_out_are_listed_and_do_not_work(
    client: OktaClient, okta: OktaSimulator, world: OktaWorld, status: str
) -> None:
    world.user(JANE).status = status
    assert DEPLOY in {token.id for token in await client.api_tokens()}
    async with OktaClient(org_url=okta.url, token="canary-deploy", access=Access.READ) as theirs:
        with pytest.raises(Exception, match="does not know the API token"):
            await theirs.whoami()


def test_a_target_goes_by_its_owner_too() -> None:
    target = OktaApiToken(token_id=DEPLOY, title="de\u202eploy", user_id=JANE, login="Jane@acme.example")
    assert target.names == (f"okta:api_token:{DEPLOY}", f"okta:user:{JANE}", "okta:user:Jane@acme.example", "okta:user:jane@acme.example")
    assert target.label == f"API token de?ploy ({DEPLOY}) of Jane@acme.example"
    assert OktaApiToken(token_id=DEPLOY, title="", user_id=JANE).label == f"API token {DEPLOY} of {JANE}"
