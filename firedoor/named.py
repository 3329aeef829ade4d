"""The credentials that a notice names, to be matched with what listings show. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from firedoor.source import Sighting


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What must be accounted for, by type and id: ids of some kinds are the same in several accounts.

    One that names its account is meant there and nowhere else. One that names none may be any of those that are listed: each counts.
    """

    by_id: Mapping[tuple[str, str], Sequence[Sighting]] = field(default_factory=dict)

    @classmethod
    def of(cls, due: Sequence[Sighting]) -> Self:
        """Those of a list, each once."""
        found = defaultdict[tuple[str, str], list[Sighting]](list)
        for one in {(one.type, one.place, one.id): one for one in reversed(due)}.values():
            found[one.type, one.id].append(one)
        return cls(by_id=found)

    def all(self) -> Sequence[Sighting]:
        """Each of them."""
        return [one for some in self.by_id.values() for one in some]

    def meant(self, kind: str, name: str) -> Sequence[Sighting]:
        """Those that mean a credential, by its type and its whole name."""
        place, _ = parted(name)
        return [one for one in self.alike(kind, name) if one.place in ("", place)]

    def alike(self, kind: str, name: str) -> Sequence[Sighting]:
        """Those of its id, in whatever account."""
        return self.by_id.get((kind, parted(name)[1]), ())


def parted(name: str) -> tuple[str, str]:
    """The place and the id in a credential's whole name."""
    place, _, known = name.split(":", 2)[2].partition("/")
    return place, known
