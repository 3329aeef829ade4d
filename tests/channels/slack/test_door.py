"""The door, in both ways: what comes again, after a restart too, and what comes while the database is slow or fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest
from slack_bolt.async_app import AsyncApp

from firedoor.channels.slack import door, serving
from firedoor.channels.slack.app import listen
from firedoor.channels.slack.blocks import outcome
from firedoor.channels.slack.people import Payload
from firedoor.errors import JournalError
from firedoor.journal import Kind
from firedoor.seen import Seen
from firedoor.vendors.slack.delivery import Ack
from firedoor.vendors.slack.grants import Rules
from firedoor.vendors.slack.people import Modal
from firedoor.vendors.slack.raw import Raw
from firedoor.vendors.slack.text import plain, said
from tests.channels.slack.scene import ROOM, Scene, scene
from tests.channels.slack.signing import post, signed, written

START = "contain leaked-aws-key access_keys=AKIAIOSFODNN7EXAMPLE"
FORM: Raw = {**outcome("A form", "of a test"), "callback_id": "form", "submit": plain("Go")}


@dataclass(slots=True)
class Heard:
    """What reached the listeners of these tests; ``answer`` is the ack of the form."""

    commands: int = 0
    forms: int = 0
    events: list[str] = field(default_factory=list)
    answer: dict[str, Any] = field(default_factory=dict)


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Heard:
    """Listeners beside the app's own: a form that is claimed nowhere, and events."""
    found = Heard()

    def more(app: AsyncApp, **named: Any) -> None:
        listen(app, **named)

        @app.view("form")
        async def submitted(ack: Any) -> None:
            found.forms += 1
            await ack(**found.answer)

        @app.event("message")
        async def message(event: Payload) -> None:
            found.events.append(str(event["text"]))

    monkeypatch.setattr(serving, "listen", more)
    return found


@pytest.fixture(params=["socket", "http"])
async def stage(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, heard: Heard) -> AsyncIterator[Scene]:
    del heard
    rules = Rules(redelivery_seconds=(0.05, *[0.3] * 20))
    async with scene(tmp_path, monkeypatch, mode=request.param, rules=rules, events=["message.groups"]) as found:
        yield found


def command(stage: Scene, text: str = START) -> Raw:
    world = stage.slack.world
    return stage.slack._people.acts.payloads.command(world.user("U0ADA"), world.channel(ROOM), "/firedoor", text)


async def form(stage: Scene) -> Raw:
    """Ada opens the form; the payload of its submission."""
    trigger = stage.slack._grants.trigger("U0ADA")
    await stage.channel._posts._web.views_open(trigger_id=trigger, view=FORM)
    return stage.slack._people.acts.payloads.submission(stage.slack.world.user("U0ADA"), stage.slack.world.modals["U0ADA"][-1])


async def decision(stage: Scene) -> Raw:
    """Ben opens the modal of run r1; the payload of its submission."""
    await stage.open("ben")
    view = replace(stage.slack.world.modals["U0BEN"][-1], values={"reason": {"text": {"type": "plain_text_input", "value": None}}})
    return stage.slack._people.acts.payloads.submission(stage.slack.world.user("U0BEN"), view)


async def modal(stage: Scene, title: str) -> Modal:
    return await stage.people["ada"].wait_for_modal(lambda one: one.title == title, 10)


async def answers(stage: Scene, name: str = "ada") -> list[str]:
    return [one.text for one in await stage.people[name].messages(ROOM) if one.ephemeral]


def slow(stage: Scene, monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """The record of what was seen answers only once the event is set."""
    monkeypatch.setattr(door, "ACK_WITHIN", 0.1)
    monkeypatch.setattr(door, "EMPTY_ACK_WITHIN", 0.1)
    go, first = asyncio.Event(), stage.house.seen.first

    async def wait(*keys: str) -> bool:
        await go.wait()
        return await first(*keys)

    monkeypatch.setattr(stage.house.seen, "first", wait)
    return go


def failing(stage: Scene, monkeypatch: pytest.MonkeyPatch, *, times: int = 1) -> None:
    first, left = stage.house.seen.first, [None] * times

    async def fail(*keys: str) -> bool:
        if left:
            left.pop()
            raise JournalError("the disk is full")
        return await first(*keys)

    monkeypatch.setattr(stage.house.seen, "first", fail)


async def event(stage: Scene, text: str) -> None:
    """Ada says something, and it has been delivered to the end."""
    await stage.people["ada"].say(ROOM, text)
    await stage.until(lambda: delivered(stage))


async def delivered(stage: Scene) -> bool:
    return not any(way._tasks for way in (stage.slack._sockets, *stage.slack._signed))


async def test_what_comes_again_is_acked_and_changes_nothing(stage: Scene, heard: Heard) -> None:
    payload = command(stage)
    acks = await asyncio.gather(*(stage.deliver("slash_commands", payload) for _ in range(3)))
    assert [(ack.came, ack.payload) for ack in acks] == [(True, {})] * 3
    await stage.told("ada")
    assert len(await stage.lab.journal.runs()) == 1
    submitted = await form(stage)
    assert [(await stage.deliver("interactive", submitted)).came for _ in range(2)] == [True, True]
    assert heard.forms == 1
    assert len(await answers(stage)) == 1


async def test_what_is_done_again_is_heard_again(stage: Scene, heard: Heard) -> None:
    heard.answer = {"response_action": "errors", "errors": {"why": "too short"}}
    first = await form(stage)
    view = stage.slack.world.modals["U0ADA"][-1]
    again = stage.slack._people.acts.payloads.submission(stage.slack.world.user("U0ADA"), view)
    assert cast("Raw", first["view"])["hash"] == cast("Raw", again["view"])["hash"]
    for payload in (first, again):
        await stage.deliver("interactive", payload)
    assert heard.forms == 2
    for _ in range(2):
        await stage.deliver("slash_commands", command(stage, "status"))
    await stage.until(lambda: told(stage, 2))


async def told(stage: Scene, times: int) -> bool:
    return len(await answers(stage)) == times


async def test_an_event_whose_ack_was_lost_comes_again_and_is_heard_once(stage: Scene, heard: Heard) -> None:
    short(stage)
    took = door.Door.take

    async def lost(self: door.Door, request: Any, *, signature: str = "") -> Any:
        response = await took(self, request, signature=signature)
        response.status = 200 if "x-slack-retry-num" in request.headers and request.headers["x-slack-retry-num"] != ["0"] else 500
        return response

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(door.Door, "take", lost)
        await event(stage, "hello")
    assert heard.events == ["hello"]
    assert [one.attempts for one in stage.slack.deliveries if one.kind == "events_api"] == [2]


async def test_a_decision_whose_first_delivery_died_is_recorded_by_the_next(stage: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    await stage.ask()
    payload = await decision(stage)
    begun = asyncio.Event()

    async def dies(*_: Any, **__: Any) -> Any:
        begun.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(stage.desk, "decide", dies)
    first = asyncio.create_task(stage.deliver("interactive", payload))
    await begun.wait()
    await stage.restart()
    await first
    assert await stage.decisions() == []
    assert "Recorded" in str((await stage.deliver("interactive", payload)).payload)
    assert len(await stage.decisions()) == 1
    await stage.restart()
    assert "you have decided on this already" in str((await stage.deliver("interactive", payload)).payload)
    assert len(await stage.decisions()) == 1
    await (await stage.resume())
    assert set(stage.lab.vendor.effects.values()) == {1}


async def test_a_command_that_comes_again_after_a_restart_begins_nothing_and_the_person_is_told(stage: Scene) -> None:
    payload = command(stage)
    await stage.deliver("slash_commands", payload)
    await stage.told("ada")
    before = len(await answers(stage))
    await stage.restart()
    for _ in range(2):
        assert (await stage.deliver("slash_commands", payload)).came
    await stage.until(lambda: told(stage, before + 1))
    assert "has had this before" in (await answers(stage))[-1]
    assert len(await stage.lab.journal.runs()) == 1
    assert (await stage.deliver("slash_commands", command(stage, "status"))).came  # another act is another act
    await stage.until(lambda: told(stage, before + 2))


async def test_a_form_that_comes_again_after_a_restart_says_so_in_its_place(stage: Scene, heard: Heard) -> None:
    payload = await form(stage)
    await stage.deliver("interactive", payload)
    await stage.restart()
    assert "has had this before" in str((await stage.deliver("interactive", payload)).payload)
    assert heard.forms == 1


async def test_while_the_database_is_slow_the_ack_comes_first_and_the_rest_follows(
    stage: Scene, monkeypatch: pytest.MonkeyPatch, heard: Heard
) -> None:
    go = slow(stage, monkeypatch)
    assert (await stage.deliver("slash_commands", command(stage))).came
    await form(stage)
    assert (await stage.people["ada"].submit({})).ok
    assert "slow just now" in (await modal(stage, "Still at it")).shown
    assert not await stage.lab.journal.runs()
    assert not heard.forms
    heard.answer = {"response_action": "update", "view": {**FORM, "title": plain("The answer"), "blocks": [said("here")]}}
    go.set()
    await modal(stage, "The answer")
    assert "is planned" in (await stage.told("ada")).text
    assert len(await stage.lab.journal.runs()) == 1


@pytest.mark.parametrize(("answer", "title"), [({}, "Taken"), ({"response_action": "errors", "errors": {"why": "too short"}}, "Not taken")])
async def test_a_late_answer_of_any_kind_is_told(
    stage: Scene, monkeypatch: pytest.MonkeyPatch, heard: Heard, answer: dict[str, Any], title: str
) -> None:
    go, heard.answer = slow(stage, monkeypatch), answer
    await form(stage)
    await stage.people["ada"].submit({})
    go.set()
    await modal(stage, title)


async def test_where_the_database_fails_nothing_is_begun_and_the_person_gets_words(
    stage: Scene, monkeypatch: pytest.MonkeyPatch, heard: Heard
) -> None:
    failing(stage, monkeypatch, times=2)
    payload = command(stage)
    assert (await stage.deliver("slash_commands", payload)).came
    assert "the disk is full" in (await stage.told("ada")).text
    await form(stage)
    assert (await stage.people["ada"].submit({})).ok
    assert "the disk is full" in (await modal(stage, "Not done")).shown
    assert not await stage.lab.journal.runs()
    assert not heard.forms
    await stage.deliver("slash_commands", payload)  # nobody has seen it: it may come again
    await stage.until(lambda: told(stage, 2))
    assert len(await stage.lab.journal.runs()) == 1


async def test_an_event_that_could_not_be_recorded_is_left_for_slack_to_deliver_again(
    stage: Scene, monkeypatch: pytest.MonkeyPatch, heard: Heard
) -> None:
    short(stage)
    failing(stage, monkeypatch, times=2)
    await event(stage, "hello")
    assert heard.events == ["hello"]
    assert [one.attempts for one in stage.slack.deliveries if one.kind == "events_api"] == [3]
    assert await answers(stage) == []


def short(stage: Scene) -> None:
    """Slack waits less long for an ack."""
    for way in (stage.slack._sockets, *stage.slack._signed):
        way._rules = replace(way._rules, ack_seconds=0.3)


async def test_an_event_is_heard_once_however_slow_the_database(stage: Scene, monkeypatch: pytest.MonkeyPatch, heard: Heard) -> None:
    short(stage)
    go = slow(stage, monkeypatch)
    await stage.people["ada"].say(ROOM, "hello")

    async def repeated() -> bool:
        return [one.attempts for one in stage.slack.deliveries if one.kind == "events_api"] == [2]

    await stage.until(repeated)
    assert heard.events == []
    go.set()
    await stage.until(lambda: delivered(stage))
    assert heard.events == ["hello"]
    assert all(one.acked for one in stage.slack.deliveries)


async def test_an_event_that_nobody_listens_for_is_acked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with scene(tmp_path, monkeypatch, events=["message.groups"]) as stage:
        await event(stage, "hello")
        assert [(one.attempts, one.acked) for one in stage.slack.deliveries] == [(1, True)]


async def test_an_event_that_comes_again_after_a_restart_is_not_heard_again_and_its_author_is_told(stage: Scene, heard: Heard) -> None:
    short(stage)
    took = Seen.first

    async def dies(self: Seen, *keys: str) -> bool:
        await took(self, *keys)
        await asyncio.Event().wait()
        return True

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Seen, "first", dies)
        await stage.people["ada"].say(ROOM, "hello")

        async def kept() -> bool:
            return bool(await rows(stage))

        await stage.until(kept)
    await stage.restart()
    await stage.until(lambda: delivered(stage))
    assert heard.events == []
    assert "has had this before" in (await stage.told("ada")).text


async def rows(stage: Scene) -> int:
    async with stage.lab.store.reading() as connection:
        return len((await connection.exec_driver_sql("SELECT * FROM seen")).all())


async def test_a_captured_request_can_be_replayed_in_vain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The verifier would take it any number of times within five minutes."""
    async with scene(tmp_path, monkeypatch, mode="http") as stage:
        await stage.ask()
        sent = [signed(written(command(stage))), signed(written(await decision(stage)))]
        assert [await answer(stage, one) for one in sent] == ["", "Recorded"]
        await stage.until(lambda: told(stage, 1))
        posted = stage.posted()
        for _ in range(3):
            assert [await answer(stage, one) for one in sent] == ["", ""]
        assert len(await stage.lab.journal.runs()) == 2
        assert len(await stage.decisions()) == 1
        await stage.until(lambda: stage.recorded(Kind.FINISHED))
        await stage.restart()
        assert [await answer(stage, one) for one in sent] == ["", "Not recorded"]
        assert [await answer(stage, one) for one in sent] == ["", ""]
        assert len(await stage.lab.journal.runs()) == 2
        assert len(await stage.decisions()) == 1
        assert stage.posted() >= posted
        assert set(stage.lab.vendor.effects.values()) == {1}


async def answer(stage: Scene, sent: Any) -> str:
    """The title of the view that is answered, if any; the answer's status is 200."""
    status, text, _ = await post(stage.url, sent)
    assert status == 200
    return next((title for title in ("Not recorded", "Recorded") if title in text), text)


async def test_buttons_that_only_open_a_view_need_no_database(stage: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    await stage.ask()
    slow(stage, monkeypatch)
    await stage.open("ben")
    assert (await stage.submit("ben")).title == "Recorded"


async def test_what_still_waits_at_the_end_is_ended(stage: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    slow(stage, monkeypatch)
    ack: Ack = await stage.deliver("slash_commands", command(stage))
    assert ack.came
    before = len(asyncio.all_tasks())
    await stage.end()
    assert len(asyncio.all_tasks()) < before
