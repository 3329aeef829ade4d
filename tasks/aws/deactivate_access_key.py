"""Deactivate one access key of an IAM user, and leave the user's other keys as they are.

An inactive key is refused by AWS, and can be made active again: nothing is lost. This is the treatment of a key that was handed to somebody
and may be in other hands now. Where an attacker may hold the user itself, `aws.deactivate_access_keys` takes all keys at once, one made in
the meantime too.

Until IAM has learned of it everywhere, about four seconds, a key still works, also to activate itself again: it is deactivated again for as
long as that goes on.

It does not end sessions that were minted from the key before: these outlive it. `aws.revoke_user_sessions` comes after.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from firedoor.action import Action, Spec
from firedoor.errors import NotFound
from firedoor.inventory import Credential, Disposition
from firedoor.model import Change, Intent, Plan, Receipt, Residual, Reversal, Tier
from firedoor.treatment import Treatment
from firedoor.vendors.aws.client import AwsClient
from firedoor.vendors.aws.keys import AwsKey, KeyState, owner_of, seen, set_status, state_of
from firedoor.vendors.aws.values import IamUser, KeyStatus


class DeactivateAccessKey(Action[AwsKey, KeyState], Treatment[AwsKey, KeyState]):
    """`iam:UpdateAccessKey` with status Inactive."""

    spec = Spec(
        id="aws.deactivate_access_key",
        title="Deactivate one access key of an IAM user",
        reads=frozenset({"iam:ListAccessKeys"}),
        writes=frozenset({"iam:UpdateAccessKey"}),
        tier=Tier.ONE,
        reversal=Reversal.EXACT,
        limit=50,
        settle_within=15.0,
        hold=5.0,
        unestablished=("how long a deactivated key may still be accepted somewhere; about 4 s were published by researchers",),
        pages=("https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateAccessKey.html",),
    )
    target = AwsKey
    treats = "aws.access_key"
    ends_as = Disposition.REVOKED
    leaves = (
        Residual(
            what="sessions that were minted from these keys before",
            until="they are revoked, or expire: twelve hours after issue by default, 36 at the most",
            hours=36,
            closes_by="aws.revoke_user_sessions, after this",
        ),
        Residual(
            what="signed URLs that were made with these keys themselves, not with a session",
            until="AWS has seen the key's deactivation everywhere, a few seconds",
            closes_by="nothing more is needed",
        ),
    )

    def __init__(self, aws: AwsClient) -> None:
        self._aws = aws

    def target_of(self, credential: Credential) -> AwsKey:
        """The key, of the user it hangs on."""
        owner = owner_of(credential)
        return AwsKey(account=owner.account, user=owner.name, key=credential.id, path=owner.path)

    def seen(self, credential: Credential) -> KeyState | None:
        """The status, which every listing shows."""
        return seen(credential)

    async def clock(self, target: AwsKey) -> datetime:
        """AWS's, in the user's account."""
        return await self._aws.now(target.account)

    def lease(self, target: AwsKey) -> str:
        """The user's keys."""
        return f"aws:keys:{target.account}/{target.user}"

    async def read(self, target: AwsKey) -> KeyState:
        """The key's status, out of the user's keys: AWS shows it of no key alone."""
        try:
            return state_of(target.key, await self._aws.access_keys(target.owner))
        except NotFound:
            return KeyState(gone=True)

    def plan(self, target: AwsKey, before: KeyState) -> Plan:
        """One change, if the key is active."""
        if before.gone:
            return Plan(reason=f"IAM has no user {target.owner.label} any more, so {target.key} is gone")
        if before.status is None:
            return Plan(reason=f"{target.owner.label} has no access key {target.key} any more")
        if before.status is not KeyStatus.ACTIVE:
            return Plan(reason=f"{target.label} is {before.status.lower()}")
        return Plan(changes=(set_status(target.owner, target.key, KeyStatus.ACTIVE, KeyStatus.INACTIVE),))

    async def apply(self, change: Change, intent: Intent) -> Receipt:
        """Set the key's status. Repeating it is harmless."""
        user = IamUser(account=change.at["account"], name=change.at["user"])
        await self._aws.update_access_key(user, change.at["key"], KeyStatus(str(change.after["status"])))
        return self.receipt(change, intent)

    def receipt(self, change: Change, intent: Intent) -> Receipt:
        """The key's status before."""
        return Receipt(change=change.key, at=intent.at, facts={"key": change.at["key"], "status": change.before["status"]})

    def residuals(self, target: AwsKey, now: KeyState) -> Sequence[Residual]:
        """Sessions outlive their key."""
        if now.gone:
            return ()
        return (
            Residual(
                what=f"sessions that were minted from {target.label} before",
                until="they are revoked, or expire: twelve hours after issue by default, 36 at the most",
                hours=36,
                closes_by="aws.revoke_user_sessions, after this",
            ),
            Residual(
                what=f"signed URLs that were made with {target.label} itself, not with a session",
                until="AWS has seen the key's deactivation everywhere, a few seconds",
                closes_by="nothing more is needed",
            ),
        )

    def plan_undo(self, target: AwsKey, receipts: Sequence[Receipt], now: KeyState) -> Plan:
        """Activate the key again, if this run deactivated it. One deleted since is nobody's to bring back."""
        if not any(receipt.facts.get("key") == target.key and receipt.facts.get("status") == KeyStatus.ACTIVE for receipt in receipts):
            return Plan(reason=f"{target.label} was not deactivated by this run")
        if now.status is KeyStatus.INACTIVE:
            return Plan(changes=(set_status(target.owner, target.key, KeyStatus.INACTIVE, KeyStatus.ACTIVE),))
        if now.status is KeyStatus.ACTIVE:
            return Plan(reason=f"{target.label} is active again already")
        return Plan(impossible=f"{target.label} was deleted or has expired since, which nothing brings back; make a new key")
