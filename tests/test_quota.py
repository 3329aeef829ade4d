"""How often one person may ask for a run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firedoor.errors import BadInput
from firedoor.quota import WINDOW, check

NOW = datetime(2026, 3, 4, 3, 5, 0, tzinfo=UTC)


def ago(*minutes: float) -> list[datetime]:
    return [NOW - timedelta(minutes=one) for one in minutes]


@pytest.mark.parametrize("asked", [[], ago(1, 2), ago(60, 60.1, 1, 2), ago(90, 90, 90, 90)])
def test_fewer_than_the_most_within_an_hour_are_free(asked: list[datetime]) -> None:
    check(asked, most=3, now=NOW)


@pytest.mark.parametrize(
    ("asked", "when"),
    [
        (ago(10, 50, 30), "03:15:00 UTC, in 10 minutes;"),  # in whatever order: the one of 50 minutes ago ends first
        (ago(59.99, 1, 1), "03:05:00 UTC, in 1 minute;"),
        (ago(10, 20, 30, 40, 50), "in 30 minutes"),  # three must end before there is room for one
    ],
)
def test_over_it_people_are_told_when_the_next_is_possible(asked: list[datetime], when: str) -> None:
    with pytest.raises(BadInput) as refused:
        check(asked, most=3, now=NOW)
    assert f"you have asked for {len(asked)} runs within an hour; the most is 3" in str(refused.value)
    assert "Stops are always possible" in str(refused.value)
    assert when in str(refused.value)


@given(st.lists(st.integers(0, 120 * 60), max_size=12), st.integers(1, 5))
def test_whoever_waits_as_long_as_they_are_told_may_ask(seconds: list[int], most: int) -> None:
    asked = [NOW - timedelta(seconds=one) for one in seconds]
    recent = sum(moment > NOW - WINDOW for moment in asked)
    if recent < most:
        check(asked, most=most, now=NOW)
        return
    with pytest.raises(BadInput) as refused:
        check(asked, most=most, now=NOW)
    told = refused.value.advice.partition("possible at ")[2].partition(" UTC")[0]
    free = next(NOW + timedelta(seconds=wait) for wait in range(3601) if f"{NOW + timedelta(seconds=wait):%H:%M:%S}" == told)
    check(asked, most=most, now=free)
    with pytest.raises(BadInput):
        check(asked, most=most, now=free - timedelta(seconds=1))
