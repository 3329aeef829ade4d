from __future__ import annotations

import json
import logging
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from firedoor.errors import BadInput
from firedoor.vendors.faults import Effect, Fault
from firedoor.vendors.slack.directory import Directory
from firedoor.vendors.slack.grants import Rate
from firedoor.vendors.slack.people import Person
from firedoor.vendors.slack.simulator import METHODS, SlackSimulator
from tests.specs import specification
from tests.vendors.slack.world import APP, BOT, READER, WORLD

# Arguments that Slack has taken since its specification was last published.
NEWER = {"metadata", "include_all_metadata"}


async def code(call: Any) -> str:
    with pytest.raises(SlackApiError) as refused:
        await call
    return str(refused.value.response["error"])


async def test_who_calls(slack: SlackSimulator, client: AsyncWebClient) -> None:
    base = slack.url + "api/"
    who = await client.auth_test()
    assert (who["user_id"], who["bot_id"], who["team_id"]) == ("U0BOT", "B0001", "T0001")
    assert "chat:write" in who.headers["X-OAuth-Scopes"]
    assert await code(AsyncWebClient(base_url=base).auth_test()) == "not_authed"
    assert await code(AsyncWebClient(token="xoxb-wrong", base_url=base).auth_test()) == "invalid_auth"
    assert await code(AsyncWebClient(token=APP, base_url=base).users_list()) == "not_allowed_token_type"
    assert await code(client.apps_connections_open(app_token=BOT)) == "not_allowed_token_type"
    assert await code(client.api_call("chat.scheduleMessage")) == "unknown_method"
    assert await code(client.api_test(error="odd")) == "odd"
    with pytest.raises(SlackApiError) as refused:
        await AsyncWebClient(token=READER, base_url=base).chat_postMessage(channel="C0INC", text="x")
    assert refused.value.response.data == {
        "ok": False,
        "error": "missing_scope",
        "needed": "chat:write",
        "provided": "groups:history,users:read",
    }


async def test_people_and_channels(slack: SlackSimulator, client: AsyncWebClient) -> None:
    assert (await client.users_lookupByEmail(email="Ada@acme.example"))["user"]["id"] == "U0ADA"
    assert await code(client.users_lookupByEmail(email="gone@acme.example")) == "users_not_found"
    assert await code(client.users_info(user="U0NOBODY")) == "user_not_found"
    far = (await client.users_info(user="U0FAR"))["user"]
    assert (far["team_id"], "is_admin" in far) == ("T0002", False)
    hidden = await AsyncWebClient(token=READER, base_url=slack.url + "api/").users_info(user="U0ADA")
    assert "email" not in hidden["user"]["profile"]
    assert (await client.usergroups_users_list(usergroup="S0ONC"))["users"] == ["U0ADA"]
    assert (await client.bots_info(bot="B0001"))["bot"]["app_id"] == "A0001"
    assert await code(client.bots_info(bot="B0ALERT")) == "bot_not_found"
    listed = await client.conversations_list(types="public_channel,private_channel")
    assert [(one["id"], one["is_private"], one["is_member"]) for one in listed["channels"]] == [
        ("C0INC", True, True),
        ("C0GEN", False, False),
    ]
    assert (await client.conversations_info(channel="C0INC"))["channel"]["is_ext_shared"] is True
    assert await code(client.conversations_info(channel="C0HID")) == "channel_not_found"
    first = await client.conversations_members(channel="C0INC", limit=3)
    rest = await client.conversations_members(channel="C0INC", cursor=first["response_metadata"]["next_cursor"])
    assert first["members"] + rest["members"] == ["U0ADA", "U0BEN", "U0BOT", "U0FAR"]
    assert rest["response_metadata"]["next_cursor"] == ""


async def test_messages(client: AsyncWebClient, ada: Person) -> None:
    assert await code(client.chat_postMessage(channel="C0GEN", text="x")) == "not_in_channel"
    assert await code(client.chat_postMessage(channel="C0HID", text="x")) == "channel_not_found"
    assert await code(client.chat_postMessage(channel="C0INC", text="x" * 40_001)) == "msg_too_long"
    assert await code(client.api_call("chat.postMessage", json={"channel": "C0INC", "blocks": []})) == "no_text"
    metadata = {"event_type": "run", "event_payload": {"id": "7"}}
    posted = await client.chat_postMessage(channel="C0INC", text="*bold* <b> & `x`", metadata=metadata)
    reply = await client.chat_postMessage(channel="C0INC", text="in the thread", thread_ts=posted["ts"])
    theirs = await ada.say("C0INC", "mine")
    assert posted["ts"] < reply["ts"] < theirs
    plain = (await client.conversations_history(channel="C0INC"))["messages"]
    assert [one["ts"] for one in plain] == [theirs, posted["ts"]]
    assert (plain[1]["text"], plain[1]["reply_count"], "metadata" in plain[1]) == ("*bold* <b> & `x`", 1, False)
    full = await client.conversations_history(channel="C0INC", include_all_metadata=True, oldest=posted["ts"], inclusive=True)
    assert full["messages"][1]["metadata"] == metadata
    assert len((await client.conversations_history(channel="C0INC", oldest=posted["ts"]))["messages"]) == 1
    thread = await client.conversations_replies(channel="C0INC", ts=posted["ts"])
    assert [one["ts"] for one in thread["messages"]] == [posted["ts"], reply["ts"]]
    assert await code(client.chat_update(channel="C0INC", ts=theirs, text="forged")) == "cant_update_message"
    assert await code(client.chat_update(channel="C0INC", ts="1.1", text="x")) == "message_not_found"
    assert await code(client.chat_update(channel="C0INC", ts=posted["ts"], text="x" * 4001)) == "msg_too_long"
    link = await client.chat_getPermalink(channel="C0INC", message_ts=posted["ts"])
    assert link["permalink"] == f"https://acme.slack.com/archives/C0INC/p{posted['ts'].replace('.', '')}"
    await client.reactions_add(channel="C0INC", name="eyes", timestamp=theirs)
    assert await code(client.reactions_add(channel="C0INC", name="eyes", timestamp=theirs)) == "already_reacted"
    shown = await client.chat_postEphemeral(channel="C0INC", user="U0BEN", text="for you")
    assert await code(client.chat_update(channel="C0INC", ts=shown["message_ts"], text="x")) == "message_not_found"
    assert await code(client.chat_postEphemeral(channel="C0INC", user="U0EVE", text="x")) == "user_not_in_channel"
    assert "for you" not in [post.text for post in await ada.messages("C0INC")]
    direct = await client.chat_postMessage(channel="U0EVE", text="between us")
    assert direct["channel"] == "D0EVE"


async def test_a_message_is_deleted_by_its_author_only(client: AsyncWebClient, ada: Person) -> None:
    ts = (await client.chat_postMessage(channel="C0INC", text="ours"))["ts"]
    theirs = await ada.say("C0INC", "theirs")
    assert await code(client.chat_delete(channel="C0INC", ts=theirs)) == "cant_delete_message"
    assert (await client.chat_delete(channel="C0INC", ts=ts))["ts"] == ts
    assert await code(client.chat_delete(channel="C0INC", ts=ts)) == "message_not_found"
    assert [one["text"] for one in (await client.conversations_history(channel="C0INC"))["messages"]] == ["theirs"]


async def test_what_stands_in_the_channels_already() -> None:
    metadata = {"event_type": "x", "event_payload": {"id": 7}}
    told = [
        {"channel": "C0INC", "by": "U0ADA", "text": "old", "ago": 7200, "replies": [{"by": "U0BEN", "text": "so it is"}]},
        {"channel": "C0INC", "by": "app", "text": "ours", "metadata": metadata},
        {"channel": "C0INC", "by": "B0ALERT", "text": "theirs"},
    ]
    async with SlackSimulator(WORLD | {"messages": told}) as slack:
        client = AsyncWebClient(token=BOT, base_url=slack.url + "api/")
        found = (await client.conversations_history(channel="C0INC", include_all_metadata=True))["messages"]
        assert [one["text"] for one in found] == ["theirs", "ours", "old"]
        assert [one.get("bot_id") for one in found] == ["B0ALERT", "B0001", None]
        assert (found[1]["metadata"], found[2]["reply_count"]) == (metadata, 1)
        assert 7190 < float(found[1]["ts"]) - float(found[2]["ts"]) < 7210
        ts = (await client.chat_postMessage(channel="C0INC", text="new"))["ts"]
        assert float(ts) > float(found[0]["ts"])
    for wrong in ({"channel": "C0NONE"}, {"by": "U0NOBODY"}):
        with pytest.raises(BadInput, match=next(iter(wrong.values()))):
            SlackSimulator(WORLD | {"messages": [{"channel": "C0INC", "by": "app", "text": "x"} | wrong]})


async def test_nobody_posts_in_an_archived_channel() -> None:
    channel = {"id": "C0OLD", "name": "old", "private": True, "archived": True, "members": ["U0BOT"]}
    async with SlackSimulator(WORLD | {"channels": [channel]}) as slack:
        client = AsyncWebClient(token=BOT, base_url=slack.url + "api/")
        assert (await client.conversations_info(channel="C0OLD"))["channel"]["is_archived"] is True
        assert await code(client.chat_postMessage(channel="C0OLD", text="x")) == "is_archived"


async def test_text_alone_removes_blocks_and_blocks_alone_keep_the_text(client: AsyncWebClient) -> None:
    block = {"type": "section", "text": {"type": "plain_text", "text": "shown"}}
    ts = (await client.chat_postMessage(channel="C0INC", text="fallback", blocks=[block]))["ts"]
    kept = await client.api_call("chat.update", json={"channel": "C0INC", "ts": ts, "blocks": [block, block]})
    assert (kept["message"]["text"], len(kept["message"]["blocks"]), "edited" in kept["message"]) == ("fallback", 2, False)
    bare = await client.chat_update(channel="C0INC", ts=ts, text="over")
    assert ("blocks" in bare["message"], "edited" in bare["message"]) == (False, True)


async def test_form_encoded_calls(slack: SlackSimulator) -> None:
    form = {"token": BOT, "channel": "C0INC", "text": "", "blocks": json.dumps([{"type": "divider"}])}
    async with aiohttp.ClientSession() as session, session.post(slack.url + "api/chat.postMessage", data=form) as reply:
        assert (await reply.json())["message"]["blocks"][0]["type"] == "divider"


async def test_ratelimited_per_method_and_channel(slack: SlackSimulator, client: AsyncWebClient) -> None:
    slack.rates.limits["chat.postMessage"] = Rate(calls=1, seconds=0.9, per_channel=True)
    await client.chat_postMessage(channel="C0INC", text="one")
    with pytest.raises(SlackApiError) as limited:
        await client.chat_postMessage(channel="C0INC", text="two")
    assert (limited.value.response.status_code, limited.value.response["error"]) == (429, "ratelimited")
    assert limited.value.response.headers["Retry-After"] == "1"
    await client.chat_postMessage(channel="U0ADA", text="another channel")
    patient = AsyncWebClient(token=BOT, base_url=slack.url + "api/", retry_handlers=[AsyncRateLimitErrorRetryHandler(max_retry_count=1)])
    assert (await patient.chat_postMessage(channel="C0INC", text="two"))["ok"]


async def test_faults(slack: SlackSimulator, client: AsyncWebClient) -> None:
    bare = AsyncWebClient(token=BOT, base_url=slack.url + "api/", retry_handlers=[])
    slack.faults.plan(Fault(operation="chat.postMessage", effect=Effect.FIRST, drop=True))
    with pytest.raises(aiohttp.ClientError):
        await bare.chat_postMessage(channel="C0INC", text="lost reply")
    assert [one["text"] for one in (await client.conversations_history(channel="C0INC"))["messages"]] == ["lost reply"]
    slack.faults.plan(Fault(operation="chat.postMessage", status=500, body='{"ok": false, "error": "fatal_error"}'))
    assert await code(bare.chat_postMessage(channel="C0INC", text="never")) == "fatal_error"
    slack.faults.plan(Fault(operation="chat.postMessage", status=200, body='{"ok": true, "ts": "1.1"}'))
    assert (await bare.chat_postMessage(channel="C0INC", text="a lie"))["ok"]
    slack.faults.plan(Fault(operation="chat.postMessage", delay=0.05))
    assert (await bare.chat_postMessage(channel="C0INC", text="slow"))["ok"]
    assert [one["text"] for one in (await client.conversations_history(channel="C0INC"))["messages"]] == ["slow", "lost reply"]
    assert [request.error for request in slack.requests if request.method == "chat.postMessage"] == ["", "fault", "fault", ""]


async def test_views_have_hashes_and_unique_external_ids(slack: SlackSimulator, client: AsyncWebClient) -> None:
    view: dict[str, object] = {"type": "modal", "external_id": "run-7", "title": {"type": "plain_text", "text": "x"}, "blocks": []}
    trigger = slack._grants.trigger("U0ADA")
    opened = (await client.views_open(trigger_id=trigger, view=view))["view"]
    assert await code(client.views_open(trigger_id=slack._grants.trigger("U0BEN"), view=view)) == "duplicate_external_id"
    assert await code(client.views_open(trigger_id="1.2.x", view={**view, "external_id": ""})) == "invalid_trigger_id"
    assert await code(client.views_push(trigger_id=slack._grants.trigger("U0ADA"), view={**view, "external_id": ""})) == "not_found"
    updated = (await client.views_update(external_id="run-7", view=view, hash=opened["hash"]))["view"]
    assert updated["id"] == opened["id"]
    assert await code(client.views_update(view_id=opened["id"], view=view, hash=opened["hash"])) == "hash_conflict"
    assert await code(client.views_update(view_id="V0", view=view)) == "not_found"
    for left in (1, 2):
        on_top = slack.world.modals["U0ADA"][-1].id
        pushed = client.views_push(trigger_id=slack._grants.trigger("U0ADA", view_id=on_top), view={**view, "external_id": f"{left}"})
        assert (await pushed)["view"]["root_view_id"] == opened["id"]
    on_top = slack.world.modals["U0ADA"][-1].id
    deep = client.views_push(trigger_id=slack._grants.trigger("U0ADA", view_id=on_top), view={**view, "external_id": "4"})
    assert await code(deep) == "push_limit_reached"


async def test_no_secret_shows(slack: SlackSimulator, client: AsyncWebClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="aiohttp")
    opener = AsyncWebClient(token=APP, base_url=slack.url + "api/")
    ticket = (await opener.apps_connections_open(app_token=APP))["url"].partition("ticket=")[2].partition("&")[0]
    await client.chat_postMessage(channel="C0INC", text="x")
    shown = [json.dumps(slack.state()), caplog.text]
    shown += [repr(one) for one in (slack, slack.world.directory, slack._grants, slack._sockets, slack.requests, slack._web_api._desk)]
    for secret in (BOT, APP, READER, ticket):
        assert secret
        assert not [place for place in shown if secret in place]
    assert [request.token_kind for request in slack.requests] == ["app", "bot"]


async def test_argument_names_are_those_of_the_published_specification(slack: SlackSimulator, client: AsyncWebClient) -> None:
    paths = json.loads(specification("slack/web-2021.json").read_text())["paths"]
    view: dict[str, object] = {"type": "modal", "title": {"type": "plain_text", "text": "x"}, "blocks": []}
    here: dict[str, Any] = {"channel": "C0INC"}
    span: dict[str, Any] = {"latest": "9", "oldest": "1", "inclusive": True, "limit": 5, "cursor": "", "include_all_metadata": True}
    metadata = {"event_type": "x", "event_payload": {}}
    home: dict[str, object] = {"type": "home", "blocks": []}
    await client.api_test()
    await client.auth_test()
    ts = (await client.chat_postMessage(**here, text="x", blocks=[], attachments=[], thread_ts=None, metadata=metadata))["ts"]
    await client.chat_update(**here, ts=ts, text="x", blocks=[], metadata=metadata)
    await client.chat_postEphemeral(**here, user="U0ADA", text="x", blocks=[], thread_ts=ts)
    await client.chat_getPermalink(**here, message_ts=ts)
    await client.conversations_history(**here, **span)
    await client.conversations_replies(**here, ts=ts, **span)
    await client.conversations_info(**here, include_num_members=True)
    await client.conversations_members(**here, limit=5, cursor="")
    await client.conversations_list(types="public_channel", limit=5, cursor="", exclude_archived=True)
    await client.bots_info(bot="B0001")
    await client.users_info(user="U0ADA", include_locale=True)
    await client.users_lookupByEmail(email="ada@acme.example")
    await client.users_list(limit=5, cursor="")
    await client.usergroups_users_list(usergroup="S0ONC", include_disabled=False)
    await client.conversations_open(users="U0ADA", return_im=True)
    opened = (await client.views_open(trigger_id=slack._grants.trigger("U0ADA"), view=view))["view"]
    await client.views_update(view_id=opened["id"], view=view, hash=opened["hash"])
    await client.views_push(trigger_id=slack._grants.trigger("U0ADA", view_id=opened["id"]), view=view)
    await client.views_publish(user_id="U0ADA", view=home)
    await client.reactions_add(**here, name="eyes", timestamp=ts)
    await client.chat_delete(**here, ts=ts)
    assert {request.method for request in slack.requests} == METHODS.keys() - {"apps.connections.open"}
    for request in slack.requests:
        published = {parameter["name"] for verb in paths[f"/{request.method}"].values() for parameter in verb["parameters"]}
        assert set(request.arguments) - published - NEWER == set(), request.method


def test_a_world_that_does_not_hold_together_is_refused() -> None:
    with pytest.raises(BadInput, match="U0X"):
        Directory.parse(WORLD | {"usergroups": [{"id": "S1", "handle": "x", "users": ["U0X"]}]})
    with pytest.raises(BadInput, match="lacks id"):
        Directory.parse(WORLD | {"team": {}})
    with pytest.raises(BadInput, match="twice"):
        Directory.parse(WORLD | {"users": [{"id": "U0ADA", "name": "a"}, {"id": "U0ADA", "name": "b"}]})
