"""What the journal costs a step, beside what the disk asks for anyhow: one bare commit of SQLite of as many bytes, as durable.

Of a step the journal's database holds the lease, taken and given up, and three events: the intent, the receipt, the end. Steps go on side
by side, as they do in a containment, and those that wait at one moment share a commit. What a single event costs that shares it with
nobody is measured too.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from bench.figures import Figure
from firedoor.journal import Event, Journal, Kind
from firedoor.lease import Lease, Leases
from firedoor.store import Store

MOST: Final = 1.5
RUN: Final = "251126-cccccc"
KINDS: Final = (Kind.INTENT, Kind.RECEIPT, Kind.ENDED)
WORDS: Final = "end every Okta session of somebody@acme.example and revoke their OAuth tokens"


async def commits(folder: Path, *, steps: int, rounds: int = 5) -> Sequence[Figure]:
    """Milliseconds of a step among so many, of a bare commit, in turns, and the one to the other: medians of the rounds."""
    folder.mkdir(parents=True)  # noqa: ASYNC240 - nothing else goes on yet
    ours: list[float] = []
    bare: list[float] = []
    alone: list[float] = []
    rows = _bare(folder / "bare.db")
    async with Store(f"sqlite:///{folder / 'journal.db'}") as store:
        journal, leases = Journal(store), Leases(store, "bench")
        async with leases.holding(f"run:{RUN}", patience=1.0) as run:
            for _ in range(rounds):
                began = time.perf_counter()
                events = await asyncio.gather(*(_step(journal, leases, run, number) for number in range(steps)))
                ours.append((time.perf_counter() - began) * 1000 / steps)
                began = time.perf_counter()
                for some in events:
                    _commit(rows, some)
                bare.append((time.perf_counter() - began) * 1000 / steps)
                began = time.perf_counter()
                await journal.append(RUN, Kind.NOTED, _body(0))
                alone.append((time.perf_counter() - began) * 1000)
    rows.close()
    value = statistics.median(mine / theirs for mine, theirs in zip(ours, bare, strict=True))
    of = {"steps": steps, "rounds": rounds}
    return [
        Figure(name=f"the journal, a step of {steps} at once", value=statistics.median(ours), unit="ms", of=of),
        Figure(name="a bare commit of as many bytes", value=statistics.median(bare), unit="ms", of=of),
        Figure(name="the journal to a bare commit, a step", value=value, at_most=MOST, of=of),
        Figure(name="the journal, one event alone", value=statistics.median(alone), unit="ms", of=of),
    ]


async def _step(journal: Journal, leases: Leases, run: Lease, number: int) -> Sequence[Event]:
    async with leases.holding(f"okta:sessions:{number}", patience=1.0) as turn:
        under = replace(turn, within=run)
        return [await journal.append(RUN, kind, _body(number), under=under) for kind in KINDS]


def _bare(path: Path) -> sqlite3.Connection:
    """A database of one table, as durable as the journal."""
    rows = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL"):
        rows.execute(f"PRAGMA {pragma}")
    rows.execute("CREATE TABLE bare (row TEXT NOT NULL)")
    return rows


def _commit(rows: sqlite3.Connection, events: Sequence[Event]) -> None:
    """As many bytes as the events' rows: their bodies, three hashes each, and what names them."""
    kept = [{"body": dict(one.body), "hashes": [one.hash] * 3, "run": one.run, "kind": one.kind, "at": str(one.at)} for one in events]
    rows.execute("BEGIN IMMEDIATE")
    rows.execute("INSERT INTO bare VALUES (?)", (json.dumps(kept),))
    rows.execute("COMMIT")


def _body(number: int) -> Mapping[str, Any]:
    """An event's, of an ordinary size."""
    at = {"user": f"00u{number:012d}"}
    return {
        "item": f"revoke/{number}",
        "says": WORDS,
        "effect": "0" * 64,
        "change": {"at": at, "says": WORDS, "after": {"sessions": "none"}},
    }
