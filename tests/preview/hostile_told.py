"""The same for the vendors where people are told: Slack and Jira."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from firedoor.vendors.access import Access
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
    mine = AsyncWebClient(token=str(client._web._GuardedWeb__token.get_secret_value()), base_url=client._web._GuardedWeb__base)
    return await mine.chat_postMessage(**POST)


async def _slack_own_client(client: Any) -> object:
    token, base = client._web._GuardedWeb__token.get_secret_value(), client._web._GuardedWeb__base
    async with SlackClient(token=token, channel="C0INC", access=Access.WRITE, base_url=base) as mine:
        return await mine._web.chat_postMessage(**POST)  # its own guard would let it
