"""Each way to ask for a run, each way to decide on it, by socket and by signed request: from the first word to what stands at the end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from firedoor.channels.slack import home
from firedoor.channels.slack.blocks import DENY
from firedoor.journal import Kind
from firedoor.run import fold
from tests.channels.slack.scene import Scene
from tests.channels.slack.test_alert import post, use
from tests.channels.slack.test_home import look
from tests.channels.slack.test_ordering import FIELDS, KEY, became, form


async def by_command(stage: Scene) -> str:
    return await stage.say("ada", f"/firedoor contain leaked-aws-key access_keys={KEY}")


async def by_form(stage: Scene) -> str:
    await form(stage)
    assert (await stage.people["ada"].submit(FIELDS)).ok
    return await became(stage)


async def from_an_alert(stage: Scene) -> str:
    await use(stage, await post(stage, f"the key {KEY} is in use from 203.0.113.66"))
    assert (await stage.people["ada"].submit({})).ok
    return await became(stage)


async def approve(stage: Scene, run: str) -> None:
    await stage.open("ben", run=run)
    assert (await stage.submit("ben")).title == "Recorded"


async def approve_at_home(stage: Scene, run: str) -> None:
    del run
    await look(stage, "ben")
    assert (await stage.people["ben"].click_at_home(home.LOOK)).ok
    await stage.people["ben"].wait_for_modal(lambda one: bool(one.submit), 10)
    assert (await stage.submit("ben")).title == "Recorded"


async def deny(stage: Scene, run: str) -> None:
    await stage.open("ben", run=run, action=DENY)
    assert (await stage.submit("ben", "a test")).title == "Recorded"


async def stop(stage: Scene, run: str) -> None:
    assert "begins no further write" in await stage.say("cyd", f"/firedoor stop {run}")


@pytest.mark.parametrize("way", [by_command, by_form, from_an_alert])
@pytest.mark.parametrize(("decide", "outcome"), [(approve, "partial"), (approve_at_home, "partial"), (deny, "denied"), (stop, "stopped")])
async def test_the_whole_way(
    either: Scene, way: Callable[[Scene], Awaitable[str]], decide: Callable[[Scene, str], Awaitable[None]], outcome: str
) -> None:
    stage = either
    assert "is planned" in await way(stage)
    [run] = await stage.lab.journal.runs()
    request = await stage.request(run)
    await decide(stage, run)
    await stage.until(lambda: stage.recorded(Kind.FINISHED, run))
    report = fold(run, await stage.lab.events(run)).report
    assert report is not None
    assert report["outcome"] == outcome
    assert set(stage.lab.vendor.effects.values()) == ({1} if outcome == "partial" else set())
    told = await stage.people["cyd"].wait_for_message(
        "C0INC", lambda one: one.thread_ts == request.ts and one.ts != request.ts and f"Run {run}, journal head" in one.shown, 10
    )
    assert told.ts
    settled = await stage.people["cyd"].wait_for_message("C0INC", lambda one: one.ts == request.ts and not one.buttons, 10)
    assert f"{outcome}: " in settled.shown
    own = [one for one in await stage.thread() if request.ts in (one.ts, one.thread_ts)]
    assert len(own) == 3  # the request, and in its thread its progress and its end
    assert len(await stage.lab.journal.runs()) == 1
    assert all(one.acked and one.attempts == 1 for one in stage.slack.deliveries)
