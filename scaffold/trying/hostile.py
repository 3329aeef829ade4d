"""Ways in which an action's code could try to write to Sample in a preview. See ``hostile.py``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import aiohttp

from firedoor.canonical import JSON
from firedoor.vendors.access import Access
from firedoor.vendors.http import HttpOperation
from scaffold.sample.operations import GET_ACCOUNT, OPERATIONS
from tests.preview.attempt import Attempt

ACCOUNT = "acc-1"


def guarded() -> Iterator[tuple[str, Attempt]]:
    """Through what an action is handed: nothing of it may leave the process."""
    for operation in (one for one in OPERATIONS if one.writes):
        yield f"{operation.name} by the transport", _by_http(operation)
    yield "a deletion under the name of a look", _by_http(replace(GET_ACCOUNT, method="DELETE", writes=False))
    yield "a body with a look", _by_http(GET_ACCOUNT, {"enabled": False})
    yield "an operation on no list", _by_http(replace(GET_ACCOUNT, name="deleteAccount", method="DELETE"))


def _by_http(operation: HttpOperation, data: JSON = None) -> Attempt:
    async def run(client: Any) -> object:
        return await client._http.send(operation, *[ACCOUNT] * operation.path.count("{"), data=data)

    return run


def beyond() -> Iterator[tuple[str, Attempt]]:
    """What no guard in a process can stop: the vendor refuses it, since a preview's token only reads."""
    yield "a session of its own with the credentials in memory", _own_session
    yield "the guard told that it may write", _guard_turned


async def _own_session(client: Any) -> object:
    http = client._http
    url, headers = f"{http._root}/accounts/{ACCOUNT}/disable", {"Authorization": str(http._authorization)}
    async with aiohttp.ClientSession() as mine, mine.post(url, headers=headers) as reply:
        reply.raise_for_status()
        return reply.status


async def _guard_turned(client: Any) -> object:
    client.policy.access = Access.WRITE
    try:
        await client.disable_account(ACCOUNT)
    finally:
        client.policy.access = Access.READ
    return None
