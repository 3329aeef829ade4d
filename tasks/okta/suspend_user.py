"""Suspend an Okta user.

A suspended user can no longer sign in, nor get anything new from Okta: this closes the source that mints sessions and tokens. Groups and
application assignments stay, so that nothing is lost and `unsuspend` brings everything back.

It does not end what was minted before: sessions and tokens are revoked by `okta.revoke_sessions`, which comes after.

Okta suspends only ACTIVE users. One that is locked out, whose password has expired or who never activated is not suspended by it; the plan
says so instead of failing half-way. A deactivated or deleted user is shut out already.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from firedoor.action import Action, Spec
from firedoor.errors import NotFound
from firedoor.model import Change, Intent, Plan, Receipt, Reversal, Snapshot, Tier
from firedoor.vendors.okta.client import OktaClient
from firedoor.vendors.okta.values import OktaUser

GONE = "GONE"


@dataclass(frozen=True, slots=True, kw_only=True)
class UserState(Snapshot):
    """Okta's word for the user's status; GONE where Okta has no such user."""

    status: str


class SuspendUser(Action[OktaUser, UserState]):
    """`POST /api/v1/users/{id}/lifecycle/suspend`."""

    spec = Spec(
        id="okta.suspend_user",
        title="Suspend an Okta user",
        reads=frozenset({"okta.users.read"}),
        writes=frozenset({"okta.users.manage"}),
        tier=Tier.ONE,
        reversal=Reversal.EXACT,
        limit=50,
        settle_within=10.0,
        unestablished=("whether suspension by itself ends sessions that are open; it is taken not to",),
        pages=("https://developer.okta.com/docs/api/openapi/okta-management/management/tag/UserLifecycle/",),
    )
    target = OktaUser

    def __init__(self, okta: OktaClient) -> None:
        self._okta = okta

    async def clock(self, target: OktaUser) -> datetime:
        """Okta's."""
        del target
        return await self._okta.now()

    def lease(self, target: OktaUser) -> str:
        """The user."""
        return f"okta:user:{target.user_id}"

    async def read(self, target: OktaUser) -> UserState:
        """The user's status."""
        try:
            return UserState(status=(await self._okta.user(target.user_id)).status)
        except NotFound:
            return UserState(status=GONE)

    def plan(self, target: OktaUser, before: UserState) -> Plan:
        """One change for an ACTIVE user."""
        match before.status:
            case "ACTIVE":
                return Plan(changes=(_change("suspend", target, "ACTIVE", "SUSPENDED"),))
            case "SUSPENDED":
                return Plan(reason=f"{target.label} is suspended")
            case "DEPROVISIONED":
                return Plan(reason=f"{target.label} is deactivated, which shuts them out altogether")
            case "GONE":
                return Plan(reason=f"{target.label} is no longer in Okta")
            case status:
                words = (
                    f"Okta suspends only ACTIVE users, and {target.label} is {status}; unlock or activate them first, or deactivate them"
                )
                return Plan(impossible=words)

    async def apply(self, change: Change, intent: Intent) -> Receipt:
        """Suspend, or for an undo unsuspend. Okta refuses either from another status (`Conflict`); the engine then reads again."""
        if change.key == "unsuspend":
            await self._okta.unsuspend_user(change.at["user"])
        else:
            await self._okta.suspend_user(change.at["user"])
        return self.receipt(change, intent)

    def receipt(self, change: Change, intent: Intent) -> Receipt:
        """The status before."""
        return Receipt(change=change.key, at=intent.at, facts={"status": change.before["status"]})

    def plan_undo(self, target: OktaUser, receipts: Sequence[Receipt], now: UserState) -> Plan:
        """Unsuspend whom this run suspended, if they still are."""
        if not any(receipt.facts.get("status") == "ACTIVE" for receipt in receipts):
            return Plan(reason=f"this run did not suspend {target.label}")
        if now.status != "SUSPENDED":
            return Plan(reason=f"{target.label} is {now.status}, no longer suspended")
        return Plan(changes=(_change("unsuspend", target, "SUSPENDED", "ACTIVE"),))


def _change(verb: str, target: OktaUser, before: str, after: str) -> Change:
    return Change(
        key=verb,
        subject=f"okta:user:{target.user_id}",
        says=f"{verb} {target.label} in Okta",
        at={"user": target.user_id},
        before={"status": before},
        after={"status": after},
    )
