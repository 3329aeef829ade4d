"""The same for the vendors where people are told: Slack and Jira."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from firedoor.canonical import JSON
from firedoor.vendors.access import Access
from firedoor.vendors.http import Body, HttpOperation, Upload
from firedoor.vendors.jira.operations import CREATE_ISSUE, GET_ISSUE
from firedoor.vendors.jira.operations import HTTP_OPERATIONS as JIRA
from firedoor.vendors.slack.client import SlackClient
from tests.preview.attempt import Attempt
from tests.vendors.slack.test_guard import POST, WRITES, Try


def slack_guarded() -> Iterator[tuple[str, Attempt]]:
    for name, attempt in WRITES.items():
        yield f"{name} by the raw client", _with_web(attempt)


def _with_web(attempt: Try) -> Attempt:
    async def run(client: Any) -> object:
        return await attempt(client._web)

    return run


def slack_beyond() -> Iterator[tuple[str, Attempt]]:
    yield "an SDK client of its own with the token in memory", _slack_own_sdk
    yield "a writing client of its own with the token in memory", _slack_own_client


async def _slack_own_sdk(client: Any) -> object:
    mine = AsyncWebClient(token=str(client._web._GuardedWeb__token._secret), base_url=client._web._GuardedWeb__base)
    return await mine.chat_postMessage(**POST)


async def _slack_own_client(client: Any) -> object:
    token, base = client._web._GuardedWeb__token._secret, client._web._GuardedWeb__base
    async with SlackClient(token=token, channel="C0INC", access=Access.WRITE, base_url=base) as mine:
        return await mine._web.chat_postMessage(**POST)  # its own guard would let it


def jira_guarded() -> Iterator[tuple[str, Attempt]]:
    for operation in (one for one in JIRA if one.writes):
        yield f"{operation.name} by the transport", _by_http(operation)
    forged = replace(GET_ISSUE, method="DELETE", writes=False)
    yield "a deletion under the name of a look", _by_http(forged)
    yield "a body with a look", _by_http(GET_ISSUE, {"update": {}})
    yield "an operation on no list", _by_http(replace(GET_ISSUE, name="deleteIssue", method="DELETE"))
    yield "the ticket on paper", _on_paper


def _by_http(operation: HttpOperation, data: JSON = None) -> Attempt:
    async def run(client: Any) -> object:
        body = data if data is not None or operation.body is not Body.JSON else {"fields": {}}
        upload = Upload(name="x.md", content=b"x") if operation.body is Body.FILE else None
        arguments = ["SEC-1"] * operation.path.count("{")
        return await client._site._http.send(operation, *arguments, data=body, upload=upload)

    return run


async def _on_paper(client: Any) -> object:
    return await client.write_paper("firedoor-i", "x")


def jira_beyond() -> Iterator[tuple[str, Attempt]]:
    yield "a session of its own with the credentials in memory", _jira_own_session
    yield "the guard told that it may write", _jira_guard_turned


async def _jira_own_session(client: Any) -> object:
    http, headers = client._site._http, {"Authorization": str(client._site._http._authorization)}
    fields = {"project": {"key": "SEC"}, "issuetype": {"name": "Task"}, "summary": "x"}
    async with aiohttp.ClientSession() as mine, mine.post(f"{http._root}/issue", json={"fields": fields}, headers=headers) as reply:
        return reply.status


async def _jira_guard_turned(client: Any) -> object:
    client.policy.access = Access.WRITE
    fields = {"project": {"key": "SEC"}, "issuetype": {"name": "Task"}, "summary": "x"}
    try:
        return (await client._site._http.send(CREATE_ISSUE, data={"fields": fields})).status
    finally:
        client.policy.access = Access.READ
