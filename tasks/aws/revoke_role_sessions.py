"""End the sessions of an IAM role.

An inline policy on the role, `AWSRevokeOlderSessions`, denies everything to sessions issued before T, as AWS's own console does it; IAM
evaluates it on each request. It hits every session of the role, also those of people and machines that have nothing to do with the
incident: all whom the role's trust policy names are listed with the plan. They take on the role anew and go on; what refreshes by itself, a
machine or a function, does so only when its present session would have expired, unless it is started again.

T lies ten seconds ahead of AWS's clock at the moment of the write, as it does for users. A session may mint the next one, where the role
may take on itself, or another that leads back to it; and until IAM has spread the policy, about four seconds, it is free to. The price is
that whoever takes on the role within these ten seconds has to do so again. Every session that was running has to in any case, so that
little is added for the innocent, while a T of "now" would leave the one door open that the attacker is sure to try.

It cannot keep anybody from taking on the role anew: what mints its sessions is closed first, a user's keys, a person in the identity
provider. It does not reach sessions of other roles that were taken on from this one, nor `sts:GetCallerIdentity`, which no policy denies.
Whoever sits on a machine with the role is given its next session by AWS itself: that machine must be isolated. And another principal of the
account that may write IAM can take the policy away later.

Roles linked to a service, and those of Identity Center, can be changed by AWS alone; the plan says what to do instead. Sessions that have
not expired come back to life when the policy is taken away again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from firedoor.action import Action, Spec
from firedoor.canonical import JSON
from firedoor.errors import NotFound
from firedoor.model import Change, Intent, Plan, Receipt, Residual, Reversal, Snapshot, Tier
from firedoor.vendors.aws.client import AwsClient
from firedoor.vendors.aws.denials import REVOCATION, ROOM_FOR, Fate, cutoff, fate, previous, revocation
from firedoor.vendors.aws.inline import ROLE_ROOM, fits
from firedoor.vendors.aws.values import IamRole

# Nobody but AWS can make a role under these; a name alone could be anybody's.
RESERVED = {
    "/aws-service-role/": "it is linked to a service, which alone takes it on: switch the service off, or delete the role there",
    "/aws-reserved/sso.amazonaws.com/": "it is Identity Center's: shut the person out by aws.block_sso_user, or change the permission set",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleSessions(Snapshot):
    """The role's true path, whom its trust policy names, the inline policy of our name (None: there is none) and whether ours ``fits``
    beside the others; ``gone`` where IAM has no such role.
    """

    path: str = "/"
    trusted: tuple[str, ...] = ()
    policy: Mapping[str, JSON] | None = None
    fits: bool = True
    gone: bool = False


class RevokeRoleSessions(Action[IamRole, RoleSessions]):
    """`iam:PutRolePolicy` of a deny on `aws:TokenIssueTime`."""

    spec = Spec(
        id="aws.revoke_role_sessions",
        title="End the sessions of an IAM role",
        reads=frozenset({"iam:GetRole", "iam:ListRolePolicies", "iam:GetRolePolicy"}),
        writes=frozenset({"iam:PutRolePolicy", "iam:DeleteRolePolicy"}),
        tier=Tier.ONE,
        reversal=Reversal.EXACT,
        limit=20,
        settle_within=15.0,
        hold=5.0,
        sources=("okta.suspend_user", "aws.deactivate_access_keys", "aws.revoke_user_sessions", "aws.quarantine_user"),
        after=("aws.block_sso_user", "aws.deny_principal"),
        unestablished=("how long IAM takes to apply a policy everywhere; about 4 s were published by researchers",),
        pages=(
            "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_revoke-sessions.html",
            "https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutRolePolicy.html",
            "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html",
        ),
    )
    target = IamRole

    def __init__(self, aws: AwsClient) -> None:
        self._aws = aws

    async def clock(self, target: IamRole) -> datetime:
        """AWS's, in the role's account; never behind it, so that nothing issued before the write is issued after T."""
        return await self._aws.now(target.account)

    def lease(self, target: IamRole) -> str:
        """The role's inline policies, which share one quota."""
        return f"aws:role-policies:{target.account}/{target.name}"

    async def read(self, target: IamRole) -> RoleSessions:
        """The role, whom it trusts, and the inline policy of our name."""
        try:
            found, inline = await self._aws.roles.get(target), await self._aws.roles.policies(target)
        except NotFound:
            return RoleSessions(gone=True)
        return RoleSessions(
            path=found.role.path,
            trusted=found.trusted,
            policy=inline[REVOCATION].document if REVOCATION in inline else None,
            fits=fits(ROOM_FOR, REVOCATION, inline, room=ROLE_ROOM),
        )

    def plan(self, target: IamRole, before: RoleSessions) -> Plan:
        """One change, unless a deny from T or later stands. ``also_hit`` names whoever may hold a session of the role."""
        if before.gone:
            return Plan(reason=f"IAM has no {target.label} any more, and its sessions may do nothing")
        for path, instead in RESERVED.items():
            if before.path.startswith(path):
                return Plan(impossible=f"only AWS may change {target.label}; {instead}")
        if before.path != target.path:
            return Plan(impossible=f"AWS has {target.label} under the path {before.path}, not {target.path}: name the role by its ARN")
        since = cutoff(before.policy)
        if since is not None and target.minted_before is not None and since >= target.minted_before:
            return Plan(reason=f"{REVOCATION} denies everything to sessions of {target.label} issued before {since:%H:%M:%S} UTC")
        if not before.fits:
            return Plan(
                impossible=f"the inline policies of {target.label} fill their {ROLE_ROOM:,} characters: delete or shorten one and plan"
                " again, or attach AWSDenyAll by hand, which shuts everybody out of the role until it is detached"
            )
        says = f"deny everything to sessions of {target.label} issued before T"
        change = _change("revoke", target, says, before.policy, "deny everything to sessions issued before T")
        return Plan(changes=(change,), also_hit=tuple(f"{who}: every session as {target.label}, theirs too" for who in before.trusted))

    async def apply(self, change: Change, intent: Intent) -> Receipt:
        """Put the policy; for an undo, take it off or put back what stood there. Repeating it is harmless."""
        role = IamRole(account=change.at["account"], name=change.at["role"])
        if change.key == "revoke":
            await self._aws.roles.put_policy(role, REVOCATION, revocation(intent.at))
        elif isinstance(before := change.after[REVOCATION], Mapping):
            await self._aws.roles.put_policy(role, REVOCATION, before)
        else:
            await self._aws.roles.delete_policy(role, REVOCATION)
        return self.receipt(change, intent)

    def receipt(self, change: Change, intent: Intent) -> Receipt:
        """What stood there, and what was put there."""
        if change.key != "revoke":
            return Receipt(change=change.key, at=intent.at)
        return Receipt(change=change.key, at=intent.at, facts={"put": revocation(intent.at), "previous": change.before[REVOCATION]})

    def residuals(self, target: IamRole, now: RoleSessions) -> Sequence[Residual]:
        """What a deny on the role does not reach."""
        if now.gone:
            return ()
        return (
            Residual(
                what=f"new sessions of {target.label}: whoever its trust policy lets in can take it on again",
                until="what mints them is closed",
                closes_by="aws.deactivate_access_keys, aws.block_sso_user, isolating the machine, or a narrower trust policy",
            ),
            Residual(
                what=f"sessions of other roles that were taken on from {target.label}",
                until="they expire: an hour after issue at the most",
                hours=1,
                closes_by="aws.revoke_role_sessions on each such role; CloudTrail names them",
            ),
        )

    def plan_undo(self, target: IamRole, receipts: Sequence[Receipt], now: RoleSessions) -> Plan:
        """Put back what this run replaced, if what it put still stands there. What somebody changed is reported, not overwritten."""
        if now.gone:
            return Plan(reason=f"IAM has no {target.label} any more")
        became = fate(receipts, now.policy)
        if became is Fate.REPLACED:
            return Plan(impossible=f"{REVOCATION} on {target.label} {became}")
        if became is not Fate.OURS:
            return Plan(reason=f"{REVOCATION} on {target.label} {became}")
        says = f"take {REVOCATION} off {target.label} again; older sessions that have not expired work again"
        return Plan(changes=(_change("restore", target, says, now.policy, previous(receipts)),))


def _change(key: str, target: IamRole, says: str, before: JSON, after: JSON) -> Change:
    at, subject = {"account": target.account, "role": target.name}, f"aws:role-policies:{target.account}/{target.name}"
    return Change(key=key, subject=subject, says=says, at=at, before={REVOCATION: before}, after={REVOCATION: after})
