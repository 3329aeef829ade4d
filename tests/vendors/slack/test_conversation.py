"""A whole conversation through the real slack-bolt over a real socket."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.errors import SlackApiError

from firedoor.vendors.slack.people import NotOffered, Person
from firedoor.vendors.slack.raw import Raw, mapping
from firedoor.vendors.slack.simulator import SlackSimulator
from tests.vendors.slack.conftest import Connect

BUTTONS: list[Raw] = [
    {"type": "section", "text": {"type": "mrkdwn", "text": "*Contain* <@U0BEN> & co?"}},
    {
        "type": "actions",
        "block_id": "decide",
        "elements": [
            {"type": "button", "action_id": "approve", "text": {"type": "plain_text", "text": "Approve"}, "value": "run-7"},
            {"type": "button", "action_id": "deny", "text": {"type": "plain_text", "text": "Deny"}, "value": "run-7"},
        ],
    },
]
MODAL: Raw = {
    "type": "modal",
    "callback_id": "decision",
    "private_metadata": "run-7",
    "title": {"type": "plain_text", "text": "Approve?"},
    "submit": {"type": "plain_text", "text": "Sign"},
    "notify_on_close": True,
    "blocks": [
        {
            "type": "input",
            "block_id": "why",
            "label": {"type": "plain_text", "text": "Why"},
            "element": {"type": "plain_text_input", "action_id": "reason"},
        }
    ],
}


def listen(app: AsyncApp, seen: list[dict[str, Any]]) -> None:
    @app.command("/firedoor")
    async def start(ack: Any, body: Any, client: Any) -> None:
        seen.append(body)
        await ack("Looking.")
        await client.chat_postMessage(channel=body["channel_id"], text="Contain?", blocks=BUTTONS)

    @app.action("approve")
    async def approve(ack: Any, body: Any, client: Any) -> None:
        seen.append(body)
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=MODAL | {"private_metadata": body["message"]["ts"]})

    @app.view("decision")
    async def decided(ack: Any, body: Any, client: Any) -> None:
        seen.append(body)
        reason = body["view"]["state"]["values"]["why"]["reason"]["value"]
        if reason == "nonsense":
            await ack(response_action="errors", errors={"why": "Say more"})
            return
        await ack()
        await client.chat_update(channel="C0INC", ts=body["view"]["private_metadata"], text=f"Approved: {reason}")

    @app.view_closed("decision")
    async def closed(ack: Any, body: Any) -> None:
        seen.append(body)
        await ack()


async def test_from_command_to_updated_message(slack: SlackSimulator, app: AsyncApp, connect: Connect, ada: Person, ben: Person) -> None:
    seen: list[dict[str, Any]] = []
    listen(app, seen)
    await connect(app)

    assert (await ada.command("C0INC", "/firedoor contain  ben@acme.example")).ok
    post = await ben.wait_for_message("C0INC", lambda post: bool(post.buttons), 2)
    command = seen[-1]
    assert (command["text"], command["channel_name"], command["user_id"]) == ("contain  ben@acme.example", "privategroup", "U0ADA")
    assert post.shown == "*Contain* <@U0BEN> & co?"
    assert [post.text for post in await ada.messages("C0INC") if post.ephemeral] == ["Looking."]
    assert not [post for post in await ben.messages("C0INC") if post.ephemeral]

    assert (await ben.click("C0INC", post.ts, "approve")).ok
    click = seen[-1]
    assert click["actions"][0] | {"action_ts": ""} == {
        "type": "button",
        "action_id": "approve",
        "block_id": "decide",
        "text": {"type": "plain_text", "text": "Approve"},
        "value": "run-7",
        "action_ts": "",
    }
    assert click["container"] == {"type": "message", "message_ts": post.ts, "channel_id": "C0INC", "is_ephemeral": False}
    assert click["user"]["id"] == "U0BEN"
    assert click["message"]["ts"] == post.ts

    modal = await ben.wait_for_modal(lambda modal: modal.title == "Approve?", 2)
    assert modal.submit == "Sign"
    assert await ada.modal() is None
    with pytest.raises(NotOffered) as refused:
        await ben.submit()
    assert refused.value.code == "required_field_empty"
    assert (await ben.submit({"reason": "nonsense"})).ok
    assert (await ben.wait_for_modal(lambda modal: bool(modal.errors), 2)).errors == {"why": "Say more"}
    assert (await ben.submit({"why/reason": "stolen session"})).ok
    assert await ben.modal() is None
    after = await ada.wait_for_message("C0INC", lambda post: post.edited, 2)
    assert (after.ts, after.text, after.buttons) == (post.ts, "Approved: stolen session", [])
    with pytest.raises(NotOffered) as stale:
        await ben.click("C0INC", post.ts, "approve")
    assert stale.value.code == "no_such_element"
    assert [request.method for request in slack.requests if request.error] == []


async def test_who_does_not_see_the_channel_cannot_act_there(
    slack: SlackSimulator, app: AsyncApp, connect: Connect, ada: Person, eve: Person
) -> None:
    seen: list[dict[str, Any]] = []
    listen(app, seen)
    await connect(app)
    await ada.command("C0INC", "/firedoor contain")
    post = await ada.wait_for_message("C0INC", lambda post: bool(post.buttons), 2)
    before = len(slack.deliveries)
    for act in (
        eve.click("C0INC", post.ts, "approve"),
        eve.messages("C0INC"),
        eve.say("C0INC", "hello"),
        eve.command("C0INC", "/firedoor"),
    ):
        with pytest.raises(NotOffered) as refused:
            await act
        assert refused.value.code == "channel_not_found"
    async with Person(slack.url, "U0GUEST") as guest, Person(slack.url, "U0GONE") as gone, Person(slack.url, "U0FAR") as far:
        assert await guest.channels() == []
        with pytest.raises(NotOffered, match="account_inactive"):
            await gone.channels()
        with pytest.raises(NotOffered, match="unknown_command"):
            await far.command("C0INC", "/firedoor contain")
    assert len(slack.deliveries) == before


async def test_an_input_tells_the_app_only_where_it_says_so(app: AsyncApp, connect: Connect, ada: Person) -> None:
    seen: list[dict[str, Any]] = []
    listen(app, seen)
    await connect(app)
    await ada.command("C0INC", "/firedoor contain")
    post = await ada.wait_for_message("C0INC", lambda post: bool(post.buttons), 2)
    await ada.click("C0INC", post.ts, "approve")
    await ada.wait_for_modal(lambda _: True, 2)
    with pytest.raises(NotOffered, match="not_dispatched"):
        await ada.click_in_modal("reason", value="x")


async def test_a_closed_modal_is_told(app: AsyncApp, connect: Connect, ada: Person) -> None:
    seen: list[dict[str, Any]] = []
    listen(app, seen)
    await connect(app)
    await ada.command("C0INC", "/firedoor contain")
    post = await ada.wait_for_message("C0INC", lambda post: bool(post.buttons), 2)
    await ada.click("C0INC", post.ts, "approve")
    await ada.wait_for_modal(lambda _: True, 2)
    await ada.close_modal()
    assert (seen[-1]["type"], seen[-1]["is_cleared"]) == ("view_closed", False)
    with pytest.raises(NotOffered, match="no_view"):
        await ada.submit({"reason": "late"})


async def test_a_trigger_is_short_lived_and_single_use(app: AsyncApp, connect: Connect, ada: Person) -> None:
    codes: list[str] = []
    done = asyncio.Event()

    @app.shortcut("start")
    async def start(ack: Any, body: Any, client: Any) -> None:
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=MODAL)
        await attempt(client, body)

    @app.command("/firedoor")
    async def late(ack: Any, body: Any, client: Any) -> None:
        await ack()
        await asyncio.sleep(0.35)
        await attempt(client, body)

    async def attempt(client: Any, body: Any) -> None:
        try:
            await client.views_open(trigger_id=body["trigger_id"], view=MODAL)
        except SlackApiError as error:
            codes.append(error.response["error"])
        done.set()

    await connect(app)
    for act, code in ((ada.shortcut("start"), "exchanged_trigger_id"), (ada.command("C0INC", "/firedoor"), "expired_trigger_id")):
        done.clear()
        assert (await act).ok
        await asyncio.wait_for(done.wait(), 2)
        assert codes[-1] == code


async def test_message_shortcut_on_an_alert_and_response_url(slack: SlackSimulator, app: AsyncApp, connect: Connect, ada: Person) -> None:
    replies: list[int] = []
    done = asyncio.Event()

    @app.shortcut("contain")
    async def contain(ack: Any, body: Any, respond: Any) -> None:
        await ack()
        assert body["message"]["username"] == "Alerts"
        replies.extend([(await respond(text=f"{number}")).status_code for number in range(6)])
        done.set()

    await connect(app)
    ts = await ada.say("C0GEN", "look")
    import aiohttp  # noqa: PLC0415

    async with aiohttp.ClientSession() as other:
        alert = {"channel": "C0GEN", "text": "Okta: session from a new place"}
        async with other.post(f"{slack.url}people/integrations/B0ALERT/messages", json=alert) as reply:
            alert_ts = (await reply.json())["ts"]
    assert alert_ts > ts
    # The app is not in this channel, yet the person's shortcut lets it answer there five times.
    assert (await ada.shortcut("contain", channel="C0GEN", ts=alert_ts)).ok
    await asyncio.wait_for(done.wait(), 2)
    assert replies == [200] * 5 + [404]
    assert [post.text for post in await ada.messages("C0GEN") if post.ephemeral] == ["0", "1", "2", "3", "4"]


async def test_update_push_and_clear(slack: SlackSimulator, app: AsyncApp, connect: Connect, ada: Person) -> None:
    plain = {key: value for key, value in MODAL.items() if key != "blocks"}

    def step(callback: str) -> Raw:
        return plain | {"callback_id": callback, "blocks": [{"type": "section", "text": {"type": "plain_text", "text": callback}}]}

    @app.shortcut("start")
    async def start(ack: Any, body: Any, client: Any) -> None:
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=step("one"))

    @app.view("one")
    async def one(ack: Any) -> None:
        await ack(response_action="update", view=step("two"))

    @app.view("two")
    async def two(ack: Any) -> None:
        await ack(response_action="push", view=step("three"))

    @app.view("three")
    async def three(ack: Any) -> None:
        await ack(response_action="clear")

    await connect(app)
    await ada.shortcut("start")
    ids = []
    for name in ("one", "two", "three"):
        modal = await ada.wait_for_modal(lambda modal, name=name: modal.shown == name, 2)  # type: ignore[misc]
        ids.append(modal.view_id)
        assert len(mapping(slack.state()["modals"])["U0ADA"]) == (2 if name == "three" else 1)  # type: ignore[arg-type]
        assert (await ada.submit()).ok
    assert ids[0] == ids[1] != ids[2]
    assert await ada.modal() is None


async def test_the_home_tab(slack: SlackSimulator, app: AsyncApp, connect: Connect, ada: Person) -> None:
    clicks: list[dict[str, Any]] = []

    @app.event("app_home_opened")
    async def home(event: Any, client: Any) -> None:
        await client.views_publish(user_id=event["user"], view={"type": "home", "blocks": BUTTONS})

    @app.action("deny")
    async def deny(ack: Any, body: Any) -> None:
        clicks.append(body)
        await ack()

    await connect(app)

    async def published() -> bool | None:
        return bool(await ada.home()) or None

    await ada.wait_for(published, 2)
    assert (await ada.click_at_home("deny")).ok
    assert (clicks[0]["container"]["type"], clicks[0]["view"]["type"]) == ("view", "home")
    assert "U0ADA" in mapping(slack.state()["homes"])
