"""Shut addresses out of Okta by a network zone.

The addresses are added to an IP zone with usage BLOCKLIST that was prepared by daylight. Okta then refuses every request from them, at
every URL of the org, before any policy is looked at. What a wider entry of the zone already covers is left as it is.

Okta replaces a zone whole, and has no version to check. The zone is read again a moment before it is written, and everything in it that is
not ours is written back as it stands; still, an edit that somebody else makes in that very moment is lost, and a form that they opened
before and save later takes our addresses out again.

It does not stop an attacker who has other addresses, and cannot reach sessions that applications hold of their own. It proves what the zone
says, not that every edge of Okta enforces it yet: that takes about a minute, and was seen to take half an hour.

Undo takes out the entries that this run added and that are still there; not the last one, for Okta wants a gateway or proxy in an IP zone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from firedoor.action import Action, Spec
from firedoor.addresses import uncovered
from firedoor.errors import NotFound
from firedoor.model import Change, Intent, Plan, Receipt, Residual, Reversal, Snapshot, Tier
from firedoor.vendors.okta.client import OktaClient
from firedoor.vendors.okta.zones import ZoneBlock, ZoneRecord, bared, entries_of, overfull, too_wide, unfit

SHOWN = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneState(Snapshot):
    """The zone with all its entries, so that it can be restored by hand; None where Okta has none of that id."""

    zone: ZoneRecord | None = None


class BlockAddresses(Action[ZoneBlock, ZoneState]):
    """`PUT /api/v1/zones/{zoneId}` with the missing addresses among the gateways."""

    spec = Spec(
        id="okta.block_addresses",
        title="Shut addresses out of Okta",
        reads=frozenset({"okta.networkZones.read"}),
        writes=frozenset({"okta.networkZones.manage"}),
        tier=Tier.ONE,
        reversal=Reversal.EXACT,
        limit=1,
        settle_within=15.0,
        hold=1.0,
        unestablished=(
            "whether Okta takes IPv6 networks among the gateways of an IP zone",
            "how long every edge of Okta takes to enforce a zone; a minute by its help, half an hour by its support",
        ),
        pages=(
            "https://developer.okta.com/docs/api/openapi/okta-management/management/tag/NetworkZone/",
            "https://help.okta.com/en-us/Content/Topics/Security/network/create-ip-zone.htm",
            "https://help.okta.com/en-us/Content/topics/security/network/about-ip-exempt-zone.htm",
        ),
    )
    target = ZoneBlock

    def __init__(self, okta: OktaClient) -> None:
        self._okta = okta

    async def clock(self, target: ZoneBlock) -> datetime:
        """Okta's."""
        del target
        return await self._okta.now()

    def lease(self, target: ZoneBlock) -> str:
        """The zone: it is replaced whole."""
        return f"okta:zone:{target.zone_id}"

    async def read(self, target: ZoneBlock) -> ZoneState:
        """The zone."""
        try:
            return ZoneState(zone=await self._okta.network_zone(target.zone_id))
        except NotFound:
            return ZoneState()

    def plan(self, target: ZoneBlock, before: ZoneState) -> Plan:
        """One change, whose effect is that all addresses are covered: what others add meanwhile makes it no other."""
        zone = before.zone
        if zone is None:
            return Plan(impossible=f"Okta has no network zone {target.label}; prepare an IP zone with usage BLOCKLIST")
        if not target.addresses:
            return Plan(impossible="no address is left to be shut out; block what is meant in Okta by hand")
        missing = uncovered(zone.gateways, target.addresses)
        if wrong := unfit(zone) or too_wide(missing) or (overfull(zone, len(missing)) if missing else ""):
            return Plan(impossible=wrong)
        if not missing:
            return Plan(reason=f"zone {zone.name} shuts out {_listed(target.addresses)}")
        change = Change(
            key="block",
            subject=f"okta:zone:{target.zone_id}",
            says=f"shut out of Okta, by zone {zone.name}: {', '.join(missing)}",
            at={"zone": target.zone_id},
            before={"open": missing},
            after={"shut_out": target.addresses},
        )
        return Plan(changes=(change,))

    async def apply(self, change: Change, intent: Intent) -> Receipt:
        """Add what is missing by now or, for an undo, take out what is there. `Conflict` where that is nothing; the engine reads again."""
        if change.key == "unblock":
            await self._okta.remove_from_zone(change.at["zone"], _texts(change.before["entries"]))
            return self.receipt(change, intent)
        added = await self._okta.add_to_zone(change.at["zone"], _texts(change.after["shut_out"]))
        return Receipt(change=change.key, at=intent.at, facts={"added": added})

    def receipt(self, change: Change, intent: Intent) -> Receipt:
        """The entries added: those that were missing at the reading just before, where the reply did not tell."""
        return Receipt(change=change.key, at=intent.at, facts={"added": change.before["open"]} if change.key == "block" else {})

    def residuals(self, target: ZoneBlock, now: ZoneState) -> Sequence[Residual]:
        """What a zone does not stop, or not yet."""
        del now
        addresses = _listed(target.addresses)
        return (
            Residual(
                what=f"requests from {addresses} at edges of Okta that have not learned of the zone",
                until="about a minute after the change, half an hour at the most",
                hours=0.5,
                closes_by="waiting; the System Log tells of security.request.blocked once it is enforced",
            ),
            Residual(
                what=f"requests from {addresses}, where Okta's exempt zone holds them too",
                until="they are taken out of DefaultExemptIpZone",
                closes_by="an edit of that zone by hand",
            ),
            Residual(
                what="the same attacker from any other address, and sessions that applications hold of their own",
                until="the identity itself is contained",
                closes_by="okta.suspend_user and okta.revoke_sessions",
            ),
        )

    def plan_undo(self, target: ZoneBlock, receipts: Sequence[Receipt], now: ZoneState) -> Plan:
        """Take out what this run added and what is still there."""
        added = tuple(dict.fromkeys(entry for receipt in receipts for entry in _texts(receipt.facts.get("added"))))
        if not added:
            return Plan(reason=f"this run added nothing to zone {target.label}")
        if now.zone is None:
            return Plan(reason=f"zone {target.label} is no longer in Okta, and with it what this run added")
        ours = entries_of(now.zone, added)
        if not ours:
            return Plan(reason=f"nothing that this run added is in zone {now.zone.name} any more")
        if wrong := unfit(now.zone):
            return Plan(impossible=f"the zone is not as this run left it: {wrong}. Look by hand")
        if wrong := bared(now.zone, ours):
            return Plan(impossible=wrong)
        change = Change(
            key="unblock",
            subject=f"okta:zone:{target.zone_id}",
            says=f"let into Okta again, by taking them out of zone {now.zone.name}: {', '.join(ours)}",
            at={"zone": target.zone_id},
            before={"entries": ours},
            after={"let_in": added},
        )
        return Plan(changes=(change,))


def _texts(value: object) -> tuple[str, ...]:
    return tuple(str(each) for each in value) if isinstance(value, list | tuple) else ()


def _listed(addresses: Sequence[str]) -> str:
    more = len(addresses) - SHOWN
    return ", ".join(addresses[:SHOWN]) + (f" and {more} more" if more > 0 else "")
