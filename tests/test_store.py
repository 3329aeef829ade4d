from __future__ import annotations

import asyncio
import gc
import os
import sqlite3
import traceback
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from firedoor import appending
from firedoor import database as module
from firedoor.errors import JournalError, JournalUnreachable, Misconfigured
from firedoor.journal import Journal, Kind
from firedoor.lease import Leases
from firedoor.migrations import KNOWN
from firedoor.sharing import Work
from firedoor.store import Store, unbroken
from firedoor.turns import Turns
from firedoor.unit import Row, Unit
from tests.conftest import Postgres

SECRET = "correct-horse"  # tracebacks quote lines of source: no line but this one holds it


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "journal.db"


def url(path: Path) -> str:
    return f"sqlite:///{path}"


async def open_it(address: str) -> None:
    async with Store(address):
        pass


async def test_sqlite_commits_survive_a_power_cut(path: Path) -> None:
    async with Store(url(path)) as store:
        for connect in (store.transaction, store.reading):
            async with connect() as connection:
                found = {
                    name: (await connection.exec_driver_sql(f"PRAGMA {name}")).scalar()
                    for name in ("journal_mode", "synchronous", "busy_timeout", "fullfsync")
                }
            assert found == {"journal_mode": "wal", "synchronous": 2, "busy_timeout": 10_000, "fullfsync": 1}
    assert path.parent.stat().st_mode & 0o077 == 0


async def test_postgres_commits_survive_a_power_cut_whatever_the_server_prefers(postgres: Postgres) -> None:
    address = postgres.database()
    async with Store(address) as store, store.transaction() as connection:
        name = address.rpartition("/")[2]
        await connection.execute(sa.text(f"ALTER DATABASE {name} SET synchronous_commit = off"))
        await connection.execute(sa.text(f"ALTER DATABASE {name} SET default_transaction_isolation = 'serializable'"))
    async with Store(address) as store:
        async with store.transaction() as connection:
            assert (await connection.execute(sa.text("SHOW synchronous_commit"))).scalar() == "on"
            assert (await connection.execute(sa.text("SHOW transaction_isolation"))).scalar() == "read committed"
        async with Store(address) as other:
            journals = [Journal(store), Journal(other)] * 20
            await asyncio.gather(*(journal.append("r", Kind.NOTED, {}) for journal in journals))
            assert (await journals[0].audit()).events == 40


class Unwilling:
    """A driver whose file system has no shared memory: SQLite then goes on in another mode without a word."""

    driver_connection = isolation_level = None

    def __init__(self) -> None:
        self.driver_connection = type("Driver", (), {})()

    def cursor(self) -> Any:
        return self

    def execute(self, statement: str) -> None:
        del statement

    def fetchone(self) -> tuple[str]:
        return ("delete",)

    def close(self) -> None:
        pass


def test_a_file_system_without_wal_is_refused() -> None:
    with pytest.raises(JournalError, match="delete mode, where WAL is due"):
        module._open_durably(Unwilling(), None)


def garbage(path: Path) -> None:
    path.write_bytes(os.urandom(8192))


def broken_pages(path: Path) -> None:
    with closing(sqlite3.connect(path)) as made, made:
        made.execute("CREATE TABLE about (schema INTEGER PRIMARY KEY)")
        made.executemany("INSERT INTO about VALUES (?)", [(number,) for number in range(5000)])
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 4096 * 4)


def another_program(path: Path) -> None:
    with closing(sqlite3.connect(path)) as made, made:
        made.execute("CREATE TABLE about (author TEXT)")


def folder(path: Path) -> None:
    path.mkdir()


def open_files() -> list[str]:
    return [os.path.realpath(one) for one in Path("/proc/self/fd").glob("*")]


@pytest.mark.parametrize("spoil", [garbage, broken_pages, another_program, folder])
async def test_a_file_that_is_no_journal_is_refused(path: Path, spoil: Callable[[Path], None]) -> None:
    path.parent.mkdir()
    spoil(path)
    with pytest.raises(Misconfigured) as refused:
        await open_it(url(path))
    assert refused.value.exit_code == 2
    assert "FIREDOOR_DATABASE_URL" in str(refused.value)
    assert "Nothing was changed." in str(refused.value)
    del refused  # the statement that failed is in its traceback, and keeps SQLite's file open
    gc.collect()
    assert str(path) not in open_files()


async def test_a_newer_schema_is_refused(path: Path) -> None:
    await open_it(url(path))
    await open_it(url(path))
    with closing(sqlite3.connect(path)) as future, future:
        assert future.execute("SELECT version_num FROM firedoor_version").fetchall() == [(KNOWN[-1],)]
        future.execute("UPDATE firedoor_version SET version_num = 'from the future'")
    with pytest.raises(Misconfigured, match=f"newer Firedoor .revision from the future; this one knows {KNOWN[-1]}"):
        await open_it(url(path))


@pytest.mark.parametrize(
    "address",
    [
        "",
        "nonsense",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        f"mysql://u:{SECRET}@h/d",
        "oracle://h",
        f"postgresql://u:{SECRET}@h:port/d",
    ],
)
async def test_an_address_that_cannot_be_used_is_refused_without_its_password(address: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        await open_it(address)
    assert "sqlite:///path/to/file.db" in str(refused.value)
    assert SECRET not in "".join(traceback.format_exception(refused.value))


async def test_a_parent_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Misconfigured):
        await open_it(url(tmp_path / "file" / "journal.db"))


@pytest.mark.parametrize("wrong", ["nowhere", "absent"])
async def test_a_postgres_that_does_not_answer_is_said_without_its_password(postgres: Postgres, wrong: str) -> None:
    place = f"127.0.0.1:{postgres.port}/no_such_database" if wrong == "absent" else "127.0.0.1:1/d"
    with pytest.raises(Misconfigured) as refused:
        await open_it(f"postgresql://firedoor:{SECRET}@{place}")
    assert refused.value.exit_code == 2
    assert SECRET not in "".join(traceback.format_exception(refused.value))


async def test_a_database_that_somebody_holds_is_an_error_in_words(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BUSY_SECONDS", 0)
    async with Store(url(path)) as store:
        journal = Journal(store)
        await journal.append("r", Kind.OPENED, {})
        with closing(sqlite3.connect(path, isolation_level=None)) as holder:
            holder.execute("BEGIN IMMEDIATE")
            with pytest.raises(JournalError, match=r"database is locked.*no other program holds it"):
                await journal.append("r", Kind.NOTED, {})
            assert len(await journal.events("r")) == 1  # who only reads is not held up
            holder.execute("ROLLBACK")
        assert (await journal.append("r", Kind.NOTED, {})).n == 2


async def test_who_opens_a_database_waits_for_who_else_does(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite itself does not wait where two change a new file to WAL: one of them would be turned away."""
    monkeypatch.setattr(module, "BUSY_SECONDS", 0)
    path.parent.mkdir()
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("CREATE TABLE other (x)")
        other.execute("BEGIN EXCLUSIVE")
        asyncio.get_running_loop().call_later(0.2, other.execute, "ROLLBACK")
        await open_it(url(path))


@pytest.mark.parametrize(
    ("pragma", "words"), [("query_only=ON", "attempt to write a readonly database"), ("max_page_count=1", "database or disk is full")]
)
async def test_a_database_that_cannot_be_written_is_an_error_in_words(path: Path, pragma: str, words: str) -> None:
    async with Store(url(path)) as store:
        journal = Journal(store)
        await journal.append("r", Kind.OPENED, {})
        await store.write(Work(lambda unit: unit.connection.exec_driver_sql(f"PRAGMA {pragma}").close()))
        with pytest.raises(JournalError, match=words) as failed:
            await journal.append("r", Kind.NOTED, {"much": "x" * 100_000})
        assert failed.value.changed is False
        assert "See that its disk has room" in str(failed.value)
        assert len(await journal.events("r")) == 1


async def test_what_is_written_is_not_repeated_in_an_error(path: Path) -> None:
    async with Store(url(path)) as store:
        await store.write(Work(lambda unit: unit.connection.exec_driver_sql("PRAGMA max_page_count=1").close()))
        with pytest.raises(JournalError, match="full") as failed:
            await Journal(store).append("r", Kind.NOTED, {"planted": SECRET, "z": "x" * 100_000})
    assert SECRET not in "".join(traceback.format_exception(failed.value))


async def test_a_store_that_is_not_open_says_so(path: Path) -> None:
    with pytest.raises(JournalError, match="not open"):
        await Journal(Store(url(path))).runs()


async def test_work_that_was_begun_is_ended_before_its_caller_is_cancelled() -> None:
    steps: list[str] = []
    begun, go = asyncio.Event(), asyncio.Event()

    @unbroken
    async def work(*, fails: bool) -> None:
        begun.set()
        await go.wait()
        steps.append("ended")
        if fails:
            raise JournalError("and nobody asks")

    for fails in (False, True):
        begun.clear()
        go.clear()
        task = asyncio.ensure_future(work(fails=fails))
        await begun.wait()
        task.cancel()
        await asyncio.sleep(0)
        assert not task.done()
        go.set()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert steps == ["ended", "ended"]


async def test_what_a_person_waits_for_goes_before_the_others(tmp_path: Path) -> None:
    done: list[str] = []

    async with Store(url(tmp_path / "journal.db")) as store:

        async def write(name: str, *, awaited: bool = False) -> None:
            async with store.transaction(awaited=awaited):
                done.append(name)
                await asyncio.sleep(0)

        first = asyncio.create_task(write("first"))
        await asyncio.sleep(0)
        others = [asyncio.create_task(write(name)) for name in ("a", "b", "called off", "c")]
        await asyncio.sleep(0)
        person = asyncio.create_task(write("person", awaited=True))
        await asyncio.sleep(0)
        others[2].cancel()
        await asyncio.gather(first, *others, person, return_exceptions=True)
        assert done == ["first", "person", "a", "b", "c"]


@pytest.mark.parametrize("steps", range(6))
async def test_a_turn_is_handed_on_whenever_its_owner_is_called_off(steps: int) -> None:
    turns = Turns()
    order: list[int] = []

    async def take(number: int) -> None:
        async with turns.mine(ahead=number % 2 == 0):
            await asyncio.sleep(0)
            order.append(number)

    tasks = [asyncio.create_task(take(number)) for number in range(6)]
    for _ in range(steps):
        await asyncio.sleep(0)
    for task in tasks[1:4]:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert {0, 4, 5} <= set(order)
    async with asyncio.timeout(1), turns.mine(ahead=False):
        pass


async def test_what_a_dropped_connection_took_with_it_is_done_again_once(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    add, calls = appending.add, list[int]()

    def dropped(unit: Unit, **event: Any) -> Row:
        calls.append(1)
        if len(calls) == 1:
            unit.connection.exec_driver_sql("SELECT pg_terminate_backend(pg_backend_pid())")
        return add(unit, **event)

    monkeypatch.setattr(appending, "add", dropped)
    async with Store(postgres.database()) as store:
        journal = Journal(store)
        assert (await journal.append("r", Kind.OPENED, {})).n == 1
        assert len(await journal.events("r")) == 1
    assert len(calls) == 2


async def test_where_the_server_goes_at_the_commit_it_is_looked_whether_that_stands(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    stands, looked = Unit.stands, list[bool]()

    def noted(self: Unit, connection: sa.Connection) -> bool:
        looked.append(stands(self, connection))
        return looked[-1]

    monkeypatch.setattr(Unit, "stands", noted)
    async with Store(postgres.database()) as store:
        async with store.transaction() as connection:
            falls = "BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END"
            for statement in (
                f"CREATE FUNCTION fall() RETURNS trigger LANGUAGE plpgsql AS '{falls}'",
                "CREATE CONSTRAINT TRIGGER falls AFTER INSERT ON events DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fall()",
            ):
                await connection.execute(sa.text(statement))
        journal = Journal(store)
        with pytest.raises(JournalUnreachable) as failed:
            await journal.append("r", Kind.OPENED, {})
        assert failed.value.changed is False
        assert looked == [False, False], "it was tried once more, for it was known not to stand"
        assert await journal.events("r") == []


async def test_where_it_cannot_be_looked_for_it_is_not_known_and_not_done_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write, calls = module.Database.write, list[int]()

    async def unheard(self: module.Database, work: Callable[[sa.Connection], object]) -> None:
        calls.append(1)
        if len(calls) == 1:
            await write(self, work)
            raise JournalUnreachable("the connection is gone", changed=None)
        raise JournalUnreachable("it is gone for good")

    async with Store(url(path)) as store:
        journal = Journal(store)
        monkeypatch.setattr(module.Database, "write", unheard)
        with pytest.raises(JournalUnreachable, match="the connection is gone") as failed:
            await journal.append("r", Kind.OPENED, {})
        assert failed.value.changed is None
        assert len(calls) == 2
        monkeypatch.undo()
        assert [event.n for event in await journal.events("r")] == [1]


async def test_any_row_tells_that_all_was_committed(path: Path) -> None:
    async with Store(url(path)) as store:
        mine, theirs, units = Leases(store, "me"), Leases(store, "they"), list[Unit]()
        assert await mine.take("door")

        def both(unit: Unit) -> None:
            units.append(unit)
            appending.add(unit, run="r", at=datetime.now(UTC), kind="run.noted", body="{}")
            turn = unit.turns(["door"])["door"]
            assert turn is not None
            unit.change("door", replace(turn, holder="", expires=0.0))

        await store.write(Work(both))
        assert await theirs.take("door")
        assert await store.read(units[0].stands)


async def test_what_was_committed_is_not_done_again_though_nobody_was_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = module.Database.write

    async def unheard(self: module.Database, work: Callable[[sa.Connection], object]) -> object:
        found = await write(self, work)
        if found is None:
            raise JournalUnreachable("the connection is gone", changed=None)
        return found

    async with Store(url(path)) as store:
        journal, mine = Journal(store), Leases(store, "me")
        monkeypatch.setattr(module.Database, "write", unheard)
        lease = await mine.take("door")
        assert (await journal.append("r", Kind.OPENED, {}, under=lease)).n == 1
        assert lease is not None
        assert lease.fence == 1
        with pytest.raises(JournalUnreachable):  # it changed nothing that could be looked for
            await store.write(Work(lambda unit: unit.claimed("r", "none")))
        monkeypatch.undo()
        assert [event.n for event in await journal.events("r")] == [1]
        await mine.release(lease)
