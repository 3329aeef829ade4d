"""Whose account in a plan makes chat a way of the attacker's: read of real simulators, and of vendors that do not answer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from firedoor import powers
from firedoor.exercise.estate import CHANNEL, Estate
from firedoor.vendors.access import Access
from firedoor.vendors.faults import Fault
from firedoor.vendors.okta.client import OktaClient
from firedoor.vendors.slack.client import SlackClient
from tests.company import Company, company

ADMINISTERS = "an administrator of {} is in the plan"


def in_charge(scene: Estate) -> None:
    """The third responder runs the chat; the second of the robbed administers Okta already."""
    slack: Any = scene.slack
    slack["users"][2]["is_admin"] = True


@pytest.fixture
async def acme(tmp_path: Path) -> AsyncIterator[Company]:
    async with company(tmp_path, change=in_charge) as found:
        yield found


async def among(acme: Company, *names: str, okta: bool = True, slack: bool = True) -> tuple[str, ...]:
    async with (
        OktaClient(org_url=acme.okta.url, token=acme.estate.okta_token, access=Access.READ) as org,
        SlackClient(token=acme.estate.slack_bot_token, channel=CHANNEL, access=Access.READ, base_url=f"{acme.slack.url}api/") as chat,
    ):
        return tuple(await powers.among(names, okta=org if okta else None, slack=chat if slack else None))


def named(acme: Company, login: str) -> tuple[str, str]:
    [user] = [user for user in acme.okta.world.users.values() if user.login == login]
    return f"okta:user:{user.id}", f"okta:user:{login}"


async def test_who_administers_what(acme: Company) -> None:
    ordinary, administrator = acme.estate.victims
    assert await among(acme, *named(acme, ordinary), "aws:user:111122223333/x", "okta:app:0oa1") == ()
    assert await among(acme, *named(acme, administrator)) == (ADMINISTERS.format("Okta"),)
    chats = str(acme.estate.people[2]["accounts"][0]).removeprefix("okta:user:")
    assert await among(acme, *named(acme, ordinary), *named(acme, chats)) == (ADMINISTERS.format("Slack"),)
    assert await among(acme, *named(acme, administrator), *named(acme, chats), okta=False, slack=False) == ()
    assert await among(acme, "okta:user:00unobody", "okta:user:nobody@acme.example") == (), "who is not there has no power"


async def test_a_vendor_that_does_not_answer_may_hide_one(acme: Company) -> None:
    ordinary = named(acme, acme.estate.victims[0])
    acme.okta.faults.plan(Fault(operation="listAssignedRolesForUser", status=403, body="{}"), times=9)
    acme.slack.faults.plan(Fault(operation="users.lookupByEmail", status=200, body='{"ok": false, "error": "missing_scope"}'), times=9)
    assert await among(acme, *ordinary) == (
        "whether somebody in the plan administers Okta could not be read",
        "whether somebody in the plan administers Slack could not be read",
    )
