"""The laws in worlds that nobody wrote down, and twice: one run after the other, and two at the same moment."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firedoor.action import NotUndoable
from firedoor.canonical import canonical, plain
from firedoor.model import Outcome
from firedoor.run import revive
from firedoor.store import Store
from tests.laws.masks import masked
from tests.laws.worlds import snapshots, target_of, world_of
from tests.laws.worlds.base import MOMENTS
from tests.tasks.harness import CATALOGUE, Room, bout, cases, room

ACTIONS = pytest.mark.parametrize("name", sorted(CATALOGUE.actions))
PURE_EXAMPLES, WIRE_EXAMPLES = 150, 8
WELL = {Outcome.CHANGED, Outcome.ALREADY}


@ACTIONS
@settings(max_examples=PURE_EXAMPLES, deadline=None)
@given(data=st.data())
def test_any_snapshot_can_be_planned_and_always_alike(name: str, data: st.DataObject) -> None:
    unit: Any = CATALOGUE.action(name)
    action, target = unit(None), target_of(unit)
    seen, moment = data.draw(snapshots(unit)), data.draw(st.none() | MOMENTS)
    bound = target.bound(moment) if moment else target
    plan = action.plan(bound, seen)
    assert action.plan(bound, seen) == plan
    assert {change.effect(name) for change in plan.changes} == {change.effect(name) for change in action.plan(bound, seen).changes}
    assert len({change.effect(name) for change in plan.changes}) == len(plan.changes), "an effect names one change"
    assert json.loads(canonical(plain(plan))), "a plan can be put on record"
    assert tuple(action.residuals(bound, seen)) == tuple(action.residuals(bound, seen))
    with suppress(NotUndoable):
        assert not action.plan_undo(bound, (), seen).changes, "without a receipt there is nothing to undo"


@ACTIONS
@settings(max_examples=WIRE_EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_what_is_done_leaves_an_empty_second_plan_in_any_world(name: str, data: st.DataObject) -> None:
    world = data.draw(world_of(CATALOGUE.action(name)))
    asyncio.run(_once(name, world))


async def _once(name: str, world: Mapping[str, Any]) -> None:
    with TemporaryDirectory() as folder:
        async with room(name, world, lag={}, settle=3.0) as at:
            target, before = target_of(CATALOGUE.action(name)), frozen(at)
            plan = at.action.plan(target, await at.action.read(target))
            went = await bout(at.action, target, plan, Path(folder))
            second = at.action.plan(went.target, await at.action.read(went.target))
            if plan.blocked:
                assert went.result.outcome is Outcome.FAILED
            else:
                assert went.result.outcome is (Outcome.CHANGED if plan.changes else Outcome.ALREADY), went.result.reason
                assert second.changes == ()
                assert second.reason or second.until
            if not plan.changes:
                assert frozen(at) == before
                assert not went.intents


@ACTIONS
@pytest.mark.parametrize("at_once", [False, True], ids=["one after the other", "at once"])
async def test_law_3_twice_is_once(name: str, at_once: bool) -> None:  # noqa: FBT001 - a table's column
    case = next(case for case in cases() if (case.action, case.name) == (name, "ordinary"))
    target = revive(CATALOGUE.action(name).target, case.data["target"])
    with TemporaryDirectory() as one, TemporaryDirectory() as two:
        async with room(name, case.data["world"], lag={}, settle=3.0) as at:
            plan = at.action.plan(target, await at.action.read(target))
            await bout(at.action, target, plan, Path(one))
            once = masked(at.at.state(), case.data["world"])
        async with room(name, case.data["world"], lag={}, settle=3.0) as at:
            plan = at.action.plan(target, await at.action.read(target))
            async with Store(f"sqlite:///{two}/journal.db"):  # it is there before both come
                pass
            runs = [bout(at.action, target, plan, Path(two), run=run) for run in ("r1", "r2")]
            ended = await asyncio.gather(*runs) if at_once else [await run for run in runs]
            assert {each.result.outcome for each in ended} <= WELL
            assert Outcome.CHANGED in {each.result.outcome for each in ended}
            assert masked(at.at.state(), case.data["world"]) == once


def frozen(at: Room) -> str:
    return json.dumps(json.loads(canonical(at.at.state())), sort_keys=True)
