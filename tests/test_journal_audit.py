"""The journal is edited behind its back, in every way that SQL allows; the audit finds each edit."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from firedoor.canonical import digest
from firedoor.journal import Journal, Kind
from firedoor.store import Store

COLUMNS = ("seq", "run", "n", "at", "kind", "body", "claim", "run_prev", "prev", "hash")
EVENTS, LAST = 40, 40
Row = dict[str, object]
Dice = random.Random


@dataclass(frozen=True, slots=True)
class Edited:
    """A journal of three runs, and the connection of somebody who rewrites it. Run ``c`` ends in the middle."""

    journal: Journal
    sql: sqlite3.Connection
    rows: tuple[Row, ...]

    def become(self, rows: list[Row]) -> None:
        """Put other rows in the place of all."""
        with self.sql:
            self.sql.execute("DELETE FROM events")
            places = ", ".join(f":{column}" for column in COLUMNS)
            self.sql.executemany(f"INSERT INTO events ({', '.join(COLUMNS)}) VALUES ({places})", rows)  # noqa: S608 - our own names

    def copy(self) -> list[Row]:
        """The rows as they were written."""
        return [dict(row) for row in self.rows]


@pytest.fixture
async def edited(tmp_path: Path) -> AsyncIterator[Edited]:
    path = tmp_path / "journal.db"
    async with Store(f"sqlite:///{path}") as store:
        journal = Journal(store)
        for number in range(EVENTS):
            run = "c" if number in range(5, 20, 4) else "ab"[number % 2]
            await journal.append(run, Kind.NOTED, {"number": number, "who": "Ada"}, claim=f"claim {number}" if number % 3 else None)
        with closing(sqlite3.connect(path, isolation_level="DEFERRED")) as sql:
            rows = sql.execute(f"SELECT {', '.join(COLUMNS)} FROM events ORDER BY seq").fetchall()  # noqa: S608 - our own names
            sql.execute("DROP TABLE events")  # whoever edits is not held by the constraints either
            sql.execute("CREATE TABLE events (seq INTEGER, run TEXT, n INTEGER, at TEXT, kind TEXT, body TEXT, claim TEXT, run_prev TEXT,"
                        " prev TEXT, hash TEXT)")  # fmt: skip
            sql.commit()
            yield Edited(journal, sql, tuple(dict(zip(COLUMNS, row, strict=True)) for row in rows))


def rehash(row: Row) -> None:
    row["hash"] = digest({name: value for name, value in row.items() if name != "hash"})


def strange(value: object, dice: Dice) -> object:
    """Another value than this one: near it, of another type, or nothing that we would ever write."""
    if isinstance(value, int):
        return dice.choice([value + 1, value - 1, value + 1000, "seven", value + 0.5, b"\x00"])
    text = str(value)
    at = dice.randrange(len(text))
    return dice.choice([text[:at] + "~" + text[at + 1 :], text + " ", text[:-1], "", None if value is not None else "c", b"\xff\xfe", 7])


def altered(rows: list[Row], dice: Dice) -> None:
    row, column = dice.choice(rows), dice.choice(COLUMNS)
    row[column] = strange(row[column], dice)


def altered_and_hashed_again(rows: list[Row], dice: Dice) -> None:
    row, column = dice.choice(rows[:-1]), dice.choice([name for name in COLUMNS if name != "hash"])
    value = row[column]
    row[column] = value + 1 if isinstance(value, int) else f"{value or ''}~"
    rehash(row)


def deleted(rows: list[Row], dice: Dice) -> None:
    del rows[dice.randrange(len(rows) - 1)]


def deleted_and_the_rest_moved_up(rows: list[Row], dice: Dice) -> None:
    gap = dice.randrange(len(rows) - 1)
    del rows[gap]
    for row in rows[gap:]:
        row["seq"] = int(str(row["seq"])) - 1


def reordered(rows: list[Row], dice: Dice) -> None:
    one, other = dice.sample(rows, 2)
    for column in dice.choice([("seq",), ("seq", "n"), ("body",), ("run",), ("seq", "prev"), tuple(set(COLUMNS) - {"seq"})]):
        one[column], other[column] = other[column], one[column]


def inserted(rows: list[Row], dice: Dice) -> None:
    at = dice.randrange(1, len(rows))
    forged = dict(rows[at - 1], body='{"number":-1}', claim=None, prev=rows[at - 1]["hash"], run_prev=rows[at - 1]["hash"])
    forged["seq"], forged["n"] = int(str(rows[at]["seq"])), int(str(rows[at - 1]["n"])) + 1
    rehash(forged)
    for row in rows[at:] if dice.random() < 0.5 else ():
        row["seq"] = int(str(row["seq"])) + 1
    rows.insert(at, forged)


def copied(rows: list[Row], dice: Dice) -> None:
    """A decision of one run, say, put on record in another too."""
    rows.append(dict(dice.choice(rows), seq=LAST + 1, run=dice.choice("abc")))


def a_run_removed(rows: list[Row], dice: Dice) -> None:
    del dice
    rows[:] = [row for row in rows if row["run"] != "c"]


WAYS: list[Callable[[list[Row], Dice], None]] = [
    altered, altered, altered, altered_and_hashed_again, deleted, deleted_and_the_rest_moved_up, reordered, inserted, copied, a_run_removed
]  # fmt: skip


def edits() -> Iterator[tuple[int, Callable[[list[Row], Dice], None]]]:
    return ((seed, WAYS[seed % len(WAYS)]) for seed in range(300))


async def test_every_edit_is_found(edited: Edited) -> None:
    edited.become(edited.copy())
    assert (await edited.journal.audit()).faults == ()
    found = 0
    for seed, way in edits():
        rows = edited.copy()
        way(rows, Dice(seed))
        if sorted(map(repr, rows)) == sorted(map(repr, edited.rows)):
            continue  # two equal values changed places
        edited.become(rows)
        assert (await edited.journal.audit()).faults, f"{way.__name__}, seed {seed}, was not found"
        found += 1
    assert found > 260


async def test_every_column_of_every_event_counts(edited: Edited) -> None:
    for number in range(EVENTS):
        column = COLUMNS[number % len(COLUMNS)]
        rows = edited.copy()
        value = rows[number][column]
        rows[number][column] = value + 1 if isinstance(value, int) else f"{value or ''}x"
        edited.become(rows)
        assert (await edited.journal.audit()).faults, column


def forged(row: Row) -> None:
    row["body"] = '{"number":7,"who":"Eve"}'


def skipped(row: Row) -> None:
    row["seq"] = int(str(row["seq"])) + 1


def renumbered(row: Row) -> None:
    row["n"] = int(str(row["n"])) + 1


@pytest.mark.parametrize(
    ("edit", "later", "left", "words"),
    [
        (forged, (), "prev", "does not follow the event before it"),
        (forged, (), "run_prev", "does not follow its run's event before it"),
        (skipped, ("seq",), "", "stands where event 8 is due"),
        (renumbered, ("n",), "", "is not number 3 of its run"),
    ],
)
async def test_whoever_rewrites_the_rest_must_mend_every_link(
    edited: Edited, edit: Callable[[Row], None], later: tuple[str, ...], left: str, words: str
) -> None:
    """Event 8 is edited, all later ones are moved up and hashed again, and one thing is left as it was."""
    rows = edited.copy()
    edit(rows[7])
    rehash(rows[7])
    for at in range(8, len(rows)):
        row, before = rows[at], rows[at - 1]
        own = next((one for one in reversed(rows[:at]) if one["run"] == row["run"]), None)
        for column in later:
            if column == "seq" or row["run"] == rows[7]["run"]:
                row[column] = int(str(row[column])) + 1
        if left != "prev":
            row["prev"] = before["hash"]
        if left != "run_prev" and own is not None:
            row["run_prev"] = own["hash"]
        rehash(row)
    edited.become(rows)
    faults = (await edited.journal.audit()).faults
    assert faults
    assert all(words in fault.what or left for fault in faults)
    assert words in faults[0].what


async def test_a_fault_names_the_event(edited: Edited) -> None:
    rows = edited.copy()
    rows[7]["body"] = '{"number":7,"who":"Eve"}'
    edited.become(rows)
    (fault,) = (await edited.journal.audit()).faults
    assert str(fault) == "event 8 (run b, its number 3) is not what its hash says: a stored field was altered"


async def test_bytes_that_are_no_text_are_a_fault_too(edited: Edited) -> None:
    edited.become(edited.copy())
    with edited.sql:
        edited.sql.execute("UPDATE events SET body = CAST(x'7b7dff' AS TEXT) WHERE seq = 3")
    (fault,) = (await edited.journal.audit()).faults
    assert str(fault).startswith("event 3 ")


async def test_only_a_head_told_outside_tells_that_the_newest_events_were_cut_off(edited: Edited) -> None:
    edited.become(edited.copy())
    told = (await edited.journal.audit()).head
    edited.become(edited.copy()[:-3])
    audit = await edited.journal.audit()
    assert audit.faults == ()  # as the module says
    assert audit.head != told
    assert told not in [row["hash"] for row in edited.rows[:-3]]


async def test_a_journal_emptied_is_told_by_its_head_alone(edited: Edited) -> None:
    edited.become([])
    audit = await edited.journal.audit()
    assert (audit.events, audit.faults) == (0, ())
    assert audit.head != edited.rows[-1]["hash"]
