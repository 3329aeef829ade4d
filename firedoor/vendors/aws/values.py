"""What the AWS room speaks of: users, keys, their owners. Plain values; no SDK, no I/O, no secret."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Self

from firedoor.errors import BadInput
from firedoor.model import Target

_ACCOUNT = re.compile(r"[0-9]{12}")
_NAME = re.compile(r"[A-Za-z0-9_+=,.@-]{1,64}")
_POLICY_NAME = re.compile(r"[A-Za-z0-9_+=,.@-]{1,128}")
_KEY_ID = re.compile(r"(AKIA|ASIA)[A-Z2-7]{16}")
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


def _checked(pattern: re.Pattern[str], text: str, what: str, advice: str) -> str:
    if not pattern.fullmatch(text):
        raise BadInput(f"{text[:80]!r} is not {what}", advice=advice)
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class IamUser(Target):
    """An IAM user. ``minted_before`` is T where sessions from before T are to end; it stays symbolic (None) until `bound`."""

    account: str
    name: str
    minted_before: datetime | None = None

    def __post_init__(self) -> None:
        check_account(self.account)
        check_user_name(self.name)
        if self.minted_before is not None and self.minted_before.tzinfo is None:
            raise BadInput("a moment without a time zone cannot be compared with AWS's clock", target=self.label)

    @property
    def label(self) -> str:
        """The user as people say it."""
        return f"{self.name} in {self.account}"

    @property
    def names(self) -> tuple[str, ...]:
        """The account and name, and the ARN of a user without a path."""
        return (f"aws:user:{self.account}/{self.name}", f"aws:arn:arn:aws:iam::{self.account}:user/{self.name}")

    def bound(self, moment: datetime) -> Self:
        """The user with T made definite."""
        return replace(self, minted_before=moment)


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
    """Whom AWS takes a set of credentials for."""

    account: str
    arn: str
