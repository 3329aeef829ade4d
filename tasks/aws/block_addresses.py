"""Block addresses in an IP set of AWS WAF.

The set was prepared by daylight: a rule of a web ACL refers to it and blocks what is in it, in front of CloudFront, load balancers, API
gateways. The addresses are added to what the set holds, in one write, under the lock token of the reading just before: what others put
there, even at the same moment, stays. An address that lies in a network of the set is blocked already and is not added again.

It does not reach what is not behind such a web ACL: origins that answer to anybody, VPNs, AWS's own API. Nor does it end connections that
are open, and an attacker who has other addresses comes back from those.

Undo takes out the addresses that this run added and that still stand there, and nothing else. A wider network that somebody put there since
goes on blocking them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from firedoor.action import Action, Spec
from firedoor.canonical import JSON
from firedoor.errors import NotFound
from firedoor.model import Change, Intent, Plan, Receipt, Residual, Reversal, Snapshot, Tier
from firedoor.vendors.aws.client import AwsClient
from firedoor.vendors.aws.ipsets import MOST_ENTRIES, IpSetBlock, listed


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockState(Snapshot):
    """Which of the target's addresses the set does not cover (``missing``) and which stand there by themselves (``entered``), how many
    entries it has and of which IP ``version``; ``gone`` where AWS has no such set.
    """

    missing: tuple[str, ...] = ()
    entered: tuple[str, ...] = ()
    entries: int = 0
    version: str = ""
    gone: bool = False


class BlockAddresses(Action[IpSetBlock, BlockState]):
    """`wafv2:UpdateIPSet`, one for all addresses of a set."""

    spec = Spec(
        id="aws.block_addresses",
        title="Block addresses in an IP set of AWS WAF",
        reads=frozenset({"wafv2:GetIPSet"}),
        writes=frozenset({"wafv2:UpdateIPSet"}),
        tier=Tier.ONE,
        reversal=Reversal.EXACT,
        limit=20,
        settle_within=15.0,
        unestablished=(
            "how long WAF takes to enforce a changed set everywhere; AWS says a few seconds to a number of minutes",
            "in which form AWS writes an IPv6 network back; networks are compared, not their text",
        ),
        pages=(
            "https://docs.aws.amazon.com/waf/latest/APIReference/API_UpdateIPSet.html",
            "https://docs.aws.amazon.com/waf/latest/developerguide/limits.html",
        ),
    )
    target = IpSetBlock

    def __init__(self, aws: AwsClient) -> None:
        self._aws = aws

    async def clock(self, target: IpSetBlock) -> datetime:
        """AWS's, in the set's account."""
        return await self._aws.now(target.account)

    def lease(self, target: IpSetBlock) -> str:
        """The set, which is written as a whole."""
        return target.names[0]

    async def read(self, target: IpSetBlock) -> BlockState:
        """What of the addresses the set holds. Its other entries are nobody's business here."""
        try:
            now = await self._aws.waf.entries(target.ip_set)
        except NotFound:
            return BlockState(gone=True)
        return BlockState(
            missing=now.lacks(target.addresses), entered=now.names(target.addresses), entries=len(now.entries), version=now.version
        )

    def plan(self, target: IpSetBlock, before: BlockState) -> Plan:
        """One change that wants all addresses in the set, however many are there already: so it stays the same while the set drifts."""
        if before.gone:
            return Plan(impossible=f"AWS has no {target.where} any more; make one again, have a blocking rule refer to it, and prepare it")
        if before.version not in {target.version, ""}:
            return Plan(impossible=f"{target.where} holds {before.version} and was prepared as {target.version}; correct that")
        if not before.missing:
            return Plan(reason=f"{target.where} holds {listed(target.addresses)}, as such or in a wider network")
        if before.entries + len(before.missing) > MOST_ENTRIES:
            words = (
                f"{target.where} has {before.entries} entries of {MOST_ENTRIES}, no room for {len(before.missing)} more; take old ones out"
            )
            return Plan(impossible=words)
        there: JSON = [address for address in target.addresses if address not in before.missing]
        says = f"block {listed(before.missing)} in {target.where}"
        return Plan(changes=(_change("block", target, says, before={"there": there}, after={"blocked": target.addresses}),))

    async def apply(self, change: Change, intent: Intent) -> Receipt:
        """Add what is missing, or for an undo take out what is named. AWS's lock token decides who is first; the loser looks again."""
        target = _target(change)
        if change.key == "unblock":
            await self._aws.waf.remove(target.ip_set, target.addresses)
            return self.receipt(change, intent)
        added = await self._aws.waf.add(target.ip_set, target.addresses)
        # Truer than the plan: somebody may have added some of them since.
        return replace(self.receipt(change, intent), facts={"added": added})

    def receipt(self, change: Change, intent: Intent) -> Receipt:
        """The addresses that the set did not cover before."""
        if change.key == "unblock":
            return Receipt(change=change.key, at=intent.at)
        there = _texts(change.before["there"])
        added: JSON = [address for address in _target(change).addresses if address not in there]
        return Receipt(change=change.key, at=intent.at, facts={"added": added})

    def residuals(self, target: IpSetBlock, now: BlockState) -> Sequence[Residual]:
        """What a web ACL does not stop."""
        if now.gone:
            return ()
        return (
            Residual(
                what=f"requests from {listed(target.addresses)} to what is not behind the web ACL of {target.where}",
                until="somebody closes it",
                closes_by="origins that admit nobody but CloudFront or the load balancer; security groups",
            ),
        )

    def plan_undo(self, target: IpSetBlock, receipts: Sequence[Receipt], now: BlockState) -> Plan:
        """Take out again what this run added, as far as it still stands there."""
        ours = {address for receipt in receipts for address in _texts(receipt.facts.get("added", ()))}
        left = [address for address in target.addresses if address in ours and address in now.entered]
        if not left:
            return Plan(reason=f"no address that this run added stands in {target.where} now")
        added: JSON = [address for address in target.addresses if address in ours]
        says = f"take {listed(left)} out of {target.where} again"
        return Plan(changes=(_change("unblock", target, says, before={"there": left}, after={"out": added}),))


def _change(key: str, target: IpSetBlock, says: str, *, before: dict[str, JSON], after: dict[str, JSON]) -> Change:
    place = target.ip_set
    at = {
        "account": place.account,
        "region": place.region,
        "scope": place.scope,
        "version": place.version,
        "name": place.name,
        "id": place.id,
    }
    return Change(key=key, subject=target.names[0], says=says, at=at, before=before, after=after)


def _target(change: Change) -> IpSetBlock:
    (addresses,) = change.after.values()
    return IpSetBlock(**change.at, addresses=_texts(addresses))


def _texts(value: JSON) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, Sequence) and not isinstance(value, str) else ()
