"""Whom Slack calls for a decision: those who may make it, and are there."""

from __future__ import annotations

from dataclasses import replace

from firedoor.approval import Person, Roster
from firedoor.channels.slack.audience import Audience
from tests.channels.slack import samples

ADA, BEN, CEM = (Person(name=name, slack=f"U0{name.upper()}") for name in ("Ada", "Ben", "Cem"))


def called(*people: Person, urgency: int = 0) -> str:
    request = replace(samples.ask(1).request, requester="Ada")
    return Audience(roster=Roster(people=people), team="T0").mention(request, urgency=urgency)


def test_whoever_may_decide_is_called_by_their_id() -> None:
    assert called(ADA, BEN, CEM) == "<@U0BEN> <@U0CEM>"


def test_who_is_not_in_slack_is_not_called_there() -> None:
    assert called(ADA, replace(BEN, slack=""), CEM) == "<@U0CEM>"
    assert called(ADA, replace(BEN, slack=""), replace(CEM, slack="")) == ""
    assert called(ADA, replace(BEN, slack=""), replace(CEM, slack=""), urgency=2) == "<!channel>"
