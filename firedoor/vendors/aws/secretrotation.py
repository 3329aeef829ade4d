"""A secret that Secrets Manager is asked to rotate, and how far that is: what `aws.rotate_secret` acts on and plans by."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Self

from firedoor.errors import BadInput
from firedoor.model import Intent, Snapshot, Target
from firedoor.vendors.aws.rotation import EARLY
from firedoor.vendors.aws.secrets import CURRENT, PENDING, Secret, check_secret_arn
from firedoor.vendors.aws.waiting import Reader

# What the ids of versions begin with that Firedoor asked for. People see it in the console, and in CloudTrail.
MARK: Final = "firedoor-"
_DELIVERY: Final = 5  # which kind of UUID the versions have that access keys are delivered in: no SDK makes such


def version_for(intent: Intent) -> str:
    """The id of the version that a rotation is asked for with: the same for every attempt at the same change of the same run."""
    return f"{MARK}{intent.key}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretRotation(Target):
    """The secret of an ARN, ``version`` of which is to be replaced ("": whichever is in force).

    ``begun`` is the moment before the run's first write, on AWS's clock (None: it has written nothing).
    """

    secret: str
    version: str = ""
    begun: datetime | None = None

    def __post_init__(self) -> None:
        check_secret_arn(self.secret)
        if self.begun is not None and self.begun.tzinfo is None:
            raise BadInput("a moment without a time zone cannot be compared with AWS's clock", target=self.label)

    @property
    def account(self) -> str:
        """The account that keeps it."""
        return self.secret.split(":")[4]

    @property
    def label(self) -> str:
        """The secret as people say it."""
        _, _, _, region, account, _, name = self.secret.split(":")
        return f"secret {name} of {account} in {region}"

    @property
    def names(self) -> tuple[str, ...]:
        """The ARN."""
        return (f"aws:arn:{self.secret}",)

    def bound(self, moment: datetime) -> Self:
        """The target with the moment of the first write made definite."""
        return replace(self, begun=moment)


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretState(Snapshot):
    """The secret (None: there is none), and when each of its versions with a value was ``made``. ``readers`` are those who would get a new
    value that must not, where one is due.
    """

    secret: Secret | None = None
    made: Mapping[str, datetime] = field(default_factory=dict)
    readers: tuple[Reader, ...] = ()

    @property
    def current(self) -> str:
        """The version in force; "" where there is none."""
        return self.secret.holder(CURRENT) if self.secret else ""

    @property
    def pending(self) -> str:
        """The version of a rotation that has not come to its end; "" where none is under way."""
        holder = self.secret.holder(PENDING) if self.secret else ""
        return "" if holder == self.current else holder

    def under_way(self, target: SecretRotation) -> bool:
        """Whether the rotation that this run asked for is under way. Before this run wrote anything, none of them is its own."""
        known = self.pending not in self.made or self.pending in self._ours(target)
        return target.begun is not None and self.pending.startswith(MARK) and known

    def asked_for(self, target: SecretRotation) -> str:
        """The newest version with a value that Firedoor asked for since this run began to write, and that is pending no more; "" none."""
        ours = [version for version in self._ours(target) if version != self.pending]
        return max(ours, key=lambda version: (self.made[version], version), default="")

    def rotated(self, target: SecretRotation) -> str:
        """The version that Firedoor had put in the place of the target's, where it or a newer one is in force; "" where there is none."""
        current, asked = self.current, self.asked_for(target)
        if current not in self.made:
            return ""
        since = self.made[current]
        if current.startswith(MARK) and target.version not in {"", current}:
            return current if since >= self.made.get(target.version, since) else ""
        return asked if asked and since >= self.made[asked] else ""

    def due(self, target: SecretRotation) -> bool:
        """Whether a rotation is still to be asked for."""
        kept = self.secret is not None and not self.secret.deleted
        return kept and not self.rotated(target) and not self.impossible(target) and not self.under_way(target)

    def impossible(self, target: SecretRotation) -> str:
        """Why a person must do something first; "" where nothing stands in the way."""
        if self.secret is None:
            return ""
        if why := _unturned(target.label, self.secret):
            return f"{why}{self._delivered}"
        if not self.current:
            return f"{target.label} holds no value that is in force, so there is nothing to rotate; whoever owns it must put one there"
        if (asked := self.asked_for(target)) and not self.rotated(target):
            return (
                f"version {asked}, which this run asked for, is not in force, and version {self.current}, which is, is older: either "
                f"{PENDING} was taken off it before it was finished, or {CURRENT} was moved back. Find out in CloudTrail who did, by "
                "UpdateSecretVersionStage, and start a new run, which asks anew"
            )
        return self._busy(target) if self.pending and not self.under_way(target) else ""

    def _busy(self, target: SecretRotation) -> str:
        """Whose version is in the way, and what may be done about it."""
        said = f"version {self.pending} of {target.label} is {PENDING}"
        if self.pending.startswith(MARK):
            return f"{said}: a rotation that another run of Firedoor asked for goes on. Wait for it, or resume that run; {self._stuck}"
        if _is_delivery(self.pending):
            return (
                f"{said} and has an id of the kind that Firedoor gives to access keys which it delivers: a rotated secret would not hold "
                "that key. Let the run end that delivers it, or resume that run, and then look whether this secret is to be rotated at all"
            )
        return f"{said}: a rotation that somebody else began, or its schedule, goes on. Wait for it; {self._stuck}"

    @property
    def _delivered(self) -> str:
        if not _is_delivery(self.current):
            return ""
        return f". Version {self.current} has an id of the kind that Firedoor gives to access keys which it delivers: have that key rotated"

    @property
    def _stuck(self) -> str:
        where = f"the log of {self.secret.function}" if self.secret and self.secret.function else "CloudTrail"
        return (
            f"where it failed, {where} says why. Its new value may be in force at the service already, so mend what rotates it and let AWS "
            f"try again, rather than take {PENDING} off"
        )

    def _ours(self, target: SecretRotation) -> tuple[str, ...]:
        begun = target.begun
        return () if begun is None else tuple(one for one, at in self.made.items() if one.startswith(MARK) and at >= begun - EARLY)


def _unturned(what: str, secret: Secret) -> str:
    """Why Secrets Manager would not rotate it, or should not be made to here; "" where all is set up."""
    by_hand = "change its value by hand, at the service that it opens and then here"
    if secret.primary:
        return f"{what} is a replica: rotate the secret in {secret.primary} that it is one of, and it follows by itself"
    if secret.rotates and (secret.function or secret.service or secret.partner):
        return ""
    if secret.service:
        return f"{what} is managed by {secret.service}, and Secrets Manager does not rotate it; have its value changed there"
    if secret.function and not secret.rotates:
        return f"rotation of {what} was turned off: {by_hand}, or turn rotation on again, which rotates it at once"
    return f"nothing is set up that could rotate {what}: {by_hand}, or set up a function that rotates it"


def _is_delivery(version: str) -> bool:
    try:
        return uuid.UUID(version).version == _DELIVERY
    except ValueError:
        return False
