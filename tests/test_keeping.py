"""Copies of the journal: whole while runs write, put back into empty places only, with what was open in them left to people."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sqlite3
import subprocess
import threading
from contextlib import closing
from pathlib import Path

import pytest

from firedoor import cli, keeping, keepwords
from firedoor.alone import held_as
from firedoor.errors import BadInput, JournalError, Misconfigured, RunHeld
from firedoor.journal import Journal, Kind
from firedoor.lease import Leases
from firedoor.migrations import KNOWN
from firedoor.run import fold
from firedoor.seal import Seal
from firedoor.store import Store
from firedoor.walking import walked
from tests import fakes
from tests.conftest import Postgres
from tests.fakes import lab


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder of this test's own, and no setting but that."""
    for name in [name for name in os.environ if name.startswith("FIREDOOR_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "firedoor.toml").write_text("")
    monkeypatch.setenv("FIREDOOR_STATE_DIR", str(tmp_path / "state"))
    fakes.hasten(monkeypatch)
    (tmp_path / "state").mkdir(mode=0o700)
    return tmp_path / "state"


def moved_away(state: Path) -> None:
    """The journal and all that is beside it."""
    for one in state.glob("journal.db*"):
        one.unlink()


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def copied_by_its_own_tools(postgres: Postgres, source: str, copy: Path, to: str) -> None:
    """As docs/operations.md has it."""
    dump = [str(postgres.bin / "pg_dump"), "--format=custom", f"--file={copy}", source]
    restore = str(postgres.bin / "pg_restore")
    put_back = [restore, "--exit-on-error", "--single-transaction", "--no-owner", f"--dbname={to}", str(copy)]
    for command in (dump, put_back):
        subprocess.run(command, check=True)


async def left_open(state: Path) -> None:
    """A journal with one run that is over, and one that waits for people when its process dies."""
    async with lab(state, {"a": {"k": "open"}, "b": {"k": "open"}}) as it:
        it.seal = Seal.kept_in(state)
        await it.contain(run="over", doors=["a"])
        running = asyncio.create_task(it.contain(run="waits", doors=["b"], answer=None))
        async for _ in it.journal.ticks():
            if Kind.REQUESTED in await it.kinds("waits"):
                break
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_a_copy_is_put_back_and_what_was_open_is_left_to_people(state: Path, tmp_path: Path) -> None:
    await left_open(state)
    copy = tmp_path / "a copy?of #2%20"
    made = await keeping.backup(copy)
    assert made.journal.open == ("waits",)
    assert copy.stat().st_mode & 0o077 == 0
    assert "Open in it: waits" in "\n".join(keepwords.copied(made))
    moved_away(state)

    back = await keeping.restore(copy)
    assert names(state) == {"approval.key", "journal.db"}
    assert (back.journal.events, back.journal.runs) == (made.journal.events + 1, made.journal.runs), "and one note"
    assert (back.journal.open, back.unsealed) == (("waits",), ())
    async with Store(f"sqlite:///{state / 'journal.db'}") as store:
        journal = Journal(store)
        assert (await journal.audit(told=[made.journal.head])).found, "the head of the copy stands in it"
        records = {run: fold(run, await journal.events(run)) for run in await journal.runs()}
        assert {run: record.left_to_people for run, record in records.items()} == {"over": False, "waits": True}
        await journal.append("waits", Kind.RESUMED, {"from": 0})
        assert not fold("waits", await journal.events("waits")).left_to_people
    assert (state / "journal.db").stat().st_mode & 0o077 == 0


async def test_under_another_key_what_was_asked_must_be_asked_again(state: Path, tmp_path: Path) -> None:
    await left_open(state)
    await keeping.backup(tmp_path / "copy")
    shutil.rmtree(state)
    back = await keeping.restore(tmp_path / "copy")
    assert back.unsealed == ("waits",)
    assert "must be asked for again: waits" in "\n".join(keepwords.put_back(back))


async def test_a_copy_made_while_somebody_writes_is_whole(state: Path, tmp_path: Path) -> None:
    async with Store(f"sqlite:///{state / 'journal.db'}") as store:
        journal = Journal(store)
        await journal.append("r", Kind.NOTED, {})
    stop = threading.Event()

    async def write() -> None:
        async with Store(f"sqlite:///{state / 'journal.db'}") as store:
            while not stop.is_set():
                await Journal(store).append("r", Kind.NOTED, {"filler": "x" * 5000})

    writer = threading.Thread(target=lambda: asyncio.run(write()))
    writer.start()
    try:
        copies = [(await keeping.backup(tmp_path / f"copy{number}")).journal for number in range(5)]
    finally:
        stop.set()
        writer.join()
    assert [one.faults for one in copies] == [()] * 5
    assert copies[-1].events > copies[0].events, "it did write meanwhile"
    assert names(tmp_path) == {"firedoor.toml", "state", *(f"copy{number}" for number in range(5))}, "and nothing beside them"


async def test_nothing_is_written_over(state: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="there is no journal yet"):
        await keeping.backup(tmp_path / "copy")
    await left_open(state)
    (tmp_path / "there").write_text("mine")
    for place in (tmp_path / "there", tmp_path / "no" / "folder", tmp_path / "a\0b"):
        with pytest.raises(BadInput):
            await keeping.backup(place)
    assert (tmp_path / "there").read_text() == "mine"
    await keeping.backup(tmp_path / "copy")
    before = await keeping.status()
    with pytest.raises(BadInput, match="there is a journal already"):
        await keeping.restore(tmp_path / "copy")
    moved_away(state)
    (state / "journal.db-wal").write_text("of some other journal")
    with pytest.raises(BadInput, match="there is a journal already"):
        await keeping.restore(tmp_path / "copy")
    (state / "journal.db-wal").unlink()
    assert (await keeping.restore(tmp_path / "copy")).journal.events == before.journal.events + 1


async def test_a_copy_that_was_altered_is_not_put_back_and_a_damaged_journal_is_copied_all_the_same(state: Path, tmp_path: Path) -> None:
    await left_open(state)
    with closing(sqlite3.connect(state / "journal.db")) as other, other:
        other.execute("UPDATE events SET body = replace(body, 'Ben', 'Eve') WHERE kind = 'approval.decided'")
    made = await keeping.backup(tmp_path / "copy")
    assert len(made.journal.faults) == 1
    assert keepwords.copied(made)[0].startswith("ITS CHAIN DOES NOT HOLD")
    moved_away(state)
    with pytest.raises(BadInput, match="its chain does not hold"):
        await keeping.restore(tmp_path / "copy")
    assert "journal.db" not in names(state)


async def test_what_is_no_copy_is_refused(state: Path, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("SELECT 1")
    with closing(sqlite3.connect(tmp_path / "other")) as other, other:
        other.execute("CREATE TABLE t (x)")
    (tmp_path / "torn").write_bytes(keeping.MAGIC + b"\x10\x00" + b"x" * 5000)
    for name in ("text", "other", "torn", "absent", "state"):
        with pytest.raises(BadInput):
            await keeping.restore(tmp_path / name)
    assert names(state) == set()


async def test_a_newer_firedoors_copy_is_refused(state: Path, tmp_path: Path) -> None:
    await left_open(state)
    await keeping.backup(tmp_path / "copy")
    with closing(sqlite3.connect(tmp_path / "copy")) as other, other:
        other.execute("UPDATE firedoor_version SET version_num = '9999'")
    moved_away(state)
    with pytest.raises(Misconfigured, match="written by a newer Firedoor"):
        await keeping.restore(tmp_path / "copy")


async def test_where_copying_fails_nothing_is_left_behind(state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await left_open(state)

    def full(*_: object) -> None:
        raise JournalError("no room")

    monkeypatch.setattr(keeping, "_copy", full)
    with pytest.raises(JournalError):
        await keeping.backup(tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


async def test_a_restore_that_is_broken_off_leaves_no_journal_that_somebody_would_go_on_with(
    state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await left_open(state)
    await keeping.backup(tmp_path / "copy")
    moved_away(state)

    async def full(*_: object, **__: object) -> None:
        raise JournalError("no room")

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "append", full)
        with pytest.raises(JournalError):
            await keeping.restore(tmp_path / "copy")
    assert names(state) == {"approval.key"}
    assert (await keeping.restore(tmp_path / "copy")).journal.open == ("waits",)


async def test_the_status_only_looks_and_the_upgrade_says_from_where_to_where(state: Path) -> None:
    assert (await keeping.status()).journal.events == 0
    assert names(state) == set()
    assert await keeping.upgrade() == ("", KNOWN[-1])
    with closing(sqlite3.connect(state / "journal.db")) as other, other:
        other.execute("UPDATE firedoor_version SET version_num = ?", KNOWN[:1])
        for table in ("allotments", "paces"):
            other.execute(f"DROP TABLE {table}")
    assert (await keeping.status()).journal.revision == KNOWN[0]
    assert await keeping.upgrade() == (KNOWN[0], KNOWN[-1])
    assert await keeping.upgrade() == (KNOWN[-1], KNOWN[-1])


def test_the_commands_tell_what_was_done_and_exit_as_scripts_expect(
    state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asyncio.run(left_open(state))
    copy = str(tmp_path / "copy")
    assert cli.obey(["journal", "backup", copy]) == 0
    assert "Open in it: waits" in capsys.readouterr().out
    assert cli.obey(["journal", "backup", copy]) == 2
    assert "is not written over" in capsys.readouterr().err
    assert cli.obey(["journal", "restore", copy, "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"] == "BadInput"
    assert cli.obey(["journal", "upgrade", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"before": KNOWN[-1], "after": KNOWN[-1]}
    with closing(sqlite3.connect(state / "journal.db")) as other, other:
        other.execute("UPDATE events SET claim = 'forged' WHERE n = 2")
    assert cli.obey(["journal", "status", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["open"], len(told["faults"]), told["known"]) == (["waits"], 2, KNOWN[-1])
    assert cli.obey(["journal", "status"]) == 1
    assert capsys.readouterr().out.startswith("ITS CHAIN DOES NOT HOLD: event ")


async def test_a_server_is_copied_by_its_own_tools(postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = postgres.database(), postgres.another("put_back")
    monkeypatch.setenv("FIREDOOR_DATABASE_URL", first)
    for refused in (keeping.backup, keeping.restore):
        with pytest.raises(BadInput, match="which is no file"):
            await refused(tmp_path / "copy")
    async with Store(first) as store:
        journal = Journal(store)
        await journal.append("r", Kind.OPENED, {})
        await journal.append("r", Kind.NOTED, {"some": "thing"})
    copy = tmp_path / "journal.dump"
    copied_by_its_own_tools(postgres, first, copy, second)
    monkeypatch.setenv("FIREDOOR_DATABASE_URL", second)
    async with Store(second) as store, Leases(store, "somebody").holding(held_as("r"), patience=0):
        with pytest.raises(RunHeld, match="is being worked on"):
            await keeping.restored()
    back = await keeping.restored()
    assert (back.journal.events, back.journal.open, back.journal.faults) == (3, ("r",), ())
    async with Store(second) as store, store.transaction() as connection:
        await connection.exec_driver_sql("UPDATE events SET body = '{}' WHERE n = 2")
    with pytest.raises(BadInput, match="its chain does not hold"):
        await keeping.restored()
    assert (await walked(first)).events == 2
