"""What Okta's sources list, and that a treatment takes each credential as it was listed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from firedoor.approval import Roster
from firedoor.canonical import canonical, plain
from firedoor.errors import Forbidden
from firedoor.guard import Guard
from firedoor.inventory import Credential, State, Use
from firedoor.source import Source
from firedoor.vendors.faults import Fault
from tasks.okta.list_api_tokens import ListApiTokens
from tasks.okta.revoke_api_token import RevokeApiToken
from tests.tasks.rooms import ROOMS
from tests.tasks.rooms.base import Simulated

WORLD: dict[str, Any] = {
    "users": [
        {"id": "00u1", "login": "ada@acme.example"},
        {"id": "00u2", "login": "bob@acme.example", "status": "DEPROVISIONED"},
        {"id": "00u3", "login": "cy@acme.example", "status": "SUSPENDED"},
    ],
    "api_tokens": [
        {"id": "00T1", "name": "deploy", "token": "canary-token-1", "owner": "00u1", "created": "2023-05-01T09:00:00Z"},
        {"id": "00T2", "name": "old", "token": "canary-token-2", "owner": "00u2", "network": ["nzo1"]},
        {"id": "00T3", "name": "script", "token": "canary-token-3", "owner": "00u3"},
    ],
}


@pytest.fixture
async def at() -> AsyncIterator[Simulated]:
    async with ROOMS["okta"].open(WORLD, {}) as found:
        yield found


async def listed(source: Source) -> list[Credential]:
    found: list[Credential] = []
    for place in await source.places():
        async for page in source.holders(place):
            found += await source.credentials(place, page)
    return found


async def test_every_api_token_whatever_its_owners_status(at: Simulated) -> None:
    found = {token.id: token for token in await listed(ListApiTokens(at.client))}
    assert found.keys() == {"00T1", "00T2", "00T3", "00Tgiven3", "00Tgiven4"}
    one = found["00T1"]
    assert (one.name, one.type) == ("okta:api_token:127.0.0.1/00T1", "okta.api_token")
    assert (one.holder, one.owner, one.state) == ("00u1", "ada@acme.example", State.ACTIVE)
    assert one.names == ("okta:api_token:00T1", "okta:user:00u1", "okta:user:ada@acme.example")
    assert one.created == datetime(2023, 5, 1, 9, tzinfo=UTC)
    assert one.last_use.use is Use.UNKNOWN
    assert [found[name].facts["owner_status"] for name in ("00T1", "00T2", "00T3")] == ["ACTIVE", "DEPROVISIONED", "SUSPENDED"]
    assert found["00T2"].state is State.ACTIVE
    assert not [secret for secret in ("canary", *at.secrets) if secret in canonical(plain(list(found.values())))]


async def test_an_owner_who_is_gone_hides_no_token(at: Simulated) -> None:
    at.faults.plan(Fault(operation="getUser", status=404, body='{"errorCode": "E0000007"}'))
    (found,) = [token for token in await ListApiTokens(at.client).credentials("127.0.0.1", ["00u1"]) if token.id == "00T1"]
    assert (found.facts["owner_status"], found.owner, found.names) == ("GONE", "", ("okta:api_token:00T1", "okta:user:00u1"))
    assert RevokeApiToken(at.client).target_of(found).user_id == "00u1"


async def test_a_listing_that_is_refused_says_so(at: Simulated) -> None:
    at.faults.plan(Fault(operation="listApiTokens", status=403, body='{"errorCode": "E0000006"}'))
    with pytest.raises(Forbidden, match=r"okta\.apiTokens\.read"):
        await listed(ListApiTokens(at.client))


async def test_a_treatment_sees_in_the_list_what_it_would_read(at: Simulated) -> None:
    action = RevokeApiToken(at.client)
    for token in await listed(ListApiTokens(at.client)):
        assert action.seen(token) == await action.read(action.target_of(token))


async def test_the_guard_refuses_firedoors_own_tokens_by_their_owner(at: Simulated) -> None:
    me = await at.client.whoami()
    guard = Guard(protected={f"okta:user:{me.id}": "it owns Firedoor's own Okta token"}, roster=Roster(people=()), limit=9, own_networks={})
    action = RevokeApiToken(at.client)
    refused = {token.id for token in await listed(ListApiTokens(at.client)) if guard.refusal(action.target_of(token))}
    assert refused == {"00Tgiven3", "00Tgiven4"}
