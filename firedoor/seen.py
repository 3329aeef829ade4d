"""What has come in before: a request that is delivered again, or replayed, is told from a new one by all processes and after a restart."""

from __future__ import annotations

import hashlib
import time
from typing import Final

import sqlalchemy as sa

from firedoor.sharing import Work
from firedoor.store import Store, steady
from firedoor.tables import seen
from firedoor.unit import Unit

KEPT_SECONDS: Final = 3600.0  # a signature is good for five minutes; an event is delivered again within six
TIDY_SECONDS: Final = 300.0


class Seen:
    """The keys that were seen, in an open `Store`. A key is a hash (`key`): what it is made of may open doors, and is not kept."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._tidied = 0.0

    @steady
    async def first(self, *keys: str) -> bool:
        """Whether none of the keys was seen before; from now on all of them are. Raises `JournalError`, and then nobody has seen them.

        It is True at most once, whatever becomes of the caller: one that dies right after it has used the key up.
        """
        now = time.time()
        tidy = now - self._tidied > TIDY_SECONDS

        def noted(unit: Unit) -> bool:
            connection = unit.connection
            if tidy:
                connection.execute(seen.delete().where(seen.c.at < now - KEPT_SECONDS))
            known = set(connection.execute(sa.select(seen.c.key).where(seen.c.key.in_(keys))).scalars())
            if new := [{"key": one, "at": now} for one in dict.fromkeys(keys) if one not in known]:
                connection.execute(seen.insert(), new)
            return not known

        none = await self._store.write(Work(noted), awaited=True)
        self._tidied = now if tidy else self._tidied
        return none


def key(kind: str, *parts: str) -> str:
    """The key of something that these parts identify among all of its kind."""
    return hashlib.sha256("\0".join((kind, *parts)).encode("utf-8", "surrogatepass")).hexdigest()
