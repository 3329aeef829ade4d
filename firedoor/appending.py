"""Putting an event at the end of the journal: its number, its hash, and the two that it follows (`firedoor.chain`)."""

from __future__ import annotations

from datetime import datetime

from firedoor.canonical import digest, instant
from firedoor.chain import GENESIS
from firedoor.errors import Overtaken, Taken
from firedoor.unit import Row, Unit


def add(unit: Unit, *, run: str, at: datetime, kind: str, body: str, claim: str | None = None, seen: int | None = None) -> Row:
    """Put one event at the end, in the transaction that is open; its row. ``body`` is canonical JSON.

    Raises `Taken` where ``claim`` was made before in this run, `Overtaken` where the run has events beyond number ``seen``.
    """
    last, mine = unit.ends(run)
    if seen is not None and mine is not None and mine.n > seen:
        raise Overtaken(f"run {run} has gone on to event {mine.n}; only {seen} were known")
    if claim is not None and unit.claimed(run, claim):
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
    unit.add(row)
    return row
