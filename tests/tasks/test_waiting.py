"""An incident that begins after the last reading, and before the write: whatever would put something new into a secret looks once more."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from firedoor.model import Intent, Plan
from firedoor.run import revive
from firedoor.vendors.aws.rotation import NotYet
from firedoor.vendors.unclosed import Concerned
from tests.tasks.harness import CATALOGUE, Case, cases, room

BEGINS = [case for case in cases() if case.name == "incident_begins_after_the_plan"]
INTENT = Intent(run="r1", item="s", key="33333333-2222-4333-8444-555555555555", at=datetime(2026, 11, 26, 3, tzinfo=UTC), fence=1)


@pytest.mark.parametrize("case", BEGINS, ids=lambda case: case.action)
async def test_nothing_new_is_put_where_somebody_reads_since_a_moment(case: Case) -> None:
    async with room(case.action, case.data["world"], lag={}, settle=0.1) as at:
        target = revive(at.action.target, case.data["target"])
        plan: Plan = at.action.plan(target, await at.action.read(target))
        changes = [change for change in plan.changes if change.key in {"deliver", "promote", "rotate"}]
        assert changes
        begun = case.data["incidents"][0]
        at.at.incidents.append(Concerned(run=begun["run"], label=begun["label"], names=tuple(begun["names"])))
        for change in changes:
            with pytest.raises(NotYet, match=f"firedoor close {begun['run']}"):
                await at.action.apply(change, INTENT)
        assert not at.at.writes()


def test_every_action_that_puts_something_new_into_a_secret_is_among_them() -> None:
    puts = {"secretsmanager:PutSecretValue", "secretsmanager:RotateSecret"}
    assert {case.action for case in BEGINS} == {name for name, unit in CATALOGUE.actions.items() if unit.spec.writes & puts}
    assert all(CATALOGUE.action(case.action).spec.recovers for case in BEGINS)
