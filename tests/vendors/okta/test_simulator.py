"""The simulator's own rules, asked over the wire as an administrator or an attacker would."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest

from firedoor.errors import BadInput
from firedoor.vendors.faults import Effect, Fault
from firedoor.vendors.okta.meter import OktaLimits
from firedoor.vendors.okta.simulator import OktaLag, OktaSimulator
from firedoor.vendors.okta.systemlog import BadFilter, parse
from firedoor.vendors.okta.world import OktaWorld
from firedoor.vendors.okta.worlddata import world_of
from tests.vendors.okta.conftest import CANARY, DATA, JANE, LOGIN, OPS, READ_TOKEN

ADMIN = {"Authorization": f"SSWS {CANARY}"}
USER = f"/api/v1/users/{JANE}"


@pytest.fixture
async def http(okta: OktaSimulator) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(okta.url, cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield session


async def call(
    http: aiohttp.ClientSession, method: str, path: str, headers: Mapping[str, str] = ADMIN
) -> tuple[int, str, aiohttp.ClientResponse]:
    async with http.request(method, path, headers=headers) as response:
        read = await response.json() if response.content_type == "application/json" else {}
        return response.status, read.get("errorCode", "") if isinstance(read, dict) else "", response


async def test_refusals(http: aiohttp.ClientSession, okta: OktaSimulator) -> None:
    assert (await call(http, "GET", USER, {}))[:2] == (401, "E0000011")
    assert (await call(http, "GET", USER, {"Authorization": f"Bearer {CANARY}"}))[:2] == (401, "E0000011")
    assert (await call(http, "GET", "/api/v1/users/00uNobody"))[:2] == (404, "E0000007")
    assert (await call(http, "POST", f"{USER}/lifecycle/unsuspend"))[:2] == (400, "E0000001")
    assert (await call(http, "POST", f"{USER}/lifecycle/suspend", {"Authorization": f"SSWS {READ_TOKEN}"}))[:2] == (403, "E0000006")
    assert (await call(http, "POST", f"{USER}/lifecycle/deactivate"))[:2] == (405, "E0000022")
    assert (await call(http, "GET", "/api/v1/logs?filter=severity+eq+%22INFO%22"))[:2] == (400, "E0000031")
    assert (await call(http, "GET", "/api/v1/logs?q=jane"))[:2] == (400, "E0000031")
    assert (await call(http, "GET", "/api/v1/logs?after=x"))[:2] == (400, "E0000031")
    assert not okta.accepted_writes


async def test_every_request_is_on_record(http: aiohttp.ClientSession, okta: OktaSimulator) -> None:
    await call(http, "POST", f"{USER}/lifecycle/suspend")
    await call(http, "POST", f"{USER}/lifecycle/suspend")
    await call(http, "GET", "/api/v1/users/me", {})
    assert [(seen.operation, seen.by, seen.writes, seen.accepted, seen.status) for seen in okta.requests] == [
        ("suspendUser", "ops@acme.example", True, True, 200),
        ("suspendUser", "ops@acme.example", True, False, 400),
        ("getUser", "", False, False, 401),
    ]


async def test_clearing_sessions_leaves_oauth_tokens_unless_asked(http: aiohttp.ClientSession, world: OktaWorld) -> None:
    assert (await call(http, "DELETE", f"{USER}/sessions"))[0] == 204
    assert world.session("sid-leaked") is None
    assert world.bearer("at-1") is not None
    assert (await call(http, "DELETE", f"{USER}/sessions?oauthTokens=true"))[0] == 204
    assert world.bearer("at-1") is None
    assert [entry.event_type for entry in world.log.entries] == ["user.session.clear"] * 2 + ["app.oauth2.token.revoke"] * 2


async def sign_in(http: aiohttp.ClientSession, login: str, password: str) -> tuple[int, str]:
    async with http.post("/api/v1/authn", json={"username": login, "password": password}) as response:
        read = await response.json()
    if response.status != 200:
        return response.status, read["errorCode"]
    async with http.post("/api/v1/sessions", json={"sessionToken": read["sessionToken"]}) as response:
        session = (await response.json())["id"]
    async with http.post("/api/v1/sessions", json={"sessionToken": read["sessionToken"]}) as response:
        assert response.status == 401  # a sessionToken works once
    return 200, session


async def me(http: aiohttp.ClientSession, sid: str) -> int:
    async with http.get("/api/v1/sessions/me", headers={"Cookie": f"sid={sid}"}) as response:
        return response.status


async def userinfo(http: aiohttp.ClientSession, access: str) -> int:
    async with http.get("/oauth2/v1/userinfo", headers={"Authorization": f"Bearer {access}"}) as response:
        return response.status


async def refresh(http: aiohttp.ClientSession, token: str) -> str:
    async with http.post("/oauth2/v1/token", data={"grant_type": "refresh_token", "refresh_token": token}) as response:
        read = await response.json()
    return str(read.get("access_token") or read["error"])


async def test_an_attacker_lives_on_until_both_doors_are_closed(http: aiohttp.ClientSession, okta: OktaSimulator, world: OktaWorld) -> None:
    assert await sign_in(http, LOGIN, "wrong") == (401, "E0000004")
    status, sid = await sign_in(http, LOGIN, "pw-jane")
    assert status == 200
    access = await refresh(http, "rt-1")
    assert [await me(http, sid), await me(http, "sid-leaked"), await me(http, ""), await userinfo(http, access)] == [200, 200, 404, 200]

    await call(http, "POST", f"{USER}/lifecycle/suspend")
    assert await sign_in(http, LOGIN, "pw-jane") == (401, "E0000004")
    assert await refresh(http, "rt-1") == "invalid_grant"
    # The worst case, and why suspending is not enough.
    assert [await me(http, sid), await me(http, "sid-leaked"), await userinfo(http, access), await userinfo(http, "at-1")] == [200] * 4

    await call(http, "DELETE", f"{USER}/sessions?oauthTokens=true")
    assert [await me(http, sid), await me(http, "sid-leaked"), await userinfo(http, access), await userinfo(http, "at-1")] == [
        404,
        404,
        401,
        401,
    ]
    await call(http, "POST", f"{USER}/lifecycle/unsuspend")
    assert await refresh(http, "rt-1") == "invalid_grant"
    assert world.state()["oauth_tokens"] == {
        "oar1": {"user": LOGIN, "client": "0oaslides", "status": "REVOKED"},
        "oar2": {"user": LOGIN, "client": "0oacalendar", "status": "REVOKED"},
        "oar3": {"user": "ops@acme.example", "client": "0oaslides", "status": "ACTIVE"},
    }
    assert next(seen.operation for seen in okta.requests if seen.by == LOGIN) == "authn"
    assert [(entry.event_type, entry.outcome) for entry in world.log.entries[:3]] == [
        ("user.session.start", "FAILURE"),
        ("policy.evaluate_sign_on", "ALLOW"),
        ("user.session.start", "SUCCESS"),
    ]


async def test_sessions_and_tokens_expire() -> None:
    now = datetime(2023, 11, 23, 16, tzinfo=UTC)
    world = world_of(DATA, clock=lambda: now)
    token = world.sign_in(LOGIN, "pw-jane")
    assert token is not None
    session = world.open_session(token)
    fresh = world.refresh("rt-1")
    assert session is not None
    assert fresh is not None
    now += timedelta(hours=2)
    assert world.session(session.id) is None
    assert world.bearer(fresh[1]) is None
    assert world.session("sid-leaked") is not None


async def test_limits_are_counted_by_the_part_of_the_api_and_reset() -> None:
    limits = OktaLimits(users=2, logs=1, apps=3, api_tokens=3)
    async with OktaSimulator(world_of(DATA), limits=limits) as okta, aiohttp.ClientSession(okta.url) as http:
        left = [(await call(http, "GET", USER))[2].headers["X-Rate-Limit-Remaining"] for _ in range(2)]
        status, code, response = await call(http, "GET", USER)
        assert (left, status, code) == (["1", "0"], 429, "E0000047")
        assert response.headers["X-Rate-Limit-Limit"] == "2"
        assert 55 < int(response.headers["X-Rate-Limit-Reset"]) - datetime.now(UTC).timestamp() <= 60
        assert "Date" in response.headers
        assert (await call(http, "GET", "/api/v1/logs"))[0] == 200
        assert (await call(http, "GET", "/api/v1/logs"))[0] == 429
        for path in ("/api/v1/apps", "/api/v1/api-tokens"):  # each counts by itself
            _, _, response = await call(http, "GET", path)
            assert (response.status, response.headers["X-Rate-Limit-Remaining"]) == (200, "2")
        assert (await call(http, "GET", "/api/v1/apps/0oaNone"))[2].headers["X-Rate-Limit-Remaining"] == "1"
        okta.meter.close()
        assert (await call(http, "GET", USER))[0] == 200
    seen = {part: [(one.limit, one.requests, one.over, one.refused) for one in ones] for part, ones in okta.meter.windows.items()}
    assert seen == {"users": [(2, 3, 1, 1), (2, 1, 0, 0)], "logs": [(1, 2, 1, 1)], "apps": [(3, 2, 0, 0)], "api-tokens": [(3, 1, 0, 0)]}


async def test_a_window_ends_by_itself() -> None:
    limits = OktaLimits(users=1, window=0.05)
    async with OktaSimulator(world_of(DATA), limits=limits) as okta, aiohttp.ClientSession(okta.url) as http:
        await call(http, "GET", USER)
        await asyncio.sleep(0.1)
        assert (await call(http, "GET", USER))[0] == 200
    assert [one.requests for one in okta.meter.windows["users"]] == [1, 1]


async def test_too_many_at_once_is_told_by_two_zeros() -> None:
    async with OktaSimulator(world_of(DATA), limits=OktaLimits(at_once=0)) as okta, aiohttp.ClientSession(okta.url) as http:
        status, code, response = await call(http, "GET", USER)
        assert (status, code) == (429, "E0000047")
        assert response.headers["X-Rate-Limit-Limit"] == response.headers["X-Rate-Limit-Remaining"] == "0"
    (window,) = okta.meter.windows["users"]
    assert (window.over, window.refused) == (0, 1)


async def test_reads_may_be_late() -> None:
    now = datetime(2023, 11, 23, 16, tzinfo=UTC)
    world = world_of(DATA, clock=lambda: now)
    async with OktaSimulator(world, lag=OktaLag(user_status=3.0)) as okta, aiohttp.ClientSession(okta.url) as http:
        await call(http, "POST", f"{USER}/lifecycle/suspend")

        async def status() -> str:
            async with http.get(USER, headers=ADMIN) as response:
                return str((await response.json())["status"])

        assert await status() == "ACTIVE"
        now += timedelta(seconds=3)
        assert await status() == "SUSPENDED"


async def test_a_lie_has_no_effect_and_a_lost_reply_has(http: aiohttp.ClientSession, okta: OktaSimulator, world: OktaWorld) -> None:
    okta.faults.plan(Fault(operation="suspendUser", status=200, body="{}"))
    assert (await call(http, "POST", f"{USER}/lifecycle/suspend"))[0] == 200
    assert world.users[JANE].status == "ACTIVE"
    okta.faults.plan(Fault(operation="suspendUser", effect=Effect.FIRST, drop=True))
    with pytest.raises(aiohttp.ClientError):
        await call(http, "POST", f"{USER}/lifecycle/suspend")
    assert world.users[JANE].status == "SUSPENDED"
    assert [(seen.accepted, seen.status) for seen in okta.requests] == [(False, 200), (True, 0)]


async def test_state_is_plain_data(world: OktaWorld) -> None:
    users = world.state()["users"]
    assert isinstance(users, dict)
    assert users[LOGIN] == {"id": JANE, "status": "ACTIVE", "roles": []}
    assert world.state()["sessions"] == {
        "sid-leaked": {"user": LOGIN, "live": True},
        "sid-ops": {"user": "ops@acme.example", "live": True},
    }


@pytest.mark.parametrize(
    "data",
    [
        {"user": []},
        {"users": [{"id": "00u1", "login": "a@b", "pasword": "x"}]},
        {"users": [{"id": "00u1"}]},
        {"sessions": [{"id": "s", "user": "nobody"}]},
    ],
)
def test_data_that_means_something_else_is_refused(data: Mapping[str, list[Mapping[str, object]]]) -> None:
    with pytest.raises(BadInput):
        world_of(data)


def test_a_log_can_be_given() -> None:
    rows = [{"type": "user.session.start", "published": "2023-11-23T15:59:00Z", "actor": LOGIN, "targets": [OPS, "app1"]}]
    (entry,) = world_of({"users": DATA["users"], "log": rows}).log.entries
    assert (entry.actor.id, [target.id for target in entry.targets]) == (JANE, [OPS, "app1"])


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('eventType eq "user.session.start"', True),
        ('eventType sw "user."', True),
        ('eventType eq "a" or (eventType eq "user.session.start" and outcome.result eq "SUCCESS")', True),
        ('eventType eq "user.session.start" and target.id eq "nobody"', False),
        (f'actor.id eq "{JANE}" and target.alternateId eq "ops@acme.example"', True),
    ],
)
def test_filters(text: str, found: bool) -> None:  # noqa: FBT001
    rows = [{"type": "user.session.start", "actor": JANE, "targets": [OPS]}]
    (entry,) = world_of({"users": DATA["users"], "log": rows}).log.entries
    assert parse(text)(entry) is found


@pytest.mark.parametrize(
    "text",
    ['severity eq "INFO"', 'eventType ne "x"', "eventType eq x", 'eventType eq "x" and', '(eventType eq "x"', 'eventType eq "x" x', "%"],
)
def test_filters_it_does_not_know(text: str) -> None:
    with pytest.raises(BadFilter):
        parse(text)
