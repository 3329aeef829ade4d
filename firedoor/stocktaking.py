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


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """What could not be listed: credentials of these types in a place (empty: in none of them), and why. ``by`` names who looked."""

    by: str
    types: tuple[str, ...]
    place: str
    why: str

    @property
    def words(self) -> str:
        """For people."""
        return f"{self.place}, by {self.by}: {self.why}" if self.place else f"everything by {self.by}: {self.why}"


@dataclass(slots=True, kw_only=True)
class Stocktaking:
    """A look at every place of some sources. Once `credentials` has ended, ``gaps`` tells of each place or portion that failed, and
    ``listed`` by type which places were listed whole. ``unknown`` is how many are left out for what nobody knows of them.
    """

    sources: Mapping[str, Source]
    scope: Scope
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    gaps: list[Gap] = field(default_factory=list)
    listed: dict[str, list[str]] = field(default_factory=dict)
    unknown: Counter[str] = field(default_factory=Counter)

    @property
    def unlisted(self) -> Sequence[str]:
        """The gaps in words."""
        return [one.words for one in self.gaps]

    def wants(self, one: Credential) -> bool:
        """Whether a credential is in the scope. One that is left out only for what nobody knows of it is counted."""
        if (doubt := self.scope.doubt(one, now=self.now)) is not None:
            self.unknown[doubt] += 1
        return self.scope.holds(one, now=self.now)

    async def credentials(self) -> AsyncIterator[Credential]:
        """Those in the scope, portion by portion as they come in."""
        portions: asyncio.Queue[Portion | None] = asyncio.Queue(WAITING)
        listing = asyncio.create_task(self._list(portions))
        try:
            while (portion := await portions.get()) is not None:
                for one in portion:
                    if self.wants(one):
                        yield one
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
        for kind in source.spec.types:
            self.listed.setdefault(kind, [])
        try:
            return [place for place in await source.places() if self.scope.enters(place)]
        except FiredoorError as error:
            self.gaps.append(Gap(by=source.spec.id, types=source.spec.types, place="", why=error.what))
            return ()

    async def _place(self, source: Source, place: str, portions: asyncio.Queue[Portion | None], turns: asyncio.Semaphore) -> None:
        async with turns:
            try:
                async for page in source.holders(place):
                    for start in range(0, len(page), HOLDERS_AT_ONCE):
                        await portions.put(await source.credentials(place, page[start : start + HOLDERS_AT_ONCE]))
            except FiredoorError as error:
                self.gaps.append(Gap(by=source.spec.id, types=source.spec.types, place=place, why=error.what))
                return
        for kind in source.spec.types:
            self.listed[kind].append(place)


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
