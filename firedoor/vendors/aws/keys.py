"""One access key as a target, what is read of it, how a listing shows it, and the change of its status: shared by all that acts on keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from firedoor.errors import BadInput
from firedoor.inventory import Credential, State
from firedoor.model import Change, Snapshot, Target
from firedoor.vendors.aws.values import AccessKey, IamUser, KeyStatus, check_key_id

STATES: Final[Mapping[KeyStatus, State]] = {
    KeyStatus.ACTIVE: State.ACTIVE,
    KeyStatus.INACTIVE: State.INACTIVE,
    KeyStatus.EXPIRED: State.EXPIRED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsKey(Target):
    """A user's access key ``key``. ``path`` is the user's."""

    account: str
    user: str
    key: str
    path: str = "/"

    def __post_init__(self) -> None:
        IamUser(account=self.account, name=self.user, path=self.path)
        if check_key_id(self.key).startswith("ASIA"):
            raise BadInput("the key of a temporary session has no status: it ends", target=self.key, advice="Name a key of the user's own")

    @property
    def owner(self) -> IamUser:
        """The user."""
        return IamUser(account=self.account, name=self.user, path=self.path)

    @property
    def label(self) -> str:
        """The key and its user."""
        return f"access key {self.key} of {self.user} in {self.account}"

    @property
    def names(self) -> tuple[str, ...]:
        """The key, and its user."""
        return (f"aws:key:{self.key}", *self.owner.names)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyState(Snapshot):
    """The status of an access key, or of a credential for a service; None where the user has no such. ``gone`` where there is no user."""

    status: KeyStatus | None = None
    gone: bool = False


def owner_of(credential: Credential) -> IamUser:
    """The user that a listed credential hangs on. Raises `BadInput` where the listing did not give the user's path."""
    path = credential.facts.get("path")
    if not isinstance(path, str):
        raise BadInput("the path of its user is missing, by which it may be protected", target=credential.label)
    return IamUser(account=credential.place, name=credential.holder, path=path)


def seen(credential: Credential) -> KeyState | None:
    """A listed credential's state: its status, which every listing shows."""
    status = next((status for status, state in STATES.items() if state is credential.state), None)
    return KeyState(status=status) if status else None


def state_of(key_id: str, keys: tuple[AccessKey, ...]) -> KeyState:
    """A key's state out of its user's keys."""
    return KeyState(status=next((key.status for key in keys if key.id == key_id), None))


def set_status(user: IamUser, key_id: str, before: KeyStatus, after: KeyStatus, *, cover: str = "") -> Change:
    """The change of one key's status."""
    verb = "deactivate" if after is KeyStatus.INACTIVE else "activate"
    return Change(
        key=f"{verb}:{key_id}",
        subject=f"aws:key:{key_id}",
        says=f"{verb} access key {key_id} of {user.label}",
        at={"account": user.account, "user": user.name, "key": key_id},
        before={"status": before.value},
        after={"status": after.value},
        cover=cover,
    )
