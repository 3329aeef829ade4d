"""Suspend an Okta user.

A suspended user can no longer sign in, nor get anything new from Okta: this closes the source that mints sessions and tokens. Groups and
application assignments stay, so that nothing is lost and `unsuspend` brings everything back.

It does not end what was minted before: sessions and tokens are revoked by `okta.revoke_sessions`, which comes after.

Okta suspends only ACTIVE users, and anybody can lock a user out with wrong passwords; a locked-out user is let in again as soon as Okta's
policy unlocks them, and what they hold meanwhile goes on working. So whoever is LOCKED_OUT is unlocked and suspended, two changes in one
plan: between the two, for as long as one call takes, the user is ACTIVE and their password works. Should the second fail, they stay so, and
the step says that it failed; the next plan is to suspend them. Users who come from a directory cannot be unlocked in Okta: do it there.

One whose password has expired, who is in recovery or who never activated is not suspended by it; the plan says so instead of failing
half-way. A deactivated or deleted user is shut out already. Undo unsuspends whom this run suspended; a lock that was there is not put back,
for Okta has no way to lock a user. Whoever was suspended anew since, by Okta's own time of the status, stays so: somebody else did it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from firedoor.action import Action, Spec
from firedoor.errors import Conflict, NotFound, VendorError
from firedoor.model import Change, Cover, Intent, Plan, Receipt, Residual, Reversal, Snapshot, Tier
from firedoor.vendors.okta.client import OktaClient
from firedoor.vendors.okta.problems import Locked
from firedoor.vendors.okta.values import OktaUser

GONE = "GONE"
CLASS = "suspend"
LONGEST_WRITE = timedelta(minutes=2)  # from the intent until Okta has surely taken the call, or never will


@dataclass(frozen=True, slots=True, kw_only=True)
class UserState(Snapshot):
    """Okta's word for the user's status (GONE where Okta has no such user), and since when it is so, or None."""

    status: str
    changed: datetime | None = None


class SuspendUser(Action[OktaUser, UserState]):
    """`POST /api/v1/users/{id}/lifecycle/suspend`, after `.../unlock` where the user is locked out."""

    spec = Spec(
        id="okta.suspend_user",
        title="Suspend an Okta user",
        reads=frozenset({"okta.users.read"}),
        writes=frozenset({"okta.users.manage"}),
        tier=Tier.ONE,
        back=Tier.TWO,
        reversal=Reversal.EXACT,
        limit=50,
        settle_within=10.0,
        unestablished=(
            "whether suspension by itself ends sessions that are open; it is taken not to",
            "how soon after an unlock Okta takes a suspension; a refusal is tried again while the user still shows as locked out",
            "whether API tokens that the user made stop while they are suspended, and work again after it; they may",
        ),
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
        """The user's status, and since when."""
        try:
            user = await self._okta.user(target.user_id)
        except NotFound:
            return UserState(status=GONE)
        return UserState(status=user.status, changed=user.status_changed)

    def plan(self, target: OktaUser, before: UserState) -> Plan:
        """Suspend an ACTIVE user; unlock a LOCKED_OUT one first. The suspension is the same change in both, so that it is approved once."""
        match before.status:
            case "ACTIVE":
                return Plan(changes=(_change("suspend", target, "ACTIVE", "SUSPENDED"),), covers=(_cover(target),))
            case "LOCKED_OUT":
                changes = (_change("unlock", target, "LOCKED_OUT", "ACTIVE"), _change("suspend", target, "ACTIVE", "SUSPENDED"))
                return Plan(changes=changes, covers=(_cover(target),))
            case "SUSPENDED":
                return Plan(reason=f"{target.label} is suspended", covers=(_cover(target),))
            case "DEPROVISIONED":
                return Plan(reason=f"{target.label} is deactivated, which shuts them out altogether")
            case "GONE":
                return Plan(reason=f"{target.label} is no longer in Okta")
            case status:
                return Plan(impossible=f"Okta suspends only ACTIVE users, and {target.label} is {status}; {_instead(status)}")

    async def apply(self, change: Change, intent: Intent) -> Receipt:
        """One call. Okta refuses each from another status (`Conflict`); the engine then reads again."""
        user = change.at["user"]
        match change.key:
            case "unlock":
                await self._okta.unlock_user(user)
            case "unsuspend":
                await self._okta.unsuspend_user(user)
            case _:
                await self._suspend(user)
                return await self._dated(self.receipt(change, intent), user)
        return self.receipt(change, intent)

    async def _suspend(self, user: str) -> None:
        """Suspend. A refusal may be of the moment: an unlock was not made, or has not arrived everywhere. Then it is worth another try."""
        try:
            await self._okta.suspend_user(user)
        except Conflict as no:
            if (await self._okta.user(user)).status not in ("LOCKED_OUT", "ACTIVE"):
                raise
            raise Locked(
                no.what, vendor=no.vendor, operation=no.operation, status=no.status, code=no.code, target=no.target, advice=no.advice
            ) from no

    async def _dated(self, receipt: Receipt, user: str) -> Receipt:
        """The receipt with Okta's own time of the suspension, where Okta tells it just now."""
        try:
            found = await self._okta.user(user)
        except VendorError:
            return receipt
        if found.status != "SUSPENDED" or found.status_changed is None:
            return receipt
        return replace(receipt, facts={**receipt.facts, "changed": found.status_changed.isoformat()})

    def receipt(self, change: Change, intent: Intent) -> Receipt:
        """The status before."""
        return Receipt(change=change.key, at=intent.at, facts={"status": change.before["status"]})

    def residuals(self, target: OktaUser, now: UserState) -> Sequence[Residual]:
        """What a suspension does not end, or not for good."""
        if now.status == GONE:
            return ()
        return (
            Residual(
                what=f"API tokens of Okta that {target.label} made, or somebody in their name: they may go on, or work again afterwards",
                until="they are revoked",
                closes_by="looking for theirs in the Admin Console, under Security, API, Tokens, and revoking them",
            ),
            Residual(
                what=f"whatever {target.label} can open without Okta: a directory's password, accounts of their own in applications",
                until="it is closed there",
                closes_by="disabling their account in the directory, and in each application that does not ask Okta",
            ),
        )

    def plan_undo(self, target: OktaUser, receipts: Sequence[Receipt], now: UserState) -> Plan:
        """Unsuspend whom this run suspended, if they still are, and were not suspended anew."""
        before = {receipt.facts.get("status") for receipt in receipts}
        if before == {"LOCKED_OUT"} and now.status == "ACTIVE":
            words = f"this run unlocked {target.label} and did not suspend them; Okta has no way to lock a user, so suspend them"
            return Plan(impossible=words)
        if "ACTIVE" not in before:
            return Plan(reason=f"this run did not suspend {target.label}")
        match now.status:
            case "SUSPENDED":
                return _lifted(target, receipts, now)
            case "ACTIVE":
                return Plan(reason=f"{target.label} is ACTIVE, no longer suspended")
            case "GONE":
                return Plan(impossible=f"{target.label} is not as this run left them, but no longer in Okta; look by hand")
            case status:
                return Plan(impossible=f"{target.label} is not as this run left them, but {status}; look by hand")


def _instead(status: str) -> str:
    """What a person can do about a user who cannot be suspended."""
    match status:
        case "PASSWORD_EXPIRED":
            return "whoever knows the password can set a new one, so reset it (okta.reset_password), or deactivate them"
        case "RECOVERY":
            return "only a one-time link lets them in; deactivate them where somebody else may hold it"
        case "STAGED" | "PROVISIONED":
            return "they have never signed in; deactivate them, so that an activation link opens nothing"
        case _:
            return "look at them in Okta, and deactivate them where they must not come in"


def _lifted(target: OktaUser, receipts: Sequence[Receipt], now: UserState) -> Plan:
    """The suspension lifted, where it is this run's and not a later one of somebody else's."""
    if now.changed is not None and now.changed <= _ours_until(receipts):
        return Plan(changes=(_change("unsuspend", target, "SUSPENDED", "ACTIVE"),))
    when = f"at {now.changed.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if now.changed else "at a time that Okta does not tell"
    words = f"{target.label} was suspended anew {when}, not by this run; whoever did it knows whether they may be let in"
    return Plan(impossible=words)


def _ours_until(receipts: Sequence[Receipt]) -> datetime:
    """The last moment at which a suspension can be this run's: Okta's own where a receipt has it."""
    ours = [receipt for receipt in receipts if receipt.facts.get("status") == "ACTIVE"]
    return max(datetime.fromisoformat(str(told)) if (told := one.facts.get("changed")) else one.at + LONGEST_WRITE for one in ours)


def _cover(target: OktaUser) -> Cover:
    """Whoever locks the user out, or unsuspends them, while people approve must not stop the suspension by it."""
    says = f"suspending {target.label}, should somebody unsuspend them meanwhile, and unlocking them first, should they be locked out"
    return Cover(name=CLASS, says=says, at_most=2)


def _change(verb: str, target: OktaUser, before: str, after: str) -> Change:
    return Change(
        key=verb,
        subject=f"okta:user:{target.user_id}",
        says=f"{verb} {target.label} in Okta",
        at={"user": target.user_id},
        before={"status": before},
        after={"status": after},
        cover="" if verb == "unsuspend" else CLASS,
    )
