"""Putting an event at the end of the journal: its number, its hash, and the two that it follows (`firedoor.chain`)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from firedoor.canonical import digest, instant
from firedoor.chain import GENESIS
from firedoor.errors import Overtaken, Taken
from firedoor.tables import events


def add(
    connection: sa.Connection, *, run: str, at: datetime, kind: str, body: str, claim: str | None = None, seen: int | None = None
) -> Mapping[str, Any]:
    """Put one event at the end, in the transaction that is open; its row. ``body`` is canonical JSON.

    Raises `Taken` where ``claim`` was made before in this run, `Overtaken` where the run has events beyond number ``seen``.
    """
    last, mine = newest(connection, run)
    if seen is not None and mine is not None and mine.n > seen:
        raise Overtaken(f"run {run} has gone on to event {mine.n}; only {seen} were known")
    if claim is not None and claimed(connection, run, claim):
        raise Taken("somebody else was first")
    row = {
        "seq": last.seq + 1 if last else 1,
        "run": run,
        "n": mine.n + 1 if mine else 1,
        "at": instant(at),
        "kind": kind,
        "body": body,
        "claim": claim,
        "run_prev": mine.hash if mine else GENESIS,
        "prev": last.hash if last else GENESIS,
    }
    row["hash"] = digest(row)
    connection.execute(_INSERT, row)
    return row


def newest(connection: sa.Connection, run: str) -> tuple[sa.Row[Any] | None, sa.Row[Any] | None]:
    """The last event of the journal, and of a run: the ``seq``, ``n`` and ``hash`` of each. In one question."""
    found = {row.of: row for row in connection.execute(_NEWEST, {"wanted": run})}
    return found.get("journal"), found.get("run")


def _last(of: str, *where: sa.ColumnElement[bool], by: sa.Column[Any]) -> sa.Select[Any]:
    one = sa.select(events.c.seq, events.c.n, events.c.hash).where(*where).order_by(by.desc()).limit(1).subquery()
    return sa.select(sa.literal(of).label("of"), one.c.seq, one.c.n, one.c.hash)


_INSERT: Final = events.insert()
_NEWEST: Final = sa.union_all(_last("journal", by=events.c.seq), _last("run", events.c.run == sa.bindparam("wanted"), by=events.c.n))


def claimed(connection: sa.Connection, run: str, claim: str) -> bool:
    """Whether somebody made that claim in the run."""
    query = sa.select(events.c.n).where(events.c.run == run, events.c.claim == claim)
    return (connection.execute(query)).first() is not None
