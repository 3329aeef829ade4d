"""Putting an event at the end of the journal: its number, its hash, and the two that it follows (`firedoor.chain`)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from firedoor.canonical import digest, instant
from firedoor.chain import GENESIS
from firedoor.errors import Overtaken, Taken
from firedoor.tables import events


async def add(
    connection: AsyncConnection, *, run: str, at: datetime, kind: str, body: str, claim: str | None = None, seen: int | None = None
) -> Mapping[str, Any]:
    """Put one event at the end, in the transaction that is open; its row. ``body`` is canonical JSON.

    Raises `Taken` where ``claim`` was made before in this run, `Overtaken` where the run has events beyond number ``seen``.
    """
    last, mine = await newest(connection), await newest(connection, run)
    if seen is not None and mine is not None and mine.n > seen:
        raise Overtaken(f"run {run} has gone on to event {mine.n}; only {seen} were known")
    if claim is not None and await claimed(connection, run, claim):
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
    await connection.execute(events.insert().values(**row))
    return row


async def newest(connection: AsyncConnection, run: str | None = None) -> sa.Row[Any] | None:
    """The last event of the journal, or of a run: its ``seq``, ``n`` and ``hash``."""
    query = sa.select(events.c.seq, events.c.n, events.c.hash).limit(1)
    last = query.order_by(events.c.seq.desc()) if run is None else query.where(events.c.run == run).order_by(events.c.n.desc())
    return (await connection.execute(last)).first()


async def claimed(connection: AsyncConnection, run: str, claim: str) -> bool:
    """Whether somebody made that claim in the run."""
    query = sa.select(events.c.n).where(events.c.run == run, events.c.claim == claim)
    return (await connection.execute(query)).first() is not None
