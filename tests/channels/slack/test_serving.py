"""Start-up: what is wrong is said once, with the setting that is wrong; and nothing that opens doors gets into the log."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, cast

import pytest

from firedoor.channels.slack.blocks import DENY
from firedoor.channels.slack.serving import audience_of, connected, listening
from firedoor.desk import Desk
from firedoor.errors import Misconfigured
from firedoor.seal import Seal
from firedoor.seen import Seen
from firedoor.settings import Settings
from firedoor.vendors.faults import Fault
from firedoor.vendors.slack.simulator import SlackSimulator
from tests import fakes
from tests.channels.slack.scene import APP, BLIND, BOT, READER, scene, settings, world

BASE = "FIREDOOR_SLACK_BASE_URL"
BOT_TOKEN, APP_TOKEN, SIGNING_SECRET = "FIREDOOR_SLACK_BOT_TOKEN", "FIREDOOR_SLACK_APP_TOKEN", "FIREDOOR_SLACK_SIGNING_SECRET"


async def start(own: Settings, folder: Path) -> None:
    """Start the app, and stop it."""
    async with AsyncExitStack() as stack:
        lab = await stack.enter_async_context(fakes.lab(folder, {}, roster=own.roster))
        web = await stack.enter_async_context(connected(own))
        desk = Desk(journal=lab.journal, roster=own.roster, seal=Seal(b"k" * 32))
        app = listening(own, web, desk=desk, office=cast("Any", None), audience=await audience_of(own, web), seen=Seen(lab.store))
        await stack.enter_async_context(app)


@pytest.mark.parametrize(
    ("changed", "setting", "code"),
    [
        ({"slack_bot_token": ""}, BOT_TOKEN, "is not set"),
        ({"slack_app_token": None}, APP_TOKEN, "is not set"),
        ({"slack_channel": ""}, "slack_channel", "is not set"),
        ({"slack_mode": "http", "slack_signing_secret": None}, SIGNING_SECRET, "is not set"),
        ({"slack_mode": "http", "slack_signing_secret": " "}, SIGNING_SECRET, "is not set"),
        ({"slack_bot_token": "xoxb-wrong"}, BOT_TOKEN, "invalid_auth"),
        ({"slack_bot_token": APP}, BOT_TOKEN, "not a bot token"),
        ({"slack_bot_token": READER}, "channels:read", "may not read channels"),
        ({"slack_bot_token": BLIND}, "users:read", "which app the bot belongs to"),
        ({"slack_app_token": "xapp-wrong"}, APP_TOKEN, "invalid_auth"),
        ({"slack_app_token": BOT}, APP_TOKEN, "not_allowed_token_type"),
        ({"slack_channel": "C0NONE"}, "slack_channel", "channel_not_found"),
        ({"slack_channel": "C0HID"}, "slack_channel", "channel_not_found"),
        ({"slack_channel": "C0GEN"}, "slack_channel", "the app is not in the channel C0GEN"),
        ({"slack_base_url": "http://127.0.0.1:9/api/"}, BASE, "could not be reached"),
    ],
)
async def test_what_is_wrong_at_the_start_is_named(tmp_path: Path, changed: dict[str, object], setting: str, code: str) -> None:
    async with SlackSimulator(world()) as slack:
        async with asyncio.timeout(20):
            with pytest.raises(Misconfigured) as wrong:
                await start(settings(slack, **changed), tmp_path)
        assert setting in str(wrong.value)
        assert code in str(wrong.value)
        assert str(wrong.value).count("Nothing was changed.") == 1
        assert wrong.value.exit_code == 2
        assert "wrong" not in str(wrong.value).replace("is wrong", "")  # no token is quoted
        assert slack.connected == 0


@pytest.mark.parametrize(("mode", "unneeded"), [("socket", "slack_signing_secret"), ("http", "slack_app_token")])
async def test_each_way_needs_its_own_secret_and_not_the_others(tmp_path: Path, mode: str, unneeded: str) -> None:
    async with SlackSimulator(world()) as slack:
        await start(settings(slack, slack_mode=mode, **{unneeded: None}), tmp_path)


@pytest.mark.parametrize("method", ["auth.test", "bots.info", "conversations.info", "apps.connections.open"])
@pytest.mark.parametrize("fault", [{"status": 503, "body": "<html>"}, {"drop": True}])
async def test_a_slack_that_fails_at_the_start_is_named(tmp_path: Path, method: str, fault: dict[str, object]) -> None:
    async with SlackSimulator(world()) as slack:
        slack.faults.plan(Fault(operation=method, **fault), times=9)  # type: ignore[arg-type]
        with pytest.raises(Misconfigured) as wrong:
            await start(settings(slack), tmp_path)
        assert BASE in str(wrong.value)
        assert "could not be reached" in str(wrong.value)


async def test_a_socket_that_does_not_open_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firedoor.channels.slack.serving.TIMEOUT_SECONDS", 0.5)
    async with SlackSimulator(world()) as slack:
        body = '{"ok": true, "url": "ws://127.0.0.1:9/link/?ticket=t"}'
        slack.faults.plan(Fault(operation="apps.connections.open", status=200, body=body), times=9)
        with pytest.raises(Misconfigured, match="the socket that Slack named does not open"):
            await start(settings(slack), tmp_path)


async def test_an_app_that_starts_and_stops_leaves_nothing_behind(tmp_path: Path) -> None:
    before = asyncio.all_tasks()
    async with SlackSimulator(world()) as slack:
        await start(settings(slack), tmp_path)
        assert sum(request.method == "apps.connections.open" for request in slack.requests) == 1  # Slack allows one a minute
        async with asyncio.timeout(10):
            while slack.connected:  # noqa: ASYNC110 - the simulator has no event for it
                await asyncio.sleep(0.01)
    for _ in range(10):
        await asyncio.sleep(0.01)
    assert asyncio.all_tasks() == before


async def test_no_key_gets_into_the_log_at_debug(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """A whole conversation, refusals and a reconnect included, with every logger at DEBUG."""
    caplog.set_level(logging.DEBUG)
    for name in ("slack_sdk", "slack_bolt", "slack_sdk.webhook.async_client", "slack_sdk.web.async_base_client"):
        logging.getLogger(name).setLevel(logging.NOTSET)
    async with scene(tmp_path, monkeypatch) as stage:
        addresses = stage.slack._people.acts.payloads.grants
        run = await stage.ask()
        await stage.people["eve"].click("C0INC", (await stage.request()).ts, DENY)
        await stage.told("eve")
        await stage.people["ada"].command("C0INC", "/firedoor")
        await stage.told("ada")
        old = list(stage.slack._sockets._sockets)
        await stage.slack.disconnect("refresh_requested")

        async def back() -> bool:
            return any(socket not in old for socket in stage.slack._sockets._sockets)

        await stage.until(back)
        await stage.open("ben")
        await stage.submit("ben")
        await run
        keys = [BOT, APP, "ticket=", "/response/", *addresses._addresses, *addresses._exchanged]
    assert len(keys) > 6
    assert "a socket to Slack is open" in caplog.text  # it does log
    assert [key for key in keys if key in caplog.text] == []
