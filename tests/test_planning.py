"""The plan of a run: pure reads, one item a step and target, a digest that names everything that was approved and nothing volatile."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from firedoor import planning
from firedoor.canonical import canonical, plain
from firedoor.drafting import Units
from firedoor.errors import Misconfigured
from firedoor.model import Mode, Tier
from firedoor.planning import Planned
from firedoor.run import Item, revive
from tests.fakes import CLEAR, SHUT, Covering, Lab, Shut, Unattended, book, lab

OPEN = {"k": "open"}


async def make(it: Lab, *, steps: bool = False, at_least: int = 0, mode: Mode = Mode.LIVE) -> Planned:
    look = it.engine()._look
    playbook = book(steps=[SHUT, CLEAR] if steps else [], at_least=at_least)
    return await planning.make(playbook, it.order(mode=mode), units=look, guard=it.engine()._guard)


async def test_one_item_a_step_and_target_and_needs_go_target_by_target(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN, "b": OPEN}) as it:
        planned = await make(it, steps=True)
        assert [item.id for item in planned.items] == ["shut/door:a", "shut/door:b", "clear/door:a", "clear/door:b"]
        assert [item.needs for item in planned.items] == [(), (), ("shut/door:a",), ("shut/door:b",)]
        assert not it.vendor.effects


async def test_a_target_named_twice_is_planned_once(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN}) as it:
        found = await planning.make(book(), it.order(doors=("a", "a")), units=it.engine()._look, guard=it.engine()._guard)
        assert [item.id for item in found.items] == ["shut/door:a"]


async def test_the_tier_is_the_highest_of_what_would_change_something(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN}) as it:
        assert (await make(it)).tier is Tier.ONE
        assert (await make(it, at_least=2)).tier is Tier.TWO
        it.actions = (Unattended, *it.actions[1:])
        assert (await make(it)).tier is Tier.AUTO
        it.vendor.doors["a"]["k"] = "shut"
        assert (await make(it, at_least=2)).tier is Tier.AUTO, "nothing to do, nobody to ask"


async def test_too_many_targets_are_refused_and_none_is_read(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN, "b": OPEN}, limit=1) as it:
        planned = await make(it)
        assert all("2 targets; the limit is 1" in item.refused for item in planned.items)
        assert it.vendor.calls == []
        assert planned.names == ("fake:door:a", "fake:door:b"), "who is in the plan is known all the same"


async def test_an_action_without_a_client_is_said_before_anything_is_read(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN}) as it:
        with pytest.raises(Misconfigured, match=r"no client for fake\.find, fake\.shut"):
            await planning.make(book(), it.order(), units=Units(actions={}, queries={}), guard=it.engine()._guard)


async def test_the_fingerprint_names_changes_prior_values_classes_targets_and_mode(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN}) as it:
        first = (await make(it)).fingerprint
        assert (await make(it)).fingerprint == first, "nothing volatile is in it"
        assert (await make(it, mode=Mode.DRILL)).fingerprint != first
        it.actions = (Covering, *it.actions[1:])
        assert (await make(it)).fingerprint != first, "a class that it may grow to"
        it.actions = (Shut, *it.actions[1:])
        it.vendor.doors["a"]["k"] = "ajar"
        assert (await make(it)).fingerprint != first, "the prior value"
        it.vendor.doors["a"] = {"other": "open"}
        assert (await make(it)).fingerprint != first, "the change"


async def test_the_fingerprint_names_the_order(tmp_path: Path) -> None:
    """Whoever writes to the database must not have a product closed before its source."""
    async with lab(tmp_path, {"a": OPEN}) as it:
        planned = await make(it, steps=True)
        turned = tuple(replace(item, needs=()) for item in planned.items)
        assert planned.items != turned
        assert planning.fingerprint(turned, mode=Mode.LIVE, playbook="fire") != planned.fingerprint


async def test_the_fingerprint_survives_the_journal(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN, "b": {"k": "stuck"}}, actions=(Covering,)) as it:
        planned = await make(it)
        read = revive(tuple[Item, ...], json.loads(canonical(plain(planned.items))))
        assert planning.fingerprint(read, mode=Mode.LIVE, playbook="fire") == planned.fingerprint


async def test_what_it_would_leave_is_planned_too_and_a_defect_there_costs_the_plan_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def defective(self: Shut, target: object, now: object) -> None:
        raise KeyError(self, target, now)

    async with lab(tmp_path, {"a": OPEN}) as it:
        [item] = (await make(it)).items
        assert [left.what for left in item.residual] == ["cookies of a"]
        monkeypatch.setattr(Shut, "residuals", defective)
        [same] = (await make(it)).items
        assert (same.residual, same.plan) == ((), item.plan)
        it.vendor.doors["a"]["k"] = "stuck"
        [stuck] = (await make(it)).items
        assert stuck.plan is not None
        assert (stuck.plan.impossible, stuck.residual) == ("a is stuck", ())
