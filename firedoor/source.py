"""The contract by which a vendor's room adds its credentials to the inventory: a `Source` lists those of some kinds, place by place.

A source is a unit of the catalogue, as actions and queries are: one file in ``tasks/<vendor>/list_<kind>.py``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from firedoor.inventory import Credential


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSpec:
    """What a source declares of itself. ``kinds`` are the kinds of credential that it lists; no other source lists them."""

    id: str
    title: str
    kinds: tuple[str, ...]
    reads: frozenset[str]
    unestablished: tuple[str, ...] = ()
    pages: tuple[str, ...] = ()

    @property
    def vendor(self) -> str:
        """The room it looks in."""
        return self.id.partition(".")[0]

    @property
    def types(self) -> tuple[str, ...]:
        """The kinds with their vendor: ``aws.access_key``."""
        return tuple(f"{self.vendor}.{kind}" for kind in self.kinds)


class Source(ABC):
    """Lists credentials, and only looks. It is made with its vendor's client.

    The listing is in two steps, so that it is as long as it likes while memory is not: `holders` gives what credentials hang on, page by
    page; `credentials` those of some holders. A holder that is gone by then has none. A vendor's error is raised as it is: whoever lists
    says of the place, or of those holders, that they could not be listed. A page that comes twice, or ends half-way, is `Malformed`.
    """

    spec: ClassVar[SourceSpec]

    @abstractmethod
    async def places(self) -> Sequence[str]:
        """Where to look, sorted: accounts, orgs. A place that cannot be entered is among them."""

    @abstractmethod
    def holders(self, place: str) -> AsyncIterator[Sequence[str]]:
        """Pages of what credentials hang on in a place, by the vendor's names, each name once."""

    @abstractmethod
    async def credentials(self, place: str, holders: Sequence[str]) -> Sequence[Credential]:
        """The credentials of these holders, in a stable order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """A credential that was used, as a log tells: its type and id, when it was last used, where and by whom, as far as the log says."""

    type: str
    id: str
    last: datetime
    place: str = ""
    by: str = ""
    count: int = 1


class Sightings(ABC):
    """What a vendor's log tells of the use of credentials: what is used there and in no listing is a finding.

    ``types`` are those that it can say more of.
    """

    types: ClassVar[tuple[str, ...]]

    @abstractmethod
    async def seen(self) -> Sequence[Sighting]:
        """Each credential that the log at hand tells of, once. Raises `FiredoorError` where it cannot be read."""

    @abstractmethod
    async def exists(self, sighting: Sighting) -> str:
        """What the vendor says of one that no listing shows, in words; empty where it says that there is no such credential any more."""
