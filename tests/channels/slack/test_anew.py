"""A run whose roster has changed is asked for anew in its own thread, and those who may decide now are called."""

from __future__ import annotations

import asyncio

import pytest

from firedoor.errors import BadInput
from firedoor.journal import Kind
from firedoor.run import ITSELF, fold
from firedoor.stage import Plainly
from tests.channels.slack.scene import KEYS, PEOPLE, Scene
from tests.fakes import resumption


async def test_it_is_asked_for_in_its_thread_and_those_who_may_decide_are_called(stage: Scene) -> None:
    await stage.ask()
    first = await stage.request()
    stage.own = stage.own.model_copy(update={"people": PEOPLE[:2]})
    stage.lab.roster = stage.own.roster
    await stage.restart()
    assert list(await stage.office.take_over()) == [], "a person goes on with it"
    with pytest.raises(BadInput, match="the roster has changed since run r1 was ordered or approved"):
        await stage.engine.resume("r1", Plainly(), ITSELF)
    by = resumption(fold("r1", await stage.lab.events()).order, "Ada", roster=stage.own.roster, keys=KEYS)
    run = asyncio.create_task(stage.engine.resume("r1", Plainly(), by))
    stage.runs.append(run)
    await stage.until(lambda: _called(stage))
    request, called = await stage.thread()
    assert (request.ts, called.thread_ts) == (first.ts, first.ts)
    assert "<@U0BEN>" in called.shown
    assert "U0CYD" not in called.shown
    assert "1 more approval needed within 30 minutes" in called.shown
    await stage.open("ben")
    await stage.submit("ben")
    assert (await run)["outcome"] == "partial", "the safe is spared"
    assert sorted(stage.lab.vendor.effects) == ["shut front/k1", "shut front/k2"]
    record = fold("r1", await stage.lab.events())
    assert [one.by for one in record.decisions] == ["Ben"]
    assert [event.kind for event in await stage.lab.events()].count(Kind.REQUESTED) == 2


async def _called(stage: Scene) -> bool:
    return len(await stage.thread()) == 2
