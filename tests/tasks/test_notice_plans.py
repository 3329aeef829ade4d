"""What a notice's plans make of a world that moved while nobody looked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from firedoor.canonical import canonical, plain
from firedoor.model import Briefing, Receipt
from firedoor.vendors.slack.notices import in_brief
from firedoor.vendors.slack.problems import TooLong
from firedoor.vendors.slack.values import Notice
from tasks.slack.notify import NoticeState, Notify, Place
from tests.tasks.harness import room

ACTION = Notify(cast("Any", None))
BRIEFING = Briefing(run="r7", incident="inc-7", title="Contain ada@acme.example", text="ada@acme.example is suspended")
NOTICE = Notice(channel="C0INC", name="incidents").briefed(BRIEFING)
POSTED = [Receipt(change="post", at=datetime(2023, 11, 23, 16, tzinfo=UTC), facts={"did": "post"})]


def test_a_notice_that_people_have_written_below_is_left_alone() -> None:
    alone = ACTION.plan_undo(NOTICE, POSTED, NoticeState(place=Place.OPEN, posted="1.1"))
    assert [change.at for change in alone.changes] == [{"channel": "C0INC", "ts": "1.1"}]
    answered = ACTION.plan_undo(NOTICE, POSTED, NoticeState(place=Place.OPEN, posted="1.1", answered=True))
    assert "people have written below" in answered.impossible


def test_a_notice_that_is_gone_needs_no_undoing() -> None:
    assert "any more" in ACTION.plan_undo(NOTICE, POSTED, NoticeState(place=Place.OPEN)).reason
    ours = [Receipt(change="post", at=POSTED[0].at, settled="refusal")]
    assert "posted no notice" in ACTION.plan_undo(NOTICE, ours, NoticeState(place=Place.OPEN, posted="1.1")).reason


def test_one_notice_is_one_effect_whatever_it_says_by_then() -> None:
    """A report that grew, or a member who came, must not make a second message after a reply that was lost."""
    grown = NOTICE.briefed(Briefing(run="r7", incident="inc-7", title="Contain", text="more"))
    free, barred = NoticeState(place=Place.OPEN), NoticeState(place=Place.OPEN, withheld="the channel is public")
    plans = [ACTION.plan(NOTICE, free), ACTION.plan(grown, free), ACTION.plan(NOTICE, barred)]
    assert len({change.effect("slack.notify") for plan in plans for change in plan.changes}) == 1
    assert len({change.digest("slack.notify") for plan in plans for change in plan.changes}) == 3


@pytest.mark.parametrize("withheld", ["the channel is public", "a target of the run is a member of the channel"])
def test_what_is_withheld_is_nowhere_in_what_is_posted(withheld: str) -> None:
    change = ACTION.plan(NOTICE, NoticeState(place=Place.OPEN, withheld=withheld)).changes[0]
    words = canonical(plain(change.before)) + repr(in_brief(NOTICE))
    assert not [part for part in ("ada", "acme", "suspend", "Contain", "public", "member", "target") if part in words]


async def test_a_notice_is_not_looked_for_before_its_first_intent() -> None:
    payload = {"run": "r7", "incident": "inc-7"}
    told = {
        "channel": "C0INC",
        "by": "app",
        "text": "x",
        "ago": 3600,
        "metadata": {"event_type": "firedoor_notice", "event_payload": payload},
    }
    channel = {"id": "C0INC", "name": "incidents", "private": True, "members": ["U0BOT"]}
    async with room("slack.notify", {"channels": [channel], "messages": [told]}, lag={}, settle=1.0) as at:
        assert (await at.action.read(NOTICE)).posted
        now = await at.action.clock(NOTICE)
        assert (await at.action.read(NOTICE.bound(now - timedelta(hours=2)))).posted
        assert not (await at.action.read(NOTICE.bound(now))).posted


async def test_a_flooded_channel_brings_forth_the_first_notice_and_no_second_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firedoor.vendors.slack.client.PAGE", 1)
    monkeypatch.setattr("firedoor.vendors.slack.client.MOST_PAGES", 2)
    channel = {"id": "C0INC", "name": "incidents", "private": True, "members": ["U0BOT", "U0EVE"]}
    flood = [{"channel": "C0INC", "by": "U0EVE", "text": "x", "ago": 60 - n} for n in range(5)]
    world = {"users": [{"id": "U0EVE", "name": "eve", "email": "eve@acme.example"}], "channels": [channel], "messages": flood}
    async with room("slack.notify", world, lag={}, settle=1.0) as at:
        plan = at.action.plan(NOTICE, await at.action.read(NOTICE))
        assert [change.key for change in plan.changes] == ["post"], "no intent yet, so none of ours stands there"
        with pytest.raises(TooLong):
            await at.action.read(NOTICE.bound(await at.action.clock(NOTICE) - timedelta(minutes=5)))
