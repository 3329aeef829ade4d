"""Every case of every action: the plan, the outcome, the world after, and the way back. See ``harness.py`` for how a case is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import pytest

from firedoor.model import Plan
from tests.tasks.harness import Case, cases, ended

KEYS = {"world", "target", "lag", "settle", "clear", "incidents", "then", "faults", "plan", "outcome", "reason", "writes", "after", "undo"}
DUE = {"world", "target", "plan", "outcome"}


@pytest.mark.parametrize("case", cases(), ids=lambda case: f"{case.action}/{case.name}")
def test_case(case: Case) -> None:
    wanted = case.data
    assert DUE <= wanted.keys() <= KEYS
    found = ended(case)
    assert_plan(found.plan, wanted["plan"])
    result = found.bout.result
    assert result.outcome == wanted["outcome"], result.reason
    assert wanted.get("reason", "") in result.reason
    if "writes" in wanted:
        assert found.writes == Counter(wanted["writes"])
    assert_within(wanted.get("after", {}), found.after, "the world")
    if "undo" in wanted:
        assert_undo(found.undo, wanted["undo"])


def assert_plan(plan: Plan, wanted: Mapping[str, Sequence[str] | str]) -> None:
    match wanted:
        case {"changes": [*words]}:
            assert len(plan.changes) == len(words), plan
            assert all(part in change.says for part, change in zip(words, plan.changes, strict=True)), plan.changes
        case {"reason": str(part)}:
            assert part in plan.reason
            assert part
        case {"impossible": str(part)}:
            assert part in plan.impossible
            assert part
        case {"waits": str(part)}:
            assert part in plan.waits
            assert part
        case _:
            pytest.fail(f"a plan has changes, a reason or what makes it impossible, not {list(wanted)}")


def assert_undo(undo: Plan | str, wanted: Mapping[str, Sequence[str] | str]) -> None:
    if "refuses" in wanted:
        assert isinstance(undo, str)
        assert str(wanted["refuses"]) in undo
    else:
        assert isinstance(undo, Plan)
        assert_plan(undo, wanted)


def assert_within(part: object, whole: object, where: str) -> None:
    """Each value named in ``part`` is in ``whole``. A mapping that ends in ``null`` says that the key is not there."""
    if isinstance(part, Mapping) and isinstance(whole, Mapping):
        for key, value in part.items():
            if value is None:
                assert key not in whole, f"{where} has {key}"
            else:
                assert key in whole, f"{where} has no {key}"
                assert_within(value, whole[key], f"{where}, {key}")
    else:
        assert part == whole, where
