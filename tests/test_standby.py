"""The database goes away and comes back: a real PostgreSQL server behind a port that can be shut."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from firedoor import auditing, standby
from firedoor import lease as leasing
from firedoor import store as module
from firedoor.approval import Answer
from firedoor.audit import audit
from firedoor.channel import Ask, Silent
from firedoor.database import Database
from firedoor.desk import Desk
from firedoor.errors import BadInput, JournalError, JournalUnreachable, LeaseLost, Misconfigured, Taken
from firedoor.growing import Growing
from firedoor.journal import Event, Journal, Kind
from firedoor.lease import Leases
from firedoor.proofs import Known
from firedoor.store import Store
from firedoor.unclosed import OUT_OF_REACH, Incidents
from tests import fakes
from tests.conftest import Postgres
from tests.line import Line


@pytest.fixture
async def line(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Line]:
    monkeypatch.setattr(module, "PROBE_SECONDS", 0.05)
    monkeypatch.setattr("firedoor.journal.POLL_SECONDS", 0.02)
    found = Line(port=postgres.port, url=postgres.database())
    await found.open()
    yield found
    await found.shut()


@asynccontextmanager
async def at_work(line: Line, folder: Path) -> AsyncIterator[tuple[Store, Journal]]:
    async with Store(line.address, standby=folder / "standby", begins=True) as store:
        yield store, Journal(store)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 - the store moves by itself
            await asyncio.sleep(0.01)


async def bodies(journal: Journal, run: str = "r") -> list[object]:
    return [event.body.get("what") for event in await journal.events(run) if "what" in event.body]


async def test_a_run_goes_on_while_the_database_is_away_and_all_of_it_is_there_afterwards(line: Line, tmp_path: Path) -> None:
    async with at_work(line, tmp_path) as (store, journal):
        await journal.append("r", Kind.OPENED, {"what": 1})
        await journal.append("other", Kind.OPENED, {"what": "of another"})
        before = await journal.events("r")
        await line.shut()
        away = await journal.append("r", Kind.NOTED, {"what": 2}, claim="two", seen=1)
        assert store.standing_by
        assert await bodies(journal) == [1, 2]
        assert (await journal.events("r"))[0] == before[0]
        with pytest.raises(Taken):
            await journal.append("r", Kind.NOTED, {}, claim="two")
        await line.open()
        await until(lambda: not store.standing_by)
        await journal.append("r", Kind.NOTED, {"what": 3})
        assert await bodies(journal) == [1, 2, 3]
        merged = (await journal.events("r"))[1]
        assert (merged.at, merged.claim) == (away.at, "two"), "what was recorded keeps its time"
        told = {away.hash: "a report of then", "sha256:" + "1" * 64: "nobody's"}
        found = (await audit(journal, Known(seal=None, standing=None, roster=lambda _: None, tier=lambda *_: None), told=told)).heads
        assert [one.stands for one in found] == ["event 3 (run r, its number 2), as it was on the stand-by", ""]
        assert [event.body["stand_by"]["events"] for event in await journal.events("r") if "stand_by" in event.body] == [1]  # type: ignore[index, call-overload]
        assert (await journal.audit()).faults == ()
    async with at_work(line, tmp_path) as (store, journal):
        assert await bodies(journal) == [1, 2, 3], "it is handed over once"
        assert not store.standing_by


async def test_a_decision_at_a_terminal_reaches_the_process_that_waits_for_it(line: Line, tmp_path: Path) -> None:
    """Two processes that share the folder, and a third that begins while the database is away."""
    async with at_work(line, tmp_path) as (_, serving), at_work(line, tmp_path) as (_, second):
        await serving.append("r", Kind.OPENED, {"what": "asked"})
        await second.append("s", Kind.OPENED, {"what": "asked"})
        await line.shut()
        heard = asyncio.create_task(_heard(serving))
        await second.append("s", Kind.NOTED, {"what": "of the second"})
        async with at_work(line, tmp_path) as (terminal, at_terminal):
            await serving.append("r", Kind.NOTED, {"what": "waits"})
            assert terminal.standing_by
            assert await bodies(at_terminal) == ["asked", "waits"]
            await at_terminal.append("r", Kind.DECIDED, {"what": "approved"})
        async with asyncio.timeout(20):
            assert await heard == ["asked", "waits", "approved"]
        assert await bodies(serving, "s") == ["asked", "of the second"]


async def test_a_database_that_no_longer_answers_is_away_too(line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firedoor.database.SILENT_SECONDS", 0.3)
    monkeypatch.setattr("firedoor.database.CONNECT_SECONDS", 0.3)
    async with at_work(line, tmp_path) as (store, journal):
        await journal.append("r", Kind.OPENED, {"what": 1})
        line.silent = True
        await journal.append("r", Kind.NOTED, {"what": 2})
        assert store.standing_by
        line.silent = False
        await until(lambda: not store.standing_by)
        assert await bodies(journal) == [1, 2]


async def test_who_stands_still_with_the_write_lock_loses_it(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that was stopped in the middle of an append must not hold up all others."""
    monkeypatch.setattr("firedoor.database.BUSY_SECONDS", 1)
    address = postgres.database()
    async with Store(address) as still, Store(address) as other:
        await Journal(other).append("r", Kind.OPENED, {"what": 1})

        async def stands_still() -> None:
            async with still.transaction() as connection:
                pid = await connection.scalar(sa.text("SELECT pg_backend_pid()"))
                mine = sa.text("SELECT 1 FROM pg_stat_activity WHERE pid = :pid").bindparams(pid=pid)
                while await other.read(lambda looking: looking.execute(mine).first()):  # noqa: ASYNC110 - the server is asked
                    await asyncio.sleep(0.05)
                await connection.execute(sa.text("SELECT 1"))

        with pytest.raises(JournalError):
            await stands_still()
        await Journal(other).append("r", Kind.NOTED, {"what": 2})


async def test_whoever_only_looks_begins_no_stand_by_and_goes_along_to_one(line: Line, tmp_path: Path) -> None:
    folder = tmp_path / "standby"
    async with at_work(line, tmp_path) as (_, journal):
        await journal.append("r", Kind.OPENED, {"what": 1})
        await line.shut()
        with pytest.raises(Misconfigured, match="does not answer"):
            await Store(line.address, standby=folder).__aenter__()
        assert list(folder.glob("*.db")) == []
        await journal.append("r", Kind.NOTED, {"what": 2})
        async with Store(line.address, standby=folder) as looking:
            assert await bodies(Journal(looking)) == [1, 2]


@pytest.mark.parametrize("late", [False, True], ids=["while it waits", "from the first line on"])
async def test_a_run_is_approved_and_carried_out_while_the_database_is_away(
    late: bool,  # noqa: FBT001 - a table's column
    line: Line,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fakes.hasten(monkeypatch)
    async with at_work(line, tmp_path) as (store, journal):
        lab = fakes.Lab(vendor=fakes.Vendor({"a": {"k1": "open", "k2": "open"}}), store=store, journal=journal, path=tmp_path)
        if late:
            await line.shut()

        class Cutting(Silent):
            async def asked(self, ask: Ask) -> None:
                await line.shut()
                await until(lambda: store.standing_by)  # whoever waits for the decision looks for it all the time
                async with Store(line.address, standby=tmp_path / "standby") as terminal:
                    desk = Desk(journal=Journal(terminal), roster=lab.roster, seal=lab.seal)
                    await desk.decide(ask.order.run, fakes.YES, Answer.APPROVE, via="terminal")

        report = await lab.contain(answer=None, engine=lab.engine(channel=Cutting()))
        assert (report["outcome"], dict(lab.vendor.effects)) == ("contained", {"shut a/k1": 1, "shut a/k2": 1})
        assert store.standing_by
        kinds = await lab.kinds()
        await line.open()
        await until(lambda: not store.standing_by)
        assert [kind for kind in await lab.kinds() if kind != Kind.NOTED] == [kind for kind in kinds if kind != Kind.NOTED]
        assert (await journal.audit()).faults == ()
        record = await lab.desk().record("r1")
        assert lab.desk().grant(record) is not None, "the approval holds in the database as it did here"
        assert record.report is not None
        assert record.report["outcome"] == "contained"


async def _heard(journal: Journal) -> list[object]:
    found: list[object] = []
    async for event in journal.follow("r"):
        found.append(event.body["what"])
        if event.kind == Kind.DECIDED:
            break
    return found


async def test_who_hands_over_takes_all_processes_back(line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with at_work(line, tmp_path) as (store, journal):
        await journal.append("r", Kind.OPENED, {"what": 1})
        await line.shut()
        await journal.append("r", Kind.NOTED, {"what": 2})
        monkeypatch.setattr(module, "PROBE_SECONDS", 600.0)
        await asyncio.sleep(0.1)
        await line.open()
        async with at_work(line, tmp_path) as (_, another):
            assert await bodies(another) == [1, 2]
        await journal.append("r", Kind.NOTED, {"what": 3})  # it finds the stand-by handed over, and goes to the database
        assert not store.standing_by
        assert await bodies(journal) == [1, 2, 3]
        assert (await journal.audit()).faults == ()


async def test_what_others_recorded_meanwhile_stays_and_nothing_is_lost(line: Line, tmp_path: Path) -> None:
    async with Store(line.url) as elsewhere, at_work(line, tmp_path) as (store, journal):  # another machine, which reaches the server
        await journal.append("r", Kind.OPENED, {"what": 1})
        await line.shut()
        await journal.append("r", Kind.NOTED, {"what": "here"}, claim="one")
        await Journal(elsewhere).append("r", Kind.NOTED, {"what": "there"}, claim="one")
        await line.open()
        await until(lambda: not store.standing_by)
        assert await bodies(journal) == [1, "there", "here"]
        assert (await journal.audit()).faults == ()


async def test_a_lease_goes_with_its_holder_there_and_back(line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leasing, "RENEW_SECONDS", 0.05)
    async with at_work(line, tmp_path) as (store, journal), at_work(line, tmp_path) as (other, _):
        holder = Leases(store, "one")
        await journal.append("r", Kind.OPENED, {"what": 1})
        async with holder.holding("zone", patience=1) as lease:
            await line.shut()
            await journal.append("r", Kind.INTENT, {"what": 2}, under=lease)
            assert await Leases(other, "two").take("zone") is None
            await line.open()
            await until(lambda: not store.standing_by)
            await journal.append("r", Kind.INTENT, {"what": 3}, under=lease)
        later = await Leases(other, "two").take("zone")
        assert later is not None
        assert later.fence > lease.fence
        with pytest.raises(LeaseLost):
            await journal.append("r", Kind.INTENT, {}, under=lease)


async def test_a_fence_from_the_stand_by_is_above_all_from_before(line: Line, tmp_path: Path) -> None:
    async with at_work(line, tmp_path) as (store, journal):
        leases = Leases(store, "one")
        first = await leases.take("zone")
        assert first is not None
        await leases.release(first)
        await line.shut()
        second = await leases.take("zone")
        assert second is not None
        assert second.fence > first.fence
        await line.open()
        await until(lambda: not store.standing_by)
        await journal.append("r", Kind.INTENT, {}, under=second)


async def test_a_handover_that_is_cut_off_is_made_once(line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The database has it, and whoever handed it over died before the file could be marked."""

    def dies(_: object) -> str:
        raise InterruptedError

    async with at_work(line, tmp_path) as (_, journal):
        await journal.append("r", Kind.OPENED, {"what": 1})
        monkeypatch.setattr(module, "PROBE_SECONDS", 600.0)
        await line.shut()
        await journal.append("r", Kind.NOTED, {"what": 2})
        main = await Database.opened(line.url)
        with monkeypatch.context() as patch:
            patch.setattr(standby, "instant", dies)
            with pytest.raises(JournalError):
                await standby.StandBy(tmp_path / "standby").hand_over(main)
        await journal.append("r", Kind.NOTED, {"what": 3})  # the file goes on, since nobody marked it
        assert await standby.StandBy(tmp_path / "standby").hand_over(main) == 1
        await main.close()
        await line.open()
        assert await journal.append("r", Kind.NOTED, {"what": 4})
        assert await bodies(journal) == [1, 2, 3, 4]
        assert (await journal.audit()).faults == ()


async def test_the_audit_does_not_judge_the_journal_by_its_stand_by(line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "firedoor.toml").write_text("", encoding="utf-8")
    for name, value in (("DATABASE_URL", line.address), ("STATE_DIR", str(tmp_path)), ("CONFIG", str(tmp_path / "firedoor.toml"))):
        monkeypatch.setenv(f"FIREDOOR_{name}", value)
    async with at_work(line, tmp_path) as (_, journal):
        await journal.append("r", Kind.NOTED, {"what": 1})
        assert (await auditing.verify()).faults == ()
        await line.shut()
        await journal.append("r", Kind.NOTED, {"what": 2})
        with pytest.raises(BadInput, match="its stand-by has only a part of it"):
            await auditing.verify()


async def test_without_a_stand_by_it_is_an_error(line: Line, tmp_path: Path) -> None:
    async with Store(line.address) as store:
        journal = Journal(store)
        await journal.append("r", Kind.OPENED, {})
        await line.shut()
        with pytest.raises(JournalError, match="does not answer"):
            await journal.append("r", Kind.NOTED, {})
        await line.open()
        assert (await journal.append("r", Kind.NOTED, {})).n == 2
        await line.shut()
        with pytest.raises(Misconfigured):
            await Store(line.address).__aenter__()
    async with Store(f"sqlite:///{tmp_path}/journal.db", standby=tmp_path / "standby") as store:
        assert await store.move(0, JournalUnreachable("away", changed=None)) is False  # a file on this machine is what it is
    assert not (tmp_path / "standby").exists()


async def test_who_follows_a_run_misses_nothing_where_the_journal_moves(line: Line, tmp_path: Path) -> None:
    """Another machine goes on at the database meanwhile, so that what is appended on the stand-by gets another number."""
    seen = list[str]()

    def take(event: Event) -> None:
        if event.kind == Kind.OPENED:
            seen.clear()
        seen.append(event.kind)

    async with at_work(line, tmp_path) as (store, journal), Store(line.url) as theirs:
        await journal.append("r", Kind.OPENED, {})
        growing = Growing(journal, "r", take)
        await growing.look()
        for kind in (Kind.STOP, Kind.RESUMED, Kind.NOTED):
            await Journal(theirs).append("r", kind, {})
        await line.shut()
        await journal.append("r", Kind.PLANNED, {})
        await growing.look()
        assert seen == [Kind.OPENED, Kind.PLANNED]
        await line.open()
        await until(lambda: not store.standing_by)
        await growing.look()
        assert seen == [Kind.OPENED, Kind.STOP, Kind.RESUMED, Kind.NOTED, Kind.PLANNED, Kind.NOTED]
        await growing.look()
        assert len(seen) == 6


async def test_which_incidents_are_open_cannot_be_told_while_the_database_is_away(line: Line, tmp_path: Path) -> None:
    """This process may never have looked at the runs that are open, and other machines go on at the database: so new keys wait."""
    async with at_work(line, tmp_path) as (store, journal):
        known = Incidents(journal, {}, fakes.ROSTER)
        assert await known.concerned() == ()
        await line.shut()
        assert await known.concerned() == (OUT_OF_REACH,)
        assert await Incidents(journal, {}, fakes.ROSTER).concerned() == (OUT_OF_REACH,)
        await line.open()
        await until(lambda: not store.standing_by)
        assert await known.concerned() == ()


async def test_what_may_stand_in_the_database_is_not_done_there_again(line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write, calls = Database.write, list[int]()

    async def unheard(self: Database, work: Callable[[sa.Connection], object]) -> object:
        calls.append(1)
        if len(calls) == 1:
            await write(self, work)
            raise JournalUnreachable("the connection is gone", changed=None)
        if len(calls) == 2:
            raise JournalUnreachable("it is not back yet")
        return await write(self, work)

    async with at_work(line, tmp_path) as (store, journal):
        monkeypatch.setattr(Database, "write", unheard)
        with pytest.raises(JournalUnreachable) as failed:
            await journal.append("r", Kind.OPENED, {"what": 1})
        assert failed.value.changed is None
        assert not store.standing_by
        assert await bodies(journal) == [1]


async def test_whoever_looks_while_it_moves_is_told_that_it_has_moved(line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    close, told = Database.close, list[tuple[bool, int]]()
    async with at_work(line, tmp_path) as (store, journal):
        await journal.append("r", Kind.OPENED, {"what": 1})

        async def closed(self: Database) -> None:
            told.append((store.standing_by, store.moves))
            await close(self)

        monkeypatch.setattr(Database, "close", closed)
        await line.shut()
        await journal.append("r", Kind.NOTED, {"what": 2})
        await line.open()
        await until(lambda: not store.standing_by)
        monkeypatch.undo()
    assert [moves for standing_by, moves in told if not standing_by][-2:] == [2, 2]


async def test_what_a_second_process_knows_beyond_the_first_comes_along(line: Line, tmp_path: Path) -> None:
    async with at_work(line, tmp_path) as (_, first), at_work(line, tmp_path) as (_, second):
        await first.append("r", Kind.OPENED, {"what": 1})
        await second.events("r")
        await second.append("r", Kind.STOP, {"what": 2})
        await line.shut()
        assert await bodies(first) == [1], "it never heard of the stop"
        assert await bodies(second) == [1, 2]
        assert await bodies(first) == [1, 2]


def test_a_run_that_is_worked_on_is_not_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standby, "RUNS_KEPT", 3)
    memory = standby.Memory(kept=True)
    memory.hold("run:mine", "me", 1)
    for name in ("mine", *"abcdef"):
        memory.take_in(name, [{"n": 1}])
    assert list(memory.rows) == ["mine", "e", "f"]
