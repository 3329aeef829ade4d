"""Replace an access key of an IAM user with a new one, delivered to its secret in Secrets Manager.

Three changes, each of which shows in AWS. A new key is made and put into the secret as AWSPENDING, in one go: its secret part is never kept
by Firedoor, nor read again. Then AWSCURRENT moves to it, so that whoever reads the secret gets the new key, as a JSON object with
`AccessKeyId` and `SecretAccessKey`. Last, the old key is deactivated, if it is active. This is recovery: containment deactivates a key at
once.

So it waits while somebody whom an open incident concerns can read the secret, for they would get the new key as it is made. Concerned are
the users, roles and owners of keys that a live run has in its plan, until somebody closes it (`firedoor close`). That they are contained
does not suffice, unless AWS says that they cannot read the secret any more. AWS is asked by its policy simulator, with the secret's own
policy, for the plan and again just before a key is made or becomes current. What it cannot tell counts as yes. Whom somebody could become,
by a role or a policy that they may write, is not looked at.

That the new key was delivered shows by the id of its version, which is made from the key's id. Anybody can work that id out, so a key that
was there before this run wrote anything is not taken for ours: whoever may make keys and write the secret could have planted it. Such a
rotation is left to a person, or to the run that began it. Where it is complete there is nothing to do, and the report says that this run
did not do it. Who does both while this run is under way is found out by the process that made the key, which knows its id; one that resumes
the run goes by the key's age alone.

A key without such a version, never used and made within seconds of this run's intent to make one, is one whose delivery failed: nobody
knows its secret. It is deleted, and another one is made, unless this process knows that it made no such key. Any other key is never
deleted, and since AWS allows a user two keys it then takes a person.

It cannot prove that the new key works, since that takes the secret; AWSCURRENT moves once IAM lists the key as active and had time to learn
of it everywhere. It does not restart what read the old key at its start, it does not lift a quarantine, and it does not delete the old key.

Undo makes the old key active and puts AWSCURRENT where it was. The new key stays, for somebody may use it by then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from firedoor.action import Action, Spec
from firedoor.canonical import JSON
from firedoor.errors import NotFound
from firedoor.inventory import Credential, Disposition
from firedoor.model import Change, Cover, Intent, Plan, Receipt, Residual, Reversal, Tier
from firedoor.treatment import Aim, Treatment
from firedoor.vendors.aws.client import AwsClient
from firedoor.vendors.aws.delivering import UNDELIVERED, Delivering, deliver, demote, drop, promote, set_status
from firedoor.vendors.aws.rotation import KeyRotation, RotationState, secret_in
from firedoor.vendors.aws.secrets import CURRENT, PENDING, version_of
from firedoor.vendors.aws.values import IamUser, KeyStatus
from firedoor.vendors.aws.waiting import readable

MOST = 3  # as often as a change is tried


class RotateAccessKey(Treatment[KeyRotation, RotationState], Action[KeyRotation, RotationState]):
    """`iam:CreateAccessKey`, `secretsmanager:PutSecretValue`, `secretsmanager:UpdateSecretVersionStage`, `iam:UpdateAccessKey`."""

    spec = Spec(
        id="aws.rotate_access_key",
        title="Replace an access key, and deliver the new one to its secret",
        reads=frozenset(
            {
                "iam:GetAccessKeyLastUsed",
                "iam:ListAccessKeys",
                "iam:SimulatePrincipalPolicy",
                "secretsmanager:DescribeSecret",
                "secretsmanager:GetResourcePolicy",
            }
        ),
        writes=frozenset(
            {
                "iam:CreateAccessKey",
                "iam:DeleteAccessKey",
                "iam:UpdateAccessKey",
                "secretsmanager:PutSecretValue",
                "secretsmanager:UpdateSecretVersionStage",
            }
        ),
        tier=Tier.ONE,
        reversal=Reversal.PARTIAL,
        limit=50,
        recovers=True,
        settle_within=15.0,
        hold=5.0,
        after=("aws.deactivate_access_keys", "aws.revoke_user_sessions"),
        unestablished=(
            "that AWS's policy simulator names each condition key that it was not told; where it names one, the answer counts as yes",
            "how long IAM takes until a new key is listed, and accepted everywhere; about 4 s were published by researchers",
            "whether DescribeSecret may be behind PutSecretValue; it is given the same time before a key is taken for undelivered",
            "that AWS refuses a third key even while its listing does not show the second one yet",
        ),
        pages=(
            "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_access-keys.html",
            "https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html",
            "https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html",
            "https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecretVersionStage.html",
        ),
    )
    target = KeyRotation
    treats = "aws.access_key"
    ends_as = Disposition.ROTATED
    serves = frozenset({Aim.CONTAINMENT, Aim.HYGIENE})
    leaves = (
        Residual(
            what="keys that stood in these secrets as the current ones already, if any: none was made in their place",
            until="somebody has found out who made it and put it there",
            closes_by="looking in CloudTrail for iam:CreateAccessKey and PutSecretValue; if it was not Firedoor, deactivating it",
        ),
        Residual(
            what="programs that took these keys from their secrets at their start",
            until="they are restarted, or read the secret again; until then AWS refuses them",
            closes_by="restarting them",
        ),
        Residual(
            what="sessions that were minted with these keys",
            until="they expire: twelve hours after issue by default, 36 at the most",
            hours=36,
            closes_by="aws.revoke_user_sessions",
        ),
        Residual(what="these keys, which are inactive", until="somebody deletes it", closes_by="the next sweep, once nobody misses it"),
    )
    by_tags = True

    def __init__(self, aws: AwsClient) -> None:
        self._aws = aws
        self._delivering = Delivering(aws, self.read, self.spec.hold)

    async def clock(self, target: KeyRotation) -> datetime:
        """AWS's, in the user's account."""
        return await self._aws.now(target.account)

    def lease(self, target: KeyRotation) -> str:
        """The user's keys."""
        return f"aws:keys:{target.account}/{target.user}"

    def target_of(self, credential: Credential) -> KeyRotation:
        """The key, and the secret that its user's tag names. Raises `BadInput` where there is none."""
        path = str(credential.facts["path"])
        owner = IamUser(account=credential.place, name=credential.holder, path=path)
        return KeyRotation(account=owner.account, user=owner.name, path=path, key=credential.id, secret=secret_in(credential.tags, owner))

    def made(self, target: KeyRotation, now: RotationState) -> tuple[str, ...]:
        """The new key, once it is delivered."""
        new = now.successor(target)
        return (new.id,) if new is not None else ()

    async def read(self, target: KeyRotation) -> RotationState:
        """The user's keys, the versions of the secret, and the last use of what is in neither place as it should be."""
        try:
            keys = await self._aws.access_keys(target.owner)
        except NotFound:
            return RotationState(gone=True)
        try:
            secret = await self._aws.secrets.describe(target.secret)
        except NotFound:
            return RotationState(keys=keys)
        strays = [key.id for key in keys if key.id != target.key and not secret.labels(key.id)]
        found = RotationState(keys=keys, secret=secret, used={key: await self._aws.last_used(target.owner, key) for key in strays})
        asks = found.brings_in(found.successor(target)) and found.settled(target) is None
        return replace(found, readers=await self._aws.readers.of(target.secret)) if asks else found

    def plan(self, target: KeyRotation, before: RotationState) -> Plan:
        """What is left of: deliver, make current, deactivate; and before all, delete what this run made in vain."""
        if why := before.impossible(target):
            return Plan(impossible=why)
        new, old = before.successor(target), before.key(target.key)
        if new is None and (there := before.settled(target)) is not None:
            words = f"and {target.key} is off; this run did not make it"
            return Plan(reason=f"access key {there.id}, made {there.created:%Y-%m-%d %H:%M} UTC, is current in {target.store}, {words}")
        if before.brings_in(new) and (waits := readable(target.store, before.readers)):
            return Plan(waits=waits)
        current, pending = before.holder(CURRENT), before.holder(PENDING)
        changes = [drop(target, key.id) for key in before.undelivered(target)]
        if new is None:
            changes.append(deliver(target, pending))
        if before.brings_in(new):
            changes.append(promote(target, current))
        if old is not None and old.status is KeyStatus.ACTIVE:
            changes.append(set_status(target, KeyStatus.ACTIVE, KeyStatus.INACTIVE))
        if new is not None and not changes:
            return Plan(reason=f"access key {new.id} is current in {target.store}, and {target.key} is off")
        says = f"access keys of {target.user} that this run makes itself and cannot deliver, at most {MOST}"
        hit = [f"whatever took {target.key} from {target.store} once, at its start"]
        if new is None and pending not in {"", current}:
            hit.append(f"whoever put version {pending} into {target.store}: it loses the label {PENDING}")
        return Plan(changes=tuple(changes), covers=(Cover(name=UNDELIVERED, says=says, at_most=MOST),), also_hit=tuple(hit))

    async def apply(self, change: Change, intent: Intent) -> Receipt:
        """Make one change. What builds on another looks first whether that one shows, and is `NotYet` to be made otherwise."""
        target = KeyRotation(account=change.at["account"], user=change.at["user"], key=change.at["key"], secret=change.at["secret"])
        await self._delivering.carry_out(target, change, intent)
        return self.receipt(change, intent)

    def receipt(self, change: Change, intent: Intent) -> Receipt:
        """What undo needs: where AWSCURRENT was, and the old key's status."""
        facts: dict[str, JSON] = {}
        if change.key == "promote":
            facts[CURRENT] = change.before[CURRENT]
        elif change.key == "deactivate":
            facts["status"] = change.before["status"]
        return Receipt(change=change.key, at=intent.at, facts=facts)

    def residuals(self, target: KeyRotation, now: RotationState) -> Sequence[Residual]:
        """What goes on with the old key."""
        if now.gone:
            return ()
        there = None if now.successor(target) else now.settled(target)
        planted = Residual(
            what=f"access key {there.id if there else ''}, which is current in {target.store} and which this run did not make",
            until="somebody has found out who made it and put it there",
            closes_by="looking in CloudTrail for iam:CreateAccessKey and PutSecretValue; if it was not Firedoor, deactivating it",
        )
        return (
            *((planted,) if there else ()),
            Residual(
                what=f"programs that took {target.key} from {target.store} at their start",
                until="they are restarted, or read the secret again; until then AWS refuses them",
                closes_by="restarting them",
            ),
            Residual(
                what=f"sessions that were minted with {target.key}",
                until="they expire: twelve hours after issue by default, 36 at the most",
                hours=36,
                closes_by="aws.revoke_user_sessions",
            ),
            Residual(
                what=f"{target.label}, which is inactive", until="somebody deletes it", closes_by="the next sweep, once nobody misses it"
            ),
        )

    def plan_undo(self, target: KeyRotation, receipts: Sequence[Receipt], now: RotationState) -> Plan:
        """The old key active again and AWSCURRENT where it was, as far as this run changed them."""
        promoted = [receipt.facts[CURRENT] for receipt in receipts if receipt.facts.get(CURRENT)]
        off = any(receipt.facts.get("status") == KeyStatus.ACTIVE for receipt in receipts)
        if not promoted and not off:
            return Plan(reason=f"this run moved no label in {target.store} and did not deactivate {target.key}")
        old = now.key(target.key)
        if now.secret is None or old is None:
            return Plan(impossible=f"{target.label} or {target.store} has been deleted since, which nothing brings back; look by hand")
        changes: list[Change] = []
        if off and old.status is KeyStatus.INACTIVE:
            changes.append(set_status(target, KeyStatus.INACTIVE, KeyStatus.ACTIVE))
        current = now.holder(CURRENT)
        if promoted and current != (previous := str(promoted[0])):
            if previous not in now.secret.versions or current not in {version_of(key.id) for key in now.keys}:
                words = f"{target.store} is not as this run left it: {CURRENT} is on {current or 'no version'}; look by hand"
                return Plan(impossible=words)
            dead = "" if old.status is KeyStatus.ACTIVE or changes else f"; {target.key} is inactive, so who reads it may be refused"
            changes.append(demote(target, current, previous, dead))
        if not changes:
            return Plan(reason=f"{target.key} and {target.store} are as before this run; the new key stays")
        return Plan(changes=tuple(changes))
