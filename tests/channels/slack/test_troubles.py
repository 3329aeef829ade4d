"""Slack says "too often", fails, or its answer is lost, at each method that the app calls: nothing is doubled, and nothing is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from firedoor import voices
from firedoor.channels.slack import limits
from firedoor.channels.slack.blocks import APPROVE
from firedoor.channels.slack.serving import connected
from firedoor.vendors.faults import Effect, Fault
from firedoor.vendors.slack.simulator import SlackSimulator
from tests.channels.slack.scene import ROOM, Scene, scene, settings, world

BUSY = '{"ok": false, "error": "ratelimited"}'
FAULTS = {
    "429": {"status": 429, "body": BUSY, "headers": {"Retry-After": "1"}},
    "429 of a proxy": {"status": 429, "body": "<html>", "headers": {"Retry-After": "1"}},
    "503": {"status": 503, "body": "<html>"},
    "500 in JSON": {"status": 500, "body": '{"ok": false, "error": "internal_error"}'},
    "dropped": {"drop": True},
    "lost": {"effect": Effect.FIRST, "drop": True},
    "done, and 504": {"effect": Effect.FIRST, "status": 504, "body": "<html>"},
}


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    found: list[float] = []

    async def wait(seconds: float) -> None:
        found.append(seconds)
        await asyncio.sleep(0)

    monkeypatch.setattr(limits, "pause", wait)
    return found


@pytest.fixture
async def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, waits: list[float]) -> AsyncIterator[Scene]:
    del waits
    async with scene(tmp_path, monkeypatch) as found:
        yield found


async def decide(stage: Scene, run: str) -> str:
    """Ben opens the request and approves it, pressing the button again as often as he is told to; what he is told at the end."""
    ben = stage.people["ben"]
    while True:
        before = len([one for one in await ben.messages(ROOM) if one.ephemeral])

        async def answered() -> bool:
            told = len([one for one in await ben.messages(ROOM) if one.ephemeral])
            return await ben.modal() is not None or told > before  # noqa: B023 - awaited here

        await ben.click(ROOM, (await stage.request(run)).ts, APPROVE)
        await stage.until(answered)
        if await ben.modal() is not None:
            return (await stage.submit("ben")).title


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("method", ["chat.postMessage", "chat.update", "views.open"])
async def test_one_trouble_at_any_call_costs_nothing(stage: Scene, method: str, fault: str) -> None:
    """Each of a method's first three calls meets it, in a run of its own."""
    for number in range(3):
        run = f"r{number}"
        stage.lab.vendor.doors = {"front": {f"k{number}": "open"}}
        stage.slack.faults._planned += [Fault(operation=method)] * number + [Fault(operation=method, **FAULTS[fault])]  # type: ignore[arg-type]
        before = stage.posted()
        job = await stage.ask(run)
        assert await decide(stage, run) == "Recorded"
        assert (await job)["outcome"] == "contained"
        stage.slack.faults._planned.clear()
        assert stage.posted() == before + 3, number
        assert len(await stage.decisions(run)) == 1
        await stage.people["ben"].close_modal()
        first = [one for one in await stage.thread() if f"Run {run}" in one.shown or f"run {run}" in one.shown.lower()]
        assert first
        assert not [one for one in await stage.thread() if one.buttons]

    assert set(stage.lab.vendor.effects.values()) == {1}


async def test_slack_is_asked_again_when_it_says_and_not_before(stage: Scene, waits: list[float]) -> None:
    for seconds in ("30", "7"):
        stage.slack.faults.plan(Fault(operation="chat.postMessage", status=429, body=BUSY, headers={"Retry-After": seconds}))
    await stage.ask()
    assert waits == [30, 7]
    assert stage.posted() == 1
    assert stage.calls("chat.postMessage") == 3
    assert voices.SAYING_SECONDS > limits.TRIALS * 60  # the channel is given the time for it


async def test_a_view_is_not_waited_for_until_its_trigger_is_worth_nothing(stage: Scene, waits: list[float]) -> None:
    await stage.ask()
    post = await stage.request()
    stage.slack.faults.plan(Fault(operation="views.open", status=429, body=BUSY, headers={"Retry-After": "30"}))
    await stage.people["ben"].click(ROOM, post.ts, APPROVE)
    assert "Press the button again" in (await stage.told("ben")).shown
    assert waits == []
    stage.slack.faults.plan(Fault(operation="views.open", status=429, body=BUSY, headers={"Retry-After": "1"}))
    await stage.people["ben"].click(ROOM, post.ts, APPROVE)
    await stage.people["ben"].wait_for_modal(lambda modal: bool(modal.submit), 10)
    assert waits == [1]


async def test_where_views_update_fails_the_decision_counts_all_the_same(stage: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firedoor.channels.slack.deciding.ACK_WITHIN", 0.0)
    stage.slack.faults.plan(Fault(operation="views.update", status=503, body="<html>"))
    run = await stage.ask()
    await stage.open("ben")
    await stage.people["ben"].submit({})
    await run
    assert len(await stage.decisions()) == 1


@pytest.mark.parametrize("method", ["auth.test", "bots.info", "conversations.info", "apps.connections.open"])
async def test_the_start_waits_its_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, waits: list[float], method: str) -> None:
    planned = Fault(operation=method, status=429, body=BUSY, headers={"Retry-After": "3"})
    started = SlackSimulator.__aenter__

    async def busy(self: SlackSimulator) -> SlackSimulator:
        self.faults.plan(planned)
        return await started(self)

    monkeypatch.setattr(SlackSimulator, "__aenter__", busy)
    async with scene(tmp_path, monkeypatch) as stage:
        assert (await stage.people["ada"].command(ROOM, "/firedoor")).ok
    assert waits == [3]


async def test_the_first_click_needs_nothing_of_slack_but_its_view(stage: Scene) -> None:
    """What the app is, it knows since the start."""
    await stage.ask()
    stage.slack.faults.plan(Fault(operation="auth.test", status=503, body="<html>"), times=50)
    asked = stage.calls("auth.test")
    await stage.open("ben")
    assert (await stage.submit("ben")).title == "Recorded"
    assert stage.calls("auth.test") == asked


async def test_a_lost_socket_address_is_asked_for_again_when_slack_says(stage: Scene, waits: list[float]) -> None:
    stage.slack.faults.plan(Fault(operation="apps.connections.open", status=429, body=BUSY, headers={"Retry-After": "20"}))
    old = list(stage.slack._sockets._sockets)
    await stage.slack.disconnect("refresh_requested")

    async def back() -> bool:
        return any(one not in old for one in stage.slack._sockets._sockets)

    await stage.until(back)
    assert waits == [20]


async def test_a_client_that_was_never_let_in_says_so(waits: list[float]) -> None:
    """Slack is asked three times again, and then that is that."""
    async with SlackSimulator(world()) as slack, AsyncExitStack() as stack:
        slack.faults.plan(Fault(operation="auth.test", status=429, body=BUSY, headers={"Retry-After": "60"}), times=9)
        with pytest.raises(Exception, match="ratelimited"):
            await stack.enter_async_context(connected(settings(slack)))
        assert waits == [60, 60, 60]
