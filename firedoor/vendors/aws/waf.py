"""IP sets of AWS WAF (WAFv2): read, and changed by a delta under AWS's lock token. Reached as `AwsClient.waf`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from aiolimiter import AsyncLimiter
from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt

from firedoor.addresses import canonical, uncovered
from firedoor.errors import BadInput, Conflict
from firedoor.vendors.aws.doors import Doors
from firedoor.vendors.aws.ipsets import VERSIONS
from firedoor.vendors.aws.prepared import IpSet
from firedoor.vendors.aws.replies import LOCK_LOST, malformed

_GET: Final = "wafv2:GetIPSet"
_UPDATE: Final = "wafv2:UpdateIPSet"
# Each try waits for its turn, so a race that is lost so often is no accident.
_RACES: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Entries:
    """What an IP set holds, as AWS writes it, and the token of this reading. ``version`` is IPV4 or IPV6."""

    version: str
    entries: tuple[str, ...]
    description: str
    token: str

    def lacks(self, addresses: Sequence[str]) -> tuple[str, ...]:
        """Those of ``addresses`` that no entry covers, nor several together."""
        return uncovered(self.entries, addresses)

    def names(self, addresses: Collection[str]) -> tuple[str, ...]:
        """Those of ``addresses`` that stand there as entries of their own, however AWS writes them."""
        there = {_network(entry) for entry in self.entries}
        return tuple(address for address in addresses if address in there)


class Waf:
    """Reads and changes IP sets through the doors of an `AwsClient`.

    ``pause`` is the time in seconds between two writes in one account and region: AWS admits one a second (WAF quotas).
    """

    def __init__(self, doors: Doors, *, pause: float = 1.0) -> None:
        self.pause = pause
        self._doors = doors
        self._turns: dict[tuple[str, str], AsyncLimiter] = {}

    async def entries(self, ip_set: IpSet) -> Entries:
        """What the set holds now. Raises `NotFound`."""
        parameters = {"Name": ip_set.name, "Scope": ip_set.scope, "Id": ip_set.id}
        reply = await self._doors.call(ip_set.account, _GET, parameters, target=ip_set.name, region=ip_set.region)
        match reply:
            case {"IPSet": {"IPAddressVersion": str(version), "Addresses": list(found), **rest}, "LockToken": str(token)}:
                if version in VERSIONS.values() and token and all(isinstance(each, str) for each in found):
                    return Entries(version=version, entries=tuple(found), description=str(rest.get("Description") or ""), token=token)
        raise malformed(self._doors.policy.operations[_GET], "the reply is no IP set with its lock token", target=ip_set.name)

    async def add(self, ip_set: IpSet, addresses: Sequence[str]) -> tuple[str, ...]:
        """Add those of the canonical CIDRs that the set does not cover yet; returns them.

        Where a write of ours met another's, and the set then lacks nothing, it is taken to be our doing: a lost reply looks the same.
        Raises `Conflict` where others change the set all the time.
        """
        added: tuple[str, ...] = ()
        async for attempt in _races():
            with attempt:
                now = await self.entries(ip_set)
                if missing := now.lacks(addresses):
                    added = missing
                    await self._write(ip_set, now, (*now.entries, *missing))
        return added

    async def remove(self, ip_set: IpSet, addresses: Collection[str]) -> None:
        """Take the entries that are exactly these networks out; whatever else stands there stays. Raises as `add`."""
        async for attempt in _races():
            with attempt:
                now = await self.entries(ip_set)
                rest = [entry for entry in now.entries if _network(entry) not in addresses]
                if len(rest) < len(now.entries):
                    await self._write(ip_set, now, rest)

    async def _write(self, ip_set: IpSet, now: Entries, entries: Sequence[str]) -> None:
        parameters: dict[str, object] = {
            "Name": ip_set.name,
            "Scope": ip_set.scope,
            "Id": ip_set.id,
            "Addresses": list(entries),
            "LockToken": now.token,
            # What is left out may be emptied.
            **({"Description": now.description} if now.description else {}),
        }
        reply: Mapping[str, Any] = await self._doors.call(
            ip_set.account, _UPDATE, parameters, target=ip_set.name, region=ip_set.region, turn=self._turn(ip_set)
        )
        if not reply.get("NextLockToken"):
            raise malformed(self._doors.policy.operations[_UPDATE], "the reply has no next lock token", target=ip_set.name)

    def _turn(self, ip_set: IpSet) -> AsyncLimiter:
        where = (ip_set.account, ip_set.region)
        if where not in self._turns:
            self._turns[where] = AsyncLimiter(1, self.pause)
        return self._turns[where]


def _races() -> AsyncRetrying:
    """Again from the reading, each time that another was faster."""
    return AsyncRetrying(retry=retry_if_exception(_lost), stop=stop_after_attempt(_RACES), reraise=True)


def _network(entry: str) -> str:
    """An entry as we write it: AWS may write IPv6 at length. "" where it cannot be read, which is then nobody's to touch."""
    try:
        return canonical(entry)
    except BadInput:
        return ""


def _lost(error: BaseException) -> bool:
    return isinstance(error, Conflict) and error.code == LOCK_LOST
