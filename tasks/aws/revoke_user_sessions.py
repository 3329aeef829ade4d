"""End the temporary sessions of an IAM user.

A session minted from an access key outlives the key. An inline policy on the user, `AWSRevokeOlderSessions`, denies everything to sessions
issued before T; IAM evaluates it on each request. It is the way of AWS's own console for roles. Access keys themselves carry no issue time,
so the policy does not touch them: they are deactivated first, by `aws.deactivate_access_keys`.

T lies a few seconds ahead of AWS's clock at the moment of the write. IAM needs about four seconds to learn everywhere that the key is off;
what is minted in that window is issued before T too, and dies with the rest.

A user's inline policies share 2,048 characters, and whoever fills them shuts this policy out. Then AWS's own `AWSDenyAll` is attached,
which needs no room of theirs. That is more than was asked, and said so in the plan: it denies everything, to new sessions and keys as well,
as `aws.quarantine_user` does. The approval covers both forms.

The policy applies to every session of this user, the owner's own ones included. It can be taken away again, which brings older sessions
back to life until they expire. It does not reach the sessions of roles that the user took on.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from firedoor.action import Action, Spec
from firedoor.model import Change, Intent, Plan, Receipt, Residual, Reversal, Tier
from firedoor.vendors.aws.client import AwsClient
from firedoor.vendors.aws.denials import REVOCATION, ROOM_FOR, cutoff, revocation
from firedoor.vendors.aws.user_denies import UserDenies, carry_out, facts, forms, lay, lift, look
from firedoor.vendors.aws.values import IamUser


class RevokeUserSessions(Action[IamUser, UserDenies]):
    """`iam:PutUserPolicy` of a deny on `aws:TokenIssueTime`."""

    spec = Spec(
        id="aws.revoke_user_sessions",
        title="End the temporary sessions of an IAM user",
        reads=frozenset({"iam:ListUserPolicies", "iam:GetUserPolicy", "iam:ListAttachedUserPolicies"}),
        writes=frozenset({"iam:PutUserPolicy", "iam:DeleteUserPolicy", "iam:AttachUserPolicy", "iam:DetachUserPolicy"}),
        tier=Tier.ONE,
        reversal=Reversal.EXACT,
        limit=50,
        settle_within=15.0,
        hold=5.0,
        sources=("aws.deactivate_access_keys",),
        unestablished=(
            "how long IAM takes to apply a policy everywhere; about 4 s were published by researchers",
            "whether a user whose inline policies fill their 2,048 characters is refused with LimitExceeded",
        ),
        pages=(
            "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_revoke-sessions.html",
            "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_control-access_disable-perms.html",
        ),
    )
    target = IamUser

    def __init__(self, aws: AwsClient) -> None:
        self._aws = aws

    async def clock(self, target: IamUser) -> datetime:
        """AWS's, in the user's account; never behind it, so that nothing issued before the write is issued after T."""
        return await self._aws.now(target.account)

    def lease(self, target: IamUser) -> str:
        """The user's policies, which share their quotas."""
        return f"aws:policies:{target.account}/{target.name}"

    async def read(self, target: IamUser) -> UserDenies:
        """The inline policy of our name, whether AWSDenyAll is attached, and what the quotas leave."""
        return await look(self._aws, target, REVOCATION, ROOM_FOR)

    def plan(self, target: IamUser, before: UserDenies) -> Plan:
        """One change, unless a deny from T or later stands."""
        if before.gone:
            return Plan(reason=f"IAM has no user {target.label} any more")
        says = f"deny everything to sessions of {target.label} issued before T"
        covers = (forms(target, says),)
        since = cutoff(before.policy)
        if since is not None and target.minted_before is not None and since >= target.minted_before:
            reason = f"{REVOCATION} denies everything to sessions of {target.label} issued before {since:%H:%M:%S} UTC"
            return Plan(reason=reason, covers=covers)
        if before.attached and not before.fits:
            reason = f"AWSDenyAll, which denies everything, is attached to {target.label}; no other deny has room"
            return Plan(reason=reason, covers=covers)
        return lay(target, before, REVOCATION, "deny everything to sessions issued before T", says)

    async def apply(self, change: Change, intent: Intent) -> Receipt:
        """Put or attach a deny; for an undo, take it off or put back what stood there."""
        await carry_out(self._aws, change, revocation(intent.at))
        return self.receipt(change, intent)

    def receipt(self, change: Change, intent: Intent) -> Receipt:
        """What was put over what, or what was attached."""
        return Receipt(change=change.key, at=intent.at, facts=facts(change, revocation(intent.at)))

    def residuals(self, target: IamUser, now: UserDenies) -> Sequence[Residual]:
        """What a deny on the user does not reach."""
        if now.gone:
            return ()
        return (
            Residual(
                what=f"sessions of roles that {target.label} took on",
                until="they expire: an hour after issue by default, twelve at the most",
                hours=12,
                closes_by="aws.revoke_role_sessions on each such role; CloudTrail names them",
            ),
        )

    def plan_undo(self, target: IamUser, receipts: Sequence[Receipt], now: UserDenies) -> Plan:
        """Take off what this run put there, or put back what it replaced; older sessions that have not expired work again."""
        return lift(target, receipts, now, REVOCATION)
