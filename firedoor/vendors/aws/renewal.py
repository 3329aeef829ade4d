"""How far an access key is on its way to be replaced, as AWS shows it: what `aws.renew_access_key` plans by."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from firedoor.model import Change
from firedoor.vendors.aws.rotation import KeyRotation, RotationState, unwritable
from firedoor.vendors.aws.secrets import CURRENT, version_of
from firedoor.vendors.aws.values import AccessKey, KeyStatus

# The tag of an IAM user that says since when a key of it is off: AWS itself tells nobody.
OFF: Final = "firedoor:off"
# A use may show some hours late, so a day must have gone by before its absence says anything.
SOONEST: Final = timedelta(days=1)
MOVED: Final = timedelta(days=7)
KEPT: Final = timedelta(days=30)
AT_MOST: Final = timedelta(days=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewalState(RotationState):
    """The keys, their last uses and the secret, with AWS's clock ``now`` (None: there is nothing to time).

    ``off`` is the key that the user's tag says is off, and ``off_since`` since when (None: it says nothing that can be read).
    """

    now: datetime | None = None
    off: str = ""
    off_since: datetime | None = None

    def is_new(self, target: KeyRotation) -> bool:
        """Whether the key is itself what an older key of its user is being replaced with: current, and no older than that may take."""
        mine, now = self.key(target.key), self.now
        if mine is None or now is None or self.holder(CURRENT) != version_of(target.key):
            return False
        others = [key for key in self.keys if key.id != target.key]
        return bool(others) and all(key.created <= mine.created for key in others) and now - mine.created < AT_MOST

    def in_the_way(self, target: KeyRotation, new: AccessKey | None) -> str:
        """Why a person must do something before the key can be replaced; "" where nothing stands in the way."""
        if self.secret is None:
            return f"Secrets Manager has no {target.store}; make it, or correct the tag of {target.user}"
        if new is not None and self.holder(CURRENT) == version_of(new.id):
            return ""
        ours = self.undelivered(target)
        other = next((key for key in self.keys if key.id != target.key and key not in ours), None)
        if why := unwritable(target, self.secret):
            return why
        if new is not None or other is None:
            return ""
        return (
            f"AWS allows a user two keys, and {target.user} has {other.id} beside {target.key}: {other.status}, made "
            f"{other.created:%Y-%m-%d %H:%M} UTC, and not in {target.store}. Find out whose it is, and delete it if it is nobody's"
        )

    def moved_by(self, target: KeyRotation, new: AccessKey) -> datetime:
        """When the consumers of the old key are taken to use the new one: a day after it was made if they do, a week after it otherwise."""
        old = self.used.get(target.key)
        taken_up = self.used.get(new.id) is not None and (old is None or old < new.created)
        return new.created + (SOONEST if taken_up else MOVED)

    def unmissed_by(self, target: KeyRotation) -> datetime | None:
        """When the old key has been off for long enough to be deleted; None where it is not known since when it is off."""
        since, used = self.off_since, self.used.get(target.key)
        if self.off != target.key or since is None or (used is not None and used > since):
            return None
        return since + KEPT


def off_tag(key: str, since: datetime) -> str:
    """What the tag says, in characters that a tag may have."""
    return f"{key} {since.isoformat(timespec='seconds')}"


def read_off(tag: str) -> tuple[str, datetime | None]:
    """The key and the moment that the tag says; "" and None where it says neither."""
    key, _, text = tag.partition(" ")
    try:
        since = datetime.fromisoformat(text)
    except ValueError:
        return "", None
    return (key, since) if since.tzinfo is not None else ("", None)


def _change(key: str, target: KeyRotation, says: str, before: str | None, after: str | None) -> Change:
    at = {"account": target.account, "user": target.user, "key": target.key, "secret": target.secret}
    subject = f"aws:key:{target.key}"
    return Change(key=key, subject=subject, says=says, at=at, before={key: before}, after={key: after})


def note(target: KeyRotation) -> Change:
    """The tag that says since when the old key is off."""
    says = f"note in the tag {OFF} of {target.user} that {target.key} is off from now on"
    return _change("note", target, says, None, target.key)


def delete(target: KeyRotation, off_since: datetime | None) -> Change:
    """The old key deleted for good."""
    since = f", which is off since {off_since:%Y-%m-%d}" if off_since else ""
    return _change("delete", target, f"delete {target.label} for good{since}", KeyStatus.INACTIVE, None)
