"""Approvals through the real slack-bolt over a real socket: who may decide, what they are shown, and everything that counts for nothing."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any, cast

import pytest

from firedoor.approval import Answer, Ruling
from firedoor.channels.slack.blocks import APPROVE, DENY
from firedoor.errors import JournalError
from firedoor.journal import Kind
from firedoor.run import fold
from firedoor.vendors.slack.delivery import Ack
from firedoor.vendors.slack.people import NotOffered
from firedoor.vendors.slack.raw import Raw
from firedoor.vendors.slack.world import View
from tests.channels.slack.scene import ROOM, Scene


@pytest.fixture
def stage(either: Scene) -> Scene:
    """All of this holds in both ways."""
    return either


def view_of(stage: Scene, member: str) -> View:
    return stage.slack.world.modals[member][-1]


async def forge(stage: Scene, member: str, view: View) -> Ack:
    """A submission as an attacker on the wire would write it: any member, any content."""
    acts = stage.slack._people.acts
    view = replace(view, values={"reason": {"text": {"type": "plain_text_input", "value": None}}})
    return await stage.deliver("interactive", acts.payloads.submission(stage.slack.world.user(member), view))


def forged(view: View, **changed: object) -> View:
    return replace(view, definition=cast("Raw", {**view.definition, **changed}))


async def test_from_the_request_to_a_contained_run(stage: Scene) -> None:
    run = await stage.ask()
    request = await stage.request()
    assert "Ada asks for approval, run r1" in request.shown
    assert "shut front/k1 (status: open → shut)" in request.shown
    modal = await stage.open("ben")
    record = fold("r1", await stage.lab.events())
    assert record.request is not None
    for words in (
        "Ada asks to run Shut the doors",
        "It needs 1 approval",
        "shut front/k2",
        "Already so",
        "back is shut",
        "nobody shuts the safe",
    ):
        assert words in modal.shown
    assert record.request.fingerprint in modal.shown
    assert f"<!date^{int(record.request.expires.timestamp())}^" in modal.shown
    assert (await stage.submit("ben", "seen the alert")).title == "Recorded"
    report = await run
    assert report["outcome"] == "partial"  # the safe is refused by the guard
    assert sorted(stage.lab.vendor.effects) == ["shut front/k1", "shut front/k2"]

    [decision] = await stage.decisions()
    assert (decision.by, decision.via, decision.reason, decision.answer) == ("Ben", "slack:U0BEN", "seen the alert", Answer.APPROVE)
    assert stage.lab.seal.holds(decision)
    assert not stage.lab.seal.holds(replace(decision, by="Cyd"))

    first, progress, end = await stage.thread()
    assert (first.ts, first.buttons) == (request.ts, [])
    assert "partial: Approved by Ben (seen the alert)" in first.shown
    assert progress.thread_ts == end.thread_ts == request.ts
    assert "3 of 3 steps ended" in progress.shown
    assert "NOT contained: 1 of 3 steps still open" in end.shown
    with pytest.raises(NotOffered, match="no_such_element"):
        await stage.people["cyd"].click(ROOM, request.ts, APPROVE)
    assert [request.error for request in stage.slack.requests if request.error] == []


async def test_the_buttons_go_at_the_ruling_and_not_only_at_the_end(stage: Scene) -> None:
    held = asyncio.Event()

    async def hold(effect: Any) -> None:
        await held.wait()
        effect()

    stage.lab.vendor.doors = {"front": {"k1": "open"}}  # nothing else ends meanwhile
    stage.lab.vendor.on_apply.append(hold)
    run = await stage.ask()
    await stage.open("ben")
    await stage.submit("ben")
    await stage.people["ada"].wait_for_message(ROOM, lambda one: not one.buttons and "Approved by Ben" in one.shown, 10)
    assert not run.done()
    held.set()
    await run


async def test_a_denial_is_final_and_says_why(stage: Scene) -> None:
    run = await stage.ask()
    await stage.open("ben", action=DENY)
    with pytest.raises(NotOffered, match="required_field_empty"):
        await stage.people["ben"].submit({})
    await stage.submit("ben", "*wrong* <!channel>")
    assert (await run)["outcome"] == "denied"
    assert not stage.lab.vendor.effects
    first, *_ = await stage.thread()
    assert "Denied by Ben (*wrong* &lt;!channel&gt;); nothing was changed" in first.shown
    assert not first.buttons


REFUSED = [
    ("ada", "you asked for this run yourself"),
    ("eve", "you are not on Firedoor's roster"),
    ("gus", "you are not on Firedoor's roster"),
    ("far", "you are not on Firedoor's roster"),  # listed, yet of another workspace: the same id there is another person
]


@pytest.mark.parametrize(("name", "words", "action"), [*[(*case, APPROVE) for case in REFUSED], (*REFUSED[0], DENY)])
async def test_who_may_not_decide_is_told_alone(stage: Scene, name: str, words: str, action: str) -> None:
    await stage.ask()
    assert (await stage.people[name].click(ROOM, (await stage.request()).ts, action)).ok
    assert words in (await stage.told(name)).shown
    assert await stage.people[name].modal() is None
    for other in stage.people.keys() - {name}:
        assert not [one for one in await stage.people[other].messages(ROOM) if one.ephemeral]

    await stage.open("ben")
    ack = await forge(stage, f"U0{name.upper()}", view_of(stage, "U0BEN"))
    assert words in str(ack.payload)
    assert await stage.decisions() == []


async def test_a_bot_cannot_decide(stage: Scene) -> None:
    await stage.ask()
    await stage.open("ben")
    ack = await forge(stage, "U0BOT", view_of(stage, "U0BEN"))
    assert (ack.came, ack.payload) == (True, {})
    assert await stage.decisions() == []


async def test_an_expired_request_takes_no_decision(stage: Scene) -> None:
    run = await stage.ask(minutes=0.02)
    await stage.open("ben")
    assert (await run)["outcome"] == "expired"
    assert "it was expired" in (await stage.submit("ben")).shown
    assert await stage.decisions() == []
    first, *_ = await stage.thread()
    assert "Expired" in first.shown
    assert not first.buttons


async def test_two_approvals_are_of_two_people(stage: Scene) -> None:
    run = await stage.ask(at_least=2)
    await stage.open("ben")
    view = view_of(stage, "U0BEN")
    await stage.submit("ben")
    await stage.people["cyd"].wait_for_message(ROOM, lambda one: bool(one.buttons) and "given so far by Ben" in one.shown, 10)
    await stage.people["ben"].click(ROOM, (await stage.request()).ts, APPROVE)
    assert "already" in (await stage.told("ben")).shown
    ack = await forge(stage, "U0BEN", view)
    assert "already" in str(ack.payload)
    assert len(await stage.decisions()) == 1
    assert not run.done()
    assert "given so far by Ben" in (await stage.open("cyd")).shown
    await stage.submit("cyd")
    await run
    assert [one.by for one in await stage.decisions()] == ["Ben", "Cyd"]


async def test_a_double_click_decides_once(stage: Scene) -> None:
    run = await stage.ask(at_least=2)
    ben, post = stage.people["ben"], await stage.request()
    await asyncio.gather(ben.click(ROOM, post.ts, APPROVE), ben.click(ROOM, post.ts, APPROVE))
    await ben.wait_for_modal(lambda modal: bool(modal.submit), 10)
    view = view_of(stage, "U0BEN")
    acks = await asyncio.gather(forge(stage, "U0BEN", view), forge(stage, "U0BEN", view))
    assert sorted("Recorded" in str(ack.payload) for ack in acks) == [False, True]
    assert len(await stage.decisions()) == 1
    assert not run.done()


async def test_two_modals_submitted_at_once_make_one_ruling(stage: Scene) -> None:
    run = await stage.ask()
    await stage.open("ben")
    await stage.open("cyd")
    titles = {(await one).title for one in (asyncio.create_task(stage.submit("ben")), asyncio.create_task(stage.submit("cyd")))}
    await run
    assert titles <= {"Recorded", "Not recorded"}
    assert "Recorded" in titles
    assert (await stage.lab.kinds()).count(Kind.CLOSED) == 1
    assert set(stage.lab.vendor.effects.values()) == {1}


async def test_a_modal_that_was_open_when_somebody_denied_counts_for_nothing(stage: Scene) -> None:
    run = await stage.ask()
    await stage.open("cyd")
    await stage.open("ben", action=DENY)
    await stage.submit("ben", "no")
    assert (await run)["outcome"] == "denied"
    assert "it was denied" in (await stage.submit("cyd")).shown
    assert [one.answer for one in await stage.decisions()] == [Answer.DENY]
    assert not stage.lab.vendor.effects


FORGED = [
    ("r1 approve sha256:" + "0" * 64, "what you were shown is not what is being asked now"),
    ("r1 approve", "this view is not as Firedoor made it"),
    ("r1 approve  C0INC 1.1", "this view is not as Firedoor made it"),
    ("r1 stop sha256:00", "this view is not as Firedoor made it"),
    ("r1 perhaps sha256:00", "this view is not as Firedoor made it"),
    ("r9 approve sha256:00", "there is no run"),
    ("", "this view is not as Firedoor made it"),
]


async def test_a_forged_view_decides_nothing(stage: Scene) -> None:
    await stage.ask()
    await stage.open("ben")
    view = view_of(stage, "U0BEN")
    for metadata, words in FORGED:
        ack = await forge(stage, "U0BEN", forged(view, private_metadata=metadata))
        assert words in str(ack.payload).replace("\\'", "'")
    assert await stage.decisions() == []


async def test_a_view_of_one_run_cannot_decide_another(stage: Scene) -> None:
    await stage.ask("r1")
    await stage.ask("r2")
    await stage.open("ben", run="r1")
    view = view_of(stage, "U0BEN")
    metadata = str(view.definition["private_metadata"]).replace("r1 ", "r2 ")
    assert "what you were shown is not" in str((await forge(stage, "U0BEN", forged(view, private_metadata=metadata))).payload)
    assert await stage.decisions("r1") == await stage.decisions("r2") == []


async def test_a_button_with_the_value_of_another_run_is_refused(stage: Scene) -> None:
    await stage.ask("r1")
    await stage.ask("r2")
    post = await stage.request("r1")
    message = stage.slack.world.messages[ROOM][post.ts]
    blocks = tuple(cast("Raw", eval(repr(block).replace("'value': 'r1'", "'value': 'r2'"))) for block in message.blocks)  # noqa: S307
    stage.slack.world.messages[ROOM][post.ts] = replace(message, blocks=blocks)
    await stage.people["ben"].click(ROOM, post.ts, APPROVE)
    assert "this button is not as Firedoor made it" in (await stage.told("ben")).shown
    assert await stage.people["ben"].modal() is None


async def test_a_button_that_nobody_knows_is_answered(stage: Scene) -> None:
    """As one that a thief of the token has put there. Left without an answer, Slack would show an error, and say nothing of why."""
    await stage.ask()
    message = stage.slack.world.messages[ROOM][(await stage.request()).ts]
    pressed: Raw = {"type": "button", "action_id": "deploy", "block_id": "decide:r1", "value": "r1"}
    payloads, ben = stage.slack._people.acts.payloads, stage.slack.world.user("U0BEN")
    assert (await stage.deliver("interactive", payloads.message_click(ben, stage.slack.world.channel(ROOM), message, pressed))).came
    assert "Firedoor knows no such button" in (await stage.told("ben")).shown


async def test_an_edited_message_does_not_mislead(stage: Scene) -> None:
    await stage.ask()
    post = await stage.request()
    message = stage.slack.world.messages[ROOM][post.ts]
    calm: Raw = {"type": "section", "text": {"type": "mrkdwn", "text": "Water the plants?"}}
    stage.slack.world.messages[ROOM][post.ts] = replace(message, blocks=(calm, message.blocks[-1]))
    modal = await stage.open("ben")
    assert "shut front/k1" in modal.shown
    assert "plants" not in modal.shown


async def test_what_is_delivered_twice_is_done_once(stage: Scene) -> None:
    acts, ada = stage.slack._people.acts, stage.slack.world.user("U0ADA")
    payload = acts.payloads.command(
        ada, stage.slack.world.channel(ROOM), "/firedoor", "contain leaked-aws-key access_keys=AKIAIOSFODNN7EXAMPLE"
    )
    assert (await stage.deliver("slash_commands", payload)).came
    assert (await stage.deliver("slash_commands", payload)).came
    await stage.told("ada")
    [run] = await stage.lab.journal.runs()
    await stage.open("ben", run=run)
    view = replace(view_of(stage, "U0BEN"), values={"reason": {"text": {"type": "plain_text_input", "value": None}}})
    submission = acts.payloads.submission(stage.slack.world.user("U0BEN"), view)
    first, second = [await stage.deliver("interactive", submission) for _ in range(2)]
    assert "Recorded" in str(first.payload)
    assert second.came
    assert second.payload == {}
    assert len(await stage.decisions(run)) == 1
    await stage.until(lambda: stage.recorded(Kind.FINISHED, run))


async def test_a_slow_journal_does_not_leave_the_person_waiting(stage: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firedoor.channels.slack.deciding.ACK_WITHIN", 0.0)
    go, decide = asyncio.Event(), stage.desk.decide

    async def slow(*arguments: Any, **named: Any) -> Any:
        await go.wait()
        return await decide(*arguments, **named)

    monkeypatch.setattr(stage.desk, "decide", slow)
    run = await stage.ask()
    await stage.open("ben")
    ben = stage.people["ben"]
    assert (await ben.submit({})).ok
    assert "being recorded" in (await ben.wait_for_modal(lambda modal: modal.title == "Recording", 10)).shown
    go.set()
    await ben.wait_for_modal(lambda modal: modal.title == "Recorded", 10)
    await run


@pytest.mark.parametrize(
    ("trouble", "words"), [(JournalError("the disk is full"), "the disk is full"), (KeyError("xoxb-secret"), "KeyError")]
)
async def test_trouble_behind_a_listener_is_told_and_does_not_end_the_app(
    stage: Scene, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, trouble: Exception, words: str
) -> None:
    run = await stage.ask()

    async def broken(*_: Any, **__: Any) -> Any:
        raise trouble

    with monkeypatch.context() as patch:
        patch.setattr(stage.desk, "may_decide", broken)
        await stage.people["ben"].click(ROOM, (await stage.request()).ts, APPROVE)
        assert words in (await stage.told("ben")).shown
    await stage.open("ben")
    with monkeypatch.context() as patch:
        patch.setattr(stage.desk, "decide", broken)
        assert words in (await stage.submit("ben")).shown
    await stage.people["ben"].close_modal()
    await stage.open("ben")
    await stage.submit("ben")
    await run
    assert [one.answer for one in await stage.decisions()] == [Answer.APPROVE]
    assert fold("r1", await stage.lab.events()).ruling is Ruling.GRANTED
    assert "xoxb-secret" not in caplog.text
