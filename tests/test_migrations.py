from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from firedoor import migrations
from firedoor.errors import Misconfigured
from firedoor.journal import Journal, Kind
from firedoor.seen import Seen
from firedoor.store import Store
from firedoor.tables import metadata

BEFORE = """
CREATE TABLE about (schema INTEGER NOT NULL PRIMARY KEY); INSERT INTO about VALUES (1);
CREATE TABLE events (seq INTEGER NOT NULL PRIMARY KEY, run TEXT NOT NULL, n INTEGER NOT NULL, at TEXT NOT NULL, kind TEXT NOT NULL,
  body TEXT NOT NULL, claim TEXT, run_prev TEXT NOT NULL, prev TEXT NOT NULL UNIQUE, hash TEXT NOT NULL UNIQUE, UNIQUE (run, n),
  UNIQUE (run, claim));
CREATE TABLE leases (resource TEXT NOT NULL PRIMARY KEY, holder TEXT NOT NULL, fence BIGINT NOT NULL, expires FLOAT NOT NULL);
"""


async def test_the_revisions_make_the_tables_that_the_code_uses(database: str) -> None:
    async with Store(database) as store, store.transaction() as connection:
        for table in (*metadata.sorted_tables, migrations.VERSION):
            await connection.run_sync(table.drop)
        await connection.run_sync(migrations.upgrade)
        different = await connection.run_sync(
            lambda sync: compare_metadata(MigrationContext.configure(sync, opts={"version_table": migrations.VERSION.name}), metadata)
        )
    assert different == []


def test_the_revisions_known_are_all_there_are_in_their_order() -> None:
    here = str(Path(migrations.__file__).parent)
    script = ScriptDirectory(here)
    assert tuple(one.revision for one in reversed(list(script.walk_revisions()))) == migrations.KNOWN


async def test_a_journal_of_the_first_kind_is_read_on_with_nothing_lost(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with closing(sqlite3.connect(path)) as first:
        first.executescript(BEFORE)
    async with Store(f"sqlite:///{path}") as store:
        assert await Seen(store).first("a")  # a table that it did not have
        await Journal(store).append("r", Kind.NOTED, {})
    async with Store(f"sqlite:///{path}") as store:
        assert ((await Journal(store).audit()).events, (await Journal(store).audit()).faults) == (1, ())


@pytest.mark.parametrize("theirs", ["CREATE TABLE events (id INTEGER, payload TEXT)", "CREATE TABLE about (author TEXT)"])
async def test_another_program_s_database_is_left_as_it_is(tmp_path: Path, theirs: str) -> None:
    path = tmp_path / "journal.db"
    with closing(sqlite3.connect(path)) as other, other:
        other.execute(theirs)
    with pytest.raises(Misconfigured, match="of another program"):
        async with Store(f"sqlite:///{path}"):
            pass
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("SELECT sql FROM sqlite_master WHERE type = 'table'").fetchall() == [(theirs,)]


async def test_two_that_open_a_new_database_at_once_bring_it_up_to_date_once(database: str) -> None:
    opening = f"""
import asyncio
from firedoor.store import Store
async def main():
    async with Store({database!r}) as store:
        pass
asyncio.run(main())
"""
    both = (asyncio.to_thread(subprocess.call, [sys.executable, "-c", opening], timeout=60) for _ in range(2))
    assert await asyncio.gather(*both) == [0, 0]
    async with Store(database) as store, store.reading() as connection:
        assert (await connection.execute(sa.select(migrations.VERSION.c.version_num))).scalars().all() == [migrations.KNOWN[-1]]


async def test_what_is_up_to_date_is_opened_without_alembic_and_without_the_write_lock(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    async with Store(f"sqlite:///{path}"):
        pass
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        opening = (
            "import asyncio, sys\nfrom firedoor.store import Store\nasync def main():\n"
            f"    async with Store('sqlite:///{path}'):\n        assert 'alembic' not in sys.modules\nasyncio.run(main())"
        )
        assert await asyncio.to_thread(subprocess.call, [sys.executable, "-c", opening], timeout=60) == 0
