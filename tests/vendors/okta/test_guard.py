"""Law 5: a preview cannot write, whatever object its code gets hold of. And the token stays where it is."""

from __future__ import annotations

import asyncio
import json
import logging
import traceback

import pytest

from firedoor.errors import FiredoorError, VendorError, WriteRefused
from firedoor.vendors.access import Access
from firedoor.vendors.faults import Fault
from firedoor.vendors.okta import operations
from firedoor.vendors.okta.client import OktaClient
from firedoor.vendors.okta.simulator import OktaSimulator
from firedoor.vendors.okta.transport import Token
from tests.vendors.okta.conftest import BOT, CANARY, JANE, LOGIN, ZONE

WRITES = [
    ("POST", f"/api/v1/users/{JANE}/lifecycle/suspend"),
    ("POST", f"/api/v1/users/{JANE}/lifecycle/unsuspend"),
    ("DELETE", f"/api/v1/users/{JANE}/sessions?oauthTokens=true"),
    ("PUT", f"/api/v1/zones/{ZONE}"),
    ("POST", f"/api/v1/users/{JANE}/lifecycle/unlock"),
    ("POST", f"/api/v1/users/{JANE}/lifecycle/reset_password?sendEmail=false&revokeSessions=true"),
    ("POST", f"/api/v1/users/{JANE}/lifecycle/reset_factors"),
    ("DELETE", f"/api/v1/users/{JANE}/factors/opf1"),
    ("DELETE", f"/api/v1/users/{JANE}/grants"),
    ("DELETE", f"/api/v1/users/{JANE}/clients/0oaslides/tokens"),
    ("POST", f"/api/v1/apps/{BOT}/lifecycle/deactivate"),
    ("POST", f"/api/v1/apps/{BOT}/lifecycle/activate"),
    ("DELETE", f"/api/v1/apps/{BOT}/tokens"),
]
UNLISTED = [
    ("POST", f"/api/v1/users/{JANE}/lifecycle/deactivate"),
    ("post", f"/api/v1/users/{JANE}/lifecycle/suspend"),
    ("DELETE", f"/api/v1/users/{JANE}"),
    ("PUT", f"/api/v1/users/{JANE}"),
    ("GET", "/api/v1/trustedOrigins"),
    ("POST", f"/api/v1/users/{JANE}/lifecycle/expire_password"),
    ("POST", f"/api/v1/users/{JANE}/factors"),
    ("DELETE", f"/api/v1/users/{JANE}/factors/.."),
    ("DELETE", f"/api/v1/apps/{BOT}"),
    ("GET", f"/api/v1/apps/{BOT}/credentials/secrets/ocs1"),
    ("GET", f"/api/v1/users/{JANE}%2F..%2F..%2Fapi-tokens"),
    ("GET", "/api/v1/users/.."),
    ("GET", "/api/v1/users/%2e%2e"),
    ("GET", f"/api/v1/users/{JANE}/../../logs"),
    ("GET", f"/api/v1/users/{JANE}#/api/v1"),
    ("GET", f"/api/v1/users/{JANE} HTTP/1.1\r\nX: y"),
    ("GET", "/api/v1/users/"),
]


async def test_the_writes_of_a_read_only_client_are_refused(reader: OktaClient, okta: OktaSimulator) -> None:
    for write in (
        reader.suspend_user,
        reader.unsuspend_user,
        reader.unlock_user,
        reader.reset_password,
        reader.revoke_user_sessions,
        reader.reset_factors,
        reader.revoke_user_grants,
        reader.deactivate_app,
        reader.activate_app,
        reader.revoke_app_tokens,
    ):
        with pytest.raises(WriteRefused) as refusal:
            await write(JANE)
        assert refusal.value.target == JANE
    for other in (reader.unenroll_factor(JANE, "opf1", kind="push"), reader.revoke_client_tokens(JANE, "0oaslides")):
        with pytest.raises(WriteRefused):
            await other
    assert okta.requests == []
    assert (await reader.user(JANE)).status == "ACTIVE"


@pytest.mark.parametrize(("method", "path"), WRITES + UNLISTED)
async def test_code_that_holds_the_executor_cannot_write(reader: OktaClient, okta: OktaSimulator, method: str, path: str) -> None:
    executor = reader._executor
    assert executor is not None
    request, _ = await executor.create_request(method, path)
    with pytest.raises(WriteRefused):
        await executor.fire_request(request)
    with pytest.raises(WriteRefused):
        await executor.execute(request)  # type: ignore[no-untyped-call]
    with pytest.raises(WriteRefused):
        await reader._http.send_request({"method": method, "url": okta.url + path, "headers": {}})
    with pytest.raises(WriteRefused):
        await executor._http_client.send_request({"method": method, "url": okta.url + path, "headers": {}, "data": None, "form": None})
    assert okta.requests == []


@pytest.mark.parametrize(("method", "path"), UNLISTED)
async def test_what_is_on_no_list_is_refused_to_writers_too(client: OktaClient, okta: OktaSimulator, method: str, path: str) -> None:
    with pytest.raises(WriteRefused):
        await client._http.send_request({"method": method, "url": okta.url + path, "headers": {}})
    assert okta.requests == []


async def test_the_token_goes_to_no_other_host(client: OktaClient, okta: OktaSimulator) -> None:
    async with OktaSimulator(okta.world) as elsewhere:
        host = okta.url.removeprefix("http://")
        for url in (elsewhere.url, f"{okta.url}@{elsewhere.url.removeprefix('http://')}", f"http://x@{host}", f"{okta.url}.evil.example"):
            with pytest.raises(WriteRefused):
                await client._http.send_request({"method": "GET", "url": f"{url}/api/v1/users/{JANE}", "headers": {}})
        assert elsewhere.requests == okta.requests == []


async def test_no_body_is_sent_where_none_belongs(client: OktaClient, okta: OktaSimulator) -> None:
    url = f"{okta.url}/api/v1/users/{JANE}/lifecycle/suspend"
    for part in ("data", "form", "json"):
        with pytest.raises(WriteRefused):
            await client._http.send_request({"method": "POST", "url": url, "headers": {}, part: {"a": 1}})
    assert okta.requests == []


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"data": None},
        {"data": {}},
        {"data": "name=x"},
        {"data": b'{"name": "x"}'},
        {"data": [{"name": "x"}]},
        {"data": {"name": CANARY, "gateways": {1, 2}}},
        {"data": {"name": CANARY, "much": float("inf")}},
        {"data": {"name": "x"}, "form": {"a": 1}},
        {"data": {"name": "x"}, "json": {"a": 1}},
    ],
)
async def test_a_body_is_a_json_object_or_nothing_leaves(client: OktaClient, okta: OktaSimulator, parts: dict[str, object]) -> None:
    with pytest.raises(WriteRefused) as refusal:
        await client._http.send_request({"method": "PUT", "url": f"{okta.url}/api/v1/zones/{ZONE}", "headers": {}, **parts})
    assert CANARY not in str(refusal.value) + repr(refusal.value.__context__)
    assert okta.requests == []


async def test_a_read_only_client_reads_a_zone_and_edits_none(reader: OktaClient, okta: OktaSimulator) -> None:
    assert (await reader.network_zone(ZONE)).name == "Firedoor"
    for write in (reader.add_to_zone, reader.remove_from_zone):
        with pytest.raises(WriteRefused) as refusal:
            await write(ZONE, ("203.0.113.7/32",) if write == reader.add_to_zone else ("198.51.100.0/24",))
        assert refusal.value.target == ZONE
    assert not any(seen.writes for seen in okta.requests)


async def test_no_header_is_sent_but_ours() -> None:
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nSet-Cookie: sid=theirs\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
        await writer.drain()
        writer.close()

    hostile = {"Authorization": "SSWS other", "X-HTTP-Method-Override": "DELETE", "Cookie": "sid=sid-ops", "Accept": "application/json"}
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with OktaClient(org_url=url, token=CANARY, access=Access.READ) as reader:
            for _ in range(2):
                await reader._http.send_request({"method": "GET", "url": f"{url}/api/v1/users/me", "headers": hostile})
    for head in heads:
        names = {line.partition(b":")[0].lower() for line in head.split(b"\r\n")[1:] if line}
        assert names == {b"host", b"accept", b"accept-encoding", b"authorization", b"user-agent"}
        assert head.count(f"SSWS {CANARY}".encode()) == 1


async def test_a_body_is_sent_as_json_and_whole() -> None:
    came: list[bytes] = []
    sent: dict[str, object] = {"name": "Z\u00fcrich", "gateways": [], "none": None}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        came.extend((head, await reader.readexactly(length)))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with OktaClient(org_url=url, token=CANARY, access=Access.WRITE) as client:
            put = operations.REPLACE_NETWORK_ZONE
            await client._once(put, put.fill(ZONE), lambda body: body, target=ZONE, body=sent)
    head, body = came
    names = {line.partition(b":")[0].lower() for line in head.split(b"\r\n")[1:] if line}
    assert names == {b"host", b"accept", b"accept-encoding", b"authorization", b"user-agent", b"content-type", b"content-length"}
    assert b"\r\nContent-Type: application/json\r\n" in head
    assert json.loads(body) == sent


async def test_the_executor_can_be_given_no_other_session(reader: OktaClient) -> None:
    assert reader._executor is not None
    with pytest.raises(AttributeError):
        reader._executor.set_session(object())  # type: ignore[no-untyped-call]


async def test_permissions_used_are_remembered(reader: OktaClient, client: OktaClient) -> None:
    await reader.user(LOGIN)
    await reader.admin_roles(JANE)
    assert reader.policy.used == {"okta.users.read", "okta.roles.read"}
    await client.suspend_user(JANE)
    assert client.policy.used == {"okta.users.manage"}


def test_filling_a_path_encodes_what_it_is_given() -> None:
    path = operations.LIST_REFRESH_TOKENS.fill("00u1", "../a b?c#d")
    assert path == "/api/v1/users/00u1/clients/..%2Fa%20b%3Fc%23d/tokens"
    assert operations.find("GET", path) is None
    assert operations.find("GET", operations.GET_USER.fill("o'hara+x@acme.example")) is operations.GET_USER


async def test_the_token_shows_nowhere(okta: OktaSimulator, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("okta", "okta-sdk-python", "aiohttp", "aiohttp.client", "asyncio"):
        logging.getLogger(name).setLevel(logging.DEBUG)
        logging.getLogger(name).disabled = False
    errors: list[FiredoorError] = []
    shown: list[str] = []
    async with OktaClient(org_url=okta.url, token=CANARY, access=Access.WRITE, timeout=0.3) as client:
        await client.whoami()
        echo = f'{{"errorCode": "E0000003", "errorSummary": "SSWS {CANARY}"}}'
        for fault in (
            Fault(operation="suspendUser", status=400, body=echo),
            Fault(operation="suspendUser", status=500, body=echo),
            Fault(operation="suspendUser", status=200, body=CANARY),
            Fault(operation="suspendUser", status=302, headers={"Location": f"https://evil.example/{CANARY}"}),
            Fault(operation="suspendUser", drop=True),
            Fault(operation="suspendUser", delay=0.6),
        ):
            okta.faults.plan(fault)
            try:
                await client.suspend_user(JANE)
            except VendorError as error:
                errors.append(error)
        shown += [repr(client), repr(client.__dict__), repr(client._http.__dict__), repr(client._executor.__dict__), repr(client.policy)]
    try:
        OktaClient(org_url="http://acme.okta.com", token=CANARY, access=Access.READ)
    except FiredoorError as error:
        errors.append(error)
    assert len(errors) == 7
    for raised in errors:
        told = traceback.TracebackException.from_exception(raised, capture_locals=True)
        # Frames of this test hold the canary by name; every other frame, with its variables, is shown.
        told.stack = traceback.StackSummary.from_list([frame for frame in told.stack if frame.filename != __file__])
        shown += [str(raised), repr(raised), repr(vars(raised)), "".join(told.format()), repr(raised.__context__), repr(raised.__cause__)]
    shown += [record.getMessage() + repr(record.__dict__) for record in caplog.records] + [caplog.text]
    assert [text for text in shown if CANARY in text] == []


def test_a_token_prints_as_asterisks_and_takes_a_holder() -> None:
    class Holder:
        def get_secret_value(self) -> str:
            return CANARY

    token = Token(Holder())
    assert CANARY not in repr([token, token.header(), {"k": token.get_secret_value()}])
    assert token.header() == f"SSWS {CANARY}"
