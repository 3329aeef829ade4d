"""How much of an approved class is used up, in one place for all who work on a run: together they begin no more than was approved.

The count is taken before the intents are put on record. A process that dies in between has used up what it never did: never the reverse.
"""

from __future__ import annotations

import sqlalchemy as sa

from firedoor.sharing import Work
from firedoor.store import Store, steady
from firedoor.tables import allotments
from firedoor.unit import Unit


class Allotments:
    """Counts in an open `Store`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @steady
    async def take(self, run: str, cover: str, wanted: int, *, most: int) -> int:
        """How many more may be begun under the cover: ``wanted``, or what is left of ``most``."""
        mine = (allotments.c.run == run) & (allotments.c.cover == cover)

        def taken(unit: Unit) -> int:
            used = unit.connection.execute(sa.select(allotments.c.used).where(mine)).scalar()
            granted = min(wanted, most - (used or 0))
            if granted <= 0:
                return 0
            if used is None:
                unit.connection.execute(allotments.insert().values(run=run, cover=cover, used=granted))
            else:
                unit.connection.execute(allotments.update().where(mine).values(used=used + granted))
            return granted

        return await self._store.write(Work(taken))
