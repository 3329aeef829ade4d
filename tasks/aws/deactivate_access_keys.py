"""Deactivate every access key of an IAM user.

An inactive key is refused by AWS, and can be made active again: nothing is lost. All keys of the user go, not only the one that was seen
leaking, because whoever holds one may have made another. The approval covers the class "every key of this user, at most 4", so that a key
added in the meantime does not wait for an approval of its own.

Until IAM has learned of it everywhere, about four seconds, a key still works, also to activate itself again: it is deactivated again for as
long as that goes on.

It does not end sessions that were minted from a key before: these outlive it. `aws.revoke_user_sessions` comes after.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from firedoor.action import Action, Spec
from firedoor.errors import NotFound
from firedoor.model import Change, Cover, Intent, Plan, Receipt, Residual, Reversal, Snapshot, Tier
from firedoor.vendors.aws.client import AwsClient
from firedoor.vendors.aws.keys import set_status
from firedoor.vendors.aws.values import AccessKey, IamUser, KeyStatus

CLASS = "keys"
MOST_KEYS = 4  # AWS allows two at a time; an attacker may delete one and make another while we work


@dataclass(frozen=True, slots=True, kw_only=True)
class KeysState(Snapshot):
    """The user's keys; ``gone`` where IAM has no such user."""

    keys: tuple[AccessKey, ...] = ()
    gone: bool = False


class DeactivateAccessKeys(Action[IamUser, KeysState]):
    """`iam:UpdateAccessKey` with status Inactive, a change for each key."""

    spec = Spec(
        id="aws.deactivate_access_keys",
        title="Deactivate every access key of an IAM user",
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
    target = IamUser

    def __init__(self, aws: AwsClient) -> None:
        self._aws = aws

    async def clock(self, target: IamUser) -> datetime:
        """AWS's, in the user's account."""
        return await self._aws.now(target.account)

    def lease(self, target: IamUser) -> str:
        """The user's keys."""
        return f"aws:keys:{target.account}/{target.name}"

    async def read(self, target: IamUser) -> KeysState:
        """The keys and their status."""
        try:
            return KeysState(keys=await self._aws.access_keys(target))
        except NotFound:
            return KeysState(gone=True)

    def plan(self, target: IamUser, before: KeysState) -> Plan:
        """A change for each active key."""
        if before.gone:
            return Plan(reason=f"IAM has no user {target.label} any more")
        active = [key for key in before.keys if key.status is KeyStatus.ACTIVE]
        covers = (Cover(name=CLASS, says=f"every access key of {target.label}, at most {MOST_KEYS}", at_most=MOST_KEYS),)
        if not active:
            # Whoever holds the account may have them inactive while people look, and active later.
            return Plan(reason=f"{target.label} has no active access key ({len(before.keys)} inactive)", covers=covers)
        changes = tuple(set_status(target, key.id, KeyStatus.ACTIVE, KeyStatus.INACTIVE, cover=CLASS) for key in active)
        return Plan(changes=changes, covers=covers)

    async def apply(self, change: Change, intent: Intent) -> Receipt:
        """Set one key's status. Repeating it is harmless."""
        user = IamUser(account=change.at["account"], name=change.at["user"])
        await self._aws.update_access_key(user, change.at["key"], KeyStatus(str(change.after["status"])))
        return self.receipt(change, intent)

    def receipt(self, change: Change, intent: Intent) -> Receipt:
        """Which key it was, and its status before."""
        return Receipt(change=change.key, at=intent.at, facts={"key": change.at["key"], "status": change.before["status"]})

    def residuals(self, target: IamUser, now: KeysState) -> Sequence[Residual]:
        """Sessions outlive their key."""
        if now.gone:
            return ()
        return (
            Residual(
                what=f"sessions that were minted from keys of {target.label} before",
                until="they are revoked, or expire: twelve hours after issue by default, 36 at the most",
                hours=36,
                closes_by="aws.revoke_user_sessions, after this",
            ),
            Residual(
                what=f"signed URLs that were made with keys of {target.label} themselves, not with a session",
                until="AWS has seen the key's deactivation everywhere, a few seconds",
                closes_by="nothing more is needed",
            ),
        )

    def plan_undo(self, target: IamUser, receipts: Sequence[Receipt], now: KeysState) -> Plan:
        """Activate again the keys that this run deactivated, those that are still inactive. One deleted since is nobody's to bring back."""
        ours = {str(receipt.facts["key"]) for receipt in receipts if receipt.facts.get("status") == KeyStatus.ACTIVE}
        status = {key.id: key.status for key in now.keys if key.id in ours}
        inactive = [key for key, each in status.items() if each is KeyStatus.INACTIVE]
        if inactive:
            return Plan(changes=tuple(set_status(target, key, KeyStatus.INACTIVE, KeyStatus.ACTIVE) for key in inactive))
        if lost := sorted(ours - {key for key, each in status.items() if each is KeyStatus.ACTIVE}):
            return Plan(
                impossible=f"not as this run left it: {', '.join(lost)} of {target.label} was deleted or has expired; make a new key"
            )
        return Plan(reason=f"no key of {target.label} that this run deactivated is still inactive")
