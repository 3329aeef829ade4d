"""Delete the password with which an IAM user signs in to the console.

AWS can neither show a password nor switch it off, so deleting is all there is, and nothing brings it back: an administrator gives the
person a new one. The user's access keys, and what else it holds, stay as they are.

It does not end the session of somebody who is signed in already: `aws.revoke_user_sessions` comes after. It does not keep somebody who may
call `iam:CreateLoginProfile` from making a password anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from firedoor.action import Action, Spec
from firedoor.errors import NotFound
from firedoor.inventory import Credential, Disposition, State
from firedoor.model import Change, Intent, Plan, Receipt, Residual, Reversal, Snapshot, Tier
from firedoor.treatment import Treatment
from firedoor.vendors.aws.client import AwsClient
from firedoor.vendors.aws.keys import owner_of
from firedoor.vendors.aws.values import IamUser


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginState(Snapshot):
    """Whether the user has a password. Whether there is such a user at all does not show."""

    password: bool


class DeleteLoginProfile(Action[IamUser, LoginState], Treatment[IamUser, LoginState]):
    """`iam:DeleteLoginProfile`."""

    spec = Spec(
        id="aws.delete_login_profile",
        title="Delete the console password of an IAM user",
        reads=frozenset({"iam:GetLoginProfile"}),
        writes=frozenset({"iam:DeleteLoginProfile"}),
        tier=Tier.ONE,
        reversal=Reversal.NEVER,
        limit=50,
        settle_within=15.0,
        hold=5.0,
        unestablished=("how long a deleted password may still be accepted somewhere",),
        pages=("https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteLoginProfile.html",),
    )
    target = IamUser
    treats = "aws.login_profile"
    ends_as = Disposition.REVOKED
    leaves = (
        Residual(
            what="console sessions that were begun with these passwords",
            until="they are revoked, or end: twelve hours after signing in at the most",
            hours=12,
            closes_by="aws.revoke_user_sessions, after this",
        ),
    )

    def __init__(self, aws: AwsClient) -> None:
        self._aws = aws

    def target_of(self, credential: Credential) -> IamUser:
        """The user that the password is of."""
        return owner_of(credential)

    def seen(self, credential: Credential) -> LoginState | None:
        """A password that is listed is there."""
        return LoginState(password=True) if credential.state is State.ACTIVE else None

    async def clock(self, target: IamUser) -> datetime:
        """AWS's, in the user's account."""
        return await self._aws.now(target.account)

    def lease(self, target: IamUser) -> str:
        """The user's password."""
        return f"aws:password:{target.account}/{target.name}"

    async def read(self, target: IamUser) -> LoginState:
        """Whether there is a password."""
        try:
            await self._aws.logins.password(target)
        except NotFound:
            return LoginState(password=False)
        return LoginState(password=True)

    def plan(self, target: IamUser, before: LoginState) -> Plan:
        """One change, if there is a password."""
        if not before.password:
            return Plan(reason=f"{target.label} has no console password, or is gone")
        change = Change(
            key="delete",
            subject=f"aws:user:{target.account}/{target.name}",
            says=f"delete the console password of {target.label}",
            at={"account": target.account, "user": target.name},
            before={"password": True},
            after={"password": False},
        )
        return Plan(changes=(change,))

    async def apply(self, change: Change, intent: Intent) -> Receipt:
        """Delete the password."""
        await self._aws.logins.delete_password(IamUser(account=change.at["account"], name=change.at["user"]))
        return self.receipt(change, intent)

    def residuals(self, target: IamUser, now: LoginState) -> Sequence[Residual]:
        """Whoever is signed in stays so."""
        del now
        return (
            Residual(
                what=f"console sessions of {target.label}",
                until="they are revoked, or end: twelve hours after signing in at the most",
                hours=12,
                closes_by="aws.revoke_user_sessions, after this",
            ),
        )
