"""Network zones of the simulated org: what Okta takes for one, and whom they shut out.

An ACTIVE zone with usage BLOCKLIST refuses every request that has one of its addresses anywhere in its chain, at every URL of the org.
Where this guesses: an address of IPv6 is taken like one of IPv4; the limits are those of Okta's specification; a name may not stand twice.
Left out: dynamic zones shut out nobody, there is no exempt zone, and policies do not look at zones.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from typing import Final

from firedoor.addresses import canonical, covers
from firedoor.canonical import JSON
from firedoor.errors import BadInput

TYPES: Final = ("IP", "DYNAMIC", "DYNAMIC_V2")
USAGES: Final = ("BLOCKLIST", "POLICY")
STATUSES: Final = ("ACTIVE", "INACTIVE")
MOST: Final = {"BLOCKLIST": 1000, "POLICY": 150}
MOST_OF_SYSTEM: Final = 5000
_OURS: Final = frozenset({"id", "name", "type", "status", "usage", "system", "gateways", "proxies", "created", "lastUpdated", "_links"})


class BadZone(Exception):
    """Okta's E0000001. ``field`` is what it names, the message why."""

    def __init__(self, field_: str, why: str) -> None:
        super().__init__(why)
        self.field = field_


@dataclass(slots=True, kw_only=True)
class NetworkZone:
    """A zone. Entries are as Okta keeps them; ``extra`` are fields that its specification does not name.

    ``before`` is what it blocked until ``updated``, which may be enforced for a while yet.
    """

    id: str
    name: str
    type: str = "IP"
    status: str = "ACTIVE"
    usage: str = "BLOCKLIST"
    system: bool = False
    gateways: list[dict[str, str]] = field(default_factory=list)
    proxies: list[dict[str, str]] | None = None
    extra: dict[str, JSON] = field(default_factory=dict)
    created: datetime = datetime(2023, 1, 1, tzinfo=UTC)
    updated: datetime = datetime(2023, 1, 1, tzinfo=UTC)
    before: tuple[str, ...] = ()

    @property
    def blocks(self) -> tuple[str, ...]:
        """The entries whose addresses it shuts out."""
        shuts = (self.type, self.status, self.usage) == ("IP", "ACTIVE", "BLOCKLIST")
        return tuple(each["value"] for each in self.gateways) if shuts else ()

    def replace(self, given: Mapping[str, object], *, at: datetime, others: Iterable[NetworkZone]) -> None:
        """Put another version in its place, wholly: what is not given is gone. Raises `BadZone`."""
        name, kind = given.get("name"), given.get("type")
        usage, status = given.get("usage", "POLICY"), given.get("status", "ACTIVE")
        if not isinstance(name, str) or not 0 < len(name) <= 128 or any(other.name == name for other in others if other is not self):
            raise BadZone("name", "The field must be between 1 and 128 characters long, and unique")
        if kind != self.type:
            raise BadZone("type", "The zone type cannot be changed")
        if usage not in USAGES or status not in STATUSES:
            raise BadZone("usage", "An unknown usage or status")
        gateways, proxies = entries(given.get("gateways"), "gateways"), entries(given.get("proxies"), "proxies")
        most = MOST_OF_SYSTEM if self.system else MOST[str(usage)]
        if self.type == "IP" and not gateways and not proxies:
            raise BadZone("gateways", "An IP zone must have gateways or proxies")
        if max(len(gateways), len(proxies)) > most:
            raise BadZone("gateways", f"No more than {most} entries may be included in the zone")
        self.before, self.updated = self.blocks, at
        self.name, self.usage, self.status = name, str(usage), str(status)
        self.gateways, self.proxies = gateways, proxies or None
        self.extra = {key: value for key, value in given.items() if key not in _OURS}  # type: ignore[misc] # it was read as JSON

    def state(self) -> dict[str, JSON]:
        """The zone as plain data, to compare with what it should be."""
        return {
            "name": self.name,
            "status": self.status,
            "usage": self.usage,
            "gateways": [each["value"] for each in self.gateways],
            "proxies": [each["value"] for each in self.proxies or ()],
            **({"extra": self.extra} if self.extra else {}),
        }


def entries(given: object, name: str) -> list[dict[str, str]]:
    """Gateways or proxies as Okta keeps them: a range of one address is written ``a-a``. Raises `BadZone`."""
    kept = []
    for entry in given if isinstance(given, list) else ():
        kind, value = (entry.get("type"), entry.get("value")) if isinstance(entry, Mapping) else (None, None)
        if kind not in {"CIDR", "RANGE"} or not isinstance(value, str) or not _valid(str(kind), value):
            raise BadZone(name, "Invalid IP address or range")
        kept.append({"type": str(kind), "value": value if kind == "CIDR" or "-" in value else f"{value}-{value}"})
    return kept


def entry_of(text: str) -> dict[str, str]:
    """The entry that a world's text means: ``a/n``, ``a-b``, or ``a``. Raises `BadInput`."""
    try:
        return entries([{"type": "CIDR" if "/" in text else "RANGE", "value": text}], "gateways")[0]
    except BadZone:
        raise BadInput(
            "that is no entry of a network zone", target=text, advice="Write a CIDR, a range first-last, or one address"
        ) from None


def shut_out(zones: Iterable[NetworkZone], chain: Sequence[str], *, now: datetime, lag: timedelta) -> bool:
    """Whether a request with these addresses in its chain is refused. A zone changed less than ``lag`` ago is enforced as it was before."""
    blocked = [entry for zone in zones for entry in (zone.before if now < zone.updated + lag else zone.blocks)]
    return any(covers(blocked, address) for address in chain if _is_address(address))


def _valid(kind: str, value: str) -> bool:
    first, _, last = value.partition("-")
    try:
        if kind == "CIDR":
            ip_network(value, strict=False)
        else:
            return int(ip_address(first)) <= int(ip_address(last or first))
    except ValueError:
        return False
    return kind == "CIDR" and "/" in value


def _is_address(text: str) -> bool:
    try:
        canonical(text)
    except BadInput:
        return False
    return True
