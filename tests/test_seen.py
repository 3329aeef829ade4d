from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from firedoor import seen as module
from firedoor.errors import JournalError
from firedoor.journal import Journal, Kind
from firedoor.seen import Seen, key
from firedoor.store import Store
from firedoor.tables import seen


async def rows(store: Store) -> set[str]:
    async with store.reading() as connection:
        return set((await connection.execute(sa.select(seen.c.key))).scalars())


async def test_a_key_is_first_once_over_processes_and_restarts(database: str) -> None:
    async with Store(database) as one, Store(database) as other:
        answers = await asyncio.gather(*(Seen(store).first("a") for store in (one, other) * 20))
        assert sum(answers) == 1
        assert await Seen(one).first("b")
    async with Store(database) as later:
        assert not await Seen(later).first("a")
        assert await Seen(later).first("c")


async def test_of_several_keys_each_counts(database: str) -> None:
    async with Store(database) as store:
        record = Seen(store)
        assert await record.first("a", "b", "a")
        assert not await record.first("b", "c")
        assert not await record.first("c")  # it was there beside a known one
        assert await rows(store) == {"a", "b", "c"}


async def test_old_keys_are_forgotten_now_and_then(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with Store(database) as store:
        now = 1_700_000_000.0
        monkeypatch.setattr("firedoor.seen.time.time", lambda: now)
        record = Seen(store)
        assert await record.first("old")
        now += module.KEPT_SECONDS - 1
        assert not await record.first("old")
        assert await record.first("young")
        now += module.TIDY_SECONDS + 2
        assert await record.first("new")
        assert await rows(store) == {"young", "new"}


async def test_what_fails_was_seen_by_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firedoor.database.BUSY_SECONDS", 0.05)
    path = tmp_path / "journal.db"
    async with Store(f"sqlite:///{path}") as store:
        with closing(sqlite3.connect(path)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(JournalError):
                await Seen(store).first("a")
        assert await Seen(store).first("a")


async def test_who_is_cancelled_leaves_no_lock_behind(tmp_path: Path) -> None:
    async with Store(f"sqlite:///{tmp_path / 'journal.db'}") as store:
        asking = asyncio.ensure_future(Seen(store).first("a"))
        await asyncio.sleep(0)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await Journal(store).append("r", Kind.NOTED, {})


def test_a_key_holds_nothing_of_what_it_is_made_of() -> None:
    made = key("block_actions", "123.456.secret")
    assert "secret" not in made
    assert len(made) == 64
    assert (
        len({made, key("block_actions", "123.456.other"), key("command", "123.456.secret"), key("a", "b", "c"), key("a", "b\0c", "")}) == 5
    )
