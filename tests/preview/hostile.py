"""Ways in which the code of an action could try to write in a preview, for each vendor.

``GUARDED`` go through what Firedoor hands to an action, however deep they reach into it: nothing of them may leave the process.
``BEYOND`` are those that no guard inside a process can stop: a socket or session of one's own with the credentials found in memory, the
guard itself taken away. They reach the vendor, and the vendor refuses, because a preview runs on credentials that can only read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import aiohttp

from firedoor.vendors.access import Access
from firedoor.vendors.aws.operations import OPERATIONS as AWS
from firedoor.vendors.okta.client import OktaClient
from firedoor.vendors.okta.operations import OPERATIONS as OKTA
from tests.preview.attempt import Attempt
from tests.preview.hostile_told import jira_beyond, jira_guarded, slack_beyond, slack_guarded
from tests.vendors.aws.test_guard import HOSTILE

USER = "00u1"


def okta_guarded() -> Iterator[tuple[str, Attempt]]:
    writes = [(one.method, one.fill(*["00u1"] * one.path.count("{"))) for one in OKTA if one.writes]
    unlisted = [("DELETE", f"/api/v1/users/{USER}"), ("POST", "/api/v1/users"), ("PUT", f"/api/v1/users/{USER}"), ("post", "/api/v1/apps")]
    for method, path in writes + unlisted:
        yield f"{method} {path} by the executor", _by_executor(method, path)
        yield f"{method} {path} by the transport", _by_transport(method, path)
    for trick in ("%2e%2e/groups", f"{USER}/../../groups", f"{USER}?_method=DELETE", f"{USER}#/lifecycle/suspend"):
        yield f"POST /api/v1/users/{trick} by the transport", _by_transport("POST", f"/api/v1/users/{trick}")


def _by_executor(method: str, path: str) -> Attempt:
    async def attempt(client: Any) -> object:
        request, _ = await client._executor.create_request(method, path, {"profile": {"login": "mallory@acme.example"}})
        return await client._executor.fire_request(request)

    return attempt


def _by_transport(method: str, path: str) -> Attempt:
    async def attempt(client: Any) -> object:
        return await client._http.send_request({"method": method, "url": client._origin + path, "headers": {}, "data": {}})

    return attempt


def okta_beyond() -> Iterator[tuple[str, Attempt]]:
    yield "a session of its own with the token in memory", _okta_own_session
    yield "a socket of its own with the token in memory", _okta_own_socket
    yield "a writing client of its own with the token in memory", _okta_own_client
    yield "the guard told that it may write", _okta_guard_turned


async def _okta_own_session(client: Any) -> object:
    headers = {"Authorization": str(client._http._token.header())}
    async with aiohttp.ClientSession() as http, http.post(f"{client._origin}/api/v1/users/{USER}/lifecycle/suspend", headers=headers) as r:
        return r.status


async def _okta_own_socket(client: Any) -> object:
    host, _, port = client._origin.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = f"POST /api/v1/users/{USER}/lifecycle/suspend HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n"
    writer.write(f"{head}Content-Length: 0\r\nAuthorization: {client._http._token.header()!s}\r\n\r\n".encode())
    await writer.drain()
    answer = await reader.read()
    writer.close()
    return answer


async def _okta_own_client(client: Any) -> object:
    async with OktaClient(org_url=client._origin, token=client._http._token.get_secret_value(), access=Access.WRITE) as mine:
        await mine.suspend_user(USER)
    return None


async def _okta_guard_turned(client: Any) -> object:
    client.policy.access = Access.WRITE
    try:
        await client.suspend_user(USER)
    finally:
        client.policy.access = Access.READ
    return None


def aws_guarded() -> Iterator[tuple[str, Attempt]]:
    for operation in (one for one in AWS if one.writes):
        yield f"{operation.name} by the raw client", _aws_raw(operation.name)
    for name, attempt in HOSTILE.items():
        yield name, _aws_in_thread(attempt)


def _aws_raw(name: str) -> Attempt:
    service, _, operation = name.partition(":")

    def call(session: Any, iam: Any) -> object:
        raw = session.client(service, endpoint_url=iam.meta.endpoint_url)
        return raw._make_api_call(operation, _filled(raw.meta.service_model.operation_model(operation).input_shape))

    return _aws_in_thread(call)


def _filled(shape: Any) -> Any:
    """Something that the SDK accepts for a shape: what is required, as short as may be."""
    match shape.type_name:
        case "structure":
            return {name: _filled(shape.members[name]) for name in shape.required_members}
        case "list":
            return [_filled(shape.member)]
        case "string":
            return (shape.enum or ["x" * max(1, int(shape.metadata.get("min", 1)))])[0]
        case "integer" | "long":
            return 1
        case _:
            return b"x"


def _aws_in_thread(call: Callable[[Any, Any], object]) -> Attempt:
    async def attempt(client: Any) -> object:
        door = await client._doors.door(client.accounts[0])
        return await asyncio.to_thread(call, door.session, door.clients["iam"])

    return attempt


OFF: Mapping[str, str] = {"UserName": "ci", "AccessKeyId": "AKIAIOSFODNN7EXAMPLE", "Status": "Inactive"}


def aws_beyond() -> Iterator[tuple[str, Attempt]]:
    yield "a boto3 session of its own with the credentials in memory", _aws_in_thread(_aws_own_session)
    yield "the guard's handlers taken off the client", _aws_unhooked
    yield "the guard told that it may write", _aws_guard_turned


def _aws_own_session(session: Any, iam: Any) -> object:
    import boto3  # noqa: PLC0415 - half a second, for this only

    found = session.get_credentials().get_frozen_credentials()
    mine = boto3.Session(found.access_key, found.secret_key, found.token, region_name="us-east-1")
    return mine.client("iam", endpoint_url=iam.meta.endpoint_url).update_access_key(**OFF)


async def _aws_unhooked(client: Any) -> object:
    door = await client._doors.door(client.accounts[0])
    events = door.clients["iam"].meta.events
    for name in ("before-call", "before-send"):
        for handler in list(events._emitter._lookup_cache.get(f"{name}.iam.UpdateAccessKey", ())) or list(
            events._emitter._handlers.prefix_search(f"{name}.iam.UpdateAccessKey")
        ):
            events.unregister(name, handler)
    return await asyncio.to_thread(lambda: door.clients["iam"].update_access_key(**OFF))


async def _aws_guard_turned(client: Any) -> object:
    client.policy.access = Access.WRITE
    try:
        door = await client._doors.door(client.accounts[0])
        return await asyncio.to_thread(lambda: door.clients["iam"].update_access_key(**OFF))
    finally:
        client.policy.access = Access.READ


GUARDED: Mapping[str, Callable[[], Iterator[tuple[str, Attempt]]]] = {
    "okta": okta_guarded,
    "aws": aws_guarded,
    "slack": slack_guarded,
    "jira": jira_guarded,
}
BEYOND: Mapping[str, Callable[[], Iterator[tuple[str, Attempt]]]] = {
    "okta": okta_beyond,
    "aws": aws_beyond,
    "slack": slack_beyond,
    "jira": jira_beyond,
}
