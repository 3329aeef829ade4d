"""The engine keeps its promises in random worlds, whatever interleaves, fails or dies; and without a defence, the model sees it."""

from __future__ import annotations

import pytest

from tests.model.mutants import MUTANTS, mutated
from tests.model.trying import tried

SOON = 10
LONG = 300
AT_MOST = 1500  # of worlds, until a mutant is found
QUICK = {"the intent comes after the effect", "undo goes by the plan"}


def test_what_was_promised_is_kept() -> None:
    count = tried(SOON)
    assert count["writes"]
    assert count["deaths"]


@pytest.mark.laws
@pytest.mark.timeout(600)
def test_what_was_promised_is_kept_for_long() -> None:
    count = tried(LONG)
    assert min(count.values()) > 0, count


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", [pytest.param(name, marks=[] if name in QUICK else pytest.mark.laws) for name in MUTANTS])
def test_without_a_defence_it_is_seen(name: str) -> None:
    with mutated(name), pytest.raises(AssertionError):
        tried(AT_MOST, shrink=False)
