from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from firedoor.vendors.slack.people import Person
from firedoor.vendors.slack.simulator import SlackSimulator
from tests.vendors.slack.conftest import Connect
from tests.vendors.slack.world import APP


async def until(holds: Any, seconds: float = 2.0) -> None:
    for _ in range(int(seconds / 0.01)):
        if holds():
            return
        await asyncio.sleep(0.01)
    pytest.fail("it did not happen in time")


async def socket_url(slack: SlackSimulator) -> str:
    reply = await AsyncWebClient(token=APP, base_url=slack.url + "api/").apps_connections_open(app_token=APP)
    return str(reply["url"])


async def test_an_event_that_is_never_acked_comes_four_times_in_all(slack: SlackSimulator, ada: Person) -> None:
    async with aiohttp.ClientSession() as session, session.ws_connect(await socket_url(slack)) as socket:
        assert (await socket.receive_json())["type"] == "hello"
        await ada.say("C0INC", "hello")
        frames = [await socket.receive_json(timeout=3) for _ in range(4)]
        assert [(frame["retry_attempt"], frame["retry_reason"]) for frame in frames] == [
            (0, ""),
            (1, "timeout"),
            (2, "timeout"),
            (3, "timeout"),
        ]
        assert len({frame["payload"]["event_id"] for frame in frames}) == 1
        assert frames[0]["payload"]["event"]["channel_type"] == "group"
        with pytest.raises(TimeoutError):
            await socket.receive_json(timeout=0.5)
    assert (slack.deliveries[0].attempts, slack.deliveries[0].acked) == (4, False)


async def test_an_acked_event_comes_once_and_a_missed_one_comes_to_the_next_socket(
    slack: SlackSimulator, app: AsyncApp, connect: Connect, ada: Person
) -> None:
    seen: list[tuple[str, str]] = []

    @app.event("message")
    async def message(event: Any, request: Any) -> None:
        seen.append((event["text"], request.headers.get("x-slack-retry-num", ["0"])[0]))

    @app.event("app_mention")
    async def mention(event: Any) -> None:
        seen.append((event["type"], "0"))

    await ada.say("C0INC", "nobody listens yet")
    await connect(app)
    await until(lambda: len(seen) == 1)
    assert seen[0][0] == "nobody listens yet"
    await ada.say("C0INC", "now <@U0BOT>")
    await until(lambda: len(seen) == 3)
    await asyncio.sleep(0.6)
    assert sorted(seen[1:]) == [("app_mention", "0"), ("now <@U0BOT>", "0")]
    assert all(delivery.acked for delivery in slack.deliveries)


async def test_what_the_person_sees_when_the_app_is_silent_or_gone(
    slack: SlackSimulator, app: AsyncApp, connect: Connect, ada: Person
) -> None:
    assert (await ada.command("C0INC", "/firedoor")).error == "dispatch_failed"

    @app.action("slow")
    async def slow(ack: Any) -> None:
        await asyncio.sleep(0.6)
        await ack()

    await connect(app)
    button = {"type": "button", "action_id": "slow", "text": {"type": "plain_text", "text": "Slow"}}
    posted = await app.client.chat_postMessage(channel="C0INC", text="x", blocks=[{"type": "actions", "elements": [button]}])
    shown = await ada.click("C0INC", posted["ts"], "slow")
    assert (shown.ok, shown.error) == (False, "operation_timeout")
    clicks = [delivery for delivery in slack.deliveries if delivery.type == "block_actions"]
    assert [(click.attempts, click.acked) for click in clicks] == [(1, False)]
    await asyncio.sleep(0.3)


async def test_several_sockets_share_the_envelopes(slack: SlackSimulator, app: AsyncApp, connect: Connect, ada: Person) -> None:
    seen: list[str] = []

    @app.command("/firedoor")
    async def command(ack: Any, body: Any) -> None:
        seen.append(body["text"])
        await ack()

    await connect(app)
    await connect(app)
    assert slack.connected == 2
    for number in range(4):
        assert (await ada.command("C0INC", f"/firedoor {number}")).ok
    assert seen == ["0", "1", "2", "3"]


async def test_one_envelope_reaches_one_socket_only(slack: SlackSimulator, ada: Person) -> None:
    first, second = await socket_url(slack), await socket_url(slack)
    async with aiohttp.ClientSession() as session, session.ws_connect(first) as left, session.ws_connect(second) as right:
        await left.receive_json()
        assert (await right.receive_json())["num_connections"] == 2
        acts = [asyncio.create_task(ada.command("C0INC", f"/firedoor {number}")) for number in range(4)]
        got: dict[int, list[str]] = {0: [], 1: []}
        for place, socket in enumerate((left, right)):
            for _ in range(2):
                frame = await socket.receive_json(timeout=2)
                got[place].append(frame["payload"]["text"])
                await socket.send_json({"envelope_id": frame["envelope_id"]})
        assert [shown.ok for shown in await asyncio.gather(*acts)] == [True] * 4
        assert sorted(got[0] + got[1]) == ["0", "1", "2", "3"]


@pytest.mark.parametrize("reason", ["warning", "refresh_requested"])
async def test_a_disconnect_frame_makes_the_app_open_a_new_socket(
    slack: SlackSimulator, app: AsyncApp, connect: Connect, ada: Person, reason: Any
) -> None:
    @app.command("/firedoor")
    async def command(ack: Any) -> None:
        await ack()

    await connect(app)
    old = slack._sockets._sockets[0]
    await slack.disconnect(reason)
    await until(lambda: slack.connected == 1 and old not in slack._sockets._sockets)
    assert sum(request.method == "apps.connections.open" for request in slack.requests) >= 2
    assert (await ada.command("C0INC", "/firedoor")).ok


async def test_a_ticket_opens_one_socket(slack: SlackSimulator) -> None:
    url = await socket_url(slack)
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(url) as socket:
            await socket.receive_json()
        for wrong in (url, url.partition("?")[0]):
            with pytest.raises(aiohttp.WSServerHandshakeError):
                await session.ws_connect(wrong)
