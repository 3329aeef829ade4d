"""What waits for the database at one moment shares a commit; what fails does so by itself; what is looked for by many is read once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from firedoor.errors import JournalError, JournalRefused, Overtaken, Taken
from firedoor.growing import Growing
from firedoor.journal import Event, Journal, Kind
from firedoor.lease import Leases
from firedoor.sharing import MOST, Sharing, Work
from firedoor.store import Store
from firedoor.turns import Turns
from firedoor.unit import Unit
from tests.conftest import Postgres


class Desk:
    """Carries works out, and remembers how many at a time. ``fails``: the database does, from then on."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.fails = False
        self.sharing = Sharing(Turns(), self.carry_out)

    async def carry_out(self, works: Sequence[Work[Any]]) -> Sequence[Any]:
        self.batches.append(len(works))
        await asyncio.sleep(0)
        if self.fails:
            raise JournalError("the disk is full")
        return [work.do(None) for work in works]  # type: ignore[arg-type]


async def test_those_who_wait_share_a_transaction_and_a_person_waits_for_nobody() -> None:
    desk, order = Desk(), list[str]()

    def work(name: str) -> Work[str]:
        def done(_: Unit) -> str:
            order.append(name)
            return name

        return Work(done)

    first = asyncio.create_task(desk.sharing.do(work("first"), awaited=False))
    await asyncio.sleep(0)
    names = [f"of many {number}" for number in range(MOST + 3)]
    others = [asyncio.create_task(desk.sharing.do(work(name), awaited=False)) for name in names]
    person = asyncio.create_task(desk.sharing.do(work("person"), awaited=True))
    assert await asyncio.gather(first, *others, person) == ["first", *names, "person"]
    assert order.index("person") <= MOST, "at most those who were under way went before"
    assert [name for name in order if name != "person"] == ["first", *names], "in the order of asking"
    assert max(desk.batches) == MOST
    assert len(desk.batches) < 6


async def test_who_is_refused_refuses_nobody_else(tmp_path: Path) -> None:
    async with Store(f"sqlite:///{tmp_path / 'journal.db'}") as store:
        journal = Journal(store)
        await journal.append("r", Kind.OPENED, {}, claim="once")
        ended = await asyncio.gather(
            journal.append("r", Kind.NOTED, {"n": 2}),
            journal.append("r", Kind.NOTED, {}, claim="once"),
            journal.append("r", Kind.NOTED, {}, seen=0),
            journal.append("r", Kind.NOTED, {"n": 3}),
            Leases(store, "me").take("a user"),
            Leases(store, "another").take("a user"),
            return_exceptions=True,
        )
        assert [type(one) for one in ended[1:3]] == [Taken, Overtaken]
        assert [event.body.get("n") for event in await journal.events("r")] == [None, 2, 3]
        assert [one.body.get("n") for one in ended if isinstance(one, Event)] == [2, 3], "whoever was told of an event has it on record"
        assert [type(one).__name__ for one in ended[4:]] == ["Lease", "NoneType"]
        assert (await journal.audit()).faults == ()


async def test_a_database_that_fails_fails_all_who_share_and_is_not_asked_again_for_each() -> None:
    desk = Desk()
    desk.fails = True
    ended = await asyncio.gather(*(desk.sharing.do(Work(lambda _: 1), awaited=False) for _ in range(5)), return_exceptions=True)
    assert [type(one) for one in ended] == [JournalError] * 5
    assert len(desk.batches) == 1
    desk.fails = False
    assert await desk.sharing.do(Work(lambda _: 2), awaited=False) == 2


async def test_nothing_of_a_work_that_fails_is_on_record(tmp_path: Path) -> None:
    async with Store(f"sqlite:///{tmp_path / 'journal.db'}") as store:
        journal = Journal(store)

        def broken(unit: Unit) -> None:
            unit.connection.exec_driver_sql("DELETE FROM leases")
            raise ValueError("in the middle")

        await Leases(store, "me").take("a user")
        ended = await asyncio.gather(store.write(Work(broken)), journal.append("r", Kind.OPENED, {}), return_exceptions=True)
        assert isinstance(ended[0], ValueError)
        assert await Leases(store, "me").holder("a user") == "me"
        assert len(await journal.events("r")) == 1


async def test_many_who_look_at_once_read_each_event_once_and_all_that_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen, looks = list[int](), list[int]()
    async with Store(f"sqlite:///{tmp_path / 'journal.db'}") as store:
        journal = Journal(store)
        events = journal.events

        async def counted(run: str, *, after: int = 0, only: Kind | None = None) -> Sequence[Event]:
            looks.append(after)
            return await events(run, after=after, only=only)

        monkeypatch.setattr(journal, "events", counted)
        growing = Growing(journal, "r", lambda event: seen.append(event.n))

        async def one(number: int) -> bool:
            event = await journal.append("r", Kind.NOTED, {"number": number})
            await growing.look()
            return event.n in seen

        assert all(await asyncio.gather(*(one(number) for number in range(20)))), "what was durable before the look is seen by it"
        assert seen == list(range(1, 21))
        assert len(looks) < 10, "they share looks"


async def test_who_comes_while_others_look_is_not_served_by_what_they_saw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen, looked, go = list[int](), asyncio.Event(), asyncio.Event()
    async with Store(f"sqlite:///{tmp_path / 'journal.db'}") as store:
        journal = Journal(store)
        events = journal.events

        async def slow(run: str, *, after: int = 0, only: Kind | None = None) -> Sequence[Event]:
            found = await events(run, after=after, only=only)
            looked.set()
            await go.wait()
            return found

        monkeypatch.setattr(journal, "events", slow)
        growing = Growing(journal, "r", lambda event: seen.append(event.n))
        early = asyncio.create_task(growing.look())
        await looked.wait()
        await journal.append("r", Kind.STOP, {})
        late = asyncio.create_task(growing.look())
        await asyncio.sleep(0)
        go.set()
        await early
        await late
        assert seen == [1], "a stop counts from the moment it is durable"


async def test_what_the_database_refuses_for_what_it_is_fails_alone(tmp_path: Path) -> None:
    async with Store(f"sqlite:///{tmp_path / 'journal.db'}") as store:
        journal = Journal(store)

        def twice(unit: Unit) -> None:
            for _ in range(2):
                unit.connection.exec_driver_sql("INSERT INTO seen VALUES ('a key', 1.0)")

        ended = await asyncio.gather(
            journal.append("r", Kind.OPENED, {}), store.write(Work(twice)), journal.append("r", Kind.NOTED, {}), return_exceptions=True
        )
        assert [type(one) for one in ended] == [Event, JournalRefused, Event]
        assert [event.n for event in await journal.events("r")] == [1, 2]


async def test_a_value_that_postgres_cannot_hold_fails_alone(postgres: Postgres) -> None:
    async with Store(postgres.database()) as store:
        journal, leases = Journal(store), Leases(store, "me")
        for name in ("bad\x00name", "half \ud800"):
            ended = await asyncio.gather(
                journal.append("r", Kind.NOTED, {}), leases.take(name), journal.append("r", Kind.NOTED, {}), return_exceptions=True
            )
            assert [type(one) for one in ended] == [Event, JournalRefused, Event]


async def test_nobody_is_left_waiting_where_the_one_who_leads_is_called_off(monkeypatch: pytest.MonkeyPatch) -> None:
    desk, stands = Desk(), asyncio.Event()

    async def never(works: Sequence[Work[Any]]) -> Sequence[Any]:
        stands.set()
        return await asyncio.Future[Sequence[Any]]() if works else []

    before = asyncio.all_tasks()
    desk.sharing = Sharing(Turns(), never)
    waiting = [asyncio.create_task(desk.sharing.do(Work(lambda _: 1), awaited=bool(number % 2))) for number in range(5)]
    await stands.wait()
    for task in asyncio.all_tasks() - before - set(waiting):
        task.cancel()
    async with asyncio.timeout(20):
        ended = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(one) for one in ended] == [asyncio.CancelledError] * 5
    asked = list[int]()

    async def count(works: Sequence[Work[Any]]) -> Sequence[Any]:
        asked.append(len(works))
        return [None for _ in works]

    monkeypatch.setattr(desk.sharing, "_carry_out", count)
    await desk.sharing.do(Work(lambda _: 1), awaited=False)
    assert asked == [1], "what was called off is done for nobody"


async def test_those_who_share_are_one_question_and_one_statement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = list[str]()
    execute = sa.Connection.execute

    def counted(self: sa.Connection, statement: Any, *given: Any, **options: Any) -> Any:
        asked.append(type(statement).__name__)
        return execute(self, statement, *given, **options)

    async with Store(f"sqlite:///{tmp_path / 'journal.db'}") as store:
        journal, leases = Journal(store), Leases(store, "me")
        held = await asyncio.gather(*(leases.take(f"door {number}") for number in range(MOST)))
        monkeypatch.setattr(sa.Connection, "execute", counted)
        await asyncio.gather(*(journal.append("r", Kind.INTENT, {}, under=lease) for lease in held))
    assert sorted(asked) == ["CompoundSelect", "Insert", "Select"]
