"""Let a suspended Okta user in again.

Only with a proof of identity: who verified that it is the person who asks, in which way, and where that is on record. A caller who claims
to be the user is the classic way back in, so two people approve it, and both see the proof; it stays in the journal.

Their factors must have been reset before. What an attacker enrolled while they held the account, a telephone or a passkey of their own,
opens it again at once; this action does not look for that, and does not reset anything. `okta.reset_factors` comes first, while the user is
still suspended. The password that was stolen works again, and Okta resets none of a suspended user: `okta.reset_password` follows at once.

It does not bring back sessions, tokens, groups or grants that containment took away, and cannot say whether the person's device is clean.
Undo suspends them again; it does not end sessions that they opened in between.

Okta unsuspends only SUSPENDED users. Whoever is in any other status is not let in by this, and the plan says what is needed instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from firedoor.action import Action, Spec
from firedoor.errors import NotFound
from firedoor.model import Change, Intent, Plan, Receipt, Residual, Reversal, Snapshot, Tier
from firedoor.vendors.okta.client import OktaClient
from firedoor.vendors.okta.restoring import Restoration

GONE = "GONE"


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusSeen(Snapshot):
    """Okta's word for the user's status; GONE where Okta has no such user."""

    status: str


class UnsuspendUser(Action[Restoration, StatusSeen]):
    """`POST /api/v1/users/{id}/lifecycle/unsuspend`."""

    spec = Spec(
        id="okta.unsuspend_user",
        title="Let a suspended Okta user in again",
        reads=frozenset({"okta.users.read"}),
        writes=frozenset({"okta.users.manage"}),
        tier=Tier.TWO,
        reversal=Reversal.EXACT,
        limit=10,
        settle_within=10.0,
        after=("okta.reset_factors",),
        reopens=("okta.suspend_user", "okta.revoke_sessions", "okta.revoke_grants", "okta.reset_factors"),
        unestablished=("whether factors enrolled before a suspension work again after it; they are taken to",),
        pages=("https://developer.okta.com/docs/api/openapi/okta-management/management/tag/UserLifecycle/",),
    )
    target = Restoration

    def __init__(self, okta: OktaClient) -> None:
        self._okta = okta

    async def clock(self, target: Restoration) -> datetime:
        """Okta's."""
        del target
        return await self._okta.now()

    def lease(self, target: Restoration) -> str:
        """The user."""
        return f"okta:user:{target.user_id}"

    async def read(self, target: Restoration) -> StatusSeen:
        """The user's status."""
        try:
            return StatusSeen(status=(await self._okta.user(target.user_id)).status)
        except NotFound:
            return StatusSeen(status=GONE)

    def plan(self, target: Restoration, before: StatusSeen) -> Plan:
        """One change for a SUSPENDED user, which carries the proof."""
        match before.status:
            case "SUSPENDED":
                return Plan(changes=(_unsuspend(target),))
            case "ACTIVE":
                return Plan(reason=f"{target.label} is active")
            case "DEPROVISIONED":
                words = f"{target.label} is deactivated, which unsuspending does not undo; activate them in Okta's Admin Console"
                return Plan(impossible=words)
            case "GONE":
                return Plan(impossible=f"{target.label} is no longer in Okta; whoever they are now needs a new account")
            case status:
                words = f"Okta unsuspends only SUSPENDED users, and {target.label} is {status}; see what that needs in Okta's Admin Console"
                return Plan(impossible=words)

    async def apply(self, change: Change, intent: Intent) -> Receipt:
        """Unsuspend, or for an undo suspend. Okta refuses either from another status (`Conflict`); the engine then reads again."""
        if change.key == "suspend":
            await self._okta.suspend_user(change.at["user"])
        else:
            await self._okta.unsuspend_user(change.at["user"])
        return self.receipt(change, intent)

    def receipt(self, change: Change, intent: Intent) -> Receipt:
        """The status before."""
        return Receipt(change=change.key, at=intent.at, facts={"status": change.before["status"]})

    def residuals(self, target: Restoration, now: StatusSeen) -> Sequence[Residual]:
        """The attacker's own way back."""
        if now.status == GONE:
            return ()
        return (
            Residual(
                what=f"factors that an attacker enrolled for {target.label} before the suspension, or between its end and the reset",
                until="they are taken off",
                closes_by="a look at the person's factors in the Admin Console; okta.reset_factors before the suspension is lifted",
            ),
            Residual(
                what=f"the password of {target.label} that an attacker knew, and API tokens that were made in their name",
                until="the password is reset, and the tokens are revoked",
                closes_by="okta.reset_password at once after this, never before; Security, API, Tokens in the Admin Console",
            ),
        )

    def plan_undo(self, target: Restoration, receipts: Sequence[Receipt], now: StatusSeen) -> Plan:
        """Suspend again whom this run let in."""
        if not any(receipt.facts.get("status") == "SUSPENDED" for receipt in receipts):
            return Plan(reason=f"this run did not let {target.label} in")
        if now.status == "SUSPENDED":
            return Plan(reason=f"{target.label} is suspended")
        if now.status == "RECOVERY":
            words = (
                f"{target.label} is in RECOVERY: their password opens nothing, and Okta suspends only ACTIVE users; deactivate them instead"
            )
            return Plan(impossible=words)
        if now.status != "ACTIVE":
            words = f"{target.label} is {now.status}, not as this run left them, and Okta suspends only ACTIVE users; look by hand"
            return Plan(impossible=words)
        change = Change(
            key="suspend",
            subject=f"okta:user:{target.user_id}",
            says=f"suspend {target.label} in Okta again",
            at={"user": target.user_id},
            before={"status": "ACTIVE"},
            after={"status": "SUSPENDED"},
        )
        return Plan(changes=(change,))


def _unsuspend(target: Restoration) -> Change:
    return Change(
        key="unsuspend",
        subject=f"okta:user:{target.user_id}",
        says=f"let {target.label} into Okta again; {target.proof}",
        at={"user": target.user_id},
        before={"status": "SUSPENDED"},
        after={"status": "ACTIVE", "verified_by": target.verified_by, "how": target.how.value, "reference": target.reference},
    )
