from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import sqlite3
from collections.abc import AsyncIterator
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from firedoor.canonical import digest
from firedoor.chain import GENESIS
from firedoor.errors import JournalBroken, LeaseLost
from firedoor.journal import Event, Journal, Kind
from firedoor.lease import Leases
from firedoor.store import Overtaken, Store, Taken

FRESH = multiprocessing.get_context("forkserver")
FRESH.set_forkserver_preload(["tests.test_journal"])


@pytest.fixture
async def store(database: str) -> AsyncIterator[Store]:
    async with Store(database) as opened:
        yield opened


async def test_what_was_appended_is_read_in_order(store: Store) -> None:
    journal = Journal(store)
    assert await journal.head() == GENESIS
    assert await journal.events("r1") == []
    first = await journal.append("r1", Kind.OPENED, {"a": [1, None, "ü"], "half": "\ud800"})
    other = await journal.append("r2", Kind.OPENED, {})
    second = await journal.append("r1", Kind.NOTED, {"b": True})
    assert [(one.seq, one.run, one.n) for one in (first, other, second)] == [(1, "r1", 1), (2, "r2", 1), (3, "r1", 2)]
    assert first.body == {"a": [1, None, "ü"], "half": "\ud800"}
    assert await journal.events("r1") == [first, second]
    assert await journal.events("r1", after=1) == [second]
    assert await journal.runs() == ["r2", "r1"]
    assert await journal.head() == second.hash
    audit = await journal.audit()
    assert (audit.events, audit.runs, audit.head, audit.faults) == (3, 2, second.hash, ())


async def test_the_newest_runs_are_found_by_what_opened_them(store: Store) -> None:
    journal = Journal(store)
    assert await journal.opened(most=9) == []
    made = []
    for number, (who, mode) in enumerate([("Ada", "live"), ("Ben", "live"), ("Ada", "drill"), ("Ada", "live")]):
        made.append(await journal.append(f"r{number}", Kind.OPENED, {"requester": who, "mode": mode}))
        await journal.append(f"r{number}", Kind.NOTED, {"requester": "Ada", "mode": "live"})
    await journal.append("odd", Kind.NOTED, {"requester": "Ada", "mode": "live"})
    await journal.append("r0", Kind.OPENED, {"requester": "Ada", "mode": "live"})  # a second one opens nothing

    async def runs(**asked: Any) -> list[str]:
        return [event.run for event in await journal.opened(**{"most": 9, **asked})]

    assert await runs() == ["r3", "r2", "r1", "r0"]
    assert await runs(requester="Ada", mode="live") == ["r3", "r0"]
    assert await runs(most=1, requester="Ada") == ["r3"]
    assert await runs(since=made[2].at) == ["r3", "r2"]
    assert await runs(since=made[3].at + timedelta(seconds=1)) == []
    assert await runs(requester="Eve") == []
    async with store.transaction() as connection:
        await connection.execute(sa.text("UPDATE events SET body = 'x' WHERE run = 'r2'"))
    assert await runs() == ["r3", "r1", "r0"], "one that is damaged keeps nobody from finding the others"


@pytest.mark.parametrize("steps", range(8))
async def test_whoever_follows_can_be_called_off_at_any_moment(tmp_path: Path, steps: int) -> None:
    """Also in the very moment in which something is appended: a run that goes on all the same would never let its process end."""
    async with Store(f"sqlite:///{tmp_path / 'journal.db'}") as opened:
        journal = Journal(opened)

        async def follow() -> None:
            async for _ in journal.ticks():
                pass

        following = asyncio.create_task(follow())
        await asyncio.sleep(0.01)
        journal._tell("r")
        for _ in range(steps):
            await asyncio.sleep(0)
        following.cancel()
        done, _ = await asyncio.wait({following}, timeout=5)
        following.cancel()
        assert done, "the cancellation was lost"


async def test_a_name_that_no_database_can_hold_is_no_runs(store: Store) -> None:
    assert await Journal(store).events("r1\ud800") == []


async def test_a_body_is_a_mapping(store: Store) -> None:
    with pytest.raises(TypeError, match="mapping"):
        await Journal(store).append("r1", Kind.NOTED, ["no"])
    assert await Journal(store).runs() == []


async def take(stream: AsyncIterator[Event], count: int) -> list[Event]:
    async with asyncio.timeout(20):
        return [await anext(stream) for _ in range(count)]


async def test_own_events_are_followed_without_waiting_for_the_poll(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firedoor.journal.POLL_SECONDS", 10_000)
    journal = Journal(store)
    await journal.append("r", Kind.OPENED, {})
    stream = journal.follow("r")
    assert [one.n for one in await take(stream, 1)] == [1]
    waiting = asyncio.create_task(take(stream, 2))
    await asyncio.sleep(0.05)
    await journal.append("other", Kind.NOTED, {})
    await journal.append("r", Kind.NOTED, {})
    await journal.append("r", Kind.NOTED, {})
    assert [one.n for one in await waiting] == [2, 3]


async def test_events_of_another_process_are_followed_by_the_poll(store: Store, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firedoor.journal.POLL_SECONDS", 0.01)
    waiting = asyncio.create_task(take(Journal(store).follow("r", after=1), 1))
    async with Store(database) as elsewhere:
        other = Journal(elsewhere)
        await other.append("r", Kind.OPENED, {})
        await asyncio.sleep(0.05)
        assert not waiting.done()
        await other.append("r", Kind.NOTED, {})
        assert [one.n for one in await waiting] == [2]


async def test_a_claim_is_made_once_in_a_run(store: Store) -> None:
    journal = Journal(store)
    await journal.append("r1", Kind.NOTED, {}, claim="c")
    await journal.append("r2", Kind.NOTED, {}, claim="c")
    with pytest.raises(Taken):
        await journal.append("r1", Kind.NOTED, {}, claim="c")
    rivals = (journal.append("r1", Kind.NOTED, {"by": number}, claim="d") for number in range(10))
    answers = await asyncio.gather(*rivals, return_exceptions=True)
    assert sum(isinstance(one, Event) for one in answers) == 1
    assert sum(isinstance(one, Taken) for one in answers) == 9
    assert [event.n for event in await journal.events("r1")] == [1, 2]
    assert not (await journal.audit()).faults


async def test_who_was_overtaken_records_nothing(store: Store) -> None:
    journal = Journal(store)
    await journal.append("r", Kind.OPENED, {}, seen=0)
    await journal.append("other", Kind.OPENED, {})
    await journal.append("r", Kind.NOTED, {}, seen=1)
    with pytest.raises(Overtaken):
        await journal.append("r", Kind.NOTED, {}, seen=1)
    assert len(await journal.events("r")) == 2


async def test_an_intent_needs_the_lease_until_it_is_durable(store: Store) -> None:
    journal, mine, theirs = Journal(store), Leases(store, "a"), Leases(store, "b")
    lease = await mine.take("door")
    assert lease is not None
    await journal.append("r", Kind.INTENT, {"n": 1}, under=lease)
    await mine.release(lease)
    assert await theirs.take("door") is not None
    with pytest.raises(LeaseLost):
        await journal.append("r", Kind.INTENT, {"n": 2}, under=lease)
    assert [event.body["n"] for event in await journal.events("r")] == [1]


async def test_a_lease_taken_over_between_check_and_insert_is_impossible(store: Store) -> None:
    """The take-over is in line behind the transaction that checks and records."""
    journal, mine, theirs = Journal(store), Leases(store, "a"), Leases(store, "b")
    lease = await mine.take("door")
    assert lease is not None

    async def rob() -> None:
        await mine.release(lease)
        await theirs.take("door")

    jobs = [journal.append("r", Kind.INTENT, {"n": n}, under=lease) for n in range(5)]
    answers = await asyncio.gather(
        *jobs, rob(), *(journal.append("r", Kind.INTENT, {}, under=lease) for _ in range(5)), return_exceptions=True
    )
    recorded = [one for one in answers if isinstance(one, Event)]
    refused = [one for one in answers if isinstance(one, LeaseLost)]
    assert len(recorded) + len(refused) == 10
    assert refused
    assert recorded == list(await journal.events("r"))


def append_many(url: str, name: str, count: int, go: Connection) -> None:
    async def main() -> None:
        async with Store(url) as store:
            journal = Journal(store)
            go.send("ready")
            go.recv()
            for number in range(count):
                await journal.append("shared" if number % 2 else name, Kind.NOTED, {"by": name, "number": number})
                with contextlib.suppress(Taken):
                    await journal.append("shared", Kind.NOTED, {"by": name}, claim=f"claim {number}")

    asyncio.run(main())


async def test_processes_append_at_once_without_a_fork_or_a_gap(database: str) -> None:
    """They also make the tables at once: none has opened the database before."""
    names, count = ("p1", "p2", "p3"), 35
    ends = [FRESH.Pipe() for _ in names]
    workers = [FRESH.Process(target=append_many, args=(database, name, count, end[1])) for name, end in zip(names, ends, strict=True)]
    for worker in workers:
        worker.start()
    for mine, _ in ends:
        assert mine.recv() == "ready"
    for mine, _ in ends:
        mine.send("go")
    await asyncio.gather(*(asyncio.to_thread(worker.join) for worker in workers))
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    async with Store(database) as store:
        journal = Journal(store)
        audit = await journal.audit()
        everything = [event for run in ("shared", *names) for event in await journal.events(run)]
    assert audit.faults == ()
    assert audit.events == len(everything) == len(names) * count + count  # each claim counted once
    assert sorted(event.seq for event in everything) == list(range(1, audit.events + 1))
    claims = [event.claim for event in everything if event.claim]
    assert sorted(claims) == sorted(f"claim {number}" for number in range(count))
    for name in names:
        numbers = sorted(int(str(one.body["number"])) for one in everything if one.body["by"] == name and one.claim is None)
        assert numbers == list(range(count))


def append_forever(url: str, out: Connection) -> None:
    async def main() -> None:
        async with Store(url) as store:
            journal = Journal(store)
            while True:
                out.send((await journal.append("r", Kind.NOTED, {})).hash)

    asyncio.run(main())


async def test_what_a_killed_process_reported_as_appended_is_there(database: str) -> None:
    mine, theirs = FRESH.Pipe(duplex=False)
    worker = FRESH.Process(target=append_forever, args=(database, theirs))
    worker.start()
    theirs.close()
    told = [mine.recv() for _ in range(60)]
    worker.kill()
    worker.join()
    with contextlib.suppress(EOFError):
        while True:
            told.append(mine.recv())
    async with Store(database) as store:
        journal = Journal(store)
        kept = [event.hash for event in await journal.events("r")]
        assert kept[: len(told)] == told
        assert len(kept) - len(told) in (0, 1)  # one may have been durable before it could be told
        await journal.append("r", Kind.NOTED, {})
        assert (await journal.audit()).faults == ()


async def test_a_cancelled_append_holds_no_lock(tmp_path: Path) -> None:
    """Whether it is on record or not, the next writer, of this process or another, is served at once."""
    path = tmp_path / "journal.db"
    async with Store(f"sqlite:///{path}") as store:
        journal = Journal(store)
        await journal.append("r", Kind.OPENED, {})
        other = sqlite3.connect(path, timeout=0, isolation_level=None)
        for delay in range(30):
            tasks = [asyncio.create_task(journal.append("r", Kind.NOTED, {})) for _ in range(3)]
            for _ in range(delay * 3):
                await asyncio.sleep(0)
            await asyncio.sleep(delay / 10_000)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            other.execute("BEGIN IMMEDIATE")
            other.execute("ROLLBACK")
        other.close()
        audit = await journal.audit()
        assert not audit.faults


async def test_writers_of_one_process_are_served_in_turn(store: Store) -> None:
    journal = Journal(store)
    events = await asyncio.gather(*(journal.append(f"r{number}", Kind.NOTED, {}) for number in range(30)))
    assert [event.seq for event in events] == list(range(1, 31))


@pytest.mark.parametrize("body", ["{", "[1]", "{}x", '{"a":' * 100_000])
async def test_an_event_that_cannot_be_read_is_named(tmp_path: Path, body: str) -> None:
    path = tmp_path / "journal.db"
    async with Store(f"sqlite:///{path}") as store:
        journal = Journal(store)
        event = await journal.append("r", Kind.NOTED, {})
        with sqlite3.connect(path) as rewritten:
            rewritten.execute("UPDATE events SET body = ?", (body,))
        rewritten.close()
        with pytest.raises(JournalBroken, match="event 1 of run r cannot be read"):
            await journal.events("r")
        assert await journal.head() == event.hash


async def test_the_hash_covers_every_column(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    async with Store(f"sqlite:///{path}") as store:
        event = await Journal(store).append("r", Kind.NOTED, {"x": 1}, claim="c")
        with sqlite3.connect(path) as looked:
            looked.row_factory = sqlite3.Row
            row = dict(looked.execute("SELECT * FROM events").fetchone())
        looked.close()
    assert row.pop("hash") == event.hash == digest(row)
