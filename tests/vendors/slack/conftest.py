from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

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
