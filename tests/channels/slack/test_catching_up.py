"""Slack is out of reach at any moment of a run: the run goes on, and the channel ends up as if nothing had been, nothing said twice."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from firedoor.approval import Answer
from firedoor.channel import Channel
from firedoor.channels.slack import limits
from firedoor.channels.slack.catching_up import CatchingUp, recent
from firedoor.channels.slack.channel import SlackChannel, is_told
from firedoor.channels.slack.posts import Posts
from firedoor.channels.terminal import Terminal
from firedoor.errors import ChannelError
from firedoor.journal import Kind
from firedoor.model import Mode
from firedoor.stage import Plainly
from firedoor.vendors.faults import Fault
from firedoor.vendors.slack.world import Message
from tests import fakes
from tests.channels.slack.scene import DOORS, ROOM, Report, Scene, scene
from tests.channels.slack.test_telling import another

Strike = Callable[[Scene], Awaitable[None]]
METHODS = ("chat.postMessage", "chat.update", "conversations.history", "conversations.replies")
BUSY = Fault(operation="", status=429, body='{"ok": false, "error": "ratelimited"}', headers={"Retry-After": "30"})
VARIES = re.compile(r"(sha256:)?[0-9a-f]{12,}|<!date[^>]*>|\d+(\.\d+)? ?s\b|\d+:\d+")


@pytest.fixture
async def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    monkeypatch.setattr("firedoor.channels.slack.serving.TIMEOUT_SECONDS", 0.25)
    monkeypatch.setattr("firedoor.channels.slack.catching_up.QUIET_SECONDS", 0.0)

    async def waits(seconds: float) -> None:
        await asyncio.sleep(seconds / 100)

    monkeypatch.setattr(limits, "pause", waits)
    async with scene(tmp_path, monkeypatch, listens=False, lined=True) as found:
        yield found


async def refuses(stage: Scene) -> None:
    await stage.line.shut()


async def is_silent(stage: Scene) -> None:
    stage.line.silent = True


async def fails(stage: Scene) -> None:
    for method in METHODS:
        stage.slack.faults.plan(Fault(operation=method, status=500, body="no"), times=500)


async def is_busy(stage: Scene) -> None:
    for method in METHODS:
        busy = Fault(operation=method, status=BUSY.status, body=BUSY.body, headers=BUSY.headers)
        stage.slack.faults.plan(busy, times=500)


async def back(stage: Scene) -> None:
    """Slack is there again."""
    stage.slack.faults._planned.clear()
    stage.line.silent = False
    await stage.line.shut()  # what was sent into the silence is lost
    await stage.line.open()


async def contained(stage: Scene, run: str, *, strike: Strike | None = None, moment: str = "") -> Report:
    """A run that Ben approves at a terminal; Slack is struck at the moment."""
    vendor, channel = stage.lab.vendor, stage.channel
    vendor.doors = {name: dict(keys) for name, keys in DOORS.items()}

    async def struck() -> None:
        if strike is not None:
            await strike(stage)

    async def before_the_first_write(effect: fakes.Effect) -> None:
        await struck()
        effect()

    async def after_the_first_progress(effect: fakes.Effect) -> None:
        await stage.until(lambda: _so_many(stage, before + 2))
        await struck()
        effect()

    before = stage.posted()
    if moment in ("before the start", "before the request"):
        await struck()
    if moment == "in mid-run":
        vendor.on_apply.append(before_the_first_write)
    if moment == "before the end":
        vendor.on_apply.append(after_the_first_progress)
    heard: Channel = Terminal(lambda _: None) if moment == "before the start" else channel
    engine = stage.lab.engine(journal=stage.lab.journal, channel=heard)
    job = asyncio.create_task(_contain(engine, stage, run))
    await stage.until(lambda: stage.recorded(Kind.REQUESTED, run))
    if moment not in ("before the start", "before the request"):
        await stage.until(lambda: stage.noted(run))
    if moment == "before the decision":
        await struck()
    await stage.desk.decide(run, stage.desk.roster.by_name("Ben"), Answer.APPROVE, via="terminal")
    return await job


async def _contain(engine: object, stage: Scene, run: str) -> Report:
    job: Awaitable[Report] = engine.contain(stage.lab.order(run), fakes.book(), Plainly())  # type: ignore[attr-defined]
    return await job


async def _so_many(stage: Scene, posted: int) -> bool:
    return stage.posted() >= posted


async def told(stage: Scene, run: str) -> bool:
    return is_told(await stage.lab.events(run))


def catching(stage: Scene, channel: SlackChannel) -> CatchingUp:
    return CatchingUp(channel, stage.lab.journal, recent(stage.lab.journal, Mode.LIVE))


async def shown(stage: Scene, run: str) -> Sequence[tuple[str, int]]:
    """What the run's thread says, and how many buttons each of its messages has."""
    posts = await stage.thread()
    [root] = [one for one in posts if not one.thread_ts and re.search(rf"\b{run}\b", one.shown)]
    return [(VARIES.sub("#", one.shown).replace(run, "RUN"), len(one.buttons)) for one in posts if root.ts in (one.ts, one.thread_ts)]


MOMENTS = ("before the start", "before the request", "before the decision", "in mid-run", "before the end")


@pytest.mark.parametrize(
    ("strike", "moments"), [(refuses, MOMENTS), (is_silent, MOMENTS[1:2]), (fails, MOMENTS[2:4]), (is_busy, MOMENTS[3:])]
)
async def test_the_thread_is_caught_up_and_nothing_stands_twice(
    stage: Scene, strike: Strike, moments: Sequence[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By two processes at once."""
    monkeypatch.setattr("firedoor.lease.RETRY_SECONDS", 0.01)
    calm = await contained(stage, "calm")
    assert calm["outcome"] == "partial", "one door is protected"
    await stage.until(lambda: told(stage, "calm"))
    wanted = await shown(stage, "calm")
    assert [buttons for _, buttons in wanted] == [0, 0, 0]
    assert "Approved by Ben at a terminal" in wanted[0][0]
    monkeypatch.setattr("firedoor.voices.GOODBYE_SECONDS", 0.1)
    for number, moment in enumerate(moments):
        run = f"struck{number}"
        report = await contained(stage, run, strike=strike, moment=moment)
        assert [step["outcome"] for step in report["steps"]] == [step["outcome"] for step in calm["steps"]], moment
        assert not await told(stage, run), moment
        await back(stage)
        await asyncio.gather(catching(stage, stage.channel).once(), catching(stage, another(stage)).once())
        assert await shown(stage, run) == wanted, moment
        assert await told(stage, run), moment
        assert stage.posted() == 3 * (number + 2), moment
    assert set(stage.lab.vendor.effects.values()) == {1 + len(moments)}, "once a run"
    before = len(stage.slack.requests)
    assert await catching(stage, another(stage)).once()
    assert len(stage.slack.requests) == before, "what is told is not looked at again in Slack"


async def owing(stage: Scene, run: str = "r1") -> None:
    """A run over of which Slack has been told nothing, as of a process that died before it could."""
    await contained(stage, run, moment="before the start")
    assert not await told(stage, run)


async def test_a_lost_reply_is_found_again_however_much_was_said_there_since(stage: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    async def dies(self: Posts, run: str, what: str, place: str) -> None:
        del self, run, what, place
        raise ChannelError("as if the process had ended here")

    await owing(stage)
    with monkeypatch.context() as patch:
        patch.setattr(Posts, "_note", dies)
        assert not await catching(stage, stage.channel).once()
    assert stage.posted() == 1
    for number in range(450):  # three pages of history
        stage.slack.world.post(Message(channel=ROOM, ts="", user="U0EVE", text=f"noise {number}"))
    assert await catching(stage, another(stage)).once()
    assert stage.posted() == 3 + 450


async def test_a_run_that_waits_is_shown_once_slack_is_back_and_its_buttons_go_with_the_decision(stage: Scene) -> None:
    """The run's own process began without Slack, so that it is told by whoever listens there."""
    engine = stage.lab.engine(journal=stage.lab.journal, channel=Terminal(lambda _: None))
    job = asyncio.create_task(_contain(engine, stage, "r1"))
    await stage.until(lambda: stage.recorded(Kind.REQUESTED))
    later = catching(stage, stage.channel)
    assert await later.once()
    [request] = await stage.thread()
    assert len(request.buttons) == 2
    updates = stage.calls("chat.update")
    assert await later.once()
    assert stage.calls("chat.update") == updates, "while nothing happens, nothing is edited"
    await stage.desk.decide("r1", stage.desk.roster.by_name("Ben"), Answer.APPROVE, via="terminal")
    await job
    assert await later.once()
    assert await told(stage, "r1")
    assert [len(one.buttons) for one in await stage.thread()] == [0, 0, 0]


async def test_while_something_is_happening_it_is_for_the_runs_own_process_to_tell(stage: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firedoor.channels.slack.catching_up.QUIET_SECONDS", 60.0)
    await owing(stage)
    assert await catching(stage, stage.channel).once()
    assert stage.posted() == 0


async def test_a_run_that_is_resumed_is_told_anew(stage: Scene) -> None:
    await owing(stage)
    later = catching(stage, stage.channel)
    assert await later.once()
    stage.lab.protected = {}
    stage.lab.vendor.doors["front"]["k9"] = "open"
    engine = stage.lab.engine(journal=stage.lab.journal)
    await stage.lab.resume(engine=engine)
    assert not await told(stage, "r1")
    assert await later.once()
    assert await told(stage, "r1")
    assert stage.posted() == 3


async def test_what_slack_says_no_to_and_what_cannot_be_read_hold_up_no_other_run(stage: Scene) -> None:
    for run in ("first", "refused", "damaged", "last"):
        await owing(stage, run)
    await stage.lab.journal.append("damaged", Kind.DECIDED, {})
    passes = Fault(operation="chat.postMessage")
    stage.slack.faults._planned += [passes] * 3  # of the first
    stage.slack.faults.plan(Fault(operation="chat.postMessage", status=200, body='{"ok": false, "error": "restricted_action"}'))
    later = catching(stage, stage.channel)
    assert await later.once()
    assert [await told(stage, run) for run in ("first", "refused", "damaged", "last")] == [True, False, False, True]
    assert stage.posted() == 6, "nothing stands without the request that it belongs under"
    calls = len(stage.slack.requests)
    assert await later.once()
    assert len(stage.slack.requests) == calls, "it is not asked again and again"
    assert await catching(stage, another(stage)).once()
    assert await told(stage, "refused")


async def test_only_the_runs_of_the_last_day_are_looked_at(stage: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    await owing(stage)
    monkeypatch.setattr("firedoor.channels.slack.catching_up.BACK", timedelta(0))
    assert await catching(stage, stage.channel).once()
    assert stage.posted() == 0


async def test_it_goes_on_by_itself_until_slack_is_back(stage: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firedoor.channels.slack.catching_up.LOOK_SECONDS", 0.02)
    monkeypatch.setattr("firedoor.channels.slack.catching_up.LONGEST_SECONDS", 0.05)
    await owing(stage)
    await refuses(stage)
    async with catching(stage, stage.channel):
        await asyncio.sleep(0.3)
        assert not await told(stage, "r1")
        await back(stage)
        await stage.until(lambda: told(stage, "r1"))
    assert stage.posted() == 3
