"""Firedoor's voice: each message stands once, whatever breaks on the way, and the run is never held up by it."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from firedoor.approval import Answer
from firedoor.channel import Ask
from firedoor.channels.slack.blocks import ask_of
from firedoor.channels.slack.channel import SlackChannel
from firedoor.errors import ChannelError
from firedoor.journal import Kind
from firedoor.lease import Leases
from firedoor.model import Outcome
from firedoor.run import StepResult, fold
from firedoor.vendors.faults import Effect, Fault
from tests import fakes
from tests.channels.slack.scene import ROOM, Scene

LOST = Fault(operation="chat.postMessage", effect=Effect.FIRST, drop=True)
DOWN = Fault(operation="chat.postMessage", status=503, body="<html>down</html>")


def another(stage: Scene) -> SlackChannel:
    """The channel as a process that resumes the run would have it."""
    return SlackChannel(
        web=stage.channel._posts._web,
        channel=ROOM,
        journal=stage.lab.journal,
        leases=Leases(stage.lab.store, "another"),
        audience=stage.channel._audience,
    )


async def decide(stage: Scene, run: str = "r1") -> None:
    await stage.desk.decide(run, stage.desk.roster.by_name("Ben"), Answer.APPROVE, via="test")


async def open_ask(stage: Scene) -> Ask:
    record = fold("r1", await stage.lab.events())
    assert record.request is not None
    return ask_of(record, record.request)


async def unsaid(stage: Scene) -> list[str]:
    return [str(event.body["unsaid"]) for event in await stage.lab.events() if event.kind == Kind.NOTED and "unsaid" in event.body]


async def test_another_process_finds_the_messages_and_posts_nothing_twice(stage: Scene) -> None:
    run = await stage.ask()
    await another(stage).asked(await open_ask(stage))
    assert stage.posted() == 1
    await decide(stage)
    report = await run
    assert stage.posted() == 3
    later, record = another(stage), fold("r1", await stage.lab.events())
    for result in record.results.values():
        await later.progressed(record.order, result)
    await later.finished(record.order, report)
    assert stage.posted() == 3
    first, *_ = await stage.thread()
    assert "partial: Approved by Ben" in first.shown


@pytest.mark.parametrize("which", [1, 2, 3])
async def test_a_lost_reply_makes_no_second_message(stage: Scene, which: int) -> None:
    if which == 1:
        stage.slack.faults.plan(LOST)
    run = await stage.ask()
    if which == 2:
        stage.slack.faults.plan(LOST)
    if which == 3:
        await stage.lab.journal.append("r1", Kind.NOTED, {"slack": "report", "posting": True})  # a process died right here, before posting
    await decide(stage)
    await run
    thread = await stage.thread()
    assert len(thread) == 3
    assert thread[1].thread_ts == thread[2].thread_ts == thread[0].ts
    assert await unsaid(stage) == []
    assert not thread[0].buttons


async def test_a_process_that_died_after_posting_is_taken_up(stage: Scene) -> None:
    stage.slack.faults.plan(LOST)
    stage.slack.faults.plan(Fault(operation="conversations.history", status=500, body="no"))
    await stage.ask()
    assert stage.posted() == 1


async def test_without_the_scope_to_look_a_request_is_rather_shown_twice_than_not_at_all(stage: Scene) -> None:
    stage.slack.faults.plan(DOWN)
    stage.slack.faults.plan(Fault(operation="conversations.history", status=200, body='{"ok": false, "error": "missing_scope"}'), times=2)
    await stage.ask()
    assert stage.posted() == 1


async def test_too_many_requests_are_repeated_when_slack_says(stage: Scene) -> None:
    again = Fault(operation="chat.postMessage", status=429, headers={"Retry-After": "1"}, body='{"ok": false, "error": "ratelimited"}')
    stage.slack.faults.plan(again)
    await stage.ask()
    assert stage.calls("chat.postMessage") == 2
    assert stage.posted() == 1
    assert await unsaid(stage) == []


async def test_a_request_is_asked_again_until_slack_is_back(stage: Scene) -> None:
    stage.slack.faults.plan(DOWN, times=3)
    run = await stage.ask()
    assert stage.posted() == 1
    assert stage.calls("chat.postMessage") == 4
    await stage.open("ben")
    await stage.submit("ben")
    await run


async def test_a_request_that_slack_refuses_is_noted_at_once(stage: Scene) -> None:
    stage.slack.faults.plan(Fault(operation="chat.postMessage", status=200, body='{"ok": false, "error": "restricted_action"}'))
    await stage.ask(post=False)
    await stage.until(lambda: _unsaid(stage))
    assert "restricted_action" in (await unsaid(stage))[0]
    assert stage.calls("chat.postMessage") == 1


async def _unsaid(stage: Scene) -> bool:
    return bool(await unsaid(stage))


async def test_the_run_goes_on_while_slack_is_down(stage: Scene) -> None:
    run = await stage.ask()
    for method in ("chat.postMessage", "chat.update", "conversations.history", "conversations.replies"):
        stage.slack.faults.plan(Fault(operation=method, status=500, body="no"), times=500)
    await decide(stage)
    report = await run
    assert [step["outcome"] for step in report["steps"]] == ["CHANGED", "ALREADY", "REFUSED"]
    assert await unsaid(stage)
    assert stage.posted() == 1


async def test_the_end_is_told_though_the_progress_cannot_be(stage: Scene) -> None:
    run = await stage.ask()
    await decide(stage)
    await run
    record = fold("r1", await stage.lab.events())
    assert record.report is not None
    for ts, message in stage.slack.world.messages[ROOM].items():
        stage.slack.world.messages[ROOM][ts] = replace(message, text="old", blocks=())
    stage.slack.faults.plan(Fault(operation="chat.update"))  # the request's goes through
    stage.slack.faults.plan(Fault(operation="chat.update", status=200, body='{"ok": false, "error": "edit_window_closed"}'))
    with pytest.raises(ChannelError, match="edit_window_closed"):
        await another(stage).finished(record.order, record.report)
    request, progress, end = await stage.thread()
    assert "partial" in request.shown
    assert progress.shown == "old"
    assert "NOT contained" in end.shown


async def test_a_deleted_request_does_not_stop_the_rest(stage: Scene) -> None:
    run = await stage.ask()
    stage.slack.world.messages[ROOM].clear()
    await decide(stage)
    report = await run
    assert report["steps"][0]["outcome"] == "CHANGED"
    assert any("message_not_found" in words or "thread_not_found" in words for words in await unsaid(stage))


async def test_progress_is_edited_at_most_once_a_second(stage: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forty steps end in a burst: the first shows at once, the others together when the second is over, and none is forgotten."""
    await stage.ask()
    waits: list[float] = []
    burst = asyncio.Event()

    async def wait(seconds: float) -> None:
        waits.append(seconds)
        if seconds > 0:
            await burst.wait()

    monkeypatch.setattr("firedoor.channels.slack.channel.EDIT_SECONDS", 60.0)
    monkeypatch.setattr("firedoor.channels.slack.channel.pause", wait)
    record = fold("r1", await stage.lab.events())
    results = [StepResult(item=f"step {number}", outcome=Outcome.CHANGED, reason="") for number in range(40)]
    told = []
    for number, result in enumerate(results):
        await stage.lab.journal.append("r1", Kind.ENDED, result)
        told.append(asyncio.create_task(stage.channel.progressed(record.order, result)))
        if number == 0:
            await told[0]
    burst.set()
    await asyncio.gather(*told)
    assert stage.posted() == 2
    assert len([seconds for seconds in waits if seconds > 0]) == 1
    assert "40 of 3 steps ended" in (await stage.thread())[1].shown
    assert stage.calls("chat.postMessage") == 2
    assert stage.calls("chat.update") == 2  # the request, whose buttons may be stale in a new process, and the progress


async def test_a_result_that_changed_on_a_resume_is_shown(stage: Scene) -> None:
    await stage.ask()
    record = fold("r1", await stage.lab.events())
    for outcome in (Outcome.FAILED, Outcome.CHANGED):
        result = StepResult(item="one", outcome=outcome, reason="")
        await stage.lab.journal.append("r1", Kind.ENDED, result)
        await stage.channel.progressed(record.order, result)
        assert f"one: {outcome}" in (await stage.thread())[1].shown


async def test_a_run_that_needs_no_approval_is_told_at_its_end(stage: Scene) -> None:
    stage.lab.actions = (fakes.Unattended,)
    stage.lab.vendor.doors = {"front": {"k1": "open"}}
    step = {"id": "shut", "action": "fake.shut", "for_each": "${queries.doors}"}
    engine = stage.lab.engine(journal=stage.lab.journal, channel=stage.channel)
    report = await stage.lab.contain(fakes.book(steps=[step]), engine=engine, answer=None)
    assert report["outcome"] == "contained"
    assert any("Contained" in one.shown for one in await stage.thread())
