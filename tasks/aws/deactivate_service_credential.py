"""Deactivate a credential that an IAM user has for a single service, such as a Git password of CodeCommit.

An inactive one is refused by the service, and can be made active again: nothing is lost. The user's other credentials stay as they are.

It does not end what was begun with it: a clone that is under way, or sessions that a service keeps. It does not keep somebody who may call
`iam:CreateServiceSpecificCredential` from making another.
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
from firedoor.vendors.aws.keys import KeyState, owner_of, seen
from firedoor.vendors.aws.logins import UserCredential
from firedoor.vendors.aws.values import IamUser, KeyStatus


class DeactivateServiceCredential(Action[UserCredential, KeyState], Treatment[UserCredential, KeyState]):
    """`iam:UpdateServiceSpecificCredential` with status Inactive."""

    spec = Spec(
        id="aws.deactivate_service_credential",
        title="Deactivate a credential of an IAM user for a single service",
        reads=frozenset({"iam:ListServiceSpecificCredentials"}),
        writes=frozenset({"iam:UpdateServiceSpecificCredential"}),
        tier=Tier.ONE,
        reversal=Reversal.EXACT,
        limit=50,
        settle_within=15.0,
        hold=5.0,
        unestablished=("how long a deactivated credential may still be accepted by its service",),
        pages=("https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateServiceSpecificCredential.html",),
    )
    target = UserCredential
    treats = "aws.service_credential"
    ends_as = Disposition.REVOKED
    leaves = (
        Residual(
            what="what was begun with these service-specific credentials before, and copies that were made with them",
            until="the service ends it",
            closes_by="looking in CloudTrail for what the user did",
        ),
    )

    def __init__(self, aws: AwsClient) -> None:
        self._aws = aws

    def target_of(self, credential: Credential) -> UserCredential:
        """The credential, of the user it hangs on."""
        owner = owner_of(credential)
        return UserCredential(account=owner.account, user=owner.name, credential=credential.id, path=owner.path)

    def seen(self, credential: Credential) -> KeyState | None:
        """The status, which every listing shows."""
        return seen(credential)

    async def clock(self, target: UserCredential) -> datetime:
        """AWS's, in the user's account."""
        return await self._aws.now(target.account)

    def lease(self, target: UserCredential) -> str:
        """The user's credentials for services."""
        return f"aws:service-credentials:{target.account}/{target.user}"

    async def read(self, target: UserCredential) -> KeyState:
        """The credential's status, out of all that the user has."""
        try:
            held = await self._aws.logins.service_credentials(target.owner)
        except NotFound:
            return KeyState(gone=True)
        return KeyState(status=next((each.status for each in held if each.id == target.credential), None))

    def plan(self, target: UserCredential, before: KeyState) -> Plan:
        """One change, if it is active."""
        if before.gone:
            return Plan(reason=f"IAM has no user {target.owner.label} any more, so {target.credential} is gone")
        if before.status is None:
            return Plan(reason=f"{target.owner.label} has no service credential {target.credential} any more")
        if before.status is not KeyStatus.ACTIVE:
            return Plan(reason=f"{target.label} is {before.status.lower()}")
        return Plan(changes=(_change(target, KeyStatus.ACTIVE, KeyStatus.INACTIVE),))

    async def apply(self, change: Change, intent: Intent) -> Receipt:
        """Set the status. Repeating it is harmless."""
        user = IamUser(account=change.at["account"], name=change.at["user"])
        await self._aws.logins.update_service_credential(user, change.at["credential"], KeyStatus(str(change.after["status"])))
        return self.receipt(change, intent)

    def receipt(self, change: Change, intent: Intent) -> Receipt:
        """The status before."""
        return Receipt(change=change.key, at=intent.at, facts={"status": change.before["status"]})

    def residuals(self, target: UserCredential, now: KeyState) -> Sequence[Residual]:
        """What was begun with it goes on."""
        if now.gone:
            return ()
        return (
            Residual(
                what=f"what was begun with {target.label} before, and copies that were made with it",
                until="the service ends it",
                closes_by="looking in CloudTrail for what the user did",
            ),
        )

    def plan_undo(self, target: UserCredential, receipts: Sequence[Receipt], now: KeyState) -> Plan:
        """Activate it again, if this run deactivated it. One deleted since is nobody's to bring back."""
        if not any(receipt.facts.get("status") == KeyStatus.ACTIVE for receipt in receipts):
            return Plan(reason=f"{target.label} was not deactivated by this run")
        if now.status is KeyStatus.INACTIVE:
            return Plan(changes=(_change(target, KeyStatus.INACTIVE, KeyStatus.ACTIVE),))
        if now.status is KeyStatus.ACTIVE:
            return Plan(reason=f"{target.label} is active again already")
        return Plan(impossible=f"{target.label} was deleted or has expired since, which nothing brings back; make a new one")


def _change(target: UserCredential, before: KeyStatus, after: KeyStatus) -> Change:
    verb = "deactivate" if after is KeyStatus.INACTIVE else "activate"
    return Change(
        key=f"{verb}:{target.credential}",
        subject=f"aws:service-credential:{target.credential}",
        says=f"{verb} {target.label}",
        at={"account": target.account, "user": target.user, "credential": target.credential},
        before={"status": before.value},
        after={"status": after.value},
    )
