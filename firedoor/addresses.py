"""IP addresses and networks as text: what a person typed becomes one canonical CIDR, and lists of entries are asked what they cover. Pure.

Every form that two readers could read differently is refused: leading zeros (octal to some), net masks, zone ids, digits of other scripts.
An IPv4 address that a log shows in IPv6 clothes (``::ffff:203.0.113.7``) is folded to what it means: as IPv6 it would match no request,
and slip past every list of IPv4 networks.
"""

from __future__ import annotations

import bisect
import re
import unicodedata
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final, TypeAlias

from firedoor.errors import BadInput, shown

LONGEST: Final = 64  # an IPv6 CIDR has 43 characters at most, and some more where its dots and colons are in brackets

_DEFANGED: Final = re.compile(r"\[([.:])\]")
_STRANGE: Final = re.compile(r"[^0-9A-Fa-f.:/]")
_PREFIX: Final = re.compile(r"0|[1-9][0-9]{0,2}")
_OCTET: Final = re.compile(r"0[0-9]+")
_MAPPED: Final = ip_network("::ffff:0:0/96")

_Network: TypeAlias = IPv4Network | IPv6Network
_Interval: TypeAlias = tuple[int, int]


def canonical(text: str) -> str:
    """The network as CIDR text in its one canonical form: ``203.0.113.7/32``, ``2001:db8::/48``.

    ``text`` is an address or a CIDR, perhaps with dots or colons in brackets (``203.0.113[.]7``), as reports write it.
    Raises `BadInput` with what is wrong with it, naming the character where it is one.
    """
    given = _DEFANGED.sub(r"\1", text.strip(" \t\r\n")) if len(text) <= LONGEST else text
    address, slash, prefix = given.partition("/")
    if len(text) > LONGEST or not given:
        raise _bad(text, f"an IP address or network has 1 to {LONGEST} characters, not {len(text)}")
    if "%" in given:
        raise _bad(text, "it has a zone id, which means something on one machine only", "Give the address without % and what follows")
    if strange := _STRANGE.search(given):
        name = unicodedata.name(strange[0], "a control character")
        raise _bad(text, f"{name} (U+{ord(strange[0]):04X}) is in no IP address")
    if slash and not _PREFIX.fullmatch(prefix):
        raise _bad(text, "what follows the slash is not a plain number of bits", "Write the network as 203.0.113.0/24")
    if ":" not in address and any(_OCTET.fullmatch(octet) for octet in address.split(".")):
        raise _bad(text, "a number in it begins with 0, which some read as octal", "Write it without leading zeros")
    return str(_folded(_network(text, given), text, dotted="." in address))


def covers(entries: Iterable[str], address: str) -> bool:
    """Whether every address of ``address`` (an address or CIDR, as `canonical` takes it) lies in one or more of the ``entries``.

    ``entries`` are a vendor's: CIDR, single address, or range ``first-last``. One that cannot be read covers nothing.
    """
    return not uncovered(entries, (address,))


def uncovered(entries: Iterable[str], addresses: Sequence[str]) -> tuple[str, ...]:
    """Those of ``addresses`` that must be added to ``entries`` so that all are covered, canonical and in their order.

    One that lies in a wider one of the list needs no entry of its own. Raises `BadInput` as `canonical` does.
    """
    there = _Covered(entries)
    wanted = {text: ip_network(text) for text in map(canonical, addresses)}
    open_ = {text: network for text, network in wanted.items() if not there.holds(network)}
    return tuple(text for text, network in open_.items() if not any(_within(network, other) for other in open_.values()))


def same_entry(entry: str, address: str) -> bool:
    """Whether a vendor's entry is exactly the network ``address``, however it is written (``203.0.113.7-203.0.113.7``)."""
    found, wanted = _interval(entry), ip_network(canonical(address))
    return found is not None and found == (wanted.version, *_ends(wanted))


def _network(text: str, given: str) -> _Network:
    try:
        return ip_network(given)
    except ValueError:
        pass
    try:
        wide = ip_network(given, strict=False)
    except ValueError:
        raise _bad(text, "it is no IP address and no network", "Write it as 203.0.113.7 or 203.0.113.0/24") from None
    single = given.partition("/")[0]
    raise _bad(
        text,
        "it has bits set beyond its prefix, so it is not clear what is meant",
        f"Write {wide} for the network, or {single} for the one address",
    )


def _folded(network: _Network, text: str, *, dotted: bool) -> _Network:
    if isinstance(network, IPv4Network):
        return network
    if network.subnet_of(_MAPPED):  # type: ignore[arg-type] # both are of IPv6
        return IPv4Network((int(network.network_address) & 0xFFFF_FFFF, network.prefixlen - 96))
    if dotted:
        raise _bad(text, "it is an IPv6 address that holds an IPv4 one in a way no log means it", "Give the IPv4 address alone")
    return network


def _bad(text: str, what: str, advice: str = "Copy it again, one address or network at a time") -> BadInput:
    return BadInput(what, target=shown(text), advice=advice)


class _Covered:
    """The union of some entries, for each IP version as intervals that neither touch nor overlap."""

    def __init__(self, entries: Iterable[str]) -> None:
        self._by_version: dict[int, list[_Interval]] = {4: [], 6: []}
        for version, first, last in sorted(filter(None, map(_interval, entries))):
            intervals = self._by_version[version]
            if intervals and first <= intervals[-1][1] + 1:
                intervals[-1] = (intervals[-1][0], max(intervals[-1][1], last))
            else:
                intervals.append((first, last))

    def holds(self, network: _Network) -> bool:
        intervals = self._by_version[network.version]
        first, last = _ends(network)
        at = bisect.bisect_right(intervals, first, key=lambda interval: interval[0]) - 1
        return at >= 0 and intervals[at][1] >= last


def _interval(entry: str) -> tuple[int, int, int] | None:
    """IP version, first and last address; None where the entry cannot be read."""
    first, dash, last = entry.partition("-")
    if "%" in entry:
        return None
    try:
        if not dash:
            network = ip_network(entry.strip(), strict=False)
            return (network.version, *_ends(network))
        start, end = ip_address(first.strip()), ip_address(last.strip())
    except ValueError:
        return None
    return (start.version, int(start), int(end)) if start.version == end.version and int(start) <= int(end) else None


def _ends(network: _Network) -> _Interval:
    return int(network.network_address), int(network.broadcast_address)


def _within(network: _Network, other: _Network) -> bool:
    """Whether the other is a wider network around it."""
    inner, outer = _ends(network), _ends(other)
    return network.version == other.version and network != other and outer[0] <= inner[0] and inner[1] <= outer[1]
