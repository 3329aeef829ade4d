"""The journal is edited behind its back, in every way that SQL allows; the audit finds each edit."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from firedoor.audit import audit
from firedoor.chain import Chain
from firedoor.journal import Journal, Kind
from firedoor.store import Store
from tests.edits import ALTERING, COLUMNS, MOVING, Dice, Row, a_run_removed, rehash
from tests.fakes import Lab, lab
from tests.recorded import DOORS, known

pytestmark = pytest.mark.edits

EVENTS = 40


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


async def test_the_newest_events_cut_off_are_found_by_a_head_told_outside(edited: Edited) -> None:
    told = str(edited.rows[-1]["hash"])
    edited.become(edited.copy()[:-3])
    found = await edited.journal.audit(told=[told])
    assert (found.faults, found.found) == ((), {})
    edited.become(edited.copy())
    assert (await edited.journal.audit(told=[told])).found == {told: "event 40 (run b, its number 16)"}


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


@dataclass(slots=True)
class Rewritten:
    """A journal of real runs, and somebody who puts other rows in the place of those that are to change."""

    it: Lab
    sql: sqlite3.Connection
    rows: tuple[Row, ...]

    def swap(self, gone: list[Row], come: list[Row]) -> None:
        with self.sql:
            self.sql.executemany("DELETE FROM events WHERE rowid = ?", [(row["rowid"],) for row in gone])
            places = ", ".join(f":{column}" for column in ("rowid", *COLUMNS))
            self.sql.executemany(f"INSERT INTO events (rowid, {', '.join(COLUMNS)}) VALUES ({places})", come)  # noqa: S608 - our own names

    def walked(self, told: Mapping[str, str]) -> Chain:
        """The chain over what is stored now, read without the store: a third of the time, a thousand times."""
        chain = Chain(told=told)
        for row in self.sql.execute(f"SELECT {', '.join(COLUMNS)} FROM events ORDER BY seq"):  # noqa: S608 - our own names
            chain.take(dict(zip(COLUMNS, row, strict=True)))
        return chain


@pytest.fixture
async def real(recorded_once: Path, tmp_path: Path) -> AsyncIterator[Rewritten]:
    path = shutil.copy(recorded_once, tmp_path / "journal.db")
    with closing(sqlite3.connect(path)) as sql:
        sql.execute("PRAGMA synchronous=OFF")
        sql.text_factory = lambda stored: stored.decode("utf-8", "surrogateescape")
        rows = sql.execute(f"SELECT {', '.join(COLUMNS)} FROM events ORDER BY seq").fetchall()  # noqa: S608 - our own names
        sql.execute("DROP TABLE events")  # whoever edits is not held by the constraints
        sql.execute(f"CREATE TABLE events ({', '.join(COLUMNS)})")
        found = tuple({"rowid": number, **dict(zip(COLUMNS, row, strict=True))} for number, row in enumerate(rows, start=1))
        async with lab(tmp_path, DOORS) as it:
            rewritten = Rewritten(it, sql, found)
            rewritten.swap([], list(found))
            yield rewritten


async def test_a_thousand_random_edits_of_real_runs_are_all_found(real: Rewritten) -> None:
    """With a head told outside, as every report tells one. Nothing is found where nothing was edited."""
    told = {str(real.rows[-1]["hash"]): "in a report"}
    whole = await audit(real.it.journal, known(real.it), told=told)
    assert (whole.faults, whole.unchecked, whole.runs) == ((), (), 8)
    ways = (*ALTERING, *MOVING, a_run_removed)
    found = dict.fromkeys(ways, 0)
    for seed in range(1060):
        way, rows = ways[seed % len(ways)], [dict(row) for row in real.rows]
        way(rows, Dice(seed))
        before = {repr(row): row for row in real.rows}
        after = {repr(row): row for row in rows}
        gone, come = [before[key] for key in before.keys() - after], [after[key] for key in after.keys() - before]
        if not gone and not come:
            continue  # two equal values changed places
        come = [row | {"rowid": 1000 + number} for number, row in enumerate(come)]
        real.swap(gone, come)
        chain = real.walked(told)
        assert chain.faults or chain.found.keys() != told.keys(), f"{way.__name__}, seed {seed}, was not found"
        if seed % 16 == 0:
            assert (await audit(real.it.journal, known(real.it), told=told)).faults
        real.swap(come, gone)
        found[way] += 1
    assert sum(found.values()) >= 1000
    assert min(found.values()) >= 70, "each way is tried often"
    assert not (await audit(real.it.journal, known(real.it), told=told)).faults
