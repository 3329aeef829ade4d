from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from firedoor.vendors.access import Access
from firedoor.vendors.slack.client import SlackClient
from firedoor.vendors.slack.grants import Rules
from firedoor.vendors.slack.people import Person
from firedoor.vendors.slack.simulator import SlackSimulator
from tests.vendors.slack.world import APP, BOT, WORLD

Connect = Callable[[AsyncApp], Awaitable[AsyncSocketModeHandler]]
SHORT = Rules(ack_seconds=0.4, trigger_seconds=0.3, redelivery_seconds=(0.0, 0.05, 0.05), response_url_seconds=0.5)


@pytest.fixture
async def slack() -> AsyncIterator[SlackSimulator]:
    async with SlackSimulator(WORLD, rules=SHORT) as slack:
        yield slack


@pytest.fixture
def client(slack: SlackSimulator) -> AsyncWebClient:
    return AsyncWebClient(token=BOT, base_url=slack.url + "api/")


@pytest.fixture
def app(client: AsyncWebClient) -> AsyncApp:
    return AsyncApp(client=client)


@pytest.fixture
async def connect(slack: SlackSimulator) -> AsyncIterator[Connect]:
    async with AsyncExitStack() as stack:

        async def connect(app: AsyncApp) -> AsyncSocketModeHandler:
            opener = AsyncWebClient(token=APP, base_url=slack.url + "api/")
            handler = AsyncSocketModeHandler(app, APP, web_client=opener, ping_interval=1)
            stack.push_async_callback(handler.close_async)
            await handler.connect_async()  # type: ignore[no-untyped-call]
            return handler

        yield connect


@pytest.fixture
async def ada(slack: SlackSimulator) -> AsyncIterator[Person]:
    async with Person(slack.url, "U0ADA") as person:
        yield person


@pytest.fixture
async def ben(slack: SlackSimulator) -> AsyncIterator[Person]:
    async with Person(slack.url, "U0BEN") as person:
        yield person


@pytest.fixture
async def eve(slack: SlackSimulator) -> AsyncIterator[Person]:
    async with Person(slack.url, "U0EVE") as person:
        yield person


def made(slack: SlackSimulator, access: Access = Access.WRITE, token: str = BOT, **more: Any) -> SlackClient:
    """The client that acts, on the simulator."""
    return SlackClient(**{"token": token, "channel": "C0INC", "access": access, "base_url": f"{slack.url}api/", "timeout": 5.0, **more})


@pytest.fixture
async def acting(slack: SlackSimulator) -> AsyncIterator[SlackClient]:
    async with made(slack) as client:
        yield client


@pytest.fixture
async def reader(slack: SlackSimulator) -> AsyncIterator[SlackClient]:
    async with made(slack, Access.READ) as client:
        yield client


@pytest.fixture(autouse=True)
def _quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firedoor.vendors.retry._BACKOFF", lambda _: 0.0)
