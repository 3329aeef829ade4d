"""Facts about vendors that units rest on and that nobody here could confirm, and what people have put on record of them. Pure.

A fact is known by its words: where these change, it is asked about again. What was put on record is signed by whoever saw it, and holds for
the tenants that it was seen at.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from firedoor import signing
from firedoor.approval import Roster
from firedoor.canonical import digest, instant
from firedoor.catalogue import AnyAction, Catalogue
from firedoor.source import Source

FACTS: Final = "facts:"  # begins the name of the stream that holds what was put on record of a vendor's
LONGEST_NOTE: Final = 1000


def stream_of(vendor: str) -> str:
    """Where it is put on record what a vendor really does."""
    return f"{FACTS}{vendor}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One fact, in the words of the units that rest on it. ``pages`` are the vendor's pages that these name."""

    vendor: str
    says: str
    units: tuple[str, ...]
    pages: tuple[str, ...]

    @property
    def digest(self) -> str:
        """Names the fact by its words."""
        return digest_of(self.vendor, self.says)


def digest_of(vendor: str, says: str) -> str:
    """The digest of a fact's words."""
    return digest({"namespace": "firedoor/fact/1", "vendor": vendor, "says": says})


def gathered(known: Catalogue) -> Sequence[Fact]:
    """Every fact of the catalogue that is not established, vendor by vendor; what several units say in the same words is one."""
    found: dict[tuple[str, str], Fact] = {}
    units: list[type[AnyAction | Source]] = [*known.actions.values(), *known.sources.values()]
    for spec in (unit.spec for unit in units):
        for says in spec.unestablished:
            fact = found.get((spec.vendor, says), Fact(vendor=spec.vendor, says=says, units=(), pages=()))
            pages = tuple(dict.fromkeys((*fact.pages, *spec.pages)))
            found[spec.vendor, says] = replace(fact, units=(*fact.units, spec.id), pages=pages)
    return [found[key] for key in sorted(found, key=lambda key: (key[0], found[key].units[0]))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Established:
    """What somebody saw of a fact: that it holds, or that it does not, at which tenants, and in their own words.

    ``fact`` is the digest of the words ``says``; ``proof`` the SSH signature of ``by`` over all of it.
    """

    vendor: str
    fact: str
    says: str
    holds: bool
    tenants: tuple[str, ...]
    note: str
    by: str
    at: datetime
    roster: str
    proof: str = ""

    @property
    def document(self) -> str:
        """What is signed, in words."""
        return "\n".join(
            [
                "Firedoor fact about a vendor, version 1",
                f"vendor: {self.vendor}",
                f"tenants: {', '.join(self.tenants)}",
                f"fact: {self.says}",
                f"digest: {self.fact}",
                f"it was seen, and {'holds' if self.holds else 'does not hold'}",
                f"note: {self.note}",
                f"by: {self.by}",
                f"at: {instant(self.at)}",
                f"roster: {self.roster}",
                "",
            ]
        )

    @property
    def broken(self) -> bool:
        """Whether it names another fact than its words, or is not written as one line a field: then it could be read in two ways."""
        lines = (self.vendor, self.says, self.note, self.by, *self.tenants)
        return self.fact != digest_of(self.vendor, self.says) or any(len(text.splitlines()) > 1 for text in lines)

    def signed_with(self, proof: str) -> Established:
        """The same with its signature."""
        return replace(self, proof=proof)

    def counts(self, roster: Roster) -> bool:
        """Whether it is what a person of today's roster has signed."""
        person = roster.by_name(self.by)
        return person is not None and not self.broken and signing.holds(self.document, self.proof, person.keys, hardware=False)


def line_of(text: str) -> str:
    """What a person typed, as one line of at most `LONGEST_NOTE` characters."""
    return " ".join(re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]", " ", text).split())[:LONGEST_NOTE].strip()


def newest(said: Collection[Established], fact: Fact, tenants: Collection[str]) -> Established | None:
    """What was said last of a fact at one of these tenants, by the moment that was signed; None where nobody said anything."""
    here = [one for one in said if one.fact == fact.digest and set(one.tenants) & set(tenants)]
    return max(here, key=lambda one: one.at, default=None)
