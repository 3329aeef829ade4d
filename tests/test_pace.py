from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest

from firedoor.allotment import Allotments
from firedoor.lease import Leases
from firedoor.pace import Alone, Pace, Shared
from firedoor.store import Store

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What was slept, instead of sleeping."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr("firedoor.pace.asyncio.sleep", sleep)
    return slept


async def test_a_rate_that_is_given_is_spread_evenly_below_it(waits: list[float]) -> None:
    pace = Pace(Alone(), rates={"aws:": 10.0}, kept=0.0)
    for _ in range(20):
        await pace.turn("aws:iam:1")
    assert all(before < after for before, after in pairwise(waits))
    assert 19 * 0.1 < waits[-1] - waits[0] < 19 * 0.1 * 1.1


async def test_slots_that_were_long_in_coming_are_late_and_not_early(waits: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr("firedoor.pace.time", SimpleNamespace(monotonic=lambda: clock[0]))

    class Slow(Alone):
        async def lend(self, bucket: str, slots: int, apart: float) -> float:
            del bucket, slots, apart
            clock[0] += 20.0
            return 0.5

    await Pace(Slow(), rates={"aws:": 10.0}).turn("aws:iam:1")
    assert waits == [0.5]


async def test_a_share_is_kept_for_others(waits: list[float]) -> None:
    pace = Pace(Alone(), rates={"aws:": 10.0}, kept=0.5)
    for _ in range(10):
        await pace.turn("aws:iam:1")
    assert waits[-1] - waits[0] > 9 * 0.2


async def test_one_request_goes_ahead_and_the_others_wait_for_what_it_learns() -> None:
    pace = Pace(Alone(), kept=0.0, now=lambda: NOW)
    await pace.turn("okta:users")
    others = [asyncio.create_task(pace.turn("okta:users")) for _ in range(3)]
    await asyncio.wait(others, timeout=0.05)
    assert not any(one.done() for one in others)
    pace.heard("okta:users", limit=60_000, remaining=59_999, reset=NOW + timedelta(seconds=60))
    await asyncio.gather(*others)


async def test_what_others_have_used_up_shuts_the_bucket_until_its_window_ends(waits: list[float]) -> None:
    pace = Pace(Alone(), now=lambda: NOW)
    await pace.turn("okta:users")
    pace.heard("okta:users", limit=600, remaining=3, reset=NOW + timedelta(seconds=30))
    await pace.turn("okta:users")
    assert 29.0 < waits[-1] <= 30.0


async def test_a_refusal_shuts_it_and_halves_a_given_rate(waits: list[float]) -> None:
    pace = Pace(Alone(), rates={"aws:": 10.0}, kept=0.0)
    await pace.turn("aws:iam:1")
    pace.refused("aws:iam:1", seconds=5.0)
    for _ in range(3):
        await pace.turn("aws:iam:1")
    assert waits[1] > 4.9
    assert waits[3] - waits[2] > 0.19


async def test_a_rate_of_nothing_means_that_nobody_waits_until_the_vendor_says_so(waits: list[float]) -> None:
    pace = Pace(Alone(), rates={"aws:": 0.0})
    for _ in range(100):
        await pace.turn("aws:iam:1")
    assert waits == []
    pace.refused("aws:iam:1", seconds=2.0)
    await pace.turn("aws:iam:1")
    assert waits[0] > 1.9


async def test_workers_share_the_slots_of_one_bucket(database: str) -> None:
    async with Store(database) as one, Store(database) as other:
        first = await Shared(one).lend("okta:users", 10, 1.0)
        second = await Shared(other).lend("okta:users", 10, 1.0)
        third = await Shared(one).lend("okta:apps", 10, 1.0)
    assert first == pytest.approx(0.0, abs=1.0)
    assert second - first == pytest.approx(10.0, abs=2.0)
    assert third == pytest.approx(0.0, abs=1.0)


async def test_all_who_work_on_a_run_begin_no_more_than_was_approved(database: str) -> None:
    async with Store(database) as one, Store(database) as other:
        took = [await Allotments(store).take("run", "keys", 4, most=10) for store in (one, other, one, other)]
        assert took == [4, 4, 2, 0]
        assert await Allotments(one).take("run", "tokens", 4, most=10) == 4
        assert await Allotments(one).take("another", "keys", 4, most=10) == 4


async def test_turns_at_many_resources_are_taken_together_and_only_where_they_are_free(tmp_path: Path) -> None:
    async with Store(f"sqlite:///{tmp_path / 'journal.db'}") as store:
        mine, theirs = Leases(store, "me"), Leases(store, "they")
        async with theirs.holding_free(["b"]) as held, mine.holding_free(["a", "b", "c"]) as found:
            assert (set(held.fences), set(found.fences)) == ({"b"}, {"a", "c"})
            assert await theirs.take("a") is None
        async with mine.holding_free(["a", "b"]) as again:
            assert again.fences == {"a": 2, "b": 2}
