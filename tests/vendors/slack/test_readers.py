"""Before whom a notice may speak freely."""

from __future__ import annotations

import pytest

from firedoor.vendors.faults import Fault
from firedoor.vendors.slack.client import SlackClient
from firedoor.vendors.slack.readers import MOST_MEMBERS, meant, withheld
from firedoor.vendors.slack.simulator import SlackSimulator
from firedoor.vendors.slack.values import ChannelRecord, PersonRecord

PRIVATE = ChannelRecord(id="C0INC", name="incident", private=True, shared=False, joined=True, archived=False)


async def test_a_member_whom_nobody_knows_might_be_anybody(slack: SlackSimulator, acting: SlackClient) -> None:
    assert "a target of the run" in await withheld(acting, PRIVATE, ["okta:user:ada@acme.example"])
    assert await withheld(acting, PRIVATE, ["okta:user:eve@acme.example"]) == ""
    slack.faults.plan(Fault(operation="users.info", status=200, body='{"ok": false, "error": "user_not_found"}'))
    assert "e-mail address" in await withheld(acting, PRIVATE, ["okta:user:eve@acme.example"])


async def test_a_crowd_is_not_looked_up(slack: SlackSimulator, acting: SlackClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firedoor.vendors.slack.readers.MOST_MEMBERS", 3)
    assert "more than 3 members" in await withheld(acting, PRIVATE, [])
    assert [request.method for request in slack.requests] == ["conversations.members"]
    assert MOST_MEMBERS * 2 <= 100, "a run looks at them twice, and Slack allows about a hundred a minute"


@pytest.mark.parametrize(
    ("name", "same"),
    [
        ("okta:user:ada@acme.example", True),
        ("okta:user:ADA@ACME.EXAMPLE", True),
        ("okta:user:ada@corp.acme.example", True),
        ("cloudflare:user:ada+vpn@acme.example", True),
        ("aws:user:111122223333/ada", True),
        ("slack:user:U0ADA", True),
        ("okta:user:adam@acme.example", False),
        ("okta:user:ben@ada.example", False),
        ("okta:user:00u1", False),
        ("slack:user:U0ADAM", False),
        ("okta:user:", False),
        ("", False),
    ],
)
def test_which_names_mean_a_person(name: str, *, same: bool) -> None:
    ada = PersonRecord(id="U0ADA", email="Ada+slack@acme.example", bot=False, deleted=False)
    assert meant([name], ada) is same
    assert not meant([name], PersonRecord(id="U0X", email="", bot=True, deleted=False))
