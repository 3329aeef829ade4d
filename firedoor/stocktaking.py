"""The inventory: every credential that the sources list, one after the other, with what could not be listed told beside it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from firedoor.canonical import plain
from firedoor.errors import FiredoorError
from firedoor.inventory import Credential
from firedoor.scope import Scope
from firedoor.source import Source
from firedoor.together import together

PLACES_AT_ONCE: Final = 8
HOLDERS_AT_ONCE: Final = 200
WAITING: Final = 4  # portions that are listed and not yet taken: so memory does not grow with the estate

Portion = Sequence[Credential]


@dataclass(slots=True, kw_only=True)
class Stocktaking:
    """A look at every place of some sources. ``unlisted`` tells of each place or portion that failed, once `credentials` has ended, and
    ``unknown`` how many are left out for what nobody knows of them.
    """

    sources: Mapping[str, Source]
    scope: Scope
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    unlisted: list[str] = field(default_factory=list)
    unknown: Counter[str] = field(default_factory=Counter)

    async def credentials(self) -> AsyncIterator[Credential]:
        """Those in the scope, portion by portion as they come in."""
        portions: asyncio.Queue[Portion | None] = asyncio.Queue(WAITING)
        listing = asyncio.create_task(self._list(portions))
        try:
            while (portion := await portions.get()) is not None:
                for one in portion:
                    if self.scope.holds(one, now=self.now):
                        yield one
                    elif (doubt := self.scope.doubt(one, now=self.now)) is not None:
                        self.unknown[doubt] += 1
            await listing
        finally:
            listing.cancel()
            await asyncio.gather(listing, return_exceptions=True)

    async def _list(self, portions: asyncio.Queue[Portion | None]) -> None:
        turns, failed = asyncio.Semaphore(PLACES_AT_ONCE), None
        try:
            async with together() as group:
                for source in self.sources.values():
                    for place in await self._places(source):
                        group.create_task(self._place(source, place, portions, turns))
        except Exception as error:  # noqa: BLE001 - whoever takes the portions is to wait for no more, and is told of it, whatever it is
            failed = error
        await portions.put(None)  # not where this was called off: nobody takes any more then
        if failed is not None:
            raise failed

    async def _places(self, source: Source) -> Sequence[str]:
        if not any(map(self.scope.concerns, source.spec.types)):
            return ()
        try:
            return [place for place in await source.places() if self.scope.enters(place)]
        except FiredoorError as error:
            self.unlisted.append(f"everything by {source.spec.id}: {error.what}")
            return ()

    async def _place(self, source: Source, place: str, portions: asyncio.Queue[Portion | None], turns: asyncio.Semaphore) -> None:
        async with turns:
            try:
                async for page in source.holders(place):
                    for start in range(0, len(page), HOLDERS_AT_ONCE):
                        await portions.put(await source.credentials(place, page[start : start + HOLDERS_AT_ONCE]))
            except FiredoorError as error:
                self.unlisted.append(f"{place}, by {source.spec.id}: {error.what}")


def told(one: Credential) -> Mapping[str, Any]:
    """A credential as JSON data, with its name first."""
    use = one.last_use
    return {
        "name": one.name,
        "type": one.type,
        "place": one.place,
        "holder": one.holder,
        "id": one.id,
        "state": str(one.state),
        "created": plain(one.created),
        "last_use": str(use.use),
        "last_used": plain(use.at),
        "last_used_behind_seconds": None if use.behind is None else use.behind.total_seconds(),
        "owner": one.owner or None,
        "given_to": one.given_to or None,
        "consumers": list(one.consumers),
        "tags": dict(one.tags),
    }


def difference(before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """What came, what went, and what changed between two inventories as `told`; a later last use is no change."""
    old, new = ({str(one["name"]): one for one in some} for some in (before, after))
    changed = {}
    for name in old.keys() & new.keys():
        fields = {key for key in old[name].keys() | new[name].keys() if old[name].get(key) != new[name].get(key)}
        if fields - {"last_use", "last_used", "last_used_behind_seconds"}:
            changed[name] = {key: [old[name].get(key), new[name].get(key)] for key in sorted(fields)}
    return {
        "came": [new[name] for name in sorted(new.keys() - old.keys())],
        "went": [old[name] for name in sorted(old.keys() - new.keys())],
        "changed": dict(sorted(changed.items())),
    }
