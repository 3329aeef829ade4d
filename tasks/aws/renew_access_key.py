"""Replace an access key of an IAM user in the course of some weeks, so that nothing which uses it has to stop.

One phase at a time, and the phase is read from AWS each time. A new key is made and put into the secret that the user's tag
`firedoor:secret` names, and becomes the current one there. Once it is used and the old one no more, a day later at the soonest, or after
seven days in any case, the old key is deactivated, and the user's tag `firedoor:off` says since when. Thirty days later it is deleted. In
between there is nothing to do, and the plan says until when.

This is hygiene, and no answer to a key that leaked: that is deactivated at once (`aws.deactivate_access_key`). It takes a key whose version
in the secret has Firedoor's own id for the new one, whichever run made it; whoever may make keys and write the secret could have planted
it. Any older key of the user counts as one that the new key replaces.

A new key waits while somebody whom an open incident concerns can read the secret, for they would get it as it is made. Concerned are the
users, roles and owners of keys that a live run has in its plan, until somebody closes it (`firedoor close`). That they are contained does
not suffice, unless AWS says that they cannot read the secret any more. AWS is asked by its policy simulator, with the secret's own policy,
for the plan and again just before a key is made or becomes current. What it cannot tell counts as yes. Whom somebody could become, by a
role or a policy that they may write, is not looked at. In a sweep such a key is left over, by name.

That the new key works is proven by whoever uses it. Firedoor does not use it itself: that would show as a use, and pass for theirs. It does
not restart what read the old key at its start: who is never seen to use the new key is cut off after seven days, and can be let in again by
undo until the key is deleted.

Undo makes the old key active again. It moves no label back and leaves the new key: somebody may use it by then. A deleted key stays so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from firedoor.action import Action, Spec
from firedoor.canonical import JSON
from firedoor.errors import NotFound
from firedoor.inventory import Credential, Disposition
from firedoor.model import Change, Cover, Intent, Plan, Receipt, Residual, Reversal, Standing, Tier, Verdict
from firedoor.treatment import Aim, Treatment
from firedoor.vendors.aws.client import AwsClient
from firedoor.vendors.aws.delivering import UNDELIVERED, Delivering, deliver, drop, promote, set_status
from firedoor.vendors.aws.keys import owner_of
from firedoor.vendors.aws.renewal import OFF, RenewalState, delete, note, off_tag, read_off
from firedoor.vendors.aws.rotation import KeyRotation, secret_in
from firedoor.vendors.aws.secrets import CURRENT, PENDING
from firedoor.vendors.aws.values import AccessKey, KeyStatus
from firedoor.vendors.aws.waiting import Reader, readable

MOST = 3  # as often as a change is tried


class RenewAccessKey(Action[KeyRotation, RenewalState], Treatment[KeyRotation, RenewalState]):
    """`iam:CreateAccessKey` with `secretsmanager:PutSecretValue`, later `iam:UpdateAccessKey`, later `iam:DeleteAccessKey`."""

    spec = Spec(
        id="aws.renew_access_key",
        title="Replace an access key in phases, without an interruption",
        reads=frozenset(
            {
                "iam:GetAccessKeyLastUsed",
                "iam:ListAccessKeys",
                "iam:ListUserTags",
                "iam:SimulatePrincipalPolicy",
                "secretsmanager:DescribeSecret",
                "secretsmanager:GetResourcePolicy",
            }
        ),
        writes=frozenset(
            {
                "iam:CreateAccessKey",
                "iam:DeleteAccessKey",
                "iam:TagUser",
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
        unestablished=(
            "that AWS's policy simulator names each condition key that it was not told; where it names one, the answer counts as yes",
            "how far behind the last use of a key may be; it is given a day",
            "how long IAM takes until a new key is accepted everywhere; about 4 s were published by researchers",
        ),
        pages=(
            "https://docs.aws.amazon.com/IAM/latest/UserGuide/id-credentials-access-keys-update.html",
            "https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html",
            "https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html",
        ),
    )
    target = KeyRotation
    treats = "aws.access_key"
    ends_as = Disposition.ROTATED
    serves = frozenset({Aim.HYGIENE})
    leaves = (
        Residual(
            what="the old keys, which work until they are off and can be activated until they are deleted",
            until="its time has come",
            closes_by="the next sweep with aws.renew_access_key",
        ),
    )
    by_tags = True

    def __init__(self, aws: AwsClient) -> None:
        self._aws = aws
        self._delivering = Delivering(aws, self.read, self.spec.settle_within / 3)

    def target_of(self, credential: Credential) -> KeyRotation:
        """The key with the secret that its user's tag names."""
        owner = owner_of(credential)
        secret = secret_in(credential.tags, owner)
        return KeyRotation(account=owner.account, user=owner.name, path=owner.path, key=credential.id, secret=secret)

    async def clock(self, target: KeyRotation) -> datetime:
        """AWS's, in the user's account."""
        return await self._aws.now(target.account)

    def lease(self, target: KeyRotation) -> str:
        """The user's keys."""
        return f"aws:keys:{target.account}/{target.user}"

    async def read(self, target: KeyRotation) -> RenewalState:
        """The user's keys with their last uses, its tag, and the versions of the secret."""
        try:
            keys = await self._aws.access_keys(target.owner)
            tag = (await self._aws.user_tags(target.owner)).get(OFF, "")
        except NotFound:
            return RenewalState(gone=True)
        try:
            secret = await self._aws.secrets.describe(target.secret)
        except NotFound:
            return RenewalState(keys=keys)
        uses = await asyncio.gather(*(self._aws.last_used(target.owner, key.id) for key in keys))
        off, since = read_off(tag)
        used = {key.id: use for key, use in zip(keys, uses, strict=True)}
        # By the hour: nothing here hangs on less, and what is read is the same a moment later.
        now = (await self._aws.now(target.account)).replace(minute=0, second=0, microsecond=0)
        found = RenewalState(keys=keys, secret=secret, used=used, now=now, off=off, off_since=since)
        return replace(found, readers=await self._readers(target, found))

    async def _readers(self, target: KeyRotation, found: RenewalState) -> tuple[Reader, ...]:
        brings_in = found.brings_in(found.delivered(target))
        return await self._aws.readers.of(target.secret) if brings_in else ()

    def plan(self, target: KeyRotation, before: RenewalState) -> Plan:
        """What the present phase asks for."""
        old = before.key(target.key)
        if before.gone or old is None:
            return Plan(reason=f"IAM has no {target.label} any more")
        if before.is_new(target):
            return Plan(reason=f"{target.label} is itself the new one, and current in {target.store}")
        new = before.delivered(target)
        if why := before.in_the_way(target, new):
            return Plan(impossible=why)
        if new is None or before.brings_in(new):
            waits = readable(target.store, before.readers)
            return Plan(waits=waits) if waits else _bring_in(target, before, new)
        return _phase_out(target, before, old, new)

    async def apply(self, change: Change, intent: Intent) -> Receipt:
        """Make one change."""
        target = KeyRotation(account=change.at["account"], user=change.at["user"], key=change.at["key"], secret=change.at["secret"])
        match change.key:
            case "note":
                await self._aws.tag_user(target.owner, OFF, off_tag(target.key, intent.at))
            case "delete":
                await self._aws.delete_access_key(target.owner, target.key)
            case _:
                await self._delivering.carry_out(target, change, intent)
        made = self._delivering.made(intent) if change.key == "deliver" else ""
        receipt = self.receipt(change, intent)
        name = f"aws:access_key:{target.account}/{made}"
        return Receipt(change=receipt.change, at=receipt.at, facts={**receipt.facts, "made": name}) if made else receipt

    def receipt(self, change: Change, intent: Intent) -> Receipt:
        """What undo needs: the old key's status."""
        facts: dict[str, JSON] = {"status": change.before["status"]} if change.key == "deactivate" else {}
        return Receipt(change=change.key, at=intent.at, facts=facts)

    def judge(self, target: KeyRotation, now: RenewalState) -> Verdict:
        """A phase whose time has not come is no reason to doubt the one before."""
        plan = self.plan(target, now)
        if plan.until is not None:
            return Verdict(standing=Standing.HOLDS, says=f"{plan.waits}: {plan.until:%Y-%m-%d %H:%M} UTC")
        return super().judge(target, now)

    def residuals(self, target: KeyRotation, now: RenewalState) -> Sequence[Residual]:
        """The old key lives on for a while."""
        old = now.key(target.key)
        if old is None or now.is_new(target):
            return ()
        works = "still works" if old.status is KeyStatus.ACTIVE else "is off"
        return (
            Residual(
                what=f"{target.label}, which {works}", until="its time has come", closes_by="the next sweep with aws.renew_access_key"
            ),
        )

    def plan_undo(self, target: KeyRotation, receipts: Sequence[Receipt], now: RenewalState) -> Plan:
        """The old key active again, if this run deactivated it."""
        if any(receipt.change == "delete" for receipt in receipts) and now.key(target.key) is None:
            return Plan(impossible=f"{target.label} was deleted, which nothing brings back; the new key is in {target.store}")
        if not any(receipt.facts.get("status") == KeyStatus.ACTIVE for receipt in receipts):
            return Plan(reason=f"this run did not deactivate {target.key}; the new key stays")
        old = now.key(target.key)
        if old is None:
            return Plan(impossible=f"{target.label} was deleted since, which nothing brings back; the new key is in {target.store}")
        if old.status is KeyStatus.INACTIVE:
            return Plan(changes=(set_status(target, KeyStatus.INACTIVE, KeyStatus.ACTIVE),))
        return Plan(reason=f"{target.label} is active already")


def _bring_in(target: KeyRotation, before: RenewalState, new: AccessKey | None) -> Plan:
    """A new key, current in the secret."""
    changes = [] if new else [*(drop(target, key.id) for key in before.undelivered(target)), deliver(target, before.holder(PENDING))]
    says = f"access keys of {target.user} that this run makes itself and cannot deliver, at most {MOST}"
    cover = Cover(name=UNDELIVERED, says=says, at_most=MOST)
    return Plan(changes=(*changes, promote(target, before.holder(CURRENT))), covers=(cover,))


def _phase_out(target: KeyRotation, before: RenewalState, old: AccessKey, new: AccessKey) -> Plan:
    """The old key off, and later gone; each once its time has come."""
    now = before.now
    if now is None:
        return Plan(impossible=f"AWS's time is not known, by which {target.label} is phased out")
    if old.status is KeyStatus.ACTIVE:
        due = before.moved_by(target, new)
        if now < due:
            return Plan(waits=f"{new.id} is current in {target.store}; {target.key} stays active until its users have moved", until=due)
        return Plan(changes=(set_status(target, KeyStatus.ACTIVE, KeyStatus.INACTIVE), note(target)))
    unmissed = before.unmissed_by(target)
    if unmissed is None:
        return Plan(changes=(note(target),))
    if now < unmissed:
        return Plan(waits=f"{target.key} is off, and is deleted once nobody has missed it", until=unmissed)
    return Plan(changes=(delete(target, before.off_since),))
