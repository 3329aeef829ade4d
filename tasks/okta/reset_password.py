"""Make an Okta user's password worthless.

The user's status becomes RECOVERY: the password opens nothing any more, a forgotten-password flow cannot be begun, and Okta ends their
sessions. Only whoever holds the one-time link of a reset can choose the next password. Okta answers with such a link; it is thrown away
unread, and no e-mail is sent. To let the person in, an administrator who has spoken to them sends another one from the Admin Console: the
owner comes back, the old password does not, and there is no undo. It is not Okta's expire_password, which lets whoever knows the password
choose the next one.

A user who is suspended cannot be brought there: Okta says that such a user can only be unsuspended or deactivated, and a call that led to
RECOVERY would lift the suspension. Nor can one in RECOVERY be suspended. So this is an alternative to suspension, or follows its end: first
unsuspend, then this at once, and between the two, for a second or two, the old password works. Sessions opened in between end with the
reset; a factor enrolled in between stays. While the user is suspended the plan waits, and the approval covers the reset that follows.

Where the user is in RECOVERY already, that is enough, unless it began in the time that is suspect: whoever asked for that recovery may hold
its link, so another reset is made. Okta does not say that a newer link voids an older one. That a reset counts is seen by the status and
since when it is so, and not by the System Log: the status is what shuts the door, and it shows at once.

It does not reach OAuth tokens, or the sessions that applications hold of their own: `okta.revoke_sessions` is for those.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from firedoor.action import Action, Spec
from firedoor.errors import NotFound
from firedoor.model import Change, Cover, Intent, Plan, Receipt, Residual, Reversal, Snapshot, Tier
from firedoor.vendors.okta.client import OktaClient
from firedoor.vendors.okta.values import OktaUser

GONE = "GONE"
CLASS = "reset"
SHUT = {
    "RECOVERY": "in RECOVERY: the password opens nothing",
    "DEPROVISIONED": "deactivated, and Okta has deleted the password",
    GONE: "no longer in Okta",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordState(Snapshot):
    """Okta's word for the user's status (GONE where there is no such user), and since when it is so, or None."""

    status: str
    changed: datetime | None = None


class ResetPassword(Action[OktaUser, PasswordState]):
    """`POST /api/v1/users/{id}/lifecycle/reset_password?sendEmail=false&revokeSessions=true`."""

    spec = Spec(
        id="okta.reset_password",
        title="Make an Okta user's password worthless",
        reads=frozenset({"okta.users.read"}),
        writes=frozenset({"okta.users.manage"}),
        tier=Tier.ONE,
        reversal=Reversal.OWNER,
        limit=50,
        settle_within=10.0,
        after=("okta.unsuspend_user",),
        unestablished=(
            "whether Okta refuses to reset the password of a suspended user or lifts the suspension; it is not tried",
            "whether a user who is locked out can be reset without being unlocked; it is tried, and a refusal changes nothing",
            "whether a new one-time link voids an older one, and whether a reset during RECOVERY moves statusChanged",
        ),
        pages=("https://developer.okta.com/docs/api/openapi/okta-management/management/tag/UserCred/",),
    )
    target = OktaUser

    def __init__(self, okta: OktaClient) -> None:
        self._okta = okta

    async def clock(self, target: OktaUser) -> datetime:
        """Okta's; never ahead of it, so that the reset itself cannot be older than T."""
        del target
        return await self._okta.now()

    def lease(self, target: OktaUser) -> str:
        """The user."""
        return f"okta:user:{target.user_id}"

    async def read(self, target: OktaUser) -> PasswordState:
        """The status, and since when."""
        try:
            user = await self._okta.user(target.user_id)
        except NotFound:
            return PasswordState(status=GONE)
        return PasswordState(status=user.status, changed=user.status_changed)

    def plan(self, target: OktaUser, before: PasswordState) -> Plan:
        """One change for a user who has a password that works or may be made to; and for a recovery that nobody can vouch for."""
        who = target.label
        covers = (Cover(name=CLASS, says=f"making the password of {who} worthless and ending their Okta sessions", at_most=1),)
        match before.status:
            case "ACTIVE" | "PASSWORD_EXPIRED" | "LOCKED_OUT":
                words = f"make the password of {who} worthless and end their Okta sessions"
                return Plan(changes=(_change(target, before.status, words),), covers=covers)
            case "RECOVERY" if _doubtful(target, before):
                words = f"begin another password recovery for {who}, for the present one began in the time that is suspect"
                return Plan(changes=(_change(target, before.status, words),), covers=covers)
            case "RECOVERY" | "DEPROVISIONED" | "GONE" as status:
                return Plan(reason=f"{who} is {SHUT[status]}", covers=covers)
            case "SUSPENDED":
                words = f"{who} is suspended, and Okta only unsuspends or deactivates such users; once unsuspended, they are reset at once"
                return Plan(waits=words, covers=covers)
            case status:
                words = (
                    f"{who} is {status}: there is no password in force that could be reset; deactivate them where they should not come in"
                )
                return Plan(impossible=words)

    async def apply(self, change: Change, intent: Intent) -> Receipt:
        """One call; each makes another one-time link, so it is never repeated unseen."""
        await self._okta.reset_password(change.at["user"])
        return self.receipt(change, intent)

    def receipt(self, change: Change, intent: Intent) -> Receipt:
        """The status before."""
        return Receipt(change=change.key, at=intent.at, facts={"status": change.before["status"]})

    def residuals(self, target: OktaUser, now: PasswordState) -> Sequence[Residual]:
        """Links that may be about."""
        if now.status != "RECOVERY":
            return ()
        return (
            Residual(
                what=f"one-time links to choose a new password for {target.label} that were handed out before",
                until="they expire: an hour after issue by default",
                closes_by="reading user.account.reset_password in the System Log, and deactivating the user where nobody owns up to one",
            ),
        )


def _doubtful(target: OktaUser, now: PasswordState) -> bool:
    """Whether the recovery began in the time that is suspect, and not by this run."""
    if target.since is None:
        return False
    if now.changed is None:
        return True
    ours = target.cleared_before is not None and now.changed >= target.cleared_before
    return now.changed >= target.since and not ours


def _change(target: OktaUser, before: str, says: str) -> Change:
    return Change(
        key="reset",
        subject=f"okta:user:{target.user_id}",
        says=says,
        at={"user": target.user_id},
        before={"status": before},
        after={"status": "RECOVERY"},
        cover=CLASS,
    )
