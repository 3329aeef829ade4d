"""Law 5: a preview cannot write, whatever object its code gets hold of. And the token stays where it is."""

from __future__ import annotations

import inspect
import logging
import traceback
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse
from slack_sdk.web.client import WebClient

from firedoor.errors import BadInput, FiredoorError, VendorError, WriteRefused
from firedoor.vendors.access import Access, CallPolicy
from firedoor.vendors.faults import Effect, Fault
from firedoor.vendors.slack import operations
from firedoor.vendors.slack.client import SlackClient
from firedoor.vendors.slack.simulator import SlackSimulator
from firedoor.vendors.slack.values import Mark, Words
from firedoor.vendors.slack.web import GuardedWeb, Token, base_of
from tests.vendors.slack.conftest import made
from tests.vendors.slack.world import APP, BOT, WORLD

# slack-sdk makes the one itself, and gives the other for its older way of sending files.
pytestmark = [
    pytest.mark.filterwarnings("ignore:BasicAuth is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:client.files_upload:UserWarning"),
]

MARK, WORDS = Mark(run="r7", incident="inc-7"), Words(title="x")
POST: dict[str, Any] = {"channel": "C0INC", "text": "x"}
Try = Callable[[AsyncWebClient], Awaitable[object]]


async def _stream(web: AsyncWebClient) -> None:
    stream = await web.chat_stream(channel="C0INC", thread_ts="1.1", recipient_team_id="T0001", recipient_user_id="U0ADA")
    await stream.append(markdown_text="x" * 300)
    await stream.stop()


# What would write if it were sent, by every way that the SDK's object offers.
WRITES: dict[str, Try] = {
    "post": lambda web: web.chat_postMessage(**POST),
    "delete": lambda web: web.chat_delete(channel="C0INC", ts="1.1"),
    "update": lambda web: web.chat_update(channel="C0INC", ts="1.1", text="x"),
    "ephemeral": lambda web: web.chat_postEphemeral(channel="C0INC", user="U0ADA", text="x"),
    "schedule": lambda web: web.chat_scheduleMessage(channel="C0INC", post_at=9999999999, text="x"),
    "me": lambda web: web.chat_meMessage(**POST),
    "unfurl": lambda web: web.chat_unfurl(channel="C0INC", ts="1.1", unfurls={}),
    "stream": _stream,
    "react": lambda web: web.reactions_add(channel="C0INC", name="eyes", timestamp="1.1"),
    "kick": lambda web: web.conversations_kick(channel="C0INC", user="U0ADA"),
    "archive": lambda web: web.conversations_archive(channel="C0INC"),
    "open": lambda web: web.conversations_open(users="U0EVE"),
    "view": lambda web: web.views_publish(user_id="U0ADA", view={"type": "home", "blocks": []}),
    "sessions": lambda web: web.admin_users_session_reset(user_id="U0ADA"),
    "revoke": lambda web: web.auth_revoke(),
    "exchange": lambda web: web.oauth_v2_access(client_id="1", client_secret="2", code="3"),
    "socket": lambda web: web.apps_connections_open(app_token=APP),
    "list": lambda web: web.users_list(),
    "form": lambda web: web.api_call("chat.postMessage", data=dict(POST)),
    "form object": lambda web: web.api_call("chat.postMessage", data=aiohttp.FormData(POST)),
    "query": lambda web: web.api_call("chat.postMessage", params=dict(POST)),
    "get": lambda web: web.api_call("chat.postMessage", http_verb="GET", params=dict(POST)),
    "put": lambda web: web.api_call("chat.postMessage", http_verb="PUT", params=dict(POST)),
    "slash": lambda web: web.api_call("/chat.postMessage", json=dict(POST)),
    "capitals": lambda web: web.api_call("CHAT.postMessage", json=dict(POST)),
    "encoded": lambda web: web.api_call("%63hat.postMessage", json=dict(POST)),
    "dots": lambda web: web.api_call("auth.test/../chat.postMessage", json=dict(POST)),
    "dot": lambda web: web.api_call("./chat.postMessage", json=dict(POST)),
    "fragment": lambda web: web.api_call("auth.test#/../chat.postMessage", json=dict(POST)),
    "question": lambda web: web.api_call("auth.test?x=1", json=dict(POST)),
    "lines": lambda web: web.api_call("auth.test HTTP/1.1\r\nX: y", json=dict(POST)),
    "nothing": lambda web: web.api_call("", json=dict(POST)),
    "file": lambda web: web.files_upload(file=__file__, channels="C0INC"),
    "content": lambda web: web.files_upload(content="x", channels="C0INC"),
    "file v2": lambda web: web.files_upload_v2(content="x", filename="x", channel="C0INC"),
    "attached": lambda web: web.api_call("chat.postMessage", files={"file": __file__}, data=dict(POST)),
    "attached to a read": lambda web: web.api_call("conversations.info", http_verb="GET", files={"file": __file__}),
}


@pytest.mark.parametrize("way", sorted(WRITES))
async def test_code_that_holds_the_sdks_object_cannot_write(reader: SlackClient, slack: SlackSimulator, way: str) -> None:
    with pytest.raises(WriteRefused):
        await WRITES[way](reader._web)
    assert slack.requests == []


@pytest.mark.filterwarnings("ignore")
async def test_none_of_the_sdks_methods_writes(reader: SlackClient, slack: SlackSimulator) -> None:
    tried = 0
    for name, method in inspect.getmembers(reader._web, inspect.iscoroutinefunction):
        if not name.startswith("_"):
            wanted = [each for each in inspect.signature(method).parameters.values() if each.default is each.empty]
            with suppress(Exception):
                await method(**{each.name: "C0INC" for each in wanted if each.kind is each.KEYWORD_ONLY})
            tried += 1
    assert tried > 250
    assert {request.method for request in slack.requests} <= {one.name for one in operations.OPERATIONS if not one.writes}
    assert slack.requests, "the reads among them pass"
    assert slack.world.messages["C0INC"] == {}


@pytest.mark.parametrize("way", sorted(WRITES.keys() - {"post", "delete", "slash", "dot", "dots", "query"}))
async def test_what_is_on_no_list_is_refused_to_writers_too(acting: SlackClient, slack: SlackSimulator, way: str) -> None:
    with pytest.raises(WriteRefused):
        await WRITES[way](acting._web)
    assert slack.requests == []


async def test_the_writes_of_a_read_only_client_are_refused(reader: SlackClient, slack: SlackSimulator) -> None:
    for write in (reader.post("C0INC", WORDS, MARK), reader.delete("C0INC", "1.1")):
        with pytest.raises(WriteRefused) as refusal:
            await write
        assert (refusal.value.target, refusal.value.changed) == ("C0INC", False)
    assert slack.requests == []
    assert (await reader.channel("C0INC")).private
    assert slack.world.messages["C0INC"] == {}


@pytest.mark.parametrize(
    "asked",
    [
        {"json": POST},
        {"params": POST},
        {"data": POST},
        {"json": POST, "headers": {"Authorization": f"Bearer {BOT}"}},
        {"json": POST, "auth": ("a", "b")},
    ],
)
async def test_below_the_sdks_calls_the_guard_still_stands(reader: SlackClient, slack: SlackSimulator, asked: dict[str, Any]) -> None:
    web, url = reader._web, f"{slack.url}api/chat.postMessage"
    for verb in ("POST", "GET", "PUT", "post"):
        with pytest.raises(WriteRefused):
            await web._request(http_verb=verb, api_url=url, req_args=dict(asked))
        with pytest.raises(WriteRefused):
            await web._send(verb, url, dict(asked))
    assert slack.requests == []


async def test_bytes_go_to_no_address_that_a_reply_names(acting: SlackClient, slack: SlackSimulator) -> None:
    with pytest.raises(WriteRefused):
        await acting._web._upload_file(url=f"{slack.url}api/chat.postMessage", data=b"x", logger=logging.getLogger(), timeout=1)
    assert slack.requests == []


async def test_the_next_page_passes_the_guard_too(reader: SlackClient, slack: SlackSimulator) -> None:
    """slack-sdk asks for the next page with whatever its reply object holds by then."""
    page = await reader._web.conversations_members(channel="C0INC", limit=3)
    assert [len(each["members"]) async for each in page] == [3, 1]
    forged = await reader._web.conversations_members(channel="C0INC", limit=3)
    forged.api_url, forged.http_verb = f"{slack.url}api/chat.postMessage", "POST"
    forged.req_args = {"json": dict(POST), "params": {}}
    assert isinstance(forged, AsyncSlackResponse)
    with pytest.raises(WriteRefused):
        assert [each async for each in forged]
    assert {request.method for request in slack.requests} == {"conversations.members"}


async def test_the_token_goes_to_no_other_address(acting: SlackClient, slack: SlackSimulator) -> None:
    web = acting._web
    async with SlackSimulator(WORLD) as elsewhere:
        for method in (f"{elsewhere.url}api/auth.test", f"/{elsewhere.url}api/auth.test", "../../auth.test"):
            with pytest.raises(WriteRefused, match="another address"):
                await web.api_call(method)
        for base in (f"{elsewhere.url}api/", slack.url, f"{slack.url}api/v2/", slack.url.replace("://", "://x@") + "api/"):
            web.base_url = base
            with pytest.raises(WriteRefused, match=r"another address|is not on the list"):
                await web.auth_test()
            with pytest.raises(WriteRefused):
                await web.chat_postMessage(**POST)
        assert elsewhere.requests == slack.requests == []


async def test_what_is_assigned_to_the_sdks_object_has_no_say(reader: SlackClient, slack: SlackSimulator) -> None:
    web = reader._web
    assert web.token is None
    web.proxy = "http://127.0.0.1:1"
    web.headers = {"User-Agent": "x", "Authorization": "Bearer other", "X-Slack-No-Retry": "1"}
    with pytest.raises(WriteRefused, match="credentials of its own"):
        await web.auth_test()
    web.headers = {"User-Agent": "x", "Cookie": "d=xoxd"}
    async with aiohttp.ClientSession() as session:
        web.session = session
        assert (await web.auth_test())["user_id"] == "U0BOT"
        with pytest.raises(WriteRefused):
            await web.chat_postMessage(**POST)
        sent = session.post(f"{slack.url}api/chat.postMessage", json=POST)
        async with sent as reply:
            assert (await reply.json())["error"] == "not_authed", "a session of its own has no token to send"
    web.default_params = {"as_user": "1"}
    with pytest.raises(WriteRefused, match="as_user"):
        await web.conversations_info(channel="C0INC")
    assert slack.world.messages["C0INC"] == {}


async def test_a_client_made_of_its_parts_has_no_token(reader: SlackClient, slack: SlackSimulator) -> None:
    web = reader._web
    for kind in (AsyncWebClient, WebClient):
        copied = kind(token=web.token, base_url=web.base_url, headers=dict(web.headers))
        assert copied.token is None
    assert not hasattr(web, "_sync_send")
    assert not hasattr(web, "_urllib_api_call")
    assert slack.requests == []


async def test_another_token_is_not_taken_along(acting: SlackClient, slack: SlackSimulator) -> None:
    tries: list[Try] = [
        lambda web: web.auth_test(token=APP),
        lambda web: web.chat_postMessage(**POST, token="xoxp-of-somebody"),
        lambda web: web.api_call("auth.test", auth={"client_id": "a", "client_secret": "b"}),
        lambda web: web.api_call("auth.test", headers={"authorization": f"Bearer {APP}"}),
        lambda web: web._request(http_verb="POST", api_url=f"{web.base_url}auth.test", req_args={"params": {"token": APP}}),
    ]
    for attempt in tries:
        with pytest.raises(WriteRefused):
            await attempt(acting._web)
    assert slack.requests == []


@pytest.mark.parametrize(
    "more",
    [
        {"channel": "C0GEN"},
        {"channel": "U0EVE"},
        {"as_user": True},
        {"username": "Slack Security"},
        {"icon_url": "https://evil.example"},
        {"thread_ts": "1.1"},
        {"attachments": [{"text": "x"}]},
        {"markdown_text": "x"},
    ],
)
async def test_a_writer_posts_as_itself_to_the_prepared_channel_only(
    acting: SlackClient, slack: SlackSimulator, more: dict[str, Any]
) -> None:
    with pytest.raises(WriteRefused):
        await acting._web.chat_postMessage(**{**POST, **more})
    with pytest.raises(WriteRefused):
        await acting.post("C0GEN", WORDS, MARK)
    assert slack.requests == []


async def test_other_channels_are_not_read(acting: SlackClient, slack: SlackSimulator) -> None:
    with pytest.raises(WriteRefused):
        await acting._web.conversations_history(channel="C0GEN")
    for nameless in ("channel=C0GEN", ["channel"], [("channel", "C0GEN")]):
        with pytest.raises(WriteRefused):
            await acting._web._request(http_verb="GET", api_url=f"{slack.url}api/conversations.info", req_args={"params": nameless})
    with pytest.raises(BadInput):
        await acting.channel("general")
    assert slack.requests == []


async def test_a_policy_that_calls_a_write_a_read_is_not_believed(slack: SlackSimulator) -> None:
    lying = operations.SlackOperation(name="chat.postMessage", permission="", writes=False, arguments=frozenset(POST), verb="POST")
    policy = CallPolicy(vendor="slack", access=Access.READ, operations=[lying])
    web = GuardedWeb(base=base_of(f"{slack.url}api/"), token=Token(BOT), channel="C0INC", policy=policy, timeout=5.0)
    with pytest.raises(WriteRefused, match="another call by that name"):
        await web.chat_postMessage(**POST)
    await web.close()
    assert slack.requests == []


async def test_a_redirect_is_not_followed(slack: SlackSimulator, acting: SlackClient) -> None:
    async with SlackSimulator(WORLD) as elsewhere:
        for status in (301, 302, 307, 308):
            slack.faults.plan(Fault(operation="auth.test", status=status, headers={"Location": f"{elsewhere.url}api/auth.test"}))
            with pytest.raises(VendorError):
                await acting.whoami()
        assert elsewhere.requests == []


async def test_a_refused_file_is_not_even_opened(reader: SlackClient, tmp_path: Path) -> None:
    file = str(tmp_path / "is-not-there")
    with pytest.raises(WriteRefused):
        await reader._web.files_upload(file=file)
    with pytest.raises(WriteRefused):
        await reader._web.api_call("conversations.info", http_verb="GET", files={"f": file}, data={})


async def test_the_token_shows_nowhere(slack: SlackSimulator, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("HTTPS_PROXY", "http://user:proxy-password@127.0.0.1:1")
    for name in ("slack_sdk", "slack_sdk.web.async_base_client", "aiohttp", "aiohttp.client", "asyncio"):
        caplog.set_level(logging.DEBUG, logger=name)
    errors: list[FiredoorError] = []
    shown: list[str] = []
    async with made(slack, timeout=0.3) as client:
        await client.whoami()
        echo = f'{{"ok": false, "error": "xoxb_{BOT}", "needed": "{BOT}"}}'
        for fault in (
            Fault(operation="chat.postMessage", status=200, body=echo),
            Fault(operation="chat.postMessage", status=500, body=echo),
            Fault(operation="chat.postMessage", status=200, body=BOT),
            Fault(operation="chat.postMessage", status=302, headers={"Location": f"https://evil.example/{BOT}"}),
            Fault(operation="chat.postMessage", effect=Effect.FIRST, drop=True),
            Fault(operation="chat.postMessage", delay=0.6),
        ):
            slack.faults.plan(fault)
            try:
                await client.post("C0INC", WORDS, MARK)
            except VendorError as error:
                errors.append(error)
        web = client._web
        shown += [repr(one) for one in (client, client.__dict__, web, web.__dict__, client.policy)]
        shown += [str(await web.auth_test()), repr((await web.auth_test()).req_args)]
    for wrong in ({"base_url": "http://slack.com/api/"}, {"channel": "x"}, {"timeout": -1.0}):
        try:
            made(slack, **wrong)
        except FiredoorError as error:
            errors.append(error)
    assert len(errors) == 9
    for raised in errors:
        told = traceback.TracebackException.from_exception(raised, capture_locals=True)
        # Frames of these tests hold the token by name; every other frame, with its variables, is shown.
        told.stack = traceback.StackSummary.from_list([frame for frame in told.stack if "/tests/" not in frame.filename])
        shown += [str(raised), repr(raised), repr(vars(raised)), "".join(told.format()), repr(raised.__context__), repr(raised.__cause__)]
    shown += [record.getMessage() + repr(record.__dict__) for record in caplog.records] + [caplog.text]
    assert [text for text in shown if BOT in text or "proxy-password" in text] == []


def test_a_token_prints_as_asterisks_and_takes_a_holder() -> None:
    class Holder:
        def get_secret_value(self) -> str:
            return BOT

    token = Token(Holder())
    assert BOT not in repr([token, token.header(), {"k": token.header()}])
    assert token.header() == f"Bearer {BOT}"
