"""The values' own rules: what a plan may be, and what finds an approved change again."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from firedoor.model import Change, Plan


def change(**changed: Any) -> Change:
    plain: dict[str, Any] = {"key": "k", "subject": "s", "says": "shut it", "after": {"status": "shut"}, "before": {"status": "open"}}
    return Change(**{**plain, **changed})


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"changes": (change(),), "reason": "x"},
        {"reason": "x", "impossible": "y"},
        {"changes": (change(),), "impossible": "y"},
        {"waits": "x", "reason": "y"},
    ],
)
def test_a_plan_is_exactly_one_of_four(parts: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="one of these"):
        Plan(**parts)


def test_two_changes_share_no_key() -> None:
    with pytest.raises(ValueError, match="share a key"):
        Plan(changes=(change(), change(subject="t")))


@pytest.mark.parametrize(
    ("changed", "effect_stays", "digest_stays"),
    [
        ({"says": "other words"}, True, True),
        ({"cover": "class"}, True, True),
        ({"before": {"status": "ajar"}}, True, False),
        ({"after": {"status": "gone"}}, False, False),
        ({"subject": "t"}, False, False),
        ({"key": "l"}, False, False),
        ({"at": {"id": "1"}}, False, False),
    ],
)
def test_drift_changes_what_was_shown_but_not_what_is_done(changed: dict[str, Any], effect_stays: bool, digest_stays: bool) -> None:  # noqa: FBT001 - a table's columns
    one, other = change(), change(**changed)
    assert (one.effect("a") == other.effect("a")) is effect_stays
    assert (one.digest("a") == other.digest("a")) is digest_stays
    assert one.effect("a") != one.effect("b")


def test_values_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        change().key = "other"  # type: ignore[misc] # that is the point
