"""The simulated doors of an attacker: a session that enrols factors and makes API tokens, and a service app's secret."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest

from firedoor.vendors.okta import services
from firedoor.vendors.okta.simulator import OktaSimulator
from firedoor.vendors.okta.world import OktaWorld
from firedoor.vendors.okta.worlddata import world_of
from tests.vendors.okta.conftest import BOT, BOT_SECRET, CANARY, DATA, JANE, LOGIN, OPS

ADMIN = {"Authorization": f"SSWS {CANARY}"}


@pytest.fixture
async def http(okta: OktaSimulator) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(okta.url, cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield session


async def post(http: aiohttp.ClientSession, path: str, **how: Any) -> tuple[int, Mapping[str, Any]]:
    async with http.post(path, **how) as response:
        return response.status, await response.json() if response.content_type == "application/json" else {}


def cookie(sid: str) -> dict[str, str]:
    return {"Cookie": f"sid={sid}"}


async def test_a_session_enrols_a_factor_even_of_a_suspended_user_until_it_ends(http: aiohttp.ClientSession, world: OktaWorld) -> None:
    for status in ("ACTIVE", "SUSPENDED"):
        world.user(JANE).status = status
        before = datetime.now(UTC) - timedelta(seconds=1)
        code, factor = await post(http, "/api/v1/users/me/factors", json={"factorType": "webauthn"}, headers=cookie("sid-leaked"))
        assert (code, factor["factorType"], factor["provider"], factor["status"]) == (200, "webauthn", "FIDO", "ACTIVE")
        assert world.factors[factor["id"]].created >= before
    assert [entry.event_type for entry in world.log.entries] == ["user.mfa.factor.activate"] * 2
    world.clear_sessions(world.user(JANE), oauth_tokens=False, by=world.user(OPS).party)
    code, refusal = await post(http, "/api/v1/users/me/factors", json={"factorType": "webauthn"}, headers=cookie("sid-leaked"))
    assert (code, refusal["errorCode"]) == (401, "E0000005")


async def test_what_enrols_nothing(http: aiohttp.ClientSession, world: OktaWorld) -> None:
    held = dict(world.factors)
    assert (await post(http, "/api/v1/users/me/factors", json={"factorType": "telepathy"}, headers=cookie("sid-leaked")))[0] == 400
    assert (await post(http, "/api/v1/users/me/factors", data=b"{", headers=cookie("sid-leaked")))[0] == 400
    assert (await post(http, "/api/v1/users/me/factors", json={"factorType": "sms"}))[0] == 401
    world.user(JANE).status = "DEPROVISIONED"
    assert (await post(http, "/api/v1/users/me/factors", json={"factorType": "sms"}, headers=cookie("sid-leaked")))[0] == 401
    assert world.factors == held


async def test_an_administrators_session_makes_an_api_token(http: aiohttp.ClientSession, world: OktaWorld) -> None:
    code, made = await post(http, "/api/internal/tokens", json={"name": "backup"}, headers=cookie("sid-ops"))
    assert (code, made["name"]) == (200, "backup")
    headers = {"Authorization": f"SSWS {made['token']}"}
    async with http.post(f"/api/v1/users/{JANE}/lifecycle/suspend", headers=headers) as response:
        assert response.status == 200
    assert [entry.event_type for entry in world.log.entries] == ["system.api_token.create", "user.lifecycle.suspend"]
    world.suspend(world.user(OPS), by=world.user(OPS).party)
    async with http.get(f"/api/v1/users/{JANE}", headers=headers) as response:
        assert response.status == 401


async def test_others_make_none(http: aiohttp.ClientSession, world: OktaWorld) -> None:
    tokens = dict(world.api_tokens)
    assert (await post(http, "/api/internal/tokens", json={"name": "x"}, headers=cookie("sid-leaked")))[1]["errorCode"] == "E0000006"
    assert (await post(http, "/api/internal/tokens", json={"name": "x"}))[0] == 401
    assert world.api_tokens == tokens


async def grant(http: aiohttp.ClientSession, client: str, secret: str) -> tuple[int, Mapping[str, Any]]:
    form = {"grant_type": "client_credentials", "client_id": client, "client_secret": secret}
    return await post(http, "/oauth2/v1/token", data=form)


async def active(http: aiohttp.ClientSession, token: str) -> bool:
    return bool((await post(http, "/oauth2/v1/introspect", data={"token": token}))[1]["active"])


async def test_a_service_app_gets_tokens_until_it_is_off_and_they_live_on(http: aiohttp.ClientSession, okta: OktaSimulator) -> None:
    code, got = await grant(http, BOT, BOT_SECRET)
    assert (code, got["token_type"], got["expires_in"]) == (200, "Bearer", 3600)
    basic = {"Authorization": "Basic " + b64encode(f"{BOT}:{BOT_SECRET}".encode()).decode()}
    assert (await post(http, "/oauth2/v1/token", data={"grant_type": "client_credentials"}, headers=basic))[0] == 200
    broken = {"Authorization": "Basic x"}
    assert (await post(http, "/oauth2/v1/token", data={"grant_type": "client_credentials"}, headers=broken))[0] == 401
    async with http.post(f"/api/v1/apps/{BOT}/lifecycle/deactivate", headers=ADMIN) as response:
        assert response.status == 200
    assert await grant(http, BOT, BOT_SECRET) == (
        401,
        {"error": "invalid_client", "error_description": "The client is unknown, its secret is wrong, or it is not active."},
    )
    assert await active(http, got["access_token"])
    async with http.post(f"/api/v1/apps/{BOT}/lifecycle/activate", headers=ADMIN) as response:
        assert response.status == 200
    assert (await grant(http, BOT, BOT_SECRET))[0] == 200, "the stolen secret works again"
    assert [seen.by for seen in okta.requests if seen.operation == "token"] == [BOT, BOT, "", "", BOT]


@pytest.mark.parametrize(("client", "secret"), [(BOT, "wrong"), (BOT, ""), ("0oaNone", BOT_SECRET), ("0oaslides", "slides-secret")])
async def test_whom_the_token_endpoint_refuses(http: aiohttp.ClientSession, client: str, secret: str) -> None:
    assert (await grant(http, client, secret))[0] == 401


async def test_a_service_apps_token_expires() -> None:
    now = datetime(2023, 11, 23, 16, tzinfo=UTC)
    world = world_of(DATA, clock=lambda: now)
    token = services.client_credentials(world, BOT, BOT_SECRET)
    assert token is not None
    assert services.holder(world, token) is world.apps[BOT]
    now += timedelta(hours=1)
    assert services.holder(world, token) is None


async def test_an_app_that_is_off_refreshes_nothing(http: aiohttp.ClientSession) -> None:
    async with http.post("/api/v1/apps/0oaslides/lifecycle/deactivate", headers=ADMIN) as response:
        assert response.status == 200
    assert (await post(http, "/oauth2/v1/token", data={"grant_type": "refresh_token", "refresh_token": "rt-1"}))[1][
        "error"
    ] == "invalid_grant"


async def test_a_reset_password_opens_nothing(http: aiohttp.ClientSession) -> None:
    async with http.post(f"/api/v1/users/{JANE}/lifecycle/reset_password?sendEmail=false&revokeSessions=true", headers=ADMIN) as response:
        assert (await response.json())["resetPasswordUrl"].startswith("http://127.0.0.1:")
    assert (await post(http, "/api/v1/authn", json={"username": LOGIN, "password": "pw-jane"}))[0] == 401
    async with http.post(f"/api/v1/users/{JANE}/lifecycle/reset_password", headers=ADMIN) as response:
        assert (response.status, (await response.json())["errorCode"]) == (400, "E0000001")
