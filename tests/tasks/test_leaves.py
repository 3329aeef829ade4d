"""What a treatment says of many credentials is what it says of each: nothing that may outlive one is missing in the report of a sweep."""

from __future__ import annotations

from typing import Any

import pytest

from firedoor.errors import FiredoorError
from firedoor.run import revive
from firedoor.treatment import Treatment
from tests.tasks.harness import CATALOGUE, SETTLES, Case, cases, room

TREATMENTS = {name: unit for name, unit in CATALOGUE.actions.items() if issubclass(unit, Treatment)}


def treated() -> tuple[Case, ...]:
    return tuple(case for case in cases() if case.action in TREATMENTS)


def test_every_treatment_says_what_it_leaves_without_a_name_in_it() -> None:
    assert len(TREATMENTS) > 8
    assert all(unit.leaves for unit in TREATMENTS.values())


@pytest.mark.every_case
@pytest.mark.parametrize("case", treated(), ids=lambda case: f"{case.action}-{case.name}")
async def test_what_outlives_one_credential_is_told_of_many(case: Case) -> None:
    said = {(one.until, one.closes_by, one.hours) for one in TREATMENTS[case.action].leaves}
    async with room(case.action, case.data["world"], lag=case.data.get("lag", {}), settle=SETTLES) as found:
        target: Any = revive(found.action.target, case.data["target"])
        try:
            now = await found.action.read(target)
        except FiredoorError:
            return
        assert {(one.until, one.closes_by, one.hours) for one in found.action.residuals(target, now)} <= said
