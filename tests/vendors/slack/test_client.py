"""The acting client against the simulated workspace: what it reads and posts, and what it makes of refusals and of replies gone wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from firedoor.errors import (
    BadInput,
    Conflict,
    Forbidden,
    Malformed,
    Misconfigured,
    NotFound,
    RateLimited,
    Rejected,
    Unauthorized,
    Unavailable,
    Unreachable,
    VendorError,
)
from firedoor.vendors.access import Access
from firedoor.vendors.faults import Effect, Fault
from firedoor.vendors.slack import operations
from firedoor.vendors.slack.client import SlackClient
from firedoor.vendors.slack.people import Person
from firedoor.vendors.slack.problems import TooLong
from firedoor.vendors.slack.simulator import SlackSimulator
from firedoor.vendors.slack.values import ChannelRecord, Mark, Notice, PersonRecord, Words
from firedoor.vendors.slack.web import base_of
from tasks.slack.find_channel import FindChannel, PreparedChannel
from tests.specs import specification
from tests.vendors.slack.conftest import made
from tests.vendors.slack.world import BOT, READER

MARK = Mark(run="r7", incident="inc-7")
WORDS = Words(title="Contain", lines=("one", "two"), last="firedoor show r7")
NEWER = {"metadata", "include_all_metadata"}


def long_ago() -> datetime:
    return datetime.now(UTC) - timedelta(hours=1)


def test_the_modules_load_without_the_sdk() -> None:
    program = (
        "import sys, tasks.slack.notify, tasks.slack.find_channel, firedoor.vendors.slack.operations\n"
        "print([name for name in ('slack_sdk', 'aiohttp', 'pydantic') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


async def test_the_channel_and_its_people(acting: SlackClient) -> None:
    channel = await acting.channel("C0INC")
    assert channel == ChannelRecord(id="C0INC", name="incident", private=True, shared=True, joined=True, archived=False)
    assert await acting.members(channel, at_most=9) == ("U0ADA", "U0BEN", "U0BOT", "U0FAR")
    assert await acting.person("U0ADA") == PersonRecord(id="U0ADA", email="ada@acme.example", bot=False, deleted=False)
    assert (await acting.person("U0BOT")).bot
    assert (await acting.person("U0GONE")).deleted
    assert await acting.whoami() == "B0001"
    assert acting.policy.used == {"groups:read", "users:read", "users:read.email"}
    with pytest.raises(NotFound) as unknown:
        await acting.person("U0NOBODY")
    assert (unknown.value.code, unknown.value.target, unknown.value.changed) == ("user_not_found", "U0NOBODY", False)


async def test_members_are_paged_and_bounded(slack: SlackSimulator, acting: SlackClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firedoor.vendors.slack.client.PAGE", 1)
    channel = await acting.channel("C0INC")
    assert len(await acting.members(channel, at_most=4)) == 4
    before = len(slack.requests)
    assert len(await acting.members(channel, at_most=1)) == 2
    assert len(slack.requests) - before == 2


async def test_a_notice_is_posted_found_and_deleted(acting: SlackClient, ben: Person) -> None:
    channel, since = await acting.channel("C0INC"), await acting.now()
    assert await acting.find_message(channel, MARK, since=since) is None
    ts = await acting.post("C0INC", WORDS, MARK)
    found = await acting.find_message(channel, MARK, since=since)
    assert found is not None
    assert (found.ts, found.answered) == (ts, False)
    assert await acting.find_message(channel, Mark(run="r7", incident="inc-8"), since=since) is None
    assert await acting.find_message(channel, MARK, since=datetime.now(UTC) + timedelta(seconds=5)) is None
    seen = (await ben.messages("C0INC"))[-1]
    assert (seen.author, seen.text, seen.shown) == ("U0BOT", "Contain", "Contain\none\ntwo\nfiredoor show r7")
    await ben.say("C0INC", "what happened?", thread_ts=ts)
    answered = await acting.find_message(channel, MARK, since=since)
    assert answered is not None
    assert answered.answered
    await acting.delete("C0INC", ts)
    assert await acting.find_message(channel, MARK, since=since) is None
    with pytest.raises(NotFound):
        await acting.delete("C0INC", ts)
    with pytest.raises(Forbidden, match="cant_delete_message"):
        await acting.delete("C0INC", await ben.say("C0INC", "mine"))
    assert {"chat:write", "groups:history"} <= acting.policy.used


async def test_a_history_is_looked_through_page_by_page_and_not_without_end(
    acting: SlackClient, slack: SlackSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = await acting.channel("C0INC")
    ts = await acting.post("C0INC", WORDS, MARK)
    for number in range(5):
        await acting.post("C0INC", WORDS, Mark(run=f"r{number}", incident="inc-7"))
    monkeypatch.setattr("firedoor.vendors.slack.client.PAGE", 2)
    found = await acting.find_message(channel, MARK, since=long_ago())
    assert found is not None
    assert found.ts == ts
    monkeypatch.setattr("firedoor.vendors.slack.client.MOST_PAGES", 2)
    before = len(slack.requests)
    with pytest.raises(TooLong, match="what is looked for may be older") as unknown:
        await acting.find_message(channel, MARK, since=long_ago())
    assert unknown.value.changed is False
    assert not unknown.value.retryable
    assert len(slack.requests) - before == 2


async def test_the_clock_is_slacks_and_never_ahead_of_it(acting: SlackClient, slack: SlackSimulator) -> None:
    before = await acting.now()
    assert before <= datetime.now(UTC)
    assert timedelta(seconds=-2) < await acting.skew() <= timedelta(milliseconds=5)
    ts = await acting.post("C0INC", WORDS, MARK)
    assert before.timestamp() <= float(ts)
    assert [request.method for request in slack.requests] == ["auth.test", "chat.postMessage"]


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (200, "missing_scope", Forbidden),
        (200, "restricted_action", Forbidden),
        (403, "", Forbidden),
        (200, "invalid_auth", Unauthorized),
        (200, "not_authed", Unauthorized),
        (200, "token_revoked", Unauthorized),
        (200, "account_inactive", Unauthorized),
        (200, "channel_not_found", NotFound),
        (404, "channel_not_found", NotFound),
        (200, "not_in_channel", Conflict),
        (200, "is_archived", Conflict),
        (429, "ratelimited", RateLimited),
        (429, "", RateLimited),
        (200, "rate_limited", RateLimited),
        (200, "fatal_error", Unavailable),
        (200, "internal_error", Unavailable),
        (500, "", Unavailable),
        (200, "a_word_of_tomorrow", Rejected),
        (200, "Not A Code <script>", Malformed),
        (302, "", Rejected),
        (404, "", Malformed),
        (200, "", Malformed),
    ],
)
async def test_a_refusal_is_known_by_its_code(slack: SlackSimulator, status: int, code: str, kind: type[VendorError]) -> None:
    body = json.dumps({"ok": False, "error": code}) if code else "<html>"
    async with made(slack) as client:
        slack.faults.plan(Fault(operation="chat.postMessage", status=status, body=body, headers={"Location": "/elsewhere"}), times=9)
        with pytest.raises(VendorError) as refusal:
            await client.post("C0INC", WORDS, MARK)
        assert type(refusal.value) is kind
        unclear = kind in (Unavailable, Malformed)
        assert refusal.value.changed is (None if unclear else False)
        assert refusal.value.advice
        assert len(slack.requests) == (4 if kind is RateLimited else 1), "what may have had its effect is never sent again"


@pytest.mark.parametrize(
    "fault", [{"drop": True}, {"delay": 0.5}, {"status": 200, "body": '{"ok": true, "ts'}, {"status": 200, "body": '{"ok": true}'}]
)
async def test_a_post_of_unknown_fate_is_not_sent_again(slack: SlackSimulator, fault: dict[str, Any]) -> None:
    slack.faults.plan(Fault(operation="chat.postMessage", effect=Effect.FIRST, **fault))
    async with made(slack, timeout=0.2 if "delay" in fault else 5.0) as client:
        with pytest.raises((Unreachable, Malformed)) as lost:
            await client.post("C0INC", WORDS, MARK)
        assert lost.value.changed is None
        assert len(slack.world.messages["C0INC"]) == 1
        assert [request.method for request in slack.requests] == ["chat.postMessage"]


async def test_a_reading_is_tried_again_and_slacks_pause_is_kept(slack: SlackSimulator, acting: SlackClient) -> None:
    limited = Fault(operation="conversations.info", status=429, headers={"Retry-After": "0"})
    for fault in (limited, Fault(operation="conversations.info", drop=True), Fault(operation="conversations.info", status=500)):
        slack.faults.plan(fault)
    assert (await acting.channel("C0INC")).name == "incident"
    assert len(slack.requests) == 4
    slack.faults.plan(Fault(operation="conversations.info", drop=True), times=4)
    with pytest.raises(Unreachable) as silent:
        await acting.channel("C0INC")
    assert (silent.value.changed, len(slack.requests)) == (False, 8), "the library itself repeats nothing"
    slack.faults.plan(Fault(operation="conversations.info", status=429, headers={"Retry-After": "77"}))
    with pytest.raises(RateLimited) as long:
        await acting.channel("C0INC")
    assert long.value.retry_after == 77.0
    slack.faults.plan(Fault(operation="conversations.info", status=429, headers={"Retry-After": "99999999"}))
    with pytest.raises(RateLimited) as mad:
        await acting.channel("C0INC")
    assert mad.value.retry_after == 300.0


@pytest.mark.parametrize(
    "body", ['{"ok": true}', '{"ok": true, "channel": []}', '{"ok": true, "channel": {"id": "C0INC", "name": 7}}', "[]"]
)
async def test_a_reply_that_cannot_be_used_is_said_so(slack: SlackSimulator, acting: SlackClient, body: str) -> None:
    slack.faults.plan(Fault(operation="conversations.info", status=200, body=body), times=4)
    with pytest.raises(Malformed) as wrong:
        await acting.channel("C0INC")
    assert wrong.value.changed is False


async def test_who_may_be_in_a_channel_counts_as_the_worse_where_it_is_not_said(slack: SlackSimulator, acting: SlackClient) -> None:
    slack.faults.plan(Fault(operation="conversations.info", status=200, body='{"ok": true, "channel": {"id": "C0INC", "name": "x"}}'))
    assert await acting.channel("C0INC") == ChannelRecord(id="C0INC", name="x", private=False, shared=True, joined=False, archived=False)


async def test_without_the_scope_for_addresses_slack_leaves_them_out(slack: SlackSimulator) -> None:
    async with made(slack, token=READER) as client:
        assert (await client.person("U0ADA")).email == ""
        assert client.policy.used == {"users:read"}
        with pytest.raises(Forbidden, match="groups:read, or channels:read"):
            await client.channel("C0INC")


@pytest.mark.parametrize(
    "url",
    [
        "http://slack.com/api/",
        "https://",
        "ftp://slack.com/",
        "https://a@slack.com/",
        "https://slack.com/?x=",
        "https://slack.com/a/../b",
        "https://slack.com:0/",
        "https://[/",
        "https://sl\u0430ck.com/",
    ],
)
def test_the_token_is_sent_to_a_plain_https_address_only(url: str) -> None:
    with pytest.raises(Misconfigured):
        base_of(url)


def test_what_a_client_is_made_of_is_checked() -> None:
    assert base_of("https://slack.com/api") == base_of("https://slack.com/api/") == "https://slack.com/api/"
    assert base_of("http://[::1]:8000/api/") == "http://[::1]:8000/api/"
    whole: dict[str, Any] = {"token": BOT, "channel": "C0INC", "access": Access.READ}
    for wrong in ({"token": ""}, {"token": "xoxb a"}, {"token": "xoxb\n"}, {"timeout": 0}, {"channel": "#incident"}, {"channel": "U0ADA"}):
        with pytest.raises(BadInput):
            SlackClient(**{**whole, **wrong})


@pytest.mark.parametrize(
    "wrong",
    [
        {"channel": "D0EVE"},
        {"channel": "c0inc"},
        {"channel": "C0INC/.."},
        {"name": ""},
        {"name": "a b"},
        {"name": "a\n"},
        {"name": "x" * 81},
        {"since": datetime(2023, 11, 23)},  # noqa: DTZ001
    ],
)
def test_a_notice_checks_its_channel(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        Notice(**{"channel": "C0INC", "name": "incident", **wrong})


async def test_the_prepared_channel_is_the_configured_one(slack: SlackSimulator, acting: SlackClient) -> None:
    assert await FindChannel(acting).find(PreparedChannel()) == (Notice(channel="C0INC", name="incident"),)
    async with made(slack, channel="C0HID") as other:
        with pytest.raises(BadInput, match="shows the app no such channel"):
            await FindChannel(other).find(PreparedChannel())


async def test_the_table_is_the_published_specifications(slack: SlackSimulator, acting: SlackClient) -> None:
    paths = json.loads(specification("slack/web-2021.json").read_text())["paths"]
    for operation in operations.OPERATIONS:
        (method,) = paths[f"/{operation.name}"].values()
        assert operation.arguments - NEWER <= {parameter["name"] for parameter in method["parameters"]}
        asked = {scope for way in method["security"] for scope in way["slackAuth"]}
        scopes = {operation.scope_in(private=private) for private in (True, False)} - {""}
        assert scopes <= {scope.removesuffix(":bot") for scope in asked}
        assert operation.writes == operation.name.startswith("chat.")
        documented = _codes(method)
        assert {refusal.removeprefix("200 ") for refusal in operation.refusals} - documented <= {
            "invalid_blocks",  # since the specification was last published
            "invalid_metadata_format",
            "restricted_action",
        }
    channel = await acting.channel("C0INC")
    await acting.members(channel, at_most=9)
    await acting.person("U0ADA")
    await acting.person_by_email("ada@acme.example")
    await acting.find_message(channel, MARK, since=long_ago())
    await acting.delete("C0INC", await acting.post("C0INC", WORDS, MARK))
    assert {request.method for request in slack.requests} == operations.BY_NAME.keys()
    for request in slack.requests:
        assert set(request.arguments) <= operations.BY_NAME[request.method].arguments


def _codes(method: dict[str, Any]) -> set[str]:
    found: set[str] = set()

    def walk(node: object) -> None:
        if isinstance(node, dict):
            found.update(each for each in node.get("enum", ()) if isinstance(each, str))
            for each in node.values():
                walk(each)

    walk(method["responses"])
    return found


async def test_the_scopes_are_those_of_the_token(slack: SlackSimulator, acting: SlackClient) -> None:
    posting, looking = (slack.world.directory.token(one) for one in (BOT, READER))
    assert posting is not None
    assert looking is not None
    assert await acting.scopes() == posting.scopes != looking.scopes
    async with made(slack, token=READER) as reading:
        assert await reading.scopes() == looking.scopes


@pytest.mark.parametrize(
    ("header", "scopes"), [({"X-OAuth-Scopes": ""}, frozenset()), ({"x-oauth-scopes": " a:b , c"}, {"a:b", "c"}), ({}, None)]
)
async def test_scopes_as_slack_writes_them(
    slack: SlackSimulator, acting: SlackClient, header: dict[str, str], scopes: frozenset[str] | None
) -> None:
    body = '{"ok": true, "bot_id": "B0"}'
    slack.faults.plan(Fault(operation="auth.test", status=200, body=body, headers=header))
    assert await acting.scopes() == scopes
