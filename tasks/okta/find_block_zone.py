"""Find the Okta network zone that was prepared for blocking, for the addresses to shut out.

The answer is one target with all addresses, each as a CIDR: a zone is replaced whole, so they go in together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from firedoor.action import Query, QuerySpec
from firedoor.addresses import canonical
from firedoor.errors import Misconfigured, NotFound
from firedoor.vendors.okta.client import OktaClient
from firedoor.vendors.okta.zones import ZoneBlock


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """What to shut out: addresses or CIDRs of IPv4 and IPv6, as `firedoor.addresses.canonical` takes them."""

    addresses: tuple[str, ...]


class FindBlockZone(Query[Addresses, ZoneBlock]):
    """The prepared zone, with the given addresses."""

    spec = QuerySpec(
        id="okta.find_block_zone",
        title="Find the Okta network zone that blocks",
        reads=frozenset({"okta.networkZones.read"}),
        pages=("https://developer.okta.com/docs/api/openapi/okta-management/management/tag/NetworkZone/",),
    )
    question = Addresses
    target = ZoneBlock

    def __init__(self, okta: OktaClient) -> None:
        self._okta = okta

    async def find(self, question: Addresses) -> Sequence[ZoneBlock]:
        """One target. Raises `Misconfigured` where no zone is prepared, or Okta has none of its id; `BadInput` where an address is none."""
        addresses = tuple(dict.fromkeys(map(canonical, question.addresses)))
        advice = "Make an IP zone with usage BLOCKLIST in Okta by daylight, and give Firedoor its id; FIREDOOR_OKTA_BLOCK_ZONE holds it"
        if not self._okta.block_zone:
            raise Misconfigured("no Okta network zone is prepared for blocking", advice=advice)
        block = ZoneBlock(zone_id=self._okta.block_zone, addresses=addresses)
        try:
            zone = await self._okta.network_zone(block.zone_id)
        except NotFound as missing:
            raise Misconfigured(
                "Okta does not have the network zone prepared for blocking", target=block.zone_id, advice=advice
            ) from missing
        return (ZoneBlock(zone_id=zone.id, zone_name=zone.name if zone.name.isprintable() else "", addresses=addresses),)
