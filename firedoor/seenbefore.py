"""What the rounds of a sweep have seen of one place, read from the streams of its batches."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Collection, Iterable

from firedoor.inventory import Disposition
from firedoor.journal import Journal, Kind
from firedoor.run import read_as
from firedoor.sweep import PLACES_AT_ONCE, Batch, Before, Known, Progress, Row

KEPT = PLACES_AT_ONCE + 1  # places whose rows are kept in memory, in the order in which batches come


async def rows_of(journal: Journal, run: str, batch: Batch) -> Collection[Row]:
    """How the credentials of a settled batch stood, each once."""
    for event in await journal.events(batch.stream(run), only=Kind.SETTLED):
        return {row.credential: row for row in read_as(tuple[Row, ...], event.body["rows"], event)}.values()
    return ()


async def known(journal: Journal, run: str, batches: Iterable[Batch]) -> Known:
    """What these batches of one place saw, the newest word on each credential counting."""
    rows, made, came, first = dict[str, Before](), set[str](), set[str](), 0
    for batch in sorted(batches, key=lambda one: (one.round, one.number)):
        first = first or batch.round
        for row in await rows_of(journal, run, batch):
            if batch.round > first and row.credential not in rows:
                came.add(row.credential)
            rows[row.credential] = _word(batch, row, rows.get(row.credential))
            made.update(row.made)
    return Known(rows=rows, made=frozenset(made), later=bool(first), came=frozenset(came))


def _word(batch: Batch, row: Row, before: Before | None) -> Before:
    """The newest word, and what was written to it before."""
    return Before(
        batch=batch.number,
        outside=row.outside,
        written=bool(row.done) or (before is not None and before.written),
        failed=row.reason if row.disposition is Disposition.FAILED else "",
        begun=row.begun if before is None or row.done else before.begun or row.begun,
    )


class Memory:
    """The same for whoever works through batches: asked for each, read once a place and round."""

    def __init__(self, journal: Journal, run: str, progress: Progress) -> None:
        self._journal = journal
        self._run = run
        self._progress = progress
        self._turn = asyncio.Lock()
        self._kept: OrderedDict[tuple[int, str, str], Known] = OrderedDict()

    async def of(self, batch: Batch) -> Known:
        """What earlier rounds, those that were listed to their end, saw of the batch's place."""
        if not any(one < batch.round for one in self._progress.rounds):
            return Known()
        key = (batch.round, batch.source, batch.place)
        async with self._turn:
            if key not in self._kept:
                earlier = [one for one in self._progress.batches.values() if self._progress.counts(one, batch)]
                found = await known(self._journal, self._run, earlier)
                self._kept[key] = found if found.later else Known(later=True)
                while len(self._kept) > KEPT:
                    self._kept.popitem(last=False)
            return self._kept[key]
