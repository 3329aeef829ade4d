from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from firedoor import lease as module
from firedoor.errors import JournalError, LeaseLost
from firedoor.journal import Journal, Kind
from firedoor.lease import TTL_SECONDS, Lease, Leases
from firedoor.store import Store
from firedoor.tables import leases
from tests.conftest import Postgres

FRESH = multiprocessing.get_context("forkserver")
FRESH.set_forkserver_preload(["tests.test_lease"])


@pytest.fixture
async def store(database: str) -> AsyncIterator[Store]:
    async with Store(database) as opened:
        yield opened


async def taken(who: Leases, resource: str = "door") -> Lease:
    lease = await who.take(resource)
    assert lease is not None
    return lease


async def run_out(store: Store) -> None:
    """Time passes, seen from the database."""
    async with store.transaction() as connection:
        await connection.execute(leases.update().values(expires=leases.c.expires - TTL_SECONDS - 1))


async def expiry(store: Store) -> float:
    async with store.reading() as connection:
        return float((await connection.execute(leases.select())).one().expires)


async def test_turns_are_taken(store: Store) -> None:
    a, b = Leases(store, "a"), Leases(store, "b")
    first = await taken(a)
    assert await b.take("door") is None
    assert await a.take("door") is None  # not even by the same holder twice
    assert await b.holder("door") == "a"
    assert (await taken(b, "window")).fence == 1
    await a.release(first)
    assert await b.holder("door") is None
    second = await taken(b)
    assert second == Lease(resource="door", holder="b", fence=2)


async def test_who_lost_the_turn_can_do_nothing_with_it(store: Store) -> None:
    a, b = Leases(store, "a"), Leases(store, "b")
    old = await taken(a)
    await run_out(store)
    assert await b.holder("door") is None
    new = await taken(b)
    assert new.fence > old.fence
    with pytest.raises(LeaseLost):
        await a.renew(old)
    await a.release(old)
    assert await a.holder("door") == "b"
    await b.renew(new)


async def test_a_turn_that_has_run_out_and_that_nobody_took_is_still_its_holders(store: Store) -> None:
    """Who was stopped for a while goes on, unless somebody came meanwhile; and nobody comes in between the look and the event."""
    a, b = Leases(store, "a"), Leases(store, "b")
    lease = await taken(a)
    await run_out(store)
    await Journal(store).append("r", Kind.INTENT, {}, under=lease)
    assert await b.take("door") is None
    await run_out(store)
    await a.renew(lease)
    assert await b.take("door") is None


async def test_a_turn_within_another_is_lost_with_that(store: Store) -> None:
    a, b = Leases(store, "a"), Leases(store, "b")
    whole = await taken(a, "run:r")
    lease = replace(await taken(a), within=whole)
    await Journal(store).append("r", Kind.INTENT, {}, under=lease)
    await run_out(store)
    await taken(b, "run:r")
    with pytest.raises(LeaseLost, match="run:r"):
        await Journal(store).append("r", Kind.INTENT, {}, under=lease)


async def test_a_turn_taken_again_by_the_same_holder_is_another_turn(store: Store) -> None:
    who = Leases(store, "a")
    old = await taken(who)
    await run_out(store)
    await taken(who)
    with pytest.raises(LeaseLost):
        await who.renew(old)
    await who.release(old)
    assert await who.holder("door") == "a"


async def test_the_fence_only_grows(store: Store) -> None:
    fences = []
    for number in range(6):
        who = Leases(store, f"p{number % 2}")
        lease = await taken(who)
        fences.append(lease.fence)
        await (who.release(lease) if number % 3 else run_out(store))
    assert fences == [1, 2, 3, 4, 5, 6]


async def test_a_lease_is_renewed_while_it_is_held(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firedoor.lease.RENEW_SECONDS", 0.01)
    async with asyncio.timeout(20), Leases(store, "a").holding("door", patience=0) as lease:
        first = await expiry(store)
        while await expiry(store) == first:  # noqa: ASYNC110 - what is waited for stands in the database
            await asyncio.sleep(0.01)
        await Journal(store).append("r", Kind.INTENT, {}, under=lease)
    assert await Leases(store, "a").holder("door") is None


async def test_a_renewal_outlives_a_busy_moment_and_ends_with_a_lost_lease(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firedoor.lease.RENEW_SECONDS", 0.001)
    who, calls = Leases(store, "a"), asyncio.Queue[str]()
    answers = iter((JournalError("busy"), PermissionError("a defect"), {}, {"door": ("a", 1)}))

    async def renew(turns: Mapping[str, tuple[str, int]]) -> Mapping[str, tuple[str, int]]:
        await calls.put(*turns)
        if isinstance(answer := next(answers), Exception):
            raise answer
        return answer

    monkeypatch.setattr(who, "_renew", renew)
    async with asyncio.timeout(20), who.holding("door", patience=0):
        for _ in range(4):
            await calls.get()
        await asyncio.sleep(0.05)
    assert calls.empty()


async def test_patience_ends(store: Store) -> None:
    a, b = Leases(store, "a"), Leases(store, "b")
    await taken(a)
    with pytest.raises(LeaseLost, match="somebody else has been writing to door"):
        async with b.holding("door", patience=0.05):
            pytest.fail("it was held")
    assert await a.holder("door") == "a"


async def test_who_waits_has_the_next_turn(store: Store) -> None:
    a, b = Leases(store, "a"), Leases(store, "b")
    order: list[str] = []

    async def work(who: Leases, name: str) -> None:
        async with who.holding("door", patience=20):
            order.append(f"{name} in")
            await asyncio.sleep(0.02)
            order.append(f"{name} out")

    await asyncio.gather(work(a, "a"), work(b, "b"))
    assert sorted((order[:2], order[2:])) == [["a in", "a out"], ["b in", "b out"]]


async def test_a_lease_is_given_up_whatever_happened_under_it(store: Store) -> None:
    who = Leases(store, "a")
    with pytest.raises(RuntimeError):
        async with who.holding("door", patience=0):
            raise RuntimeError
    assert await who.holder("door") is None


async def test_a_release_that_fails_spoils_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(turns: Mapping[str, tuple[str, int]]) -> None:
        raise JournalError(f"no room for {turns}")

    who = Leases(store, "a")
    monkeypatch.setattr(who, "_give_up", fail)
    async with who.holding("door", patience=0):
        pass
    assert await who.holder("door") == "a"  # until it runs out


async def test_a_lease_that_was_long_in_coming_lasts_as_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock is read under the write lock: who read it before, and then waited, would be granted what has run out."""
    clock = [1000.0]
    monkeypatch.setattr("firedoor.lease.time.time", lambda: clock[0])
    async with Store(f"sqlite:///{tmp_path / 'journal.db'}") as store:
        async with store.transaction():
            waiting = asyncio.create_task(taken(Leases(store, "a")))
            await asyncio.sleep(0.05)
            clock[0] += TTL_SECONDS + 1
        await waiting
        assert await expiry(store) == clock[0] + TTL_SECONDS


async def test_machines_that_share_postgres_go_by_its_clock(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine whose clock is years ahead takes nobody's lease."""
    async with Store(postgres.database()) as store:
        lease = await taken(Leases(store, "a"))
        monkeypatch.setattr("firedoor.lease.time.time", lambda: 9e9)
        assert await Leases(store, "b").take("door") is None
        await Leases(store, "a").renew(lease)


def race(url: str, name: str, marker: str, turns: int, out: Connection) -> None:
    module.RETRY_SECONDS = 0.01

    async def main() -> None:
        async with Store(url) as store:
            who = Leases(store, name)
            while True:
                async with who.holding("door", patience=60) as lease:
                    os.close(os.open(marker, os.O_CREAT | os.O_EXCL))  # fails where another is inside
                    await asyncio.sleep(0.001)
                    os.unlink(marker)  # noqa: PTH108 - as short as can be
                fences.append(lease.fence)
                if len(fences) == turns:
                    return

    fences: list[int] = []
    with contextlib.suppress(FileExistsError):
        asyncio.run(main())
    out.send(fences)


async def test_processes_are_inside_one_at_a_time(database: str, tmp_path: Path) -> None:
    ends = [FRESH.Pipe() for _ in range(2)]
    arguments = [(database, f"p{number}", str(tmp_path / "inside"), 8, end[1]) for number, end in enumerate(ends)]
    workers = [FRESH.Process(target=race, args=each) for each in arguments]
    for worker in workers:
        worker.start()
    fences = [await asyncio.to_thread(end.recv) for end, _ in ends]
    for worker in workers:
        worker.join()
    assert [len(each) for each in fences] == [8, 8]
    assert all(each == sorted(each) for each in fences)
    assert sorted(fences[0] + fences[1]) == list(range(1, 17))


async def test_who_is_alive_is_told_by_renewing_and_who_is_dead_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firedoor.lease.RENEW_SECONDS", 0.2)
    async with Store(f"sqlite:///{tmp_path / 'journal.db'}") as store:
        one, other = Leases(store, "one"), Leases(store, "other")
        assert await other.living("door") == ""
        async with one.holding("door", patience=1):
            assert await other.living("door") == "one"
        assert await other.living("door") == "", "it was given up"
        assert await one.take("window")  # and never renewed: its process died
        assert await other.living("window") == ""
        assert await other.take("window") is None, "a dead holder's turn still runs out by itself"
