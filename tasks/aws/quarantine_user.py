"""Deny everything to an IAM user.

An inline policy on the user, `FiredoorQuarantine`, denies every action on every resource. A deny wins over whatever the user's own
policies, groups, permissions boundary or the policies of resources allow, and IAM evaluates it on each request: it acts on the user's
access keys, its console password and its temporary sessions alike. Where the user's inline policies have no room left (they share 2,048
characters), AWS's own managed policy `AWSDenyAll` is attached instead, which needs none.

Until IAM has learned of it everywhere, about four seconds, the user may still take it away. It is put back for as long as that goes on; the
approval covers both forms, so that nobody shuts it out by filling the room of the other.

It does not reach sessions of roles that the user took on, and nothing that was made with the user's rights: other users and their keys,
roles and their trust, functions, machines. It cannot stop `sts:GetCallerIdentity`, which no policy denies: what takes that for a proof of
identity, an EKS cluster or a vault, believes the user until the keys are inactive and the sessions have expired. And it lies in the
account: another principal there that may write IAM can take it away at any later time, which only a service control policy prevents.

Whoever renames the user before the deny stands takes it out of sight: it is then not found under its name.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from firedoor.action import Action, Spec
from firedoor.model import Change, Intent, Plan, Receipt, Residual, Reversal, Tier
from firedoor.vendors.aws.client import AwsClient
from firedoor.vendors.aws.denials import DENIES_ALL, QUARANTINE
from firedoor.vendors.aws.user_denies import UserDenies, carry_out, facts, forms, lay, lift, look
from firedoor.vendors.aws.values import IamUser


class QuarantineUser(Action[IamUser, UserDenies]):
    """`iam:PutUserPolicy` of a deny on everything, or `iam:AttachUserPolicy` of AWS's own."""

    spec = Spec(
        id="aws.quarantine_user",
        title="Deny everything to an IAM user",
        reads=frozenset({"iam:ListUserPolicies", "iam:GetUserPolicy", "iam:ListAttachedUserPolicies"}),
        writes=frozenset({"iam:PutUserPolicy", "iam:DeleteUserPolicy", "iam:AttachUserPolicy", "iam:DetachUserPolicy"}),
        tier=Tier.ONE,
        reversal=Reversal.EXACT,
        limit=50,
        settle_within=15.0,
        hold=5.0,
        unestablished=(
            "how long IAM takes to apply a policy everywhere; about 4 s were published by researchers",
            "whether a user whose inline policies fill their 2,048 characters is refused with LimitExceeded",
        ),
        pages=(
            "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html",
            "https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSDenyAll.html",
            "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html",
        ),
    )
    target = IamUser

    def __init__(self, aws: AwsClient) -> None:
        self._aws = aws

    async def clock(self, target: IamUser) -> datetime:
        """AWS's, in the user's account."""
        return await self._aws.now(target.account)

    def lease(self, target: IamUser) -> str:
        """The user's policies, which share their quotas."""
        return f"aws:policies:{target.account}/{target.name}"

    async def read(self, target: IamUser) -> UserDenies:
        """The inline policy of our name, whether AWSDenyAll is attached, and what the quotas leave."""
        return await look(self._aws, target, QUARANTINE, DENIES_ALL)

    def plan(self, target: IamUser, before: UserDenies) -> Plan:
        """One change, unless a deny on everything stands that is ours to the letter, or AWS's own."""
        if before.gone:
            return Plan(reason=f"IAM has no user {target.label} any more")
        says = f"deny everything to {target.label}"
        if before.policy == DENIES_ALL:
            return Plan(reason=f"{QUARANTINE} denies everything to {target.label}", covers=(forms(target, says),))
        if before.attached:
            return Plan(reason=f"AWSDenyAll, which denies everything, is attached to {target.label}", covers=(forms(target, says),))
        return lay(target, before, QUARANTINE, DENIES_ALL, says)

    async def apply(self, change: Change, intent: Intent) -> Receipt:
        """Put or attach a deny; for an undo, take it off or put back what stood there."""
        await carry_out(self._aws, change, DENIES_ALL)
        return self.receipt(change, intent)

    def receipt(self, change: Change, intent: Intent) -> Receipt:
        """What was put over what, or what was attached."""
        return Receipt(change=change.key, at=intent.at, facts=facts(change, DENIES_ALL))

    def residuals(self, target: IamUser, now: UserDenies) -> Sequence[Residual]:
        """What a deny on the user does not reach."""
        if now.gone:
            what, closes = (
                f"{target.label} under another name, if it was renamed",
                "looking in CloudTrail for iam:UpdateUser and iam:DeleteUser",
            )
            return (Residual(what=what, until="somebody has looked", closes_by=closes),)
        return (
            Residual(
                what=f"sessions of roles that {target.label} took on",
                until="they expire: an hour after issue by default, twelve at the most",
                hours=12,
                closes_by="aws.revoke_role_sessions on each such role; CloudTrail names them",
            ),
            Residual(
                what=f"users, keys, roles, functions and machines that were made or changed with the rights of {target.label} before",
                until="somebody has looked",
                closes_by="looking in CloudTrail for what the user did, and containing what it made as well",
            ),
            Residual(
                what=f"this deny on {target.label} being taken off by another principal that may write IAM in {target.account}",
                until="no such principal is the attacker's",
                closes_by="aws.deny_principal: a service control policy, which nobody in the account can take off",
            ),
            Residual(
                what=f"sign-in as {target.label} where sts:GetCallerIdentity is taken for a proof (EKS clusters, vaults)",
                until="its keys are inactive, and its sessions have expired",
                closes_by="aws.deactivate_access_keys, and taking the user out of those systems",
            ),
        )

    def plan_undo(self, target: IamUser, receipts: Sequence[Receipt], now: UserDenies) -> Plan:
        """Take off what this run put there and nobody changed since. A policy that somebody changed is reported once the rest is undone."""
        return lift(target, receipts, now, QUARANTINE)
