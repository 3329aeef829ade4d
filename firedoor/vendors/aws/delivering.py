"""How a new access key is made and put into its secret: the changes that come to it, and what each of them waits for. For whatever replaces
keys.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Final

from firedoor.canonical import JSON
from firedoor.errors import VendorError
from firedoor.model import Change, Intent
from firedoor.vendors.aws.client import AwsClient
from firedoor.vendors.aws.rotation import KeyRotation, NotYet, RotationState
from firedoor.vendors.aws.secrets import CURRENT, PENDING, NewKey, version_of
from firedoor.vendors.aws.values import AccessKey, KeyStatus
from firedoor.vendors.aws.waiting import readable

UNDELIVERED: Final = "undelivered"
LOOKS: Final = 5


class Delivering:
    """Makes keys for items of runs. ``read`` is the action's own, ``hold`` the seconds that IAM takes to learn of a key everywhere."""

    def __init__(self, aws: AwsClient, read: Callable[[KeyRotation], Awaitable[RotationState]], hold: float) -> None:
        self._aws = aws
        self._read = read
        self._hold = hold
        # The last key that was made for an item of a run: its id, None where nobody knows whether there is one, "" where there is none.
        self._made: dict[tuple[str, str], str | None] = {}

    def made(self, intent: Intent) -> str:
        """The id of the key that this process made for an intent's item; "" where it made none, or does not know."""
        return self._made.get((intent.run, intent.item)) or ""

    async def carry_out(self, target: KeyRotation, asked: Change, intent: Intent) -> None:
        """Make one of the changes below. What builds on another looks first whether that one shows, and raises `NotYet` otherwise; so it
        does where somebody could read a new key who must not.
        """
        secrets = self._aws.secrets
        match asked.key.partition(":")[0]:
            case "deliver":
                await self._nobody_reads(target, asked)
                await secrets.deliver(target.secret, await self._make(target, intent))
            case "promote":
                await self._nobody_reads(target, asked)
                new, holder = await self._successor(target, asked, intent, current=False)
                await self._time_to_spread(target, new)
                if holder != version_of(new.id):
                    await secrets.make_current(target.secret, version_of(new.id), instead_of=holder)
            case "deactivate":
                await self._successor(target, asked, intent, current=True)
                await self._aws.update_access_key(target.owner, target.key, KeyStatus.INACTIVE)
            case "drop":
                await self._still_undelivered(target, asked, intent)
                await self._aws.delete_access_key(target.owner, asked.at["made"])
                self._made[intent.run, intent.item] = ""
            case "activate":
                await self._aws.update_access_key(target.owner, target.key, KeyStatus.ACTIVE)
            case _:
                await secrets.make_current(target.secret, str(asked.after[CURRENT]), instead_of=str(asked.before[CURRENT]))

    async def _nobody_reads(self, target: KeyRotation, asked: Change) -> None:
        """An incident may have begun since the plan was made."""
        if why := readable(target.store, await self._aws.readers.of(target.secret)):
            raise NotYet(why, operation=asked.key, target=target.label, advice="Close the incident first, then start again")

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

    async def _successor(self, target: KeyRotation, asked: Change, intent: Intent, *, current: bool) -> tuple[AccessKey, str]:
        """The new key, delivered (and ``current``), and the version that is current. While a delivery is under way, AWS may be behind."""
        for _ in range(LOOKS):
            now = await self._read(target)
            new, holder = now.delivered(target), now.holder(CURRENT)
            if new is not None and self._made.get((intent.run, intent.item), new.id) != new.id:
                what = f"this run did not make access key {new.id}, which was put into {target.store} meanwhile; it may be planted"
                raise NotYet(what, operation=asked.key, target=target.label)
            if new is not None and (not current or holder == version_of(new.id)):
                return new, holder
            if not now.holder(PENDING):
                break
            await asyncio.sleep(self._hold / LOOKS)
        what = f"no new key is {'current' if current else 'delivered'} in {target.store} yet, so this was not tried: {asked.says}"
        raise NotYet(what, operation=asked.key, target=target.label)

    async def _time_to_spread(self, target: KeyRotation, new: AccessKey) -> None:
        """IAM accepts a new key everywhere only after some seconds; nobody should be given it before."""
        if await self._aws.now(target.account) - new.created < timedelta(seconds=2 * self._hold):
            await asyncio.sleep(self._hold)

    async def _still_undelivered(self, target: KeyRotation, asked: Change, intent: Intent) -> None:
        """A deleted key never comes back: look once more, when a delivery has had its time to show."""
        made = asked.at["made"]
        if self._made.get((intent.run, intent.item)) not in {None, made}:
            what = f"this run did not make access key {made}; it stays. Find out whose it is, and delete it if it is nobody's"
            raise NotYet(what, operation=asked.key, target=target.label)
        await asyncio.sleep(self._hold)
        if (await self._aws.secrets.describe(target.secret)).labels(made):
            raise NotYet("the key was delivered after all; it stays", operation=asked.key, target=target.label)


def change(key: str, target: KeyRotation, says: str, *, before: Mapping[str, JSON], after: Mapping[str, JSON], subject: str = "") -> Change:
    """A change of a rotation."""
    at = {"account": target.account, "user": target.user, "key": target.key, "secret": target.secret}
    return Change(key=key, subject=subject or f"aws:secret:{target.secret}", says=says, at=at, before=before, after=after)


def deliver(target: KeyRotation, pending: str) -> Change:
    """A new key, made and put into the secret in one go."""
    says = f"make a new access key of {target.user} and put it into {target.store}, as {PENDING}"
    return change("deliver", target, says, before={PENDING: pending or None}, after={PENDING: "a new key"})


def promote(target: KeyRotation, current: str) -> Change:
    """AWSCURRENT on the new key."""
    says = f"move {CURRENT} to the new key, so that readers of {target.store} get it"
    return change("promote", target, says, before={CURRENT: current or None}, after={CURRENT: "the new key"})


def demote(target: KeyRotation, current: str, previous: str, dead: str) -> Change:
    """AWSCURRENT back where it was."""
    says = f"move {CURRENT} of {target.store} back to version {previous}{dead}"
    return change("demote", target, says, before={CURRENT: current}, after={CURRENT: previous})


def set_status(target: KeyRotation, before: KeyStatus, after: KeyStatus) -> Change:
    """The status of the old key."""
    verb = "deactivate" if after is KeyStatus.INACTIVE else "activate"
    says = f"{verb} {target.label}"
    return change(verb, target, says, before={"status": before.value}, after={"status": after.value}, subject=f"aws:key:{target.key}")


def drop(target: KeyRotation, made: str) -> Change:
    """A key deleted that this run made in vain."""
    says = f"delete access key {made} of {target.user}, which this run made and could not deliver"
    at = {"account": target.account, "user": target.user, "key": target.key, "secret": target.secret, "made": made}
    before, after = {"undelivered": made}, {"undelivered": None}
    return Change(key=f"drop:{made}", subject=f"aws:key:{made}", says=says, at=at, before=before, after=after, cover=UNDELIVERED)
