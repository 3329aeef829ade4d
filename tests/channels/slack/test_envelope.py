"""Whose it is, who did it, and what tells it from all others."""

from __future__ import annotations

from typing import Any

import pytest

from firedoor.channels.slack import forms, home
from firedoor.channels.slack.alert import CONTAIN_FROM_ALERT
from firedoor.channels.slack.blocks import APPROVE, DECIDE, DENY
from firedoor.channels.slack.envelope import Workspace, claimed, foreign, keys, who
from firedoor.channels.slack.request_url import read

HERE = Workspace(team="T1", enterprise="E1", app="A1", bot="B1", member="UBOT")
COMMAND: dict[str, Any] = {"command": "/firedoor", "team_id": "T1", "api_app_id": "A1", "user_id": "U1", "trigger_id": "t.1"}
CLICK: dict[str, Any] = {
    "type": "block_actions",
    "team": {"id": "T1", "domain": "acme"},
    "api_app_id": "A1",
    "enterprise": None,
    "user": {"id": "U1", "team_id": "T1"},
    "trigger_id": "t.2",
    "container": {"type": "message", "message_ts": "1.1", "channel_id": "C1"},
    "actions": [{"action_id": "other"}],
}
EVENT: dict[str, Any] = {
    "type": "event_callback",
    "team_id": "T1",
    "api_app_id": "A1",
    "event": {"type": "message", "user": "U1"},
    "event_id": "Ev1",
    "authorizations": [{"team_id": "T1", "enterprise_id": "E1", "user_id": "UBOT"}],
}


@pytest.mark.parametrize("body", [COMMAND, CLICK, EVENT, {**CLICK, "enterprise": {"id": "E1"}}, {**COMMAND, "enterprise_id": "E1"}])
def test_what_is_ours_comes_in(body: dict[str, Any]) -> None:
    assert foreign(body, HERE) == ""


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({**COMMAND, "api_app_id": "A2"}, "another app"),
        ({**EVENT, "api_app_id": "A2"}, "another app"),
        ({**COMMAND, "team_id": "T2"}, "another workspace"),
        ({**COMMAND, "team_id": None}, "another workspace"),
        ({**COMMAND, "enterprise_id": "E2"}, "another workspace"),
        ({**CLICK, "team": {"id": "T2"}}, "another workspace"),
        ({**CLICK, "team": None}, "another workspace"),
        ({**CLICK, "enterprise": {"id": "E2"}}, "another workspace"),
        ({**EVENT, "authorizations": [{"team_id": "T2"}]}, "another workspace"),
        ({**EVENT, "authorizations": []}, "another workspace"),
        ({"type": "nonsense"}, "another workspace"),
        ({}, "another workspace"),
        ({**COMMAND, "user_id": "UBOT"}, "a bot"),
        ({**CLICK, "user": {"id": "UBOT"}}, "a bot"),
        ({**CLICK, "user": {"id": "USLACKBOT"}}, "a bot"),
        ({**CLICK, "actions": []}, "it lacks"),
        ({**CLICK, "actions": ["firedoor_stop"]}, "it lacks"),
        ({**CLICK, "actions": [{"action_id": ["firedoor_stop"]}]}, "it lacks"),
        ({**CLICK, "container": None}, "it lacks"),
        ({**CLICK, "trigger_id": None}, "it lacks"),
        ({**CLICK, "user": "U1"}, "it lacks"),
        ({**CLICK, "type": "view_submission"}, "it lacks"),
        ({**CLICK, "type": "view_submission", "view": {"id": "V1", "callback_id": ["x"]}}, "it lacks"),
        ({**CLICK, "type": "shortcut"}, "it lacks"),
        ({**EVENT, "event": [1]}, "it lacks"),
        ({**COMMAND, "user_id": ""}, "nobody"),
        ({**EVENT, "event": {"type": "message", "bot_id": "B2"}}, "a bot"),
        ({**EVENT, "event": {"type": "message", "subtype": "bot_message", "user": "U1"}}, "a bot"),
        ({**EVENT, "event": {"type": "message", "subtype": "message_changed", "message": {"bot_id": "B1"}}}, "a bot"),
        ({**EVENT, "event": {"type": "message", "subtype": "message_deleted", "previous_message": {"bot_id": "B1"}}}, "a bot"),
    ],
)
def test_what_is_not_ours_stays_out(body: dict[str, Any], why: str) -> None:
    assert why in foreign(body, HERE)


def test_an_event_of_a_shared_channel_may_be_another_teams_and_sent_for_ours() -> None:
    assert foreign({**EVENT, "team_id": "T2"}, HERE) == ""


def test_a_workspace_without_an_enterprise_takes_nothing_from_one() -> None:
    alone = Workspace(team="T1", enterprise="", app="A1", bot="B1", member="UBOT")
    assert foreign(COMMAND, alone) == ""
    assert foreign({**COMMAND, "enterprise_id": "E1"}, alone)


def test_the_same_delivery_has_the_same_keys_and_another_act_has_others() -> None:
    assert keys(CLICK) == keys({**CLICK, "response_url": "another"})
    assert not set(keys(CLICK)) & set(keys({**CLICK, "trigger_id": "t.3"}))
    submitted = {**CLICK, "type": "view_submission", "trigger_id": "t.4", "view": {"id": "V1", "hash": "h"}}
    assert not set(keys(submitted)) & set(keys({**submitted, "trigger_id": "t.5"}))  # its errors were mended
    assert keys(EVENT) == keys({**EVENT, "event_time": 2})
    assert set(keys(COMMAND)) < set(keys(COMMAND, "v0=00"))
    assert keys({"type": "view_closed"}) == ()
    assert len({*keys(COMMAND), *keys(CLICK), *keys(EVENT), *keys({}, "v0=00")}) == 4


@pytest.mark.parametrize(
    ("body", "harmless"),
    [
        ({**CLICK, "actions": [{"action_id": APPROVE}]}, True),
        ({**CLICK, "actions": [{"action_id": DENY}]}, True),
        ({**CLICK, "actions": [{"action_id": DENY}, {"action_id": "start"}]}, False),
        (CLICK, False),
        (COMMAND, False),
        (EVENT, False),
        ({"type": "view_submission", "view": {"callback_id": DECIDE}}, True),
        ({"type": "view_submission", "view": {"callback_id": "start"}}, False),
        ({"type": "view_submission", "view": None}, False),
        ({"type": "block_suggestion"}, True),
        ({"type": "view_submission", "view": {"callback_id": forms.CONTAIN}}, True),
        ({**CLICK, "actions": [{"action_id": home.LOOK}, {"action_id": forms.CHOOSE}]}, True),
        ({"type": "message_action", "callback_id": CONTAIN_FROM_ALERT}, True),
        ({"type": "message_action", "callback_id": "another"}, False),
        ({"type": "shortcut"}, False),
    ],
)
def test_what_may_come_again_without_harm(body: dict[str, Any], *, harmless: bool) -> None:
    assert claimed(body) is harmless


def test_who_did_it() -> None:
    assert [who(one) for one in (COMMAND, CLICK, EVENT, {**EVENT, "event": {"user": {"id": "U9"}}}, {})] == ["U1", "U1", "U1", "U9", ""]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ('{"type": "x"}', {"type": "x"}),
        ("payload=%7B%22type%22%3A%22x%22%7D", {"type": "x"}),
        ("command=%2Ffiredoor&text=payload&user_id=", {"command": "/firedoor", "text": "payload", "user_id": ""}),
        ("text=a+b%2Bc&payload=1", {"text": "a b+c", "payload": "1"}),
        ("", {}),
    ],
)
def test_a_signed_body_is_read_by_what_is_in_it(body: str, found: object) -> None:
    assert read(body) == found


@pytest.mark.parametrize("body", ["{", "payload=", "payload=[]", "payload=1", "payload=%7B"])
def test_a_body_that_is_nothing_is_refused(body: str) -> None:
    with pytest.raises((ValueError, TypeError)):
        read(body)
