from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from firedoor.errors import BadInput, Conflict, Forbidden, Misconfigured, NotFound, Unauthorized
from firedoor.vendors.access import Access
from firedoor.vendors.faults import Fault
from firedoor.vendors.okta.client import OktaClient
from firedoor.vendors.okta.simulator import OktaLag, OktaSimulator
from firedoor.vendors.okta.world import OktaWorld
from firedoor.vendors.okta.worlddata import world_of
from tests.vendors.okta.conftest import CANARY, DATA, JANE, LOGIN, OPS, READ_TOKEN


async def test_the_module_loads_without_the_sdk() -> None:
    program = (
        "import sys, firedoor.vendors.okta.client, firedoor.vendors.okta.values, firedoor.vendors.okta.operations\n"
        "print([name for name in ('okta', 'aiohttp', 'pydantic') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)  # noqa: ASYNC221
    assert done.stdout.strip() == "[]"


async def test_whoami_and_a_user_by_id_and_by_login(client: OktaClient) -> None:
    assert (await client.whoami()).login == "ops@acme.example"
    jane = await client.user(JANE)
    assert jane == await client.user("JANE@acme.example")
    assert (jane.id, jane.login, jane.status, jane.last_login) == (JANE, LOGIN, "ACTIVE", None)
    assert jane.status_changed == datetime(2023, 10, 1, 8, tzinfo=UTC)


async def test_a_short_login_is_not_taken_for_a_whole_one(client: OktaClient) -> None:
    with pytest.raises(BadInput, match="short form"):
        await client.user("jane")
    with pytest.raises(NotFound):
        await client.user("sam")  # two of them


async def test_suspend_and_unsuspend(client: OktaClient, okta: OktaSimulator) -> None:
    await client.suspend_user(JANE)
    suspended = await client.user(JANE)
    assert suspended.status == "SUSPENDED"
    assert suspended.status_changed is not None
    assert datetime.now(UTC) - suspended.status_changed < timedelta(seconds=5)
    with pytest.raises(Conflict) as again:
        await client.suspend_user(JANE)
    assert (again.value.code, again.value.status, again.value.changed, again.value.target) == ("E0000001", 400, False, JANE)
    await client.unsuspend_user(JANE)
    with pytest.raises(Conflict):
        await client.unsuspend_user(JANE)
    assert okta.accepted_writes == {"suspendUser": 1, "unsuspendUser": 1}


async def test_revoking_sessions_takes_tokens_too_and_is_repeatable(client: OktaClient, okta: OktaSimulator, world: OktaWorld) -> None:
    assert {token.id for token in await client.refresh_tokens(JANE)} == {"oar1", "oar2"}
    await client.revoke_user_sessions(JANE)
    await client.revoke_user_sessions(JANE, forget_devices=False)
    assert await client.refresh_tokens(JANE) == ()
    assert world.session("sid-leaked") is None
    assert world.session("sid-ops") is not None
    assert [seen.query for seen in okta.requests if seen.writes] == [
        "oauthTokens=true&forgetDevices=true",
        "oauthTokens=true&forgetDevices=false",
    ]


async def test_refresh_tokens_of_every_client_in_pages(okta: OktaSimulator, client: OktaClient, world: OktaWorld) -> None:
    many = [{"id": f"oarx{n}", "client": "0oamany", "user": OPS, "refresh": f"r{n}"} for n in range(450)]
    world.oauth_tokens.update(world_of({"users": DATA["users"], "oauth_tokens": many}).oauth_tokens)
    tokens = await client.refresh_tokens(OPS)
    assert len({token.id for token in tokens}) == 451
    assert len([seen for seen in okta.requests if seen.operation == "listRefreshTokensForUserAndClient"]) == 4


async def test_admin_roles(client: OktaClient) -> None:
    roles = await client.admin_roles(OPS)
    assert [(role.type, role.assignment, role.status) for role in roles] == [("SUPER_ADMIN", "USER", "ACTIVE")]
    assert await client.admin_roles(JANE) == ()


async def test_the_log_is_read_bounded_and_polling_through_all_pages(
    client: OktaClient, okta: OktaSimulator, world: OktaWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("firedoor.vendors.okta.client.LOG_PAGE", 2)
    start = datetime.now(UTC) - timedelta(seconds=1)
    for _ in range(5):
        world.clear_sessions(world.user(JANE), oauth_tokens=False, by=world.user(OPS).party)
    world.clear_sessions(world.user(OPS), oauth_tokens=False, by=world.user(OPS).party)
    wanted = f'eventType eq "user.session.clear" and target.id eq "{JANE}"'
    polled = await client.log_events(filter=wanted, since=start)
    assert len(polled) == len({event.uuid for event in polled}) == 5
    assert {(event.event_type, event.actor_id, event.target_ids, event.outcome) for event in polled} == {
        ("user.session.clear", OPS, (JANE,), "SUCCESS")
    }
    assert len(okta.requests) == 4
    assert await client.log_events(filter=wanted, since=start, until=datetime.now(UTC) + timedelta(seconds=1)) == polled
    assert len(okta.requests) == 7


async def test_the_log_is_streamed_with_what_a_hunt_needs_and_the_session_as_a_hash(client: OktaClient, okta: OktaSimulator) -> None:
    full = {
        "uuid": "u1",
        "eventType": "user.session.start",
        "published": "2023-10-18T12:00:00.000Z",
        "actor": {"id": JANE, "type": "User", "alternateId": LOGIN, "displayName": "canary name"},
        "target": [{"id": "0oa1", "type": "AppInstance", "alternateId": "AWS", "detailEntry": {"x": "canary"}}],
        "outcome": {"result": "SUCCESS", "reason": "canary"},
        "client": {"ipAddress": "203.0.113.66", "userAgent": {"rawUserAgent": "canary"}},
        "authenticationContext": {"authenticationStep": 0, "externalSessionId": "102canarySession"},
        "debugContext": {"debugData": {"clientSecret": "canary"}},
    }
    bare = {"uuid": "u2", "eventType": "x.y", "published": "2023-10-18T12:00:01.000Z", "actor": None, "target": None, "client": None}
    okta.faults.plan(Fault(operation="listLogEvents", status=200, body=json.dumps([full, bare])))
    moment = datetime(2023, 10, 18, tzinfo=UTC)
    first, second = [entry async for entry in client.log_entries(since=moment, until=moment + timedelta(days=1))]
    assert (first.actor.id, first.actor.type, first.actor.name, first.targets[0].name) == (JANE, "User", LOGIN, "AWS")
    assert (first.outcome, first.ip, first.step, len(first.session)) == ("SUCCESS", "203.0.113.66", 0, 16)
    assert "canary" not in repr(first)
    assert (second.actor.id, second.targets, second.session, second.step) == ("", (), "", None)
    with pytest.raises(BadInput, match="time zone"):
        _ = [entry async for entry in client.log_entries(since=datetime(2023, 10, 18), until=moment)]  # noqa: DTZ001


async def test_a_late_log_is_empty_first() -> None:
    world = world_of(DATA)
    async with (
        OktaSimulator(world, lag=OktaLag(system_log=0.2)) as okta,
        OktaClient(org_url=okta.url, token=CANARY, access=Access.WRITE) as client,
    ):
        since = await client.now()
        await client.suspend_user(JANE)
        wanted = 'eventType eq "user.lifecycle.suspend"'
        assert await client.log_events(filter=wanted, since=since) == ()
        world.log.lag = timedelta(0)
        (event,) = await client.log_events(filter=wanted, since=since)
        assert event.published >= since


async def test_now_is_oktas_clock_and_never_ahead() -> None:
    wrong = timedelta(hours=-3)
    async with (
        OktaSimulator(world_of(DATA, clock=lambda: datetime.now(UTC) + wrong)) as okta,
        OktaClient(org_url=okta.url, token=CANARY, access=Access.READ) as client,
    ):
        now = await client.now()
        assert len(okta.requests) == 1
        assert timedelta(0) <= datetime.now(UTC) + wrong - now < timedelta(seconds=2)
        assert now.microsecond % 1000 == 0
        first = await client.now()
        assert await client.now() >= first
        assert len(okta.requests) == 1
        assert timedelta(0) <= wrong - await client.skew() < timedelta(seconds=2)


async def test_credentials_and_permissions(okta: OktaSimulator, world: OktaWorld) -> None:
    async with OktaClient(org_url=okta.url, token="00wrong", access=Access.WRITE) as nobody:
        with pytest.raises(Unauthorized, match="FIREDOOR_OKTA_API_TOKEN") as refusal:
            await nobody.user(JANE)
        assert refusal.value.code == "E0000011"
    async with OktaClient(org_url=okta.url, token=READ_TOKEN, access=Access.WRITE) as lesser:
        assert (await lesser.user(JANE)).status == "ACTIVE"
        with pytest.raises(Forbidden, match=r"okta\.users\.manage"):
            await lesser.suspend_user(JANE)
        world.suspend(world.user(OPS), by=world.user(OPS).party)
        with pytest.raises(Unauthorized):
            await lesser.user(JANE)
    assert not okta.accepted_writes


async def test_ids_are_checked_before_anything_is_sent(client: OktaClient, okta: OktaSimulator) -> None:
    for bad in ("..", "../logs", "00u1/lifecycle", "me", "jane@acme.example", "00u1?x=1", "00u1\r\nX: y"):
        with pytest.raises(BadInput):
            await client.suspend_user(bad)
        with pytest.raises(BadInput):
            await client.refresh_tokens(bad)
    with pytest.raises(BadInput):
        await client.user("../../../logs")
    assert okta.requests == []


@pytest.mark.parametrize(
    "url",
    [
        "http://acme.okta.com",
        "http://localhost.evil.example",
        "http://127.0.0.1.evil.example",
        "ftp://acme.okta.com",
        "acme.okta.com",
        "https://user:secret@acme.okta.com",
        "https://acme.okta.com/path",
        "https://acme.okta.com?x=1",
        "https://acme.okta.com:port",
        "https://\u0430cme.okta.com",
        "https://{yourOktaDomain}",
        "https://" + "a" * 64 + ".okta.com",
        "https://.",
        "",
    ],
)
def test_only_https_or_loopback(url: str) -> None:
    with pytest.raises(Misconfigured):
        OktaClient(org_url=url, token=CANARY, access=Access.READ)


@pytest.mark.parametrize("url", ["https://acme.okta.com", "https://acme.okta.com/", "http://localhost:80", "http://[::1]:8080"])
def test_good_origins(url: str) -> None:
    OktaClient(org_url=url, token=CANARY, access=Access.READ)


@pytest.mark.parametrize("token", ["", "00a b", "00a\r\nX-Evil: 1", "00ü"])
def test_a_token_that_cannot_be_one(token: str) -> None:
    with pytest.raises(Misconfigured, match="FIREDOOR_OKTA_API_TOKEN"):
        OktaClient(org_url="https://acme.okta.com", token=token, access=Access.READ)


async def test_outside_its_block_it_says_so(okta: OktaSimulator) -> None:
    client = OktaClient(org_url=okta.url, token=CANARY, access=Access.READ)
    with pytest.raises(Misconfigured):
        await client.whoami()


async def test_proxies_and_files_of_the_environment_do_not_matter(
    okta: OktaSimulator, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = tmp_path_factory.mktemp("home")
    (home / "okta.yaml").write_text("okta:\n  client:\n    orgUrl: https://elsewhere.example\n    token: other\n")
    monkeypatch.chdir(home)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("OKTA_CLIENT_ORGURL", "https://elsewhere.example")
    async with OktaClient(org_url=okta.url, token=CANARY, access=Access.READ) as client:
        assert (await client.whoami()).id == OPS
