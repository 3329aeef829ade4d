"""An access key that is to be replaced, and the secret its successor goes to: what `aws.rotate_access_key` acts on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, Self

from firedoor.errors import BadInput, Conflict
from firedoor.model import Snapshot, Target
from firedoor.vendors.aws.replies import VENDOR
from firedoor.vendors.aws.secrets import CURRENT, PENDING, Secret, check_secret_arn, version_of
from firedoor.vendors.aws.values import AccessKey, IamUser, KeyStatus, check_key_id
from firedoor.vendors.aws.waiting import Reader

# The tag of an IAM user that holds the ARN of the secret which its programs read their key from.
TAG: Final = "firedoor:secret"
# A key's date is in whole seconds, and our reading of AWS's clock may be ahead by one and a round trip.
EARLY: Final = timedelta(seconds=3)
# What a run spends on making a key, a second time too where the first reply was lost. A key that is younger may be somebody else's.
LATE: Final = timedelta(seconds=30)


def secret_in(tags: Mapping[str, str], owner: IamUser) -> str:
    """The secret that a user's tags name. Raises `BadInput` where they name none."""
    if secret := tags.get(TAG, ""):
        return secret
    advice = f"Tag the user: aws iam tag-user --user-name {owner.name} --tags Key={TAG},Value=ARN-OF-THE-SECRET"
    raise BadInput(f"its owner has no tag {TAG}, so it is not known where a new key goes", target=owner.label, advice=advice)


class NotYet(Conflict):
    """What a change builds on does not show yet, or what it waits for is not over; nothing was sent. The next reading tells."""

    retryable = True

    def __init__(self, what: str, *, operation: str, target: str, advice: str = "Resume the run once it shows") -> None:
        super().__init__(what, vendor=VENDOR, operation=operation, target=target, advice=advice)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRotation(Target):
    """A user's access key ``key``, and the ARN of the ``secret`` that its successor is delivered to, in the same account.

    ``path`` is the user's. ``begun`` is the moment before the run's first write, on AWS's clock (None: it has written nothing): what was
    made before is not ours.
    """

    account: str
    user: str
    key: str
    secret: str
    path: str = "/"
    begun: datetime | None = None

    def __post_init__(self) -> None:
        IamUser(account=self.account, name=self.user, path=self.path, minted_before=self.begun)
        if check_key_id(self.key).startswith("ASIA"):
            raise BadInput("the key of a temporary session is not rotated: it ends", target=self.key, advice="Name a key of the user's own")
        if check_secret_arn(self.secret).split(":")[4] != self.account:
            raise BadInput("the secret is kept in another account than the user", target=self.label, advice="Rotate this key by hand")

    @property
    def owner(self) -> IamUser:
        """The user."""
        return IamUser(account=self.account, name=self.user, path=self.path)

    @property
    def store(self) -> str:
        """The secret as people say it."""
        return f"secret {self.secret.split(':', 6)[6]}"

    @property
    def label(self) -> str:
        """The key and its user."""
        return f"access key {self.key} of {self.user} in {self.account}"

    @property
    def names(self) -> tuple[str, ...]:
        """The key, its user, the secret."""
        return (f"aws:key:{self.key}", *self.owner.names, f"aws:arn:{self.secret}")

    def bound(self, moment: datetime) -> Self:
        """The target with the moment of the first write made definite."""
        return replace(self, begun=moment)


@dataclass(frozen=True, slots=True, kw_only=True)
class RotationState(Snapshot):
    """The user's keys and the secret (None: there is none); ``gone`` where IAM has no such user.

    ``used``: when each key that is neither the old one nor in the secret was last used (None: never). ``readers`` are those who would get
    a new key that must not, where a new key is to be put there.
    """

    keys: tuple[AccessKey, ...] = ()
    secret: Secret | None = None
    used: Mapping[str, datetime | None] = field(default_factory=dict)
    gone: bool = False
    readers: tuple[Reader, ...] = ()

    def key(self, key_id: str) -> AccessKey | None:
        """The key of that id, if the user has it."""
        return next((key for key in self.keys if key.id == key_id), None)

    def holder(self, label: str) -> str:
        """The version that a label of the secret is on; "" where it is on none."""
        return self.secret.holder(label) if self.secret else ""

    def labels(self, key_id: str) -> tuple[str, ...]:
        """The labels in the secret of the version that holds a key."""
        return self.secret.labels(key_id) if self.secret else ()

    def delivered(self, target: KeyRotation) -> AccessKey | None:
        """The key that takes the old one's place by all that shows: delivered in Firedoor's way, active, no older. Who did it does not
        show: the ids of versions can be worked out by anybody. An older key was itself rotated away.
        """
        old = self.key(target.key)
        active = [key for key in self.keys if key.id != target.key and key.status is KeyStatus.ACTIVE]
        fit = [key for key in active if {CURRENT, PENDING} & set(self.labels(key.id)) and (old is None or key.created >= old.created)]
        return max(fit, key=lambda key: (key.created, key.id), default=None)

    def successor(self, target: KeyRotation) -> AccessKey | None:
        """The delivered key, if it was made since this run began to write: a key that was there before may be planted."""
        key, begun = self.delivered(target), target.begun
        return key if key is not None and begun is not None and key.created >= begun - EARLY else None

    def settled(self, target: KeyRotation) -> AccessKey | None:
        """The delivered key where nothing is left to do: it is current, and the old one is off."""
        key, old = self.delivered(target), self.key(target.key)
        done = key is not None and self.holder(CURRENT) == version_of(key.id) and (old is None or old.status is not KeyStatus.ACTIVE)
        return key if done else None

    def undelivered(self, target: KeyRotation) -> tuple[AccessKey, ...]:
        """Keys that this run may have made, and whose secret nobody knows then: never used, in no version, as old as its intent."""
        begun = target.begun
        if begun is None:
            return ()
        strays = [key for key in self.keys if key.id in self.used and self.used[key.id] is None and key.id != target.key]
        return tuple(key for key in strays if begun - EARLY <= key.created <= begun + LATE)

    def brings_in(self, new: AccessKey | None) -> bool:
        """Whether a key is still to be put into the secret, or to become the current one there: ``new``, or one that is yet to be made."""
        return self.secret is not None and (new is None or self.holder(CURRENT) != version_of(new.id))

    def impossible(self, target: KeyRotation) -> str:
        """Why a person must do something first; "" where nothing stands in the way."""
        if self.gone:
            return f"IAM has no user {target.user} in {target.account} any more, so there is no key to rotate"
        if self.secret is None:
            return f"Secrets Manager has no {target.store}; make it, or correct the tag of {target.user}"
        new = self.successor(target)
        if self.settled(target) or (new is not None and self.holder(CURRENT) == version_of(new.id)):
            return ""
        return unwritable(target, self.secret) or ("" if new is not None else self._no_new_key(target))

    def _no_new_key(self, target: KeyRotation) -> str:
        if (planted := self.delivered(target)) is not None:
            return (
                f"version {version_of(planted.id)} of {target.store} ({', '.join(self.labels(planted.id))}) has the id that Firedoor gives "
                f"to access key {planted.id} of {target.user}, made {planted.created:%Y-%m-%d %H:%M} UTC, and this run did not make it. "
                "If a rotation that was interrupted did, resume that run instead. Otherwise it looks planted, and who planted it knows the "
                f"secret: deactivate {planted.id}, find in CloudTrail who made it, delete it, move {CURRENT} back if it has it, and start "
                "again"
            )
        if self.key(target.key) is None:
            return f"IAM has no {target.label} any more; give the service a new key by hand"
        ours = self.undelivered(target)
        other = next((key for key in self.keys if key.id != target.key and key not in ours), None)
        if other is None:
            return ""
        used = self.used.get(other.id)
        when = f"last used {used:%Y-%m-%d %H:%M} UTC" if used else "never used" if other.id in self.used else "of the secret itself"
        return (
            f"AWS allows a user two keys, and {target.user} has {other.id} beside {target.key}: {other.status}, made "
            f"{other.created:%Y-%m-%d %H:%M} UTC, {when}. Find out whose it is, in CloudTrail by iam:CreateAccessKey, and delete it if it "
            "is nobody's; if a rotation that was interrupted made it, resume that run instead"
        )


def unwritable(target: KeyRotation, secret: Secret) -> str:
    """Why Secrets Manager would take no new version, or should get none from us."""
    if secret.deleted:
        return f"{target.store} is marked for deletion; restore it first"
    if secret.rotates:
        return f"Secrets Manager rotates {target.store} with a function of its own; have it do so (`aws secretsmanager rotate-secret`)"
    if secret.service:
        return f"{target.store} is managed by {secret.service}, which alone writes it; rotate it there"
    if secret.primary:
        return f"{target.store} is a replica; name the secret in {secret.primary} that it is one of"
    return ""
