"""Network zones that block: what is blocked where, what Okta tells of a zone, and how addresses are put into one and taken out again.

Okta replaces a zone whole and has no version to check. So what leaves here is a difference, laid over the zone as it was read a moment
before, with every field that Okta has and we do not know kept as it stands.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Final, Self, TypeAlias

from firedoor.addresses import canonical, same_entry, uncovered
from firedoor.errors import BadInput, Conflict, shown
from firedoor.model import Target
from firedoor.vendors.okta.values import check_id

KIND: Final = "network zone"
MOST_GATEWAYS: Final = 1000  # Okta's bound for an IP zone that blocks
LONGEST_NAME: Final = 128
WIDEST: Final = {4: 16, 6: 32}
"""The shortest prefix that one target may have. Whoever means to shut out more than 65,536 addresses does it by daylight."""

SYSTEM_BLOCKLIST: Final = "BlockedIpZone"
_READ_ONLY: Final = frozenset({"id", "created", "lastUpdated", "system", "_links"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneBlock(Target):
    """Networks to be shut out by one Okta network zone. ``addresses`` are canonical CIDRs."""

    zone_id: str
    zone_name: str = ""
    addresses: tuple[str, ...] = field()

    def __post_init__(self) -> None:
        check_id(self.zone_id, kind=KIND)
        if len(self.zone_name) > LONGEST_NAME or not self.zone_name.isprintable():
            raise BadInput("that is no name of an Okta network zone", target=shown(self.zone_name), advice="Leave it out")
        for address in self.addresses:
            if canonical(address) != address:
                raise BadInput("the network is not in its canonical form", target=shown(address), advice=f"Write {canonical(address)}")

    @property
    def label(self) -> str:
        """The zone's name, or its id."""
        return self.zone_name or self.zone_id

    @property
    def names(self) -> tuple[str, ...]:
        """The zone, by id and by name. Its addresses are told by ``addresses``."""
        by_name = (f"okta:zone:{self.zone_name}",) if self.zone_name else ()
        return tuple(dict.fromkeys((f"okta:zone:{self.zone_id}", *by_name)))

    def only(self, addresses: Collection[str]) -> Self:
        """The same zone with none but these of its addresses."""
        return dataclasses.replace(self, addresses=tuple(each for each in self.addresses if each in addresses))


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneRecord:
    """A zone as Okta shows it. ``gateways`` are its entries as Okta writes them (CIDR, or ``first-last``), ``proxies`` how many it has."""

    id: str
    name: str
    type: str
    status: str
    usage: str
    system: bool
    gateways: tuple[str, ...]
    proxies: int


Edit: TypeAlias = Callable[[Mapping[str, object], ZoneRecord, Sequence[str]], tuple[dict[str, object], tuple[str, ...]]]
"""From a zone as it is read, whole and as a value, to the zone to put and the addresses that this changes."""


def too_wide(addresses: Sequence[str]) -> str:
    """Why these are never put into a zone, whoever asks for it; empty where they may be."""
    wide = [address for address in addresses if (network := ip_network(address)).prefixlen < WIDEST[network.version]]
    return f"{', '.join(wide)} shuts out far more than an attacker; block so much by daylight in Okta's Admin Console" if wide else ""


def unfit(zone: ZoneRecord) -> str:
    """Why addresses in this zone would be shut out by nothing, or more would happen than that; empty where the zone is fit."""
    if zone.type != "IP":
        return f"zone {zone.name} is {zone.type}, and only an IP zone holds addresses; prepare one with usage BLOCKLIST"
    if zone.system and zone.name != SYSTEM_BLOCKLIST:
        return f"zone {zone.name} is one of Okta's own, on which other rules rest; prepare an IP zone with usage BLOCKLIST instead"
    if zone.usage != "BLOCKLIST":
        words = f"zone {zone.name} has usage {zone.usage}, which blocks nobody, and policies may trust whoever is in it"
        return f"{words}; prepare an IP zone with usage BLOCKLIST"
    if zone.status != "ACTIVE":
        return f"zone {zone.name} is {zone.status}, so it blocks nobody; activate it in Okta's Admin Console"
    return ""


def overfull(zone: ZoneRecord, more: int) -> str:
    """Why that many more entries do not fit into the zone; empty where they do."""
    total = len(zone.gateways) + more
    if total <= MOST_GATEWAYS:
        return ""
    return f"zone {zone.name} would hold {total} entries, and Okta allows {MOST_GATEWAYS:,}; take out what is no longer needed"


def bared(zone: ZoneRecord, addresses: Sequence[str]) -> str:
    """Why these entries cannot be taken out of the zone; empty where they can."""
    if zone.proxies or not all(_is_one_of(entry, addresses) for entry in zone.gateways):
        return ""
    words = f"nothing else is in zone {zone.name}, and Okta wants at least one gateway or proxy in an IP zone"
    return f"{words}; put another address in first, or deactivate the zone"


def entries_of(zone: ZoneRecord, addresses: Sequence[str]) -> tuple[str, ...]:
    """Those of ``addresses`` that stand in the zone as entries of their own."""
    return tuple(address for address in addresses if any(same_entry(entry, address) for entry in zone.gateways))


def with_added(raw: Mapping[str, object], zone: ZoneRecord, addresses: Sequence[str]) -> tuple[dict[str, object], tuple[str, ...]]:
    """The zone to put, and the entries that are new in it. Raises `Conflict` where none is, or the zone may not have them."""
    added = uncovered(zone.gateways, addresses)
    refused = unfit(zone) or too_wide(added) or overfull(zone, len(added)) or ("" if added else f"zone {zone.name} covers them all already")
    if refused:
        raise _conflict(zone, refused)
    new = [{"type": "CIDR", "value": address} for address in added]
    return {**_writable(raw), "gateways": [*_gateways(raw), *new]}, added


def with_removed(raw: Mapping[str, object], zone: ZoneRecord, addresses: Sequence[str]) -> tuple[dict[str, object], tuple[str, ...]]:
    """The zone to put, and the entries that are no longer in it. Raises `Conflict` where none was, or the zone may not lose them."""
    removed = entries_of(zone, addresses)
    refused = unfit(zone) or bared(zone, removed) or ("" if removed else f"zone {zone.name} has none of these entries")
    if refused:
        raise _conflict(zone, refused)
    left = [entry for entry in _gateways(raw) if not _is_one_of(_value(entry), removed)]
    return {**_writable(raw), "gateways": left}, removed


def _is_one_of(entry: str, addresses: Sequence[str]) -> bool:
    return any(same_entry(entry, address) for address in addresses)


def _writable(raw: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in raw.items() if name not in _READ_ONLY}


def _gateways(raw: Mapping[str, object]) -> Sequence[object]:
    given = raw.get("gateways")
    return given if isinstance(given, list) else ()


def _value(entry: object) -> str:
    return str(entry.get("value", "")) if isinstance(entry, Mapping) else ""


def _conflict(zone: ZoneRecord, what: str) -> Conflict:
    return Conflict(what, vendor="okta", operation="replaceNetworkZone", target=zone.id, advice="Look at the zone in Okta's Admin Console")
