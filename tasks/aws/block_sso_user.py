"""Deny everything to one person of Identity Center, by a service control policy that was prepared for it.

A session that Identity Center hands out is one of a role named AWSReservedSSO_..., which many people share and nobody in the account can
edit. Each carries the id of its person, `identitystore:userId`. The id goes on the list of the one prepared policy, beside whoever is on it
already; all sessions of that person end in every account the policy is attached to, those minted later too. Nobody else who has the same
permission set is touched. It is AWS's own answer to a compromised user of Identity Center.

The deny has no effect in the management account: a permission set for it stays open until the assignment is removed. It does not end the
sign-in at the access portal and at applications, and the person can still sign in. Nor does it reach roles that were taken on from such a
session, whose requests do not carry the id.

The policy is looked at before: one that is not attached to the root, or whose statement was changed so that it may never apply, is reported
in words. AWS compares no version when it is written, so writers take turns at it, and what was written is watched for a while. Undo takes
this id off the list, and only this one; sessions that have not expired work again.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from firedoor.action import Action, Spec
from firedoor.model import Change, Intent, Plan, Receipt, Residual, Reversal, Tier
from firedoor.vendors.aws.client import AwsClient
from firedoor.vendors.aws.denylist import SSO_USERS, DenyState
from firedoor.vendors.aws.principals import SsoUser


class BlockSsoUser(Action[SsoUser, DenyState]):
    """`organizations:UpdatePolicy` of the prepared policy, with one user id more."""

    spec = Spec(
        id="aws.block_sso_user",
        title="Deny everything to an Identity Center user by service control policy",
        reads=frozenset({"organizations:DescribePolicy", "organizations:ListTargetsForPolicy"}),
        writes=frozenset({"organizations:UpdatePolicy"}),
        tier=Tier.ONE,
        reversal=Reversal.EXACT,
        limit=8,  # they take turns at one policy, and each is watched before the next begins
        settle_within=15.0,
        hold=5.0,
        unestablished=(
            "how long a changed service control policy takes to be enforced everywhere; AWS says immediately, IAM itself needs about 4 s",
            "whether a service control policy may still have no more than 5,120 characters; 10,240 were announced in May 2026",
            "that a role taken on from an Identity Center session does not carry the user's id",
        ),
        pages=(
            "https://docs.aws.amazon.com/singlesignon/latest/userguide/prereqs-revoking-user-permissions.html",
            "https://docs.aws.amazon.com/singlesignon/latest/userguide/revoke-user-permissions.html",
            "https://docs.aws.amazon.com/organizations/latest/APIReference/API_UpdatePolicy.html",
        ),
    )
    target = SsoUser

    def __init__(self, aws: AwsClient) -> None:
        self._aws = aws

    async def clock(self, target: SsoUser) -> datetime:
        """AWS's, in the management account."""
        del target
        return await self._aws.now(self._aws.prepared.management_account)

    def lease(self, target: SsoUser) -> str:
        """The prepared policy: there is one of its kind."""
        del target
        return "aws:prepared:sso_policy"

    async def read(self, target: SsoUser) -> DenyState:
        """The prepared policy, and what it is attached to."""
        del target
        return await self._aws.organizations.state(self._aws.prepared.sso_policy)

    def plan(self, target: SsoUser, before: DenyState) -> Plan:
        """One id more on the list, unless it is there."""
        if words := before.obstacle(SSO_USERS):
            return Plan(impossible=words)
        if target.user_id in (SSO_USERS.entries(before.document) or ()):
            return Plan(reason=f"{before.policy} denies everything to {target.label}")
        if words := before.crowded(SSO_USERS, target.user_id):
            return Plan(impossible=words)
        return Plan(changes=(_change(target, before.policy, listed=True),))

    async def apply(self, change: Change, intent: Intent) -> Receipt:
        """Put the id on the list, or for an undo take it off. Repeating it is harmless."""
        listed = change.after["listed"] is True
        await self._aws.organizations.amend(change.at["policy"], SSO_USERS, change.at["user"], listed=listed)
        return self.receipt(change, intent)

    def receipt(self, change: Change, intent: Intent) -> Receipt:
        """Which id went on or off which policy's list."""
        return Receipt(change=change.key, at=intent.at, facts={**change.at, "listed": change.after["listed"]})

    def residuals(self, target: SsoUser, now: DenyState) -> Sequence[Residual]:
        """What the organization's deny does not reach."""
        if now.obstacle(SSO_USERS):
            return ()
        return (
            Residual(
                what=f"what {target.label} may do in the management account {now.management}",
                until="the session expires: twelve hours after issue at the most; the portal hands out another",
                closes_by="removing the user's assignments to that account, then revoking the sessions of its AWSReservedSSO_ roles",
            ),
            Residual(
                what=f"the sign-in of {target.label} at the access portal and at applications",
                until="it expires: eight hours after sign-in by default, ninety days at the most",
                hours=2160,
                closes_by="disabling the user at the identity source, and deleting the active session in Identity Center",
            ),
            Residual(
                what=f"sessions of roles that {target.label} took on from a session of Identity Center",
                until="they expire: an hour after issue",
                hours=1,
                closes_by="revoking the sessions of those roles; CloudTrail names them",
            ),
        )

    def plan_undo(self, target: SsoUser, receipts: Sequence[Receipt], now: DenyState) -> Plan:
        """Take the id off the list, if this run put it there and it still is."""
        ours = [receipt for receipt in receipts if receipt.facts.get("listed") is True and receipt.facts.get("user") == target.user_id]
        if not ours:
            return Plan(reason=f"this run did not put {target.label} on a list")
        entries = SSO_USERS.entries(now.document)
        if entries is None or now.policy != ours[-1].facts["policy"]:
            return Plan(
                impossible=f"the policy {ours[-1].facts['policy']} is not as this run left it: look by hand for {target.user_id} in it"
            )
        if target.user_id not in entries:
            return Plan(reason=f"{target.label} is not on the list of {now.policy} any more")
        if set(entries) == {target.user_id}:
            return Plan(impossible=f"{target.label} is all that {now.policy} lists, and a list is never empty: add an id nobody has first")
        return Plan(changes=(_change(target, now.policy, listed=False),))


def _change(target: SsoUser, policy: str, *, listed: bool) -> Change:
    says = f"deny everything to {target.label} by {policy}" if listed else f"take {target.label} off the list of {policy} again"
    return Change(
        key="block" if listed else "unblock",
        subject=f"aws:policy:{policy}",
        says=says,
        at={"policy": policy, "user": target.user_id},
        before={"listed": not listed},
        after={"listed": listed},
    )
