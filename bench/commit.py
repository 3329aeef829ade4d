"""What the journal costs a step, beside what the disk asks for anyhow: a bare commit of SQLite of as many bytes, as durable.

A step's events are three: the intent, the receipt, the end. They are appended under the step's lease and the run's, as a run's are.
"""

from __future__ import annotations

import json
import sqlite3
import statistics
import time
from collections.abc import Mapping, Sequence
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


async def commits(folder: Path, *, steps: int) -> Sequence[Figure]:
    """Milliseconds of a step, of each, in turns, and the one to the other: medians."""
    folder.mkdir(parents=True)  # noqa: ASYNC240 - nothing else goes on yet
    ours: list[float] = []
    bare: list[float] = []
    rows = _bare(folder / "bare.db")
    async with Store(f"sqlite:///{folder / 'journal.db'}") as store:
        journal, leases = Journal(store), Leases(store, "bench")
        async with leases.holding(f"run:{RUN}", patience=1.0) as run, leases.holding("okta:user:00u1", patience=1.0) as turn:
            under = Lease(resource=turn.resource, holder=turn.holder, fence=turn.fence, within=run)
            for number in range(steps):
                began = time.perf_counter()
                events = [await journal.append(RUN, kind, _body(number), under=under) for kind in KINDS]
                middle = time.perf_counter()
                for event in events:
                    _commit(rows, event)
                ours.append((middle - began) * 1000)
                bare.append((time.perf_counter() - middle) * 1000)
    rows.close()
    value = statistics.median(mine / theirs for mine, theirs in zip(ours, bare, strict=True))
    of = {"n": steps}
    return [
        Figure(name="the journal, a step", value=statistics.median(ours), unit="ms", of=of),
        Figure(name="bare commits of as many bytes, a step", value=statistics.median(bare), unit="ms", of=of),
        Figure(name="the journal to bare commits", value=value, at_most=MOST, of=of),
    ]


def _bare(path: Path) -> sqlite3.Connection:
    """A database of one table, as durable as the journal."""
    rows = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL"):
        rows.execute(f"PRAGMA {pragma}")
    rows.execute("CREATE TABLE bare (row TEXT NOT NULL)")
    return rows


def _commit(rows: sqlite3.Connection, event: Event) -> None:
    """As many bytes as the event's row: its body, three hashes, and what names it."""
    written = json.dumps({"body": dict(event.body), "hashes": [event.hash] * 3, "run": event.run, "kind": event.kind, "at": str(event.at)})
    rows.execute("BEGIN IMMEDIATE")
    rows.execute("INSERT INTO bare VALUES (?)", (written,))
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
