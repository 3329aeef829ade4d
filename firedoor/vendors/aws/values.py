"""What the AWS room speaks of: users, roles, keys, their owners. Plain values; no SDK, no I/O, no secret."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Self

from firedoor.errors import BadInput, shown
from firedoor.model import Target

_ACCOUNT = re.compile(r"[0-9]{12}")
_NAME = re.compile(r"[A-Za-z0-9_+=,.@-]{1,64}")
_POLICY_NAME = re.compile(r"[A-Za-z0-9_+=,.@-]{1,128}")
_KEY_ID = re.compile(r"(AKIA|ASIA)[A-Z2-7]{16}")
_PATH = re.compile(r"/([\x21-\x7e]{1,510}/)?")
_ROLE_ARN = re.compile(r"arn:aws(-[a-z]+)*:iam::[0-9]{12}:role/[\x21-\x7e]{1,512}")


class KeyStatus(StrEnum):
    """Whether AWS accepts an access key. ``EXPIRED`` is AWS's own doing and cannot be asked for."""

    ACTIVE = "Active"
    INACTIVE = "Inactive"
    EXPIRED = "Expired"


def check_account(text: str) -> str:
    """A 12-digit account id. Raises `BadInput` for anything else."""
    return _checked(_ACCOUNT, text, "an AWS account id", "It has exactly 12 digits")


def check_user_name(text: str) -> str:
    """An IAM user name (1 to 64 letters, digits and ``_+=,.@-``). Raises `BadInput` for anything else."""
    return _checked(_NAME, text, "an IAM user name", "It has 1 to 64 characters: letters, digits and _+=,.@-")


def check_policy_name(text: str) -> str:
    """The name of an inline policy (1 to 128 letters, digits and ``_+=,.@-``). Raises `BadInput` for anything else."""
    return _checked(_POLICY_NAME, text, "the name of an inline policy", "It has 1 to 128 characters: letters, digits and _+=,.@-")


def check_key_id(text: str) -> str:
    """An access key id: ``AKIA`` (a user's own) or ``ASIA`` (a session's) and 16 letters or digits. Raises `BadInput` for anything else.

    The text is not repeated where it is no key id: people paste the secret into the wrong field.
    """
    if not _KEY_ID.fullmatch(text):
        raise BadInput(
            "that is not an AWS access key id",
            advice="It is AKIA or ASIA and 16 capital letters and digits 2 to 7; never give the secret key",
        )
    return text


def check_role_arn(text: str) -> str:
    """The ARN of an IAM role. Raises `BadInput` for anything else."""
    return _checked(_ROLE_ARN, text, "the ARN of an IAM role", "It looks like arn:aws:iam::111122223333:role/name")


def check_role_name(text: str) -> str:
    """An IAM role name (1 to 64 letters, digits and ``_+=,.@-``). Raises `BadInput` for anything else."""
    return _checked(_NAME, text, "an IAM role name", "It has 1 to 64 characters: letters, digits and _+=,.@-")


def check_path(text: str) -> str:
    """The path of a user or role: ``/``, or at most 510 printable ASCII characters between slashes. Raises `BadInput` for anything else."""
    return _checked(_PATH, text, "an IAM path", "It begins and ends with a slash")


def _checked(pattern: re.Pattern[str], text: str, what: str, advice: str) -> str:
    if not pattern.fullmatch(text):
        raise BadInput(f"{text[:80]!r} is not {what}", advice=advice)
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class IamUser(Target):
    """An IAM user. ``minted_before`` is T where sessions from before T are to end; it stays symbolic (None) until `bound`.

    Calls need no ``path``; the ARN does, and somebody may have protected that. Whoever finds a user for a plan asks AWS for it.
    """

    account: str
    name: str
    path: str = "/"
    minted_before: datetime | None = None

    def __post_init__(self) -> None:
        check_account(self.account)
        check_user_name(self.name)
        check_path(self.path)
        _check_moment(self.minted_before, self.label)

    @property
    def label(self) -> str:
        """The user as people say it."""
        return f"{self.name} in {self.account}"

    @property
    def names(self) -> tuple[str, ...]:
        """The account and name, which are a user's own whatever its path, and the ARN."""
        return (f"aws:user:{self.account}/{self.name}", f"aws:arn:arn:aws:iam::{self.account}:user{self.path}{self.name}")

    def bound(self, moment: datetime) -> Self:
        """The user with T made definite."""
        return replace(self, minted_before=moment)


@dataclass(frozen=True, slots=True, kw_only=True)
class IamRole(Target):
    """An IAM role. ``minted_before`` is T where sessions from before T are to end; it stays symbolic (None) until `bound`."""

    account: str
    name: str
    path: str = "/"
    minted_before: datetime | None = None

    def __post_init__(self) -> None:
        check_account(self.account)
        check_role_name(self.name)
        check_path(self.path)
        _check_moment(self.minted_before, self.label)

    @property
    def label(self) -> str:
        """The role as people say it."""
        return f"role {self.name} in {self.account}"

    @property
    def arn(self) -> str:
        """What AWS calls it."""
        return f"arn:aws:iam::{self.account}:role{self.path}{self.name}"

    @property
    def names(self) -> tuple[str, ...]:
        """The account and name, which are a role's own whatever its path, and the ARN."""
        return (f"aws:role:{self.account}/{self.name}", f"aws:arn:{self.arn}")

    def bound(self, moment: datetime) -> Self:
        """The role with T made definite."""
        return replace(self, minted_before=moment)


def parse_user(text: str) -> IamUser:
    """The user that ``111122223333/name`` names, whose path only AWS can tell. Raises `BadInput` for anything else."""
    account, slash, name = text.partition("/")
    if not slash:
        raise BadInput(f"{shown(text)} names no IAM user", advice="Write the account and the name: 111122223333/ci-deploy")
    return IamUser(account=account, name=name)


def parse_role(text: str) -> IamRole:
    """The role that an ARN, or ``111122223333/name`` for a role without a path, names. Raises `BadInput` for anything else.

    The second form leaves the path open: only AWS can tell it.
    """
    if ":assumed-role/" in text:
        advice = "Name the role as 111122223333/name, where the name is what follows assumed-role"
        raise BadInput(f"{shown(text)} is a session of a role", advice=advice)
    if text.startswith("arn:"):
        account, _, path = check_role_arn(text).split(":", 4)[4].partition(":role")
        return IamRole(account=account, name=path.rpartition("/")[2], path=path[: path.rindex("/") + 1])
    account, slash, name = text.partition("/")
    if not slash:
        raise BadInput(f"{shown(text)} names no IAM role", advice="Write its ARN, or the account and the name: 111122223333/deployer")
    return IamRole(account=account, name=name)


def _check_moment(moment: datetime | None, label: str) -> None:
    if moment is not None and moment.tzinfo is None:
        raise BadInput("a moment without a time zone cannot be compared with AWS's clock", target=label)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessKey:
    """One of a user's long-term access keys, without its secret, which AWS never shows again."""

    id: str
    status: KeyStatus
    created: datetime

    def __post_init__(self) -> None:
        check_key_id(self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyOwner:
    """Whose key it is, and its last use (None: AWS knows of none). AWS may be hours behind with the last use."""

    key: str
    user: IamUser
    last_used: datetime | None
    service: str
    region: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Whom AWS takes a set of credentials for. ``arn`` is a user's, or that of a session of a role."""

    account: str
    arn: str

    @property
    def name(self) -> str:
        """The user or role behind it, as targets name themselves (``aws:role:111122223333/x``); "" for anything else, such as the root."""
        kind, _, rest = self.arn.rpartition(":")[2].partition("/")
        match kind:
            case "user":
                return f"aws:user:{self.account}/{rest.rpartition('/')[2]}"
            case "assumed-role":
                return f"aws:role:{self.account}/{rest.partition('/')[0]}"
            case _:
                return ""
