"""`firedoor serve` ends and starts again at any moment: buttons and modals of before still count, and nothing is doubled."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from firedoor.approval import Answer
from firedoor.channels.slack.blocks import APPROVE, DENY
from firedoor.channels.slack.posts import Posts
from firedoor.errors import BadInput
from firedoor.journal import Kind
from firedoor.vendors.slack.forms import fill
from firedoor.vendors.slack.raw import Raw, objects
from tests.channels.slack.scene import ROOM, Scene
from tests.channels.slack.test_ordering import FIELDS, became, form

Effect = Callable[[], None]


@pytest.fixture
def stage(either: Scene) -> Scene:
    """All of this holds in both ways."""
    return either


async def click(stage: Scene, name: str, action: str = APPROVE) -> Raw:
    """What the app is sent when somebody presses the button that stands now; it is not delivered."""
    world, acts = stage.slack.world, stage.slack._people.acts
    message = world.messages[ROOM][(await stage.request()).ts]
    [block] = [one for one in message.blocks if one.get("type") == "actions"]
    pressed: Raw = {"type": "button", "block_id": block["block_id"], "action_id": action, "value": "r1", "action_ts": "1.0"}
    return acts.payloads.message_click(world.user(f"U0{name.upper()}"), world.channel(ROOM), message, pressed)


async def submission(stage: Scene, name: str) -> Raw:
    """What the app is sent when somebody submits the modal that is open now; it is not delivered."""
    view = stage.slack.world.modals[f"U0{name.upper()}"][-1]
    filled = replace(view, values={"reason": {"text": {"type": "plain_text_input", "value": "an old view"}}})
    return stage.slack._people.acts.payloads.submission(stage.slack.world.user(f"U0{name.upper()}"), filled)


async def asked(stage: Scene) -> None:
    await stage.ask()


async def opened(stage: Scene) -> None:
    await stage.ask()
    await stage.open("ben")


async def submitted_while_nobody_was_there(stage: Scene) -> None:
    await opened(stage)
    await stage.end()
    assert (await stage.people["ben"].submit({})).error == "dispatch_failed"


async def decided(stage: Scene) -> None:
    """Recorded, and the process ends before the first write."""
    await stage.ask()
    await stage.open("ben")
    held(stage, first=False)
    await stage.submit("ben")
    await stage.until(lambda: begun(stage))


async def applying(stage: Scene) -> None:
    """A write has had its effect, and nobody has noted it."""
    await stage.ask()
    await stage.open("ben")
    held(stage, first=True)
    await stage.submit("ben")
    await stage.until(lambda: begun(stage))


async def over(stage: Scene) -> None:
    run = await stage.ask()
    await stage.open("ben")
    await stage.submit("ben")
    await run


def held(stage: Scene, *, first: bool) -> None:
    """The next write never comes back; ``first``: after its effect."""

    async def hold(effect: Effect) -> None:
        if first:
            effect()
        await asyncio.Event().wait()

    stage.lab.vendor.on_apply.append(hold)


async def begun(stage: Scene) -> bool:
    return any(call.startswith("apply ") for call in stage.lab.vendor.calls)


@pytest.mark.parametrize("moment", [asked, opened, submitted_while_nobody_was_there, decided, applying, over])
async def test_a_run_goes_on_in_the_next_process_as_if_nothing_had_been(
    stage: Scene, moment: Callable[[Scene], Awaitable[None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("firedoor.voices.GOODBYE_SECONDS", 20.0)  # the end is told before the run is let go
    await moment(stage)
    await stage.restart()
    if moment is not over:
        run = await stage.resume()
        if not await stage.decisions():
            if await stage.people["ben"].modal() is None:
                await stage.open("ben")
            assert (await stage.submit("ben")).title == "Recorded"
        await run
    assert [(one.by, one.answer) for one in await stage.decisions()] == [("Ben", Answer.APPROVE)]
    assert stage.lab.vendor.effects == {"shut front/k1": 1, "shut front/k2": 1}
    assert stage.posted() == 3
    assert not [one for one in await stage.thread() if one.buttons]
    await stage.restart()  # and once more, for good measure
    assert stage.posted() == 3


async def test_a_decision_counts_though_nobody_carries_the_run_just_then(stage: Scene) -> None:
    await opened(stage)
    await stage.restart()
    assert (await stage.submit("ben")).title == "Recorded"
    assert not stage.lab.vendor.effects
    await (await stage.resume())
    assert len(await stage.decisions()) == 1
    assert set(stage.lab.vendor.effects.values()) == {1}


async def test_old_buttons_and_modals_do_nothing_once_the_run_is_over(stage: Scene) -> None:
    """Out of order as can be: done before the run was decided, delivered after its end, to a process that knows none of it."""
    run = await stage.ask()
    clicks = [await click(stage, name, action) for name, action in (("ben", APPROVE), ("cyd", DENY), ("ada", APPROVE))]
    await stage.open("cyd", action=DENY)
    late = await submission(stage, "cyd")
    await stage.open("ben")
    await stage.submit("ben")
    await run
    kinds, posted = await stage.lab.kinds(), stage.posted()
    await stage.restart()
    for one, name in zip(clicks, ("ben", "cyd", "ada"), strict=True):
        assert (await stage.deliver("interactive", one)).came
        assert "waits for no decision" in (await stage.told(name)).shown
    assert "Not recorded" in str((await stage.deliver("interactive", late)).payload)
    assert await stage.lab.kinds() == kinds
    assert stage.posted() == posted
    assert set(stage.lab.vendor.effects.values()) == {1}


async def test_an_older_view_decides_its_own_run_and_no_newer_one(stage: Scene) -> None:
    first = await stage.ask("r1")
    await stage.open("ben", run="r1")
    old = await submission(stage, "ben")
    await stage.ask("r2")
    await stage.restart()
    assert "Recorded" in str((await stage.deliver("interactive", old)).payload)
    assert (len(await stage.decisions("r1")), len(await stage.decisions("r2"))) == (1, 0)
    assert first.cancelled()
    await (await stage.resume("r1"))
    assert not await stage.recorded(Kind.FINISHED, "r2")
    assert [one.value for post in await stage.thread() for one in post.buttons if one.action_id == APPROVE] == ["r2"]


async def test_a_denial_stays_one(stage: Scene) -> None:
    run = await stage.ask()
    await stage.open("cyd", action=DENY)
    await stage.open("ben")
    await stage.submit("cyd", "no")
    await run
    await stage.restart()
    assert "it was denied" in (await stage.submit("ben")).shown
    with pytest.raises(BadInput):
        await (await stage.resume())
    assert not stage.lab.vendor.effects


async def test_a_command_whose_process_died_before_the_plan_is_given_again(stage: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    began = asyncio.Event()

    async def hang(*_: Any) -> Any:
        began.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(stage.small, "contain", hang)
    line = "/firedoor contain leaked-aws-key access_keys=AKIAIOSFODNN7EXAMPLE"
    assert (await stage.people["ada"].command(ROOM, line)).ok
    await began.wait()
    await stage.restart()
    assert not await stage.lab.journal.runs()
    assert "is planned" in await stage.say("ada", line)
    assert len(await stage.lab.journal.runs()) == 1


async def test_a_form_whose_process_died_before_the_plan_begins_its_run_with_the_next_delivery(
    stage: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = asyncio.Event()

    async def hang(*_: Any) -> Any:
        began.set()
        await asyncio.Event().wait()

    await form(stage)
    acts, view = stage.slack._people.acts, stage.slack.world.modals["U0ADA"][-1]
    filled = fill(objects(view.definition["blocks"]), view.values, FIELDS)
    payload = acts.payloads.submission(stage.slack.world.user("U0ADA"), replace(view, values=filled))
    with monkeypatch.context() as patch:
        patch.setattr(stage.small, "contain", hang)
        assert "Planning" in str((await stage.deliver("interactive", payload)).payload)
        await began.wait()
        await asyncio.sleep(0.1)  # the listener waits for the plan
        await stage.restart()
    assert not await stage.lab.journal.runs()
    assert "Planning" in str((await stage.deliver("interactive", payload)).payload)
    assert "is planned" in await became(stage)
    await stage.restart()
    assert "was begun before" in str((await stage.deliver("interactive", payload)).payload)
    assert (await stage.deliver("interactive", payload)).payload == {}
    assert len(await stage.lab.journal.runs()) == 1


async def test_a_process_that_died_while_it_posted_posts_nothing_twice(stage: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each message in turn is there, and nobody has noted where."""
    noted = Posts._note
    for what in ("request", "progress", "report"):

        async def dies(self: Posts, run: str, kind: str, place: str, *, at: str = what) -> None:
            if kind == at:
                await asyncio.Event().wait()
            await noted(self, run, kind, place)

        with monkeypatch.context() as patch:
            patch.setattr(Posts, "_note", dies)
            if what == "request":
                await stage.ask(post=False)
                await stage.request()
            elif what == "progress":
                await stage.resume()
                await stage.open("ben")
                await stage.submit("ben")
                await stage.until(lambda: so_many(stage, 2))
            else:
                await stage.resume()
                await stage.until(lambda: so_many(stage, 3))
        await stage.restart()
    await (await stage.resume())
    assert stage.posted() == 3
    assert set(stage.lab.vendor.effects.values()) == {1}


async def so_many(stage: Scene, posted: int) -> bool:
    return stage.posted() == posted
