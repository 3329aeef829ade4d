"""Find the prepared IP sets in which addresses can be blocked.

An IP set holds IPv4 or IPv6, so each address goes to every prepared set of its own version. Which sets there are is the operator's to say
by daylight, in the settings: nothing in AWS tells which set a blocking rule refers to without reading every web ACL.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from firedoor.action import FoundInPart, Query, QuerySpec
from firedoor.addresses import canonical
from firedoor.vendors.aws.client import AwsClient
from firedoor.vendors.aws.ipsets import IpSetBlock, listed, version_of

PREPARE = (
    "Make an IP set for each IP version, have a rule of the web ACL block what is in it, and name it in the settings with its account, "
    "region, scope, version, name and id (`aws wafv2 list-ip-sets`)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """What to block: single addresses or networks in CIDR form, IPv4 and IPv6 together."""

    addresses: tuple[str, ...]


class FindIpSets(Query[Addresses, IpSetBlock]):
    """Every prepared set, with the addresses of its version."""

    spec = QuerySpec(
        id="aws.find_ip_sets",
        title="Find the prepared IP sets in which addresses can be blocked",
        reads=frozenset(),
        pages=("https://docs.aws.amazon.com/waf/latest/developerguide/waf-ip-set-creating.html",),
    )
    question = Addresses
    target = IpSetBlock

    def __init__(self, aws: AwsClient) -> None:
        self._aws = aws

    async def find(self, question: Addresses) -> Sequence[IpSetBlock]:
        """One target a set that has an address of its version, in the order of the settings.

        Raises `BadInput` for what is no address or network, `FoundInPart` for an address that no prepared set can hold: none is left out in
        silence, and none is kept open by another.
        """
        networks = tuple(dict.fromkeys(map(canonical, question.addresses)))
        sets = self._aws.prepared.ip_sets
        versions = {each.version for each in sets}
        shares = [(each, tuple(network for network in networks if version_of(network) == each.version)) for each in sets]
        found = tuple(IpSetBlock.of(each, share) for each, share in shares if share)
        if homeless := [network for network in networks if version_of(network) not in versions]:
            kinds = " and ".join(sorted({version_of(network) for network in homeless}))
            raise FoundInPart(f"no IP set for {kinds} is prepared in AWS", found=found, target=listed(homeless), advice=PREPARE)
        return found
