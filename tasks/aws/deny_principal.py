"""Deny everything to an IAM user or role, by a service control policy that was prepared for it.

For principals that could take an IAM deny away again: nobody in a member account can lift what the organization denies. The ARN goes on
the list of the one prepared policy (`aws:PrincipalArn`), beside whoever is on it already; nothing else of the policy is touched. The
requests of a role's sessions carry the role's ARN, so the sessions that were minted before end with it; they end for everybody who has
taken the role on, bystanders and machines too.

The deny has no effect in the management account and on service-linked roles, and does not reach principals of accounts outside the
organization whom a resource's own policy lets in. It cannot shut out the sessions of GetFederationToken, which go by an ARN of their own,
nor sessions of further roles that the principal took on before: those roles are denied by their own ARN.

The policy is looked at before: one that is attached to nothing, or whose statement was changed so that it may never apply, closes nothing,
and is reported in words. AWS compares no version when it is written, so writers take turns at it, and what was written is watched for a
while: an entry that somebody else's write swept away is put back. Undo takes this ARN off the list, and only this one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from firedoor.action import Action, Spec
from firedoor.model import Change, Intent, Plan, Receipt, Residual, Reversal, Tier
from firedoor.vendors.aws.client import AwsClient
from firedoor.vendors.aws.denylist import PRINCIPALS, DenyState
from firedoor.vendors.aws.principals import AwsPrincipal


class DenyPrincipal(Action[AwsPrincipal, DenyState]):
    """`organizations:UpdatePolicy` of the prepared policy, with one ARN more."""

    spec = Spec(
        id="aws.deny_principal",
        title="Deny everything to an IAM user or role by service control policy",
        reads=frozenset({"organizations:DescribePolicy", "organizations:ListTargetsForPolicy", "organizations:DescribeAccount"}),
        writes=frozenset({"organizations:UpdatePolicy"}),
        tier=Tier.TWO,
        reversal=Reversal.EXACT,
        limit=8,  # they take turns at one policy, and each is watched before the next begins
        settle_within=15.0,
        hold=5.0,
        unestablished=(
            "how long a changed service control policy takes to be enforced everywhere; AWS says immediately, IAM itself needs about 4 s",
            "whether a service control policy may still have no more than 5,120 characters; 10,240 were announced in May 2026",
        ),
        pages=(
            "https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html",
            "https://docs.aws.amazon.com/organizations/latest/APIReference/API_UpdatePolicy.html",
            "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html",
        ),
    )
    target = AwsPrincipal

    def __init__(self, aws: AwsClient) -> None:
        self._aws = aws

    async def clock(self, target: AwsPrincipal) -> datetime:
        """AWS's, in the management account."""
        del target
        return await self._aws.now(self._aws.prepared.management_account)

    def lease(self, target: AwsPrincipal) -> str:
        """The prepared policy: there is one of its kind."""
        del target
        return "aws:prepared:deny_policy"

    async def read(self, target: AwsPrincipal) -> DenyState:
        """The prepared policy, what it is attached to, and whether the principal's account is in the organization."""
        return await self._aws.organizations.state(self._aws.prepared.deny_policy, account=target.account)

    def plan(self, target: AwsPrincipal, before: DenyState) -> Plan:
        """One ARN more on the list, unless it is there."""
        if words := _beyond_reach(target, before):
            return Plan(impossible=words)
        if target.arn in (PRINCIPALS.entries(before.document) or ()):
            return Plan(reason=f"{before.policy} denies everything to {target.label}")
        if words := before.crowded(PRINCIPALS, target.arn):
            return Plan(impossible=words)
        hit = (f"everybody and everything that has taken on {target.label}",) if target.kind == "role" else ()
        return Plan(changes=(_change(target, before.policy, listed=True),), also_hit=hit)

    async def apply(self, change: Change, intent: Intent) -> Receipt:
        """Put the ARN on the list, or for an undo take it off. Repeating it is harmless."""
        listed = change.after["listed"] is True
        await self._aws.organizations.amend(change.at["policy"], PRINCIPALS, change.at["arn"], listed=listed)
        return self.receipt(change, intent)

    def receipt(self, change: Change, intent: Intent) -> Receipt:
        """Which ARN went on or off which policy's list."""
        return Receipt(change=change.key, at=intent.at, facts={**change.at, "listed": change.after["listed"]})

    def residuals(self, target: AwsPrincipal, now: DenyState) -> Sequence[Residual]:
        """What the organization's deny does not reach."""
        if _beyond_reach(target, now):
            return ()
        who = target.label
        roles = Residual(
            what=f"sessions of further roles that {who} took on before",
            until="they expire: an hour after issue by default, twelve at the most",
            hours=12,
            closes_by="denying those roles, or revoking their sessions; CloudTrail names them",
        )
        guests = Residual(
            what=f"whomever {who} let in from outside the organization, by a resource's policy or a role's trust",
            until="those policies are mended",
            closes_by="mending what IAM Access Analyzer finds on external access, in each account",
        )
        leaving = Residual(
            what=f"whoever may still take account {target.account} out of the organization, and so out of the reach of its policies",
            until="nobody can",
            closes_by="a service control policy that denies organizations:LeaveOrganization",
        )
        services = Residual(
            what=f"work that {who} handed to AWS services, which do it by their service-linked roles",
            until="the work is stopped",
            closes_by="stopping it; CloudTrail names the requests that began it",
        )
        federated = Residual(
            what=f"sessions that {who} made with GetFederationToken",
            until="they expire: twelve hours after issue by default, thirty-six at the most",
            hours=36,
            closes_by="an inline deny on the user; CloudTrail names the calls",
        )
        common = (roles, guests, leaving, services)
        return common if target.kind == "role" else (*common, federated)

    def plan_undo(self, target: AwsPrincipal, receipts: Sequence[Receipt], now: DenyState) -> Plan:
        """Take the ARN off the list, if this run put it there and it still is."""
        ours = [receipt for receipt in receipts if receipt.facts.get("listed") is True and receipt.facts.get("arn") == target.arn]
        if not ours:
            return Plan(reason=f"this run did not put {target.label} on a list")
        entries = PRINCIPALS.entries(now.document)
        if entries is None or now.policy != ours[-1].facts["policy"]:
            return Plan(impossible=f"the policy {ours[-1].facts['policy']} is not as this run left it: look by hand for {target.arn} in it")
        if target.arn not in entries:
            return Plan(reason=f"{target.label} is not on the list of {now.policy} any more")
        if set(entries) == {target.arn}:
            return Plan(impossible=f"{target.arn} is all that {now.policy} lists, and a list is never empty: add a name nobody has first")
        return Plan(changes=(_change(target, now.policy, listed=False),))


def _beyond_reach(target: AwsPrincipal, state: DenyState) -> str:
    """Why no service control policy shuts this principal out, in words; "" where ours does."""
    if target.service_linked:
        return f"{target.label} is a service-linked role, which service control policies do not restrict: stop the service's work instead"
    if words := state.obstacle(PRINCIPALS, account=target.account):
        return words
    if target.account == state.management:
        return f"{target.label} is in the management account, where service control policies have no effect: contain it by IAM"
    if state.outside:
        return f"account {target.account} is not in the organization of {state.management}, so its policies have no effect there"
    return ""


def _change(target: AwsPrincipal, policy: str, *, listed: bool) -> Change:
    says = f"deny everything to {target.label} by {policy}" if listed else f"take {target.label} off the list of {policy} again"
    return Change(
        key="deny" if listed else "allow",
        subject=f"aws:policy:{policy}",
        says=says,
        at={"policy": policy, "arn": target.arn},
        before={"listed": not listed},
        after={"listed": listed},
    )
