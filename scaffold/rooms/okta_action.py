"""Suspend an Okta user, as a skeleton of an action: put your own vendor's call, and your own words, in its place.

What it does, and what is true afterwards that was not before. The first paragraphs are what people read on the action's page.

What it does not do, and what it cannot undo: sessions and tokens that are out are not ended by this.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from firedoor.action import Action, Spec
from firedoor.errors import NotFound
from firedoor.model import Change, Intent, Plan, Receipt, Residual, Reversal, Snapshot, Tier
from firedoor.vendors.okta.client import OktaClient
from firedoor.vendors.okta.values import OktaUser


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleState(Snapshot):
    """All that plan and undo need of the world, no secret, nothing volatile. Empty where Okta has no such user."""

    status: str = ""


class SampleAction(Action[OktaUser, SampleState]):
    """`POST /api/v1/users/{id}/lifecycle/suspend`."""

    spec = Spec(
        id="okta.sample_action",
        title="Suspend an Okta user (a skeleton)",
        reads=frozenset({"okta.users.read"}),  # a law compares both with what was really called
        writes=frozenset({"okta.users.manage"}),
        tier=Tier.ONE,
        reversal=Reversal.EXACT,
        limit=50,
        settle_within=10.0,
        pages=("https://developer.okta.com/docs/api/openapi/okta-management/management/tag/UserLifecycle/",),
    )
    target = OktaUser

    def __init__(self, okta: OktaClient) -> None:
        self._okta = okta

    async def clock(self, target: OktaUser) -> datetime:
        """Okta's, never this machine's."""
        del target
        return await self._okta.now()

    def lease(self, target: OktaUser) -> str:
        """What two writers must take turns on."""
        return f"okta:user:{target.user_id}"

    async def read(self, target: OktaUser) -> SampleState:
        """Look only. What is not there is a state too, and not an error."""
        try:
            return SampleState(status=(await self._okta.user(target.user_id)).status)
        except NotFound:
            return SampleState()

    def plan(self, target: OktaUser, before: SampleState) -> Plan:
        """Pure: the changes that are left, or why there are none, or why it cannot be done as things are. Each in words for people."""
        match before.status:
            case "ACTIVE":
                return Plan(changes=(_change("suspend", target, "ACTIVE", "SUSPENDED"),))
            case "SUSPENDED" | "DEPROVISIONED":
                return Plan(reason=f"{target.label} is {before.status}")
            case "":
                return Plan(reason=f"{target.label} is no longer in Okta")
            case status:
                return Plan(impossible=f"Okta suspends only ACTIVE users, and {target.label} is {status}")

    async def apply(self, change: Change, intent: Intent) -> Receipt:
        """One change, one call. It is made only once its intent is on disk; where the reply is lost, the engine reads the world again."""
        user = change.at["user"]
        await (self._okta.unsuspend_user(user) if change.key == "unsuspend" else self._okta.suspend_user(user))
        return self.receipt(change, intent)

    def receipt(self, change: Change, intent: Intent) -> Receipt:
        """What undo needs to know: how it was before."""
        return Receipt(change=change.key, at=intent.at, facts={"status": change.before["status"]})

    def residuals(self, target: OktaUser, now: SampleState) -> Sequence[Residual]:
        """What may live on after this step: until when, and what would close it."""
        if not now.status:
            return ()
        return (Residual(what=f"sessions of {target.label}", until="they are revoked", closes_by="okta.revoke_sessions"),)

    def plan_undo(self, target: OktaUser, receipts: Sequence[Receipt], now: SampleState) -> Plan:
        """Pure: back to what the receipts say, given the world now. As it was: a reason. Changed by somebody else since: impossible."""
        if not any(receipt.facts.get("status") == "ACTIVE" for receipt in receipts):
            return Plan(reason=f"this run did not suspend {target.label}")
        match now.status:
            case "SUSPENDED":
                return Plan(changes=(_change("unsuspend", target, "SUSPENDED", "ACTIVE"),))
            case "ACTIVE":
                return Plan(reason=f"{target.label} is ACTIVE")
            case status:
                return Plan(impossible=f"{target.label} is not as this run left them, but {status or 'gone'}; look by hand")


def _change(verb: str, target: OktaUser, before: str, after: str) -> Change:
    return Change(
        key=verb,
        subject=f"okta:user:{target.user_id}",
        says=f"{verb} {target.label} in Okta",
        at={"user": target.user_id},
        before={"status": before},
        after={"status": after},
    )
