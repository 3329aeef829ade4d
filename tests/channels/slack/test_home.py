"""The home tab: what each person finds there, what its buttons do, and that it fits whatever there is to tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from firedoor.approval import Person
from firedoor.channels.slack import home
from firedoor.errors import JournalError
from firedoor.journal import Kind
from firedoor.model import Mode, Residual
from firedoor.situation import Situation, State
from firedoor.starts import Starts
from firedoor.vendors.slack.blocks import Surface, check_view
from firedoor.vendors.slack.people import words
from firedoor.vendors.slack.raw import Raw, mapping, objects
from tests.channels.slack.samples import HOSTILE, MARKER, NOW
from tests.channels.slack.scene import Scene
from tests.channels.slack.test_blocks import texts
from tests.channels.slack.test_forms import golden
from tests.channels.slack.test_ordering import KEY

ADA = Person(name="Ada", slack="U0ADA")


def runs(count: int, label: str = "") -> list[Situation]:
    """Each kind of run in turn: one that waits, one at work, one left open, one contained."""
    made = []
    for number in range(count):
        bare = Situation(
            run=f"260304-{number:06x}",
            title=f"Shut the doors{label}",
            mode=Mode.LIVE,
            requester=f"Ben{label}",
            asked=NOW,
            state=State.OVER,
            headline=f"Contained: 3 steps done and verified{label}",
            ended=NOW,
            residual=tuple(Residual(what=f"cookies {n}{label}", until=f"an hour{label}", closes_by=f"time{label}") for n in range(5)),
        )
        kinds = (
            replace(bare, state=State.WAITING, needed=2, expires=NOW + timedelta(minutes=30), ended=None, residual=()),
            replace(bare, state=State.RUNNING, ended=None, residual=()),
            replace(
                bare,
                left=True,
                headline="NOT contained: 5 of 6 steps still open",
                open=tuple(f"door {n} is FAILED{label}" for n in range(5)),
            ),
            bare,
        )
        made.append(kinds[number % 4])
    return made


def tab(count: int, label: str = "") -> Any:
    situations = runs(count, label)
    return home.home(replace(ADA, name=f"Ada{label}"), situations, [one.run for one in situations if one.state is State.WAITING], now=NOW)


@pytest.mark.parametrize("count", [0, 1, 10, 1000])
def test_golden(count: int) -> None:
    view = tab(count)
    check_view(view, Surface.HOME)
    golden(f"home-{count}", view)


@pytest.mark.parametrize("label", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("count", [1, 10, 1000])
def test_every_size_of_every_text_is_within_slacks_limits_and_is_inert(count: int, label: str) -> None:
    shown = [tab(count, label), home.nobody(label or "x")]
    for view in shown:
        check_view(view, Surface.HOME)
    for one in texts(shown):
        assert "<" not in one["text"]
        if one["type"] == "mrkdwn":
            assert one["verbatim"] is True
            assert MARKER not in one["text"]


def test_what_does_not_fit_is_counted() -> None:
    shown = words(tab(1000)["blocks"])
    assert f"… and {250 - home.MOST_WAITING} more" in shown
    going = shown.split("*Under way*")[1].split("*Left open*")[0]
    listed = [line for line in going.splitlines() if line.startswith("• ")]
    assert f"… and {250 - len(listed)} more" in going


def test_everybody_is_told_their_rights() -> None:
    assert home.rights(ADA) == "Ada, you may ask for runs, decide on those of others and stop any that you are not in."
    assert home.rights(replace(ADA, may_approve=False)) == "Ada, you may ask for runs and stop any that you are not in."
    assert home.rights(replace(ADA, may_request=False)) == "Ada, you may decide on those of others and stop any that you are not in."
    assert home.rights(replace(ADA, may_request=False, may_approve=False)) == "Ada, you may stop any that you are not in."


async def look(stage: Scene, name: str) -> Sequence[Raw]:
    """Somebody opens the tab; what stands there once it has been made anew."""
    before = mapping(mapping(stage.slack.state()["homes"]).get(f"U0{name.upper()}")).get("hash")
    await stage.people[name].home()

    async def anew() -> bool:
        return mapping(mapping(stage.slack.state()["homes"]).get(f"U0{name.upper()}")).get("hash") != before

    await stage.until(anew)
    return objects(mapping(mapping(stage.slack.state()["homes"])[f"U0{name.upper()}"])["blocks"])


def between(shown: str, first: str, last: str) -> str:
    return shown.partition(f"*{first}*")[2].partition(f"*{last}*")[0]


async def test_who_may_decide_finds_it_waiting_and_decides_from_there(either: Scene) -> None:
    stage = either
    run = await stage.ask()
    ada, ben = words(await look(stage, "ada")), words(await look(stage, "ben"))
    assert between(ada, "Waiting for you", "Under way").strip() == "Nothing."
    assert "r1 Shut the doors: waits for 1 approval until" in between(ada, "Under way", "Left open")
    assert "Shut the doors, run r1: waits for 1 approval until" in between(ben, "Waiting for you", "Under way")
    assert "Ben, you may ask for runs, decide on those of others and stop any that you are not in." in ben

    assert (await stage.people["ben"].click_at_home(home.LOOK)).ok
    modal = await stage.people["ben"].wait_for_modal(lambda one: bool(one.submit), 10)
    assert "shut front/k1 (status: open → shut)" in modal.shown
    assert (await stage.submit("ben", "seen the alert")).title == "Recorded"
    report = await run
    assert [one.by for one in await stage.decisions()] == ["Ben"]
    assert report["outcome"] == "partial"
    ended = words(await look(stage, "cyd"))
    assert between(ended, "Waiting for you", "Under way").strip() == "Nothing."
    left = between(ended, "Left open", "What may still live")
    assert "NOT contained: 1 of 3 steps still open" in left
    assert "✗ shut/door:safe is REFUSED" in left
    assert "cookies of front: until an hour" in ended.split("*What may still live*")[1]


async def test_a_denial_from_the_home_tab_is_one(stage: Scene) -> None:
    run = await stage.ask()
    await look(stage, "ben")
    assert (await stage.people["ben"].click_at_home(home.REFUSE)).ok
    await stage.people["ben"].wait_for_modal(lambda one: one.title == "Deny this run?", 10)
    await stage.submit("ben", "it was a test")
    assert (await run)["outcome"] == "denied"
    first, *_ = await stage.thread()
    assert "Denied by Ben (it was a test)" in first.shown


async def test_a_button_of_yesterday_decides_nothing(stage: Scene) -> None:
    run = await stage.ask()
    await look(stage, "ben")
    await stage.open("cyd")
    await stage.submit("cyd")
    await run
    assert (await stage.people["ben"].click_at_home(home.LOOK)).ok
    modal = await stage.people["ben"].wait_for_modal(lambda _: True, 10)
    assert (modal.title, modal.submit) == ("Not possible", "")
    assert "waits for no decision" in modal.shown
    assert [one.by for one in await stage.decisions()] == ["Cyd"]


@pytest.mark.parametrize(
    ("member", "block", "said"),
    [
        ("U0BEN", "home:r2", "not as Firedoor made it"),
        ("U0ADA", "home:r1", "you asked for this run yourself"),
        ("U0EVE", "home:r1", "not on"),
    ],
)
async def test_a_forged_button_opens_nothing(stage: Scene, member: str, block: str, said: str) -> None:
    await stage.ask()
    await look(stage, "ben")
    acts = stage.slack._people.acts
    view = replace(stage.slack.world.homes["U0BEN"], user=member)
    action: Raw = {"type": "button", "action_id": home.LOOK, "block_id": block, "value": "r1", "action_ts": "1.2"}
    payload = acts.payloads.view_click(stage.slack.world.user(member), view, action)
    assert (await stage.deliver("interactive", payload)).came
    modal = await stage.people[member[2:].lower()].wait_for_modal(lambda _: True, 10)
    assert said in modal.shown
    assert not modal.submit


@pytest.mark.parametrize(
    ("name", "said"), [("eve", "You are not on the roster"), ("gus", "You are not on the roster"), ("far", "another workspace")]
)
async def test_others_find_one_sentence(stage: Scene, name: str, said: str) -> None:
    await stage.ask()
    shown = words(await look(stage, name))
    assert said in shown
    assert "r1" not in shown
    assert len(shown.splitlines()) == 2


async def test_a_tab_is_made_anew_whenever_it_is_opened(stage: Scene) -> None:
    assert between(words(await look(stage, "ada")), "Under way", "Left open").strip() == "Nothing."
    await stage.ask()
    assert "r1" in words(await look(stage, "ada"))
    seen = stage.calls("views.publish")
    event: Raw = {"type": "app_home_opened", "user": "U0ADA", "tab": "messages", "channel": "D0ADA"}
    stage.slack._sockets.tell("app_home_opened", event)
    await look(stage, "ada")
    assert stage.calls("views.publish") == seen + 1, "another tab of the app is none of ours"


async def test_a_journal_that_fails_is_told(stage: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    async def lost(_self: Starts) -> list[Situation]:
        raise JournalError("the disk is full <!channel>")

    monkeypatch.setattr(Starts, "situations", lost)
    shown = words(await look(stage, "ada"))
    assert "the disk is full &lt;!channel&gt;" in shown


async def test_only_the_newest_runs_of_our_own_mode_are_looked_at(stage: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firedoor.starts.LOOKED_AT", 2)
    for number in range(3):
        assert "is planned" in await stage.say("ben", f"/firedoor contain leaked-aws-key access_keys={KEY[:-1]}{'ABC'[number]}")
        if number == 0:
            [first] = await stage.lab.journal.runs()
    await stage.lab.journal.append("a-drill", Kind.OPENED, {"mode": "drill"})
    await stage.lab.journal.append("broken", Kind.OPENED, {"mode": "live"})  # that cannot be read is the audit's business
    shown = words(await look(stage, "ada"))
    assert first not in shown
    assert "a-drill" not in shown
    assert len([one for one in (await look(stage, "ada")) if one["type"] == "actions"]) == 1
    monkeypatch.setattr("firedoor.starts.LOOKED_AT", 50)
    assert len([one for one in (await look(stage, "ada")) if one["type"] == "actions"]) == 3
