"""Who a service control policy can shut out: IAM users and roles by ARN, people of Identity Center by their id in its store."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from firedoor.errors import BadInput
from firedoor.model import Target

# A path may hold nearly any character, "*" and "?" too, which in a policy stand for others: a principal with such a path is refused.
_WORD: Final = r"(?!\.+/)[A-Za-z0-9_+=,.@-]+"
_ARN: Final = re.compile(
    rf"arn:aws(?:-[a-z]+)*:iam::(?P<account>[0-9]{{12}}):(?P<kind>user|role)/(?P<path>(?:{_WORD}/)*)(?P<name>[A-Za-z0-9_+=,.@-]{{1,64}})"
)
_USER_ID: Final = re.compile(r"(?:[0-9a-f]{10}-)?[A-Fa-f0-9]{8}-[A-Fa-f0-9]{4}-[A-Fa-f0-9]{4}-[A-Fa-f0-9]{4}-[A-Fa-f0-9]{12}")
_LOGIN: Final = re.compile(r"(?!.*\.\.)[\x21-\x2e\x30-\x7e]{1,128}")


def check_principal_arn(text: str) -> str:
    """The ARN of an IAM user or role, without wildcards. Raises `BadInput` for anything else, and for the ARN of a session."""
    if not _ARN.fullmatch(text):
        raise BadInput(
            f"{text[:80]!a} is not the ARN of an IAM user or role",
            advice="It looks like arn:aws:iam::111122223333:role/name; for a session, give its role's",
        )
    return text


def check_sso_user_id(text: str) -> str:
    """The id of a user in the identity store of Identity Center. Raises `BadInput` for anything else."""
    if not _USER_ID.fullmatch(text):
        raise BadInput(
            f"{text[:80]!a} is not the id of an Identity Center user",
            advice="It looks like 906712ab34-01234567-89ab-cdef-0123-456789abcdef, on the user's page",
        )
    return text


def check_sso_login(text: str) -> str:
    """The user name of an Identity Center user: 1 to 128 printable ASCII characters without space, slash or "..".

    AWS takes letters of other alphabets too; they are refused here because some look like ours. Raises `BadInput`.
    """
    if not _LOGIN.fullmatch(text):
        raise BadInput(f"{text[:80]!a} is not an Identity Center user name", advice="Copy the user name from Identity Center")
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsPrincipal(Target):
    """An IAM user or role, with everybody who has taken it on: the requests of a role's sessions carry the role's ARN."""

    arn: str

    def __post_init__(self) -> None:
        check_principal_arn(self.arn)

    @property
    def account(self) -> str:
        """The account it lives in."""
        return self._part("account")

    @property
    def kind(self) -> str:
        """``user`` or ``role``."""
        return self._part("kind")

    @property
    def name(self) -> str:
        """Its name, without the path."""
        return self._part("name")

    @property
    def service_linked(self) -> bool:
        """Whether it is a role that belongs to an AWS service: known by the path that nobody else may use."""
        return self.kind == "role" and self._part("path").startswith("aws-service-role/")

    @property
    def label(self) -> str:
        """The principal as people say it."""
        return f"{self.kind} {self.name} in {self.account}"

    @property
    def names(self) -> tuple[str, ...]:
        """The account and name, which are unique whatever the path, and the ARN."""
        return (f"aws:{self.kind}:{self.account}/{self.name}", f"aws:arn:{self.arn}")

    def _part(self, part: str) -> str:
        found = _ARN.fullmatch(self.arn)
        return found[part] if found else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SsoUser(Target):
    """A person in the identity store of Identity Center. The id lasts; the login may change."""

    user_id: str
    login: str

    def __post_init__(self) -> None:
        check_sso_user_id(self.user_id)
        check_sso_login(self.login)

    @property
    def label(self) -> str:
        """The user as people say it."""
        return f"{self.login} of Identity Center"

    @property
    def names(self) -> tuple[str, ...]:
        """The id, and the login."""
        return (f"aws:sso_user:{self.user_id}", f"aws:sso_login:{self.login}")
