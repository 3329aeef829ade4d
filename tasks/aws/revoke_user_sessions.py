"""End the temporary sessions of an IAM user.

A session minted from an access key outlives the key. An inline policy on the user, `AWSRevokeOlderSessions`, denies everything to sessions
issued before T; IAM evaluates it on each request. It is the way of AWS's own console for roles. Access keys themselves carry no issue time,
so the policy does not touch them: they are deactivated first, by `aws.deactivate_access_keys`.

T lies a few seconds ahead of AWS's clock at the moment of the write. IAM needs about four seconds to learn everywhere that the key is off;
what is minted in that window is issued before T too, and dies with the rest.

The policy applies to every session of this user, the owner's own ones included. It can be taken away again, which brings older sessions
back to life until they expire.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from firedoor.action import Action, Spec
from firedoor.canonical import JSON
from firedoor.errors import NotFound
from firedoor.model import Change, Intent, Plan, Receipt, Residual, Reversal, Snapshot, Tier
from firedoor.vendors.aws.client import AwsClient
from firedoor.vendors.aws.values import IamUser

POLICY = "AWSRevokeOlderSessions"
AHEAD = timedelta(seconds=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionsState(Snapshot):
    """The inline policy of that name as it stands (None: there is none); ``gone`` where IAM has no such user."""

    policy: Mapping[str, JSON] | None = None
    gone: bool = False


class RevokeUserSessions(Action[IamUser, SessionsState]):
    """`iam:PutUserPolicy` of a deny on `aws:TokenIssueTime`."""

    spec = Spec(
        id="aws.revoke_user_sessions",
        title="End the temporary sessions of an IAM user",
        reads=frozenset({"iam:ListUserPolicies", "iam:GetUserPolicy"}),
        writes=frozenset({"iam:PutUserPolicy", "iam:DeleteUserPolicy"}),
        tier=Tier.ONE,
        reversal=Reversal.EXACT,
        limit=50,
        settle_within=15.0,
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
        """The user's inline policies, which share one quota."""
        return f"aws:policies:{target.account}/{target.name}"

    async def read(self, target: IamUser) -> SessionsState:
        """The inline policy of our name."""
        try:
            return SessionsState(policy=(await self._aws.user_policies(target)).get(POLICY))
        except NotFound:
            return SessionsState(gone=True)

    def plan(self, target: IamUser, before: SessionsState) -> Plan:
        """One change, unless a deny from T or later stands."""
        if before.gone:
            return Plan(reason=f"IAM has no user {target.label} any more")
        cutoff = _cutoff(before.policy)
        if cutoff is not None and target.minted_before is not None and cutoff >= target.minted_before:
            return Plan(reason=f"{POLICY} denies everything to sessions of {target.label} issued before {cutoff:%H:%M:%S} UTC")
        change = Change(
            key="revoke",
            subject=f"aws:policies:{target.account}/{target.name}",
            says=f"deny everything to sessions of {target.label} issued before T",
            at={"account": target.account, "user": target.name},
            before={POLICY: before.policy},
            after={POLICY: "deny everything to sessions issued before T"},
        )
        return Plan(changes=(change,))

    async def apply(self, change: Change, intent: Intent) -> Receipt:
        """Put the policy, or for an undo put back what stood there. Repeating it is harmless."""
        user = IamUser(account=change.at["account"], name=change.at["user"])
        if change.key == "revoke":
            await self._aws.put_user_policy(user, POLICY, _deny(intent.at))
        elif isinstance(previous := change.after[POLICY], Mapping):
            await self._aws.put_user_policy(user, POLICY, previous)
        else:
            await self._aws.delete_user_policy(user, POLICY)
        return self.receipt(change, intent)

    def receipt(self, change: Change, intent: Intent) -> Receipt:
        """What stood there, and what was put there."""
        if change.key != "revoke":
            return Receipt(change=change.key, at=intent.at)
        return Receipt(change=change.key, at=intent.at, facts={"previous": change.before[POLICY], "put": _deny(intent.at)})

    def residuals(self, target: IamUser, now: SessionsState) -> Sequence[Residual]:
        """What a deny on the user does not reach."""
        if now.gone:
            return ()
        return (
            Residual(
                what=f"sessions of roles that {target.label} took on",
                until="they expire: an hour after issue by default, twelve at the most",
                closes_by="revoking the sessions of each such role; CloudTrail names them",
            ),
        )

    def plan_undo(self, target: IamUser, receipts: Sequence[Receipt], now: SessionsState) -> Plan:
        """Put back what this run replaced, if what it put still stands there."""
        ours = [receipt for receipt in receipts if "put" in receipt.facts]
        if not ours or now.policy != ours[-1].facts["put"]:
            return Plan(reason=f"{POLICY} on {target.label} is not the one this run put there")
        change = Change(
            key="restore",
            subject=f"aws:policies:{target.account}/{target.name}",
            says=f"take {POLICY} off {target.label} again; older sessions that have not expired work again",
            at={"account": target.account, "user": target.name},
            before={POLICY: now.policy},
            after={POLICY: ours[0].facts["previous"]},
        )
        return Plan(changes=(change,))


def _deny(now: datetime) -> Mapping[str, JSON]:
    return _document((now.astimezone(UTC) + AHEAD).strftime("%Y-%m-%dT%H:%M:%SZ"))


def _document(cutoff: str) -> Mapping[str, JSON]:
    condition: JSON = {"DateLessThan": {"aws:TokenIssueTime": cutoff}}
    statement: JSON = {"Effect": "Deny", "Action": ["*"], "Resource": ["*"], "Condition": condition}
    return {"Version": "2012-10-17", "Statement": [statement]}


def _cutoff(policy: Mapping[str, JSON] | None) -> datetime | None:
    """The T of a policy that is ours to the letter; None for any other, which is then replaced.

    One more condition, and the deny may never apply: whoever may write the policy could make a toothless one look like ours.
    """
    match policy:
        case {"Statement": [{"Condition": {"DateLessThan": {"aws:TokenIssueTime": str(text)}}}]} if policy == _document(text):
            try:
                cutoff = datetime.fromisoformat(text)
            except ValueError:
                return None
            return cutoff if cutoff.tzinfo is not None else None
        case _:
            return None
