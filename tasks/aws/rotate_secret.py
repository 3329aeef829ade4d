"""Have Secrets Manager rotate a secret, the way that was set up for it.

The secret's own function (or the AWS service that manages it, or AWS together with a partner) makes a new value, sets it at the service
that it opens, tries it, and puts it in force: AWSCURRENT moves to a new version. This is recovery: containment shuts out at once.

So it waits while somebody whom an open incident concerns can read the secret, for they would get the new value too. Concerned are the
users, roles and owners of keys that a live run has in its plan, until somebody closes it (`firedoor close`). That they are contained does
not suffice, unless AWS says that they cannot read the secret any more. AWS is asked by its policy simulator, with the secret's own policy,
for the plan and again just before the rotation. What it cannot tell counts as yes. Whom somebody could become, by a role or a policy that
they may write, is not looked at.

AWS goes on after its answer. What it was asked for is known by the new version's id, which Firedoor gives: it begins with `firedoor-`, and
is the same however often the same change of the same run is tried. It is done once that version is AWSCURRENT, or a still newer one. While
it is AWSPENDING nothing is asked for again; where it stays so, the function has failed, and its log says why. Whoever may write the secret
while this run is under way could put a version under such an id; the run that asked knows its own, and does not take another for it. A
sweep goes by the id's beginning and the version's age.

A secret that nothing is set up to rotate, one whose rotation was turned off, a replica, and one in which another rotation or the delivery
of an access key is under way are left to a person, with words on what to do. One that is marked for deletion gives its value to nobody.

It does not show that the old value works no longer. Where the function goes by two users in turn, the old one's works until the next
rotation. It does not reach whoever took the value before, nor connections that were opened with it. It turns rotation neither on nor off.

There is no undo. The value before stays readable as AWSPREVIOUS, but to move AWSCURRENT back would put a value in force that leaked, and
that the service may refuse by now. Where the new one does not work, rotate once more, or set a value by hand, at the service and in the
secret.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from firedoor.action import Action, Spec
from firedoor.errors import NotFound
from firedoor.inventory import Credential, Disposition
from firedoor.model import Change, Intent, Plan, Receipt, Residual, Reversal, Standing, Tier, Verdict
from firedoor.treatment import Aim, Treatment
from firedoor.vendors.aws.client import AwsClient
from firedoor.vendors.aws.rotation import NotYet
from firedoor.vendors.aws.secretrotation import SecretRotation, SecretState, version_for
from firedoor.vendors.aws.secrets import CURRENT, PENDING
from firedoor.vendors.aws.waiting import readable


class RotateSecret(Treatment[SecretRotation, SecretState], Action[SecretRotation, SecretState]):
    """`secretsmanager:RotateSecret` with RotateImmediately and a ClientRequestToken of Firedoor's own."""

    spec = Spec(
        id="aws.rotate_secret",
        title="Have Secrets Manager rotate a secret",
        reads=frozenset(
            {
                "iam:SimulatePrincipalPolicy",
                "secretsmanager:DescribeSecret",
                "secretsmanager:GetResourcePolicy",
                "secretsmanager:ListSecretVersionIds",
            }
        ),
        writes=frozenset({"secretsmanager:RotateSecret"}),
        tier=Tier.ONE,
        reversal=Reversal.NEVER,
        limit=50,
        recovers=True,
        settle_within=120.0,
        after=("aws.deactivate_access_keys", "aws.revoke_user_sessions", "aws.revoke_role_sessions"),
        unestablished=(
            "that AWS's policy simulator names each condition key that it was not told; where it names one, the answer counts as yes",
            "how long a rotation takes; AWS says a minute where a service manages it, and 120 s are allowed for",
            "that AWS rotates once for a ClientRequestToken that comes twice, even while DescribeSecret does not show its version yet",
            "whether every service that manages a secret lets RotateSecret begin its rotation",
        ),
        pages=(
            "https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_RotateSecret.html",
            "https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DescribeSecret.html",
            "https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_ListSecretVersionIds.html",
            "https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_managed.html",
            "https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html",
        ),
    )
    target = SecretRotation
    treats = "aws.secret"
    ends_as = Disposition.ROTATED
    serves = frozenset({Aim.CONTAINMENT, Aim.HYGIENE})
    leaves = (
        Residual(
            what="programs and people that took the values of these secrets before, and keep them",
            until="the service that it opens refuses it, and they read it again",
            closes_by="restarting the programs; CloudTrail's GetSecretValue tells who read it",
        ),
        Residual(
            what="the values of these secrets before, which stay readable as AWSPREVIOUS",
            until="the service that it opens refuses it: after this rotation, or after the next where two users take turns",
            closes_by="trying it at the service; rotating once more where it still works",
        ),
        Residual(
            what="connections and sessions that were opened with the values of these secrets before",
            until="the service ends them",
            closes_by="ending them at the service",
        ),
        Residual(
            what="the values of secrets that somebody deleted, for whoever may restore them",
            until="its recovery window is over, which is 7 to 30 days long",
            closes_by="nothing sooner; watch it",
        ),
    )

    def __init__(self, aws: AwsClient) -> None:
        self._aws = aws

    def target_of(self, credential: Credential) -> SecretRotation:
        """The secret, and the version of it that was in force when it was listed."""
        return SecretRotation(secret=credential.id, version=str(credential.facts.get("current") or ""))

    async def clock(self, target: SecretRotation) -> datetime:
        """AWS's, in the secret's account."""
        return await self._aws.now(target.account)

    def lease(self, target: SecretRotation) -> str:
        """The secret."""
        return f"aws:secret:{target.secret}"

    async def read(self, target: SecretRotation) -> SecretState:
        """The secret's versions with their labels, what rotates it, when each version was made; and who reads it, where that matters."""
        try:
            secret = await self._aws.secrets.describe(target.secret)
            found = SecretState(secret=secret, made=await self._aws.secrets.made(target.secret))
        except NotFound:
            return SecretState()
        return replace(found, readers=await self._aws.readers.of(target.secret)) if found.due(target) else found

    def plan(self, target: SecretRotation, before: SecretState) -> Plan:
        """One change, until a version that Firedoor asked for is in force."""
        what, secret = target.label, before.secret
        if secret is None:
            return Plan(reason=f"Secrets Manager has no {what} any more")
        if secret.deleted:
            return Plan(reason=f"{what} is marked for deletion, and nobody is given its value unless somebody restores it")
        if new := before.rotated(target):
            by = f"in force since {before.made[new]:%Y-%m-%d %H:%M} UTC" if new == before.current else f"and after it {before.current}"
            ours = "" if target.begun else "; this run did not ask for it"
            return Plan(reason=f"{what} was rotated: version {new} is {by}{ours}")
        if why := before.impossible(target):
            return Plan(impossible=why)
        if before.due(target) and (waits := readable(what, before.readers)):
            return Plan(waits=waits)
        change = Change(
            key="rotate",
            subject=f"aws:secret:{target.secret}",
            says=f"rotate {what}",
            at={"secret": target.secret},
            before={CURRENT: before.current},
            after={CURRENT: "a new version"},
        )
        if before.under_way(target):
            log = f"; where it does not end, the log of {secret.function} says why" if secret.function else ""
            change = replace(change, says=f"{change.says}: AWS has begun, and version {before.pending} is {PENDING}{log}")
        return Plan(changes=(change,), also_hit=(f"whatever took the value of {what} once, at its start, and reads it no more",))

    async def apply(self, change: Change, intent: Intent) -> Receipt:
        """Ask for a rotation, unless this change was asked for already. `NotYet`, with nothing sent, while another is under way, or
        somebody could read the new value who must not.
        """
        arn, version = change.at["secret"], version_for(intent)
        now = SecretState(secret=await self._aws.secrets.describe(arn))
        if now.secret is not None and version in now.secret.versions:
            return self.receipt(change, intent)
        if now.pending:
            what = f"version {now.pending} is {PENDING}, so another rotation was not asked for: {change.says}"
            raise NotYet(what, operation="secretsmanager:RotateSecret", target=arn)
        if why := readable(SecretRotation(secret=arn).label, await self._aws.readers.of(arn)):
            advice = "Close the incident first, then start again"
            raise NotYet(why, operation="secretsmanager:RotateSecret", target=arn, advice=advice)
        await self._aws.secrets.rotate(arn, version)
        return self.receipt(change, intent)

    def receipt(self, change: Change, intent: Intent) -> Receipt:
        """The version that was asked for, and the one in whose place."""
        return Receipt(change=change.key, at=intent.at, facts={"version": version_for(intent), CURRENT: change.before[CURRENT]})

    async def verify(self, target: SecretRotation, receipts: Sequence[Receipt]) -> Verdict:
        """As planned; and the version in force is one that this run asked for, where it asked for any."""
        now = await self.read(target)
        new, asked = now.rotated(target), [receipt.facts["version"] for receipt in receipts if "version" in receipt.facts]
        if asked and new and new not in asked:
            says = f"version {new} of {target.label} is in force; this run asked for {asked[-1]}, and did not make that one"
            return Verdict(standing=Standing.UNKNOWN, says=says)
        return self.judge(target, now)

    def residuals(self, target: SecretRotation, now: SecretState) -> Sequence[Residual]:
        """What goes on with the old value, which nothing here shows."""
        if now.secret is None:
            return ()
        what = target.label
        if now.secret.deleted:
            until = "its recovery window is over, which is 7 to 30 days long"
            restored = Residual(what=f"the value of {what}, for whoever may restore it", until=until, closes_by="nothing sooner; watch it")
            return (restored, _taken(what))
        return (
            _taken(what),
            Residual(
                what=f"the value of {what} before, which stays readable as AWSPREVIOUS",
                until="the service that it opens refuses it: after this rotation, or after the next where two users take turns",
                closes_by="trying it at the service; rotating once more where it still works",
            ),
            Residual(
                what=f"connections and sessions that were opened with the value of {what} before",
                until="the service ends them",
                closes_by="ending them at the service",
            ),
        )


def _taken(what: str) -> Residual:
    """Who has the value does not show: CloudTrail tells who read it, and nothing who kept it."""
    return Residual(
        what=f"programs and people that took the value of {what} before, and keep it",
        until="the service that it opens refuses it, and they read it again",
        closes_by="restarting the programs; CloudTrail's GetSecretValue tells who read it",
    )
