"""What the watch sees is told in the run's thread, once a change, by whoever listens in Slack; however long ago the run was."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from firedoor.journal import Kind
from firedoor.look import Closing
from firedoor.run import fold
from tests.channels.slack.scene import KEYS, Scene, scene
from tests.channels.slack.test_catching_up import catching, contained, told
from tests.channels.slack.test_telling import another
from tests.test_watching import looked


@pytest.fixture
async def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    monkeypatch.setattr("firedoor.channels.slack.catching_up.QUIET_SECONDS", 0.0)
    async with scene(tmp_path, monkeypatch, listens=False) as found:
        await contained(found, "r1")
        await found.until(lambda: told(found, "r1"))
        yield found


async def news(stage: Scene) -> Sequence[str]:
    """What the thread says beyond the request, the progress and the report, after two processes had something to tell, if anything."""
    await asyncio.gather(catching(stage, stage.channel).once(), catching(stage, another(stage)).once())
    assert await told(stage, "r1")
    posts = await stage.thread()
    assert all(one.thread_ts == posts[0].ts for one in posts[1:])
    return [one.shown for one in posts[3:]]


async def test_each_change_is_told_once_with_the_command_that_contains_it(stage: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firedoor.channels.slack.catching_up.BACK", timedelta(0))  # the run was long ago
    monkeypatch.setattr("firedoor.lease.RETRY_SECONDS", 0.01)
    await looked(stage.lab)
    assert await news(stage) == [], "that all stands is no news"
    stage.lab.vendor.doors["front"]["k1"] = "open"
    for _ in range(2):
        await looked(stage.lab)
        [first] = await news(stage)
    assert "1 open: Shut the doors" in first
    assert "fake.shut on front: open: shut front/k1" in first
    assert "To contain it again, at a terminal: firedoor contain fire -i doors=front,back,safe" in first
    assert "<!channel>" in first or "@" in first, "who may decide is called"
    stage.lab.vendor.doors["front"]["k1"] = "shut"
    await looked(stage.lab)
    [_, second] = await news(stage)
    assert "All stands again: Shut the doors" in second
    assert "firedoor contain" not in second


async def test_of_two_changes_that_nobody_told_the_newest_is(stage: Scene) -> None:
    await looked(stage.lab)
    for key in ("k1", "k2"):
        stage.lab.vendor.doors["front"][key] = "open"
        await looked(stage.lab)
    updates = stage.calls("chat.update")
    assert await catching(stage, stage.channel).once()
    assert stage.calls("chat.update") == updates, "the run's own messages are left as they are"
    [only] = await news(stage)
    assert "shut front/k1; shut front/k2" in only


async def test_whoever_closes_an_incident_is_named_to_all(stage: Scene) -> None:
    await looked(stage.lab)
    record = fold("r1", await stage.lab.events())
    closing = Closing(
        run="r1",
        incident="i",
        playbook="fire",
        by="Ben",
        at=datetime.now(UTC),
        reason="all <!here> is well",
        look=record.look_head,
        left=("shut/door:safe: open: shut safe/k4",),
    )
    signed = replace(closing, proof=KEYS["Ben"].sign(closing.document).proof)
    await stage.lab.journal.append("r1", Kind.CONCLUDED, signed)
    [told_] = await news(stage)
    assert "Ben signed to close incident i" in told_
    assert "all &lt;!here&gt; is well" in told_
    assert "left so: shut/door:safe" in told_
    assert await looked(stage.lab) == {}
