"""An IP set with the addresses that are to be in it: what `aws.block_addresses` acts on. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from ipaddress import ip_network
from typing import Final, Self

from firedoor.addresses import canonical
from firedoor.errors import BadInput, shown
from firedoor.model import Target
from firedoor.vendors.aws.prepared import IpSet
from firedoor.vendors.aws.values import check_account

VERSIONS: Final = {4: "IPV4", 6: "IPV6"}
MOST_ENTRIES: Final = 10_000  # a quota that AWS does not raise

_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,128}")
_ID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_CLOUDFRONT, _ITS_REGION = "CLOUDFRONT", "us-east-1"


def check_region(text: str) -> str:
    """The name of an AWS region (``eu-west-1``). Raises `BadInput` for anything else."""
    if not _REGION.fullmatch(text):
        raise BadInput(f"{shown(text)} is not the name of an AWS region", advice="It looks like eu-west-1")
    return text


def version_of(network: str) -> str:
    """IPV4 or IPV6: the kind of set that can hold the network."""
    return VERSIONS[ip_network(network).version]


@dataclass(frozen=True, slots=True, kw_only=True)
class IpSetBlock(Target):
    """Addresses that are to be in a prepared IP set. ``addresses`` are canonical CIDRs of the set's own ``version``, each once.

    ``scope`` is REGIONAL or CLOUDFRONT; the latter is kept in us-east-1.
    """

    account: str
    region: str
    scope: str
    version: str
    name: str
    id: str
    addresses: tuple[str, ...]

    def __post_init__(self) -> None:
        check_account(self.account)
        check_region(self.region)
        if self.scope not in {"REGIONAL", _CLOUDFRONT}:
            raise BadInput(f"{shown(self.scope)} is not the scope of an IP set", advice="It is REGIONAL or CLOUDFRONT")
        if self.scope == _CLOUDFRONT and self.region != _ITS_REGION:
            raise BadInput("an IP set for CloudFront is kept in us-east-1", target=shown(self.name), advice="Prepare it with that region")
        if self.version not in VERSIONS.values():
            raise BadInput(f"{shown(self.version)} is not the IP version of a set", advice="It is IPV4 or IPV6")
        if not _NAME.fullmatch(self.name):
            raise BadInput(f"{shown(self.name)} is not the name of an IP set", advice="It has 1 to 128 letters, digits, _ and -")
        if not _ID.fullmatch(self.id):
            raise BadInput(f"{shown(self.id)} is not the id of an IP set", advice="`aws wafv2 list-ip-sets` shows it, a UUID")
        for address in self.addresses:
            if canonical(address) != address or version_of(address) != self.version:
                raise BadInput(f"{shown(address)} is no CIDR of {self.version} as it is to be written", target=shown(self.name))
        if len(set(self.addresses)) != len(self.addresses):
            raise BadInput("a block names each address once", target=shown(self.name))

    @classmethod
    def of(cls, ip_set: IpSet, addresses: tuple[str, ...]) -> Self:
        """Addresses for a prepared set. Raises `BadInput` where the set was prepared wrongly."""
        return cls(
            account=ip_set.account,
            region=ip_set.region,
            scope=ip_set.scope,
            version=ip_set.version,
            name=ip_set.name,
            id=ip_set.id,
            addresses=addresses,
        )

    @property
    def ip_set(self) -> IpSet:
        """The set itself."""
        return IpSet(account=self.account, region=self.region, scope=self.scope, version=self.version, name=self.name, id=self.id)

    @property
    def where(self) -> str:
        """The set as people say it."""
        return f"ip set {self.name} ({'CloudFront' if self.scope == _CLOUDFRONT else self.region}, {self.account})"

    @property
    def label(self) -> str:
        """The addresses, the first of them by name, and the set."""
        return f"{listed(self.addresses)} in {self.where}"

    @property
    def names(self) -> tuple[str, ...]:
        """The set's id in its account and region, and its ARN."""
        place = "global" if self.scope == _CLOUDFRONT else "regional"
        arn = f"arn:aws:wafv2:{self.region}:{self.account}:{place}/ipset/{self.name}/{self.id}"
        return (f"aws:ip_set:{self.account}/{self.region}/{self.id}", f"aws:arn:{arn}")

    def only(self, addresses: Collection[str]) -> Self:
        """The same set with none but these of its addresses."""
        return replace(self, addresses=tuple(address for address in self.addresses if address in addresses))


def listed(addresses: Collection[str], *, most: int = 3) -> str:
    """The first addresses by name, and how many more there are."""
    first, more = list(addresses)[:most], len(addresses) - most
    return ", ".join(first or ["no address"]) + (f" and {more} more" if more > 0 else "")
