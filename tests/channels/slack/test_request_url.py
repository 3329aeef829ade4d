"""The request URL: what is signed is heard, and all else learns nothing."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import pytest

from firedoor.channels.slack import request_url
from firedoor.channels.slack.serving import listening
from firedoor.errors import Misconfigured
from firedoor.settingkinds import Listen
from firedoor.vendors.slack.raw import Raw
from tests.channels.slack.scene import ROOM, SIGNING, Scene, scene
from tests.channels.slack.signing import Sent, post, signed, written

HUGE = "x" * (request_url.MOST_BYTES + 1)


@pytest.fixture
async def http(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    async with scene(tmp_path, monkeypatch, mode="http") as found:
        yield found


def command(http: Scene, text: str = "status r1", **changed: object) -> Raw:
    world = http.slack.world
    return {**http.slack._people.acts.payloads.command(world.user("U0ADA"), world.channel(ROOM), "/firedoor", text), **changed}


async def answers(http: Scene) -> list[str]:
    return [one.text for one in await http.people["ada"].messages(ROOM) if one.ephemeral]


def without(sent: Sent, *names: str, **changed: str) -> Sent:
    kept = {name: value for name, value in sent.headers.items() if name not in names}
    return Sent(sent.body, {**kept, **{name.replace("_", "-"): value for name, value in changed.items()}})


async def test_a_signed_command_is_heard_and_no_socket_is_opened(http: Scene) -> None:
    status, text, headers = await post(http.url, signed(written(command(http))))
    assert (status, text) == (200, "")
    assert "there is no run 'r1'" in (await http.told("ada")).text
    assert "Server" not in headers
    assert http.slack.connected == 0
    assert not http.calls("apps.connections.open")


async def test_a_command_that_says_payload_is_heard_all_the_same(http: Scene) -> None:
    assert (await http.people["ada"].command(ROOM, "/firedoor status payload")).ok
    assert "there is no run 'payload'" in (await http.told("ada")).text


async def test_what_is_not_signed_is_refused_with_one_word(http: Scene, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    body = written(command(http, text="status planted-words"))
    good = signed(body)
    now = time.time()
    bad = {
        "nothing": Sent(body.encode(), {}),
        "no signature": without(good, "X-Slack-Signature"),
        "no stamp": without(good, "X-Slack-Request-Timestamp"),
        "another secret": signed(body, secret="another"),
        "another body": Sent(good.body + b"&x=1", good.headers),
        "no body": Sent(b"", good.headers),
        "old": signed(body, at=now - 302),
        "of tomorrow": signed(body, at=now + 302),
        "another stamp": without(good, X_Slack_Request_Timestamp=str(int(now) + 1)),
        "no number": without(good, X_Slack_Request_Timestamp="now"),
        "number of another script": without(good, X_Slack_Request_Timestamp="\u0661\u0662"),
        "upper case": without(good, X_Slack_Signature=good.headers["X-Slack-Signature"].upper()),
        "not ASCII": without(good, X_Slack_Signature="v0=\u00e9"),
        "not text": Sent(b"\xff" + good.body, good.headers),
        "not packed as it says": without(good, Content_Encoding="gzip"),
        "a check of TLS": Sent(b"ssl_check=1&token=x", {"Content-Type": "application/x-www-form-urlencoded"}),
        "a challenge": Sent(b'{"type": "url_verification", "challenge": "tell me"}', {"Content-Type": "application/json"}),
    }
    for name, sent in bad.items():
        status, text, headers = await post(http.url, sent)
        assert (status, text, "Server" in headers) == (401, "not signed", False), name
    assert await answers(http) == []
    assert "planted-words" not in caplog.text
    assert SIGNING not in caplog.text
    assert (await post(http.url, good))[0] == 200  # nothing of that has used it up
    await http.told("ada")


async def test_a_body_has_its_limit_and_its_time(http: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (await post(http.url, signed(HUGE)))[0] == 413
    for broken in ("{", "payload=[]", "payload=%7B", "{" * 40_000, "command=%2Ffiredoor&authorizations=x"):
        assert (await post(http.url, signed(broken)))[:2] == (400, "not readable")
    monkeypatch.setattr(request_url, "READ_SECONDS", 0.1)
    for headers, status in ((signed("payload=x").headers, b"408"), ({}, b"401")):  # what is not signed is not even read
        reader, writer = await asyncio.open_connection("127.0.0.1", int(http.url.rpartition(":")[2].partition("/")[0]))
        head = "".join(f"{name}: {value}\r\n" for name, value in {**headers, "Content-Length": "900000", "Host": "x"}.items())
        writer.write(f"POST /slack/events HTTP/1.1\r\n{head}\r\npay".encode())
        assert (await reader.readline()).startswith(b"HTTP/1.1 " + status)
        writer.close()
        await writer.wait_closed()
    assert await answers(http) == []


async def test_only_what_is_there_is_there(http: Scene) -> None:
    base = http.url.removesuffix(request_url.PATH)
    good = signed(written(command(http)))
    for verb, path, status in (
        ("GET", "/slack/events", 405),
        ("PUT", "/slack/events", 405),
        ("GET", "/", 404),
        ("POST", "/slack/events/", 404),
        ("POST", "/healthz", 405),
    ):
        found, text, headers = await post(base + path, good, verb=verb)
        assert (found, "aiohttp" in text.lower(), "Server" in headers) == (status, False, False)
    assert (await post(f"{base}/healthz", Sent(b"", {}), verb="GET"))[:2] == (200, "ok")
    assert await answers(http) == []


async def test_a_defect_behind_it_is_told_to_nobody(http: Scene, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("planted-words")

    with monkeypatch.context() as patch:
        patch.setattr(http.house.seen, "first", broken)
        assert (await post(http.url, signed(written(command(http)))))[:2] == (500, "not done")
    assert "RuntimeError" in caplog.text
    assert "planted-words" not in caplog.text
    reader, writer = await asyncio.open_connection("127.0.0.1", int(http.url.rpartition(":")[2].partition("/")[0]))
    writer.write(b"planted-words\r\n\r\n")
    assert b" 400 " in await reader.readline()
    writer.close()
    await writer.wait_closed()
    assert "planted-words" not in caplog.text


async def test_the_challenge_is_answered_where_it_is_signed(http: Scene) -> None:
    status, text, _ = await post(http.url, signed(json.dumps({"type": "url_verification", "challenge": "c-1", "token": "t"})))
    assert (status, json.loads(text)) == (200, {"challenge": "c-1"})


@pytest.mark.parametrize("changed", [{"team_id": "T0002"}, {"api_app_id": "A0002"}, {"enterprise_id": "E0001"}, {"user_id": "U0BOT"}])
async def test_what_is_of_another_place_is_dropped_at_the_door(http: Scene, changed: dict[str, Any]) -> None:
    assert (await post(http.url, signed(written(command(http, **changed)))))[:2] == (200, "")
    assert (await post(http.url, signed(written(command(http)))))[0] == 200
    await http.told("ada")
    assert len(await answers(http)) == 1


async def test_a_port_in_use_is_told_in_words(http: Scene) -> None:
    port = int(http.url.rpartition(":")[2].partition("/")[0])
    web = http.channel._posts._web
    for listen, words in (
        (Listen("127.0.0.1", port), f"the address 127.0.0.1:{port} is in use by another program"),
        (Listen("203.0.113.1", 0), "the address 203.0.113.1:0 cannot be listened on"),
        (Listen("no.such.host.invalid", 0), "the address no.such.host.invalid:0 cannot be listened on"),
    ):
        own = http.house.settings.model_copy(update={"slack_listen": listen})
        with pytest.raises(Misconfigured) as wrong:
            async with listening(own, web, desk=http.desk, office=cast("Any", None), audience=http.audience, seen=http.house.seen):
                pass
        assert words in str(wrong.value)
        assert "slack_listen" in str(wrong.value)
