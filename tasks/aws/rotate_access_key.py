"""Replace an access key of an IAM user with a new one, delivered to its secret in Secrets Manager.

Three changes, each of which shows in AWS. A new key is made and put into the secret as AWSPENDING, in one go: its secret part is never kept
by Firedoor, nor read again. Then AWSCURRENT moves to it, so that whoever reads the secret gets the new key, as a JSON object with
`AccessKeyId` and `SecretAccessKey`. Last, the old key is deactivated, if it is active. This is recovery: containment deactivates a key at
once. Whoever could read the secret must be shut out before, or they get the new key too; Firedoor does not check who that is.

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

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from firedoor.action import Action, Spec
from firedoor.canonical import JSON
from firedoor.errors import NotFound, VendorError
from firedoor.inventory import Credential, Disposition
from firedoor.model import Change, Cover, Intent, Plan, Receipt, Residual, Reversal, Tier
from firedoor.treatment import Treatment
from firedoor.vendors.aws.client import AwsClient
from firedoor.vendors.aws.rotation import KeyRotation, NotYet, RotationState, secret_in
from firedoor.vendors.aws.secrets import CURRENT, PENDING, NewKey, version_of
from firedoor.vendors.aws.values import AccessKey, IamUser, KeyStatus

CLASS = "undelivered"
MOST = 3  # as often as a change is tried
LOOKS = 5


class RotateAccessKey(Treatment[KeyRotation, RotationState], Action[KeyRotation, RotationState]):
    """`iam:CreateAccessKey`, `secretsmanager:PutSecretValue`, `secretsmanager:UpdateSecretVersionStage`, `iam:UpdateAccessKey`."""

    spec = Spec(
        id="aws.rotate_access_key",
        title="Replace an access key, and deliver the new one to its secret",
        reads=frozenset({"iam:ListAccessKeys", "iam:GetAccessKeyLastUsed", "secretsmanager:DescribeSecret"}),
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
        settle_within=15.0,
        hold=5.0,
        after=("aws.deactivate_access_keys", "aws.revoke_user_sessions"),
        unestablished=(
            "how long IAM takes until a new key is listed, and accepted everywhere; about 4 s were published by researchers",
            "whether DescribeSecret may be behind PutSecretValue; it is given the same time before a key is taken for undelivered",
            "that AWS refuses a third key even while its listing does not show the second one yet",
        ),
        pages=(
            "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_access-keys.html",
            "https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html",
            "https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecretVersionStage.html",
        ),
    )
    target = KeyRotation
    treats = "aws.access_key"
    ends_as = Disposition.ROTATED
    by_tags = True

    def __init__(self, aws: AwsClient) -> None:
        self._aws = aws
        # The last key that was made for an item of a run: its id, None where nobody knows whether there is one, "" where there is none.
        self._made: dict[tuple[str, str], str | None] = {}

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
        return RotationState(keys=keys, secret=secret, used={key: await self._aws.last_used(target.owner, key) for key in strays})

    def plan(self, target: KeyRotation, before: RotationState) -> Plan:
        """What is left of: deliver, make current, deactivate; and before all, delete what this run made in vain."""
        if why := before.impossible(target):
            return Plan(impossible=why)
        new, old = before.successor(target), before.key(target.key)
        if new is None and (there := before.settled(target)) is not None:
            words = f"and {target.key} is off; this run did not make it"
            return Plan(reason=f"access key {there.id}, made {there.created:%Y-%m-%d %H:%M} UTC, is current in {target.store}, {words}")
        current, pending = before.holder(CURRENT), before.holder(PENDING)
        changes = [_drop(target, key.id) for key in before.undelivered(target)]
        if new is None:
            changes.append(_deliver(target, pending))
        if new is None or current != version_of(new.id):
            changes.append(_promote(target, current))
        if old is not None and old.status is KeyStatus.ACTIVE:
            changes.append(_set_status(target, KeyStatus.ACTIVE, KeyStatus.INACTIVE))
        if new is not None and not changes:
            return Plan(reason=f"access key {new.id} is current in {target.store}, and {target.key} is off")
        says = f"access keys of {target.user} that this run makes itself and cannot deliver, at most {MOST}"
        hit = [f"whatever took {target.key} from {target.store} once, at its start"]
        if new is None and pending not in {"", current}:
            hit.append(f"whoever put version {pending} into {target.store}: it loses the label {PENDING}")
        return Plan(changes=tuple(changes), covers=(Cover(name=CLASS, says=says, at_most=MOST),), also_hit=tuple(hit))

    async def apply(self, change: Change, intent: Intent) -> Receipt:
        """Make one change. What builds on another looks first whether that one shows, and is `NotYet` to be made otherwise."""
        target = KeyRotation(account=change.at["account"], user=change.at["user"], key=change.at["key"], secret=change.at["secret"])
        secrets = self._aws.secrets
        match change.key.partition(":")[0]:
            case "deliver":
                await secrets.deliver(target.secret, await self._make(target, intent))
            case "promote":
                new, holder = await self._successor(target, change, intent, current=False)
                await self._time_to_spread(target, new)
                if holder != version_of(new.id):
                    await secrets.make_current(target.secret, version_of(new.id), instead_of=holder)
            case "deactivate":
                await self._successor(target, change, intent, current=True)
                await self._aws.update_access_key(target.owner, target.key, KeyStatus.INACTIVE)
            case "drop":
                await self._still_undelivered(target, change, intent)
                await self._aws.delete_access_key(target.owner, change.at["made"])
                self._made[intent.run, intent.item] = ""
            case "activate":
                await self._aws.update_access_key(target.owner, target.key, KeyStatus.ACTIVE)
            case _:
                await secrets.make_current(target.secret, str(change.after[CURRENT]), instead_of=str(change.before[CURRENT]))
        return self.receipt(change, intent)

    async def _make(self, target: KeyRotation, intent: Intent) -> NewKey:
        """A new key. What is known of it is kept: a key that somebody else makes meanwhile looks like ours."""
        item = (intent.run, intent.item)
        before, self._made[item] = self._made.get(item, ""), None
        try:
            new = await self._aws.create_access_key(target.owner)
        except VendorError as error:
            if error.changed is False:
                self._made[item] = before
            raise
        self._made[item] = new.id
        return new

    async def _successor(self, target: KeyRotation, change: Change, intent: Intent, *, current: bool) -> tuple[AccessKey, str]:
        """The new key, delivered (and ``current``), and the version that is current. While a delivery is under way, AWS may be behind."""
        for _ in range(LOOKS):
            now = await self.read(target)
            new, holder = now.delivered(target), now.holder(CURRENT)
            if new is not None and self._made.get((intent.run, intent.item), new.id) != new.id:
                what = f"this run did not make access key {new.id}, which was put into {target.store} meanwhile; it may be planted"
                raise NotYet(what, operation=change.key, target=target.label)
            if new is not None and (not current or holder == version_of(new.id)):
                return new, holder
            if not now.holder(PENDING):
                break
            await asyncio.sleep(self.spec.hold / LOOKS)
        what = f"no new key is {'current' if current else 'delivered'} in {target.store} yet, so this was not tried: {change.says}"
        raise NotYet(what, operation=change.key, target=target.label)

    async def _time_to_spread(self, target: KeyRotation, new: AccessKey) -> None:
        """IAM accepts a new key everywhere only after some seconds; nobody should be given it before."""
        if await self._aws.now(target.account) - new.created < timedelta(seconds=2 * self.spec.hold):
            await asyncio.sleep(self.spec.hold)

    async def _still_undelivered(self, target: KeyRotation, change: Change, intent: Intent) -> None:
        """A deleted key never comes back: look once more, when a delivery has had its time to show."""
        made = change.at["made"]
        if self._made.get((intent.run, intent.item)) not in {None, made}:
            what = f"this run did not make access key {made}; it stays. Find out whose it is, and delete it if it is nobody's"
            raise NotYet(what, operation=change.key, target=target.label)
        await asyncio.sleep(self.spec.hold)
        if (await self._aws.secrets.describe(target.secret)).labels(made):
            raise NotYet("the key was delivered after all; it stays", operation=change.key, target=target.label)

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
            changes.append(_set_status(target, KeyStatus.INACTIVE, KeyStatus.ACTIVE))
        current = now.holder(CURRENT)
        if promoted and current != (previous := str(promoted[0])):
            if previous not in now.secret.versions or current not in {version_of(key.id) for key in now.keys}:
                words = f"{target.store} is not as this run left it: {CURRENT} is on {current or 'no version'}; look by hand"
                return Plan(impossible=words)
            dead = "" if old.status is KeyStatus.ACTIVE or changes else f"; {target.key} is inactive, so who reads it may be refused"
            changes.append(_demote(target, current, previous, dead))
        if not changes:
            return Plan(reason=f"{target.key} and {target.store} are as before this run; the new key stays")
        return Plan(changes=tuple(changes))


def _change(
    key: str, target: KeyRotation, says: str, *, before: Mapping[str, JSON], after: Mapping[str, JSON], subject: str = ""
) -> Change:
    at = {"account": target.account, "user": target.user, "key": target.key, "secret": target.secret}
    return Change(key=key, subject=subject or f"aws:secret:{target.secret}", says=says, at=at, before=before, after=after)


def _deliver(target: KeyRotation, pending: str) -> Change:
    says = f"make a new access key of {target.user} and put it into {target.store}, as {PENDING}"
    return _change("deliver", target, says, before={PENDING: pending or None}, after={PENDING: "a new key"})


def _promote(target: KeyRotation, current: str) -> Change:
    says = f"move {CURRENT} to the new key, so that readers of {target.store} get it"
    return _change("promote", target, says, before={CURRENT: current or None}, after={CURRENT: "the new key"})


def _demote(target: KeyRotation, current: str, previous: str, dead: str) -> Change:
    says = f"move {CURRENT} of {target.store} back to version {previous}{dead}"
    return _change("demote", target, says, before={CURRENT: current}, after={CURRENT: previous})


def _set_status(target: KeyRotation, before: KeyStatus, after: KeyStatus) -> Change:
    verb = "deactivate" if after is KeyStatus.INACTIVE else "activate"
    says = f"{verb} {target.label}"
    return _change(verb, target, says, before={"status": before.value}, after={"status": after.value}, subject=f"aws:key:{target.key}")


def _drop(target: KeyRotation, made: str) -> Change:
    says = f"delete access key {made} of {target.user}, which this run made and could not deliver"
    at = {"account": target.account, "user": target.user, "key": target.key, "secret": target.secret, "made": made}
    before, after = {"undelivered": made}, {"undelivered": None}
    return Change(key=f"drop:{made}", subject=f"aws:key:{made}", says=says, at=at, before=before, after=after, cover=CLASS)
