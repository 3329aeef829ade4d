"""The app's manifest: it asks for all that is used, and for nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from firedoor import running, terminal
from firedoor.channels.slack.alert import CONTAIN_FROM_ALERT
from firedoor.exercise.estate import Estate
from firedoor.settings import ROOT
from firedoor.terminal import Signer
from firedoor.vendors.faults import Effect, Fault
from tests.company import company

MANIFEST: Mapping[str, Any] = yaml.safe_load((ROOT / "slack-manifest.yaml").read_text(encoding="utf-8"))
SCOPES = frozenset(MANIFEST["oauth_config"]["scopes"]["bot"])
GROUP = "S0ONCALL"


def as_installed(scene: Estate) -> None:
    """The workspace after the app was installed from the manifest."""
    slack: Any = scene.slack
    for token in slack["app"]["tokens"]:
        if token["kind"] == "bot":
            token["scopes"] = sorted(SCOPES)
    slack["app"]["commands"] = [command["command"] for command in MANIFEST["features"]["slash_commands"]]
    slack["app"]["events"] = MANIFEST["settings"]["event_subscriptions"]["bot_events"]
    slack["app"]["shortcuts"] = {one["callback_id"]: one["type"] for one in MANIFEST["features"]["shortcuts"]}
    slack["usergroups"] = [{"id": GROUP, "handle": "oncall", "users": [user["id"] for user in slack["users"]]}]


async def test_its_scopes_are_those_that_are_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.setattr("firedoor.step.PACE", 0.02)
    async with company(tmp_path, change=as_installed) as acme:
        toml = tmp_path / "firedoor.toml"
        toml.write_text(f'slack_groups = ["{GROUP}"]\n{toml.read_text()}')
        for name, value in acme.environment.items():
            monkeypatch.setenv(name, value)
        acme.slack.faults.plan(Fault(operation="chat.postMessage", effect=Effect.FIRST, drop=True))
        users = [f"users={acme.estate.victims[0]}"]
        report, _ = await asyncio.gather(running.contain("session-hijack", users, who=acme.who(), say=lambda _: None), acme.approve())
        assert report["outcome"] == "contained", report["open"]
        signers = []
        for number in (1, 2):
            key = acme.estate.keys[acme.member(number)]
            signers.append(Signer(public=key.public, sign=key.sign))
            await terminal.sign_standing(signers[-1], days=1, confirm=lambda _: True)
        acme.slack.faults.plan(Fault(operation="chat.postMessage"), times=1)  # the request; the next is a word to somebody
        acme.slack.faults.plan(Fault(operation="chat.postMessage", effect=Effect.FIRST, drop=True))
        key_ids = [acme.estate.stolen_key]
        frozen = await running.freeze([], key_ids, who=lambda: signers[0], say=lambda _: None)
        assert frozen["outcome"] == "contained", frozen["open"]
        assert [request for request in acme.slack.requests if request.error == "missing_scope"] == []
        assert acme.slack.scopes - {"connections:write"} == SCOPES - {"commands"}


def test_what_it_declares_is_what_is_listened_for() -> None:
    assert [one["command"] for one in MANIFEST["features"]["slash_commands"]] == ["/firedoor"]
    assert [(one["callback_id"], one["type"]) for one in MANIFEST["features"]["shortcuts"]] == [(CONTAIN_FROM_ALERT, "message")]
    assert MANIFEST["settings"]["event_subscriptions"]["bot_events"] == ["app_home_opened"]
    assert MANIFEST["settings"]["socket_mode_enabled"] is True
