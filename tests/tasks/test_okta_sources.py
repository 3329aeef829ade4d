"""What Okta's sources list, and that a treatment takes each credential as it was listed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from firedoor.approval import Roster
from firedoor.canonical import canonical, plain
from firedoor.errors import BadInput, Forbidden, Misconfigured
from firedoor.guard import Guard
from firedoor.inventory import Credential, State, Use
from firedoor.source import Source
from firedoor.vendors.faults import Fault
from tasks.okta.deactivate_client_key import DeactivateClientKey
from tasks.okta.list_api_tokens import ListApiTokens
from tasks.okta.list_client_secrets import ListClientSecrets
from tasks.okta.list_grants import ListGrants
from tasks.okta.replace_client_secret import ReplaceClientSecret
from tasks.okta.revoke_api_token import RevokeApiToken
from tasks.okta.revoke_grant import GrantState, RevokeGrant
from tests.tasks.rooms import ROOMS
from tests.tasks.rooms.base import Simulated

WORLD: dict[str, Any] = {
    "users": [
        {"id": "00u1", "login": "ada@acme.example"},
        {"id": "00u2", "login": "bob@acme.example", "status": "DEPROVISIONED"},
        {"id": "00u3", "login": "cy@acme.example", "status": "SUSPENDED"},
    ],
    "groups": [{"id": "00g1", "name": "Programs", "members": ["00u3", "00u2"]}],
    "grants": [
        {"id": "oag1", "user": "00u3", "client": "0oa2", "scope": "okta.users.read", "created": "2023-05-01T09:00:00Z"},
        {"id": "oag2", "user": "00u3", "client": "0oa1"},
        {"id": "oag3", "user": "00u1", "client": "0oa1"},
        {"id": "oag4", "user": "00u2", "client": "0oa1"},
    ],
    "apps": [
        {"id": "0oa1", "label": "Deploy bot", "secret": "canary-secret-1", "created": "2023-05-01T09:00:00Z"},
        {"id": "0oa2", "label": "Slides", "type": "web", "secret": "canary-secret-2"},
        {"id": "0oa3", "label": "Old bot", "status": "INACTIVE"},
        {"id": "0oa4", "label": "Mail", "name": "google", "type": ""},
    ],
    "client_secrets": [
        {"id": "ocs2", "app": "0oa3", "secret": "canary-secret-3", "status": "INACTIVE"},
        {"id": "ocs3", "app": "0oa3", "secret": "canary-secret-4"},
    ],
    "client_keys": [
        {"id": "pks1", "app": "0oa1", "kid": "deploy-2023"},
        {"id": "pks2", "app": "0oa1", "kid": "sealed", "use": "enc"},
        {"id": "pks3", "app": "0oa2", "kid": "slides"},
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


async def test_the_secrets_and_keys_of_service_apps_in_any_status(at: Simulated) -> None:
    found = {one.id: one for one in await listed(ListClientSecrets(at.client))}
    assert {(one.kind, one.holder, one.id, one.state) for one in found.values()} == {
        ("client_secret", "0oa1", "ocs0oa1", State.ACTIVE),
        ("client_secret", "0oa3", "ocs2", State.INACTIVE),
        ("client_secret", "0oa3", "ocs3", State.ACTIVE),
        ("client_key", "0oa1", "pks1", State.ACTIVE),
    }
    assert found["ocs0oa1"].created == datetime(2023, 5, 1, 9, tzinfo=UTC)
    assert found["ocs0oa1"].names == ("okta:client_secret:ocs0oa1", "okta:app:0oa1")
    assert (found["ocs2"].facts["app"], found["ocs2"].facts["app_status"]) == ("Old bot", "INACTIVE")
    assert {one.last_use.use for one in found.values()} == {Use.UNKNOWN}
    assert "canary" not in canonical(plain(list(found.values())))
    assert "hashof" not in canonical(plain(list(found.values())))


async def test_what_client_treatments_see_in_the_list_is_what_they_would_read(at: Simulated) -> None:
    actions = {"client_secret": ReplaceClientSecret(at.client), "client_key": DeactivateClientKey(at.client)}
    for one in await listed(ListClientSecrets(at.client)):
        action: Any = actions[one.kind]
        assert action.treats == one.type
        assert action.seen(one) == await action.read(action.target_of(one))


async def test_a_credential_whose_facts_do_not_suffice_is_refused(at: Simulated) -> None:
    bare = Credential(system="okta", kind="client_secret", place="acme.okta.com", holder="0oa1", id="ocs1", names=())
    with pytest.raises(BadInput, match="which secrets the app has"):
        ReplaceClientSecret(at.client).seen(bare)
    assert DeactivateClientKey(at.client).seen(replace(bare, kind="client_key")) is None


async def test_an_app_that_is_gone_by_then_has_none(at: Simulated) -> None:
    source = ListClientSecrets(at.client)
    assert [one.holder for one in await source.credentials("127.0.0.1", ["0oa9", "0oa3"])] == ["0oa3", "0oa3"]


async def test_memory_does_not_grow_with_the_number_of_apps(at: Simulated, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firedoor.vendors.okta.apps.APP_PAGE", 1)
    pages = [page async for page in ListClientSecrets(at.client).holders("127.0.0.1")]
    assert pages == [["0oa1"], ["0oa3"]]


async def test_the_grants_of_service_users_in_any_status_and_of_nobody_else(at: Simulated) -> None:
    at.client.service_group = "00g1"
    found = {one.id: one for one in await listed(ListGrants(at.client))}
    assert found.keys() == {"oag1", "oag2", "oag4"}
    one = found["oag1"]
    assert (one.type, one.holder, one.owner, one.state) == ("okta.grant", "00u3", "cy@acme.example", State.ACTIVE)
    assert (one.created, one.consumers) == (datetime(2023, 5, 1, 9, tzinfo=UTC), ("okta:app:0oa2",))
    assert one.names == ("okta:grant:oag1", "okta:user:00u3", "okta:user:cy@acme.example")
    assert [found[name].facts["owner_status"] for name in ("oag1", "oag4")] == ["SUSPENDED", "DEPROVISIONED"]
    action = RevokeGrant(at.client)
    for each in found.values():
        assert action.seen(each) == await action.read(action.target_of(each))


async def test_a_grant_that_is_shown_as_revoked_is_none(at: Simulated) -> None:
    body = '{"id": "oag1", "status": "REVOKED", "scopeId": "openid", "clientId": "0oa1"}'
    action = RevokeGrant(at.client)
    at.faults.plan(Fault(operation="listUserGrants", status=200, body=f"[{body}]"))
    (one,) = await ListGrants(at.client).credentials("127.0.0.1", ["00u3"])
    assert one.state is State.INACTIVE
    at.faults.plan(Fault(operation="getUserGrant", status=200, body=body))
    assert action.seen(one) == await action.read(action.target_of(one)) == GrantState(gone=True)


async def test_where_nobody_said_who_the_service_users_are_the_list_is_not_just_empty(at: Simulated) -> None:
    with pytest.raises(Misconfigured, match="okta_service_group"):
        await listed(ListGrants(at.client))


async def test_a_service_user_who_is_gone_by_then_has_granted_nothing(at: Simulated) -> None:
    assert await ListGrants(at.client).credentials("127.0.0.1", ["00uNobody"]) == []
