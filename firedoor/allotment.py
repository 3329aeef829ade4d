"""How much of an approved class is used up, in one place for all who work on a run: together they begin no more than was approved.

The count is taken before the intents are put on record. A process that dies in between has used up what it never did: never the reverse.
"""

from __future__ import annotations

import sqlalchemy as sa

from firedoor.store import Store, steady
from firedoor.tables import allotments


class Allotments:
    """Counts in an open `Store`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @steady
    async def take(self, run: str, cover: str, wanted: int, *, most: int) -> int:
        """How many more may be begun under the cover: ``wanted``, or what is left of ``most``."""
        async with self._store.transaction() as connection:
            row = sa.select(allotments.c.used).where(allotments.c.run == run, allotments.c.cover == cover)
            used = (await connection.execute(row)).scalar()
            granted = min(wanted, most - (used or 0))
            if granted <= 0:
                return 0
            if used is None:
                await connection.execute(allotments.insert().values(run=run, cover=cover, used=granted))
            else:
                mine = (allotments.c.run == run) & (allotments.c.cover == cover)
                await connection.execute(allotments.update().where(mine).values(used=used + granted))
        return granted
