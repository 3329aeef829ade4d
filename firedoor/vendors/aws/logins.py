"""What lets an IAM user in besides access keys: a password for the console, and credentials for single services. Reached as
`AwsClient.logins`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from firedoor.errors import BadInput
from firedoor.model import Target
from firedoor.vendors.aws.calls import Calls
from firedoor.vendors.aws.replies import malformed
from firedoor.vendors.aws.values import IamUser, KeyStatus

_PROFILE: Final = "iam:GetLoginProfile"
_LIST: Final = "iam:ListServiceSpecificCredentials"
_ID: Final = re.compile(r"[A-Za-z0-9_]{20,128}")
_STATUSES: Final = frozenset(status.value for status in KeyStatus)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceCredential:
    """A credential for one service (``codecommit.amazonaws.com``), without its secret."""

    id: str
    service: str
    status: KeyStatus
    created: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class UserCredential(Target):
    """A credential of a user for one service. ``path`` is the user's."""

    account: str
    user: str
    credential: str
    path: str = "/"

    def __post_init__(self) -> None:
        IamUser(account=self.account, name=self.user, path=self.path)
        if not _ID.fullmatch(self.credential):
            advice = "It has 20 to 128 letters and digits, and looks like ACCAEXAMPLE123EXAMPLE; never give the password"
            raise BadInput("that is not the id of a service specific credential", advice=advice)

    @property
    def owner(self) -> IamUser:
        """The user."""
        return IamUser(account=self.account, name=self.user, path=self.path)

    @property
    def label(self) -> str:
        """The credential and its user."""
        return f"service credential {self.credential} of {self.user} in {self.account}"

    @property
    def names(self) -> tuple[str, ...]:
        """The credential, and its user."""
        return (f"aws:service-credential:{self.credential}", *self.owner.names)


class Logins:
    """Passwords and service specific credentials of IAM users."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def password(self, user: IamUser) -> datetime:
        """When the user's password for the console was made. Raises `NotFound` where it has none, or there is no such user."""
        match (await self._on(user, _PROFILE)).get("LoginProfile"):
            case {"CreateDate": datetime() as created}:
                return created
        raise malformed(self._calls.known(_PROFILE), "the reply has no login profile with its date", target=user.label)

    async def delete_password(self, user: IamUser) -> None:
        """Delete the user's password. Raises `NotFound` where there is none (also when a first reply was lost)."""
        await self._on(user, "iam:DeleteLoginProfile")

    async def service_credentials(self, user: IamUser) -> tuple[ServiceCredential, ...]:
        """The user's credentials for single services, active or not."""
        found = await self._calls.pages(user.account, _LIST, "ServiceSpecificCredentials", {"UserName": user.name}, target=user.label)
        credentials: list[ServiceCredential] = []
        for each in found:
            match each:
                case {
                    "ServiceSpecificCredentialId": str(name),
                    "ServiceName": str(service),
                    "Status": str(status),
                    "CreateDate": datetime() as created,
                } if status in _STATUSES:
                    credentials.append(ServiceCredential(id=name, service=service, status=KeyStatus(status), created=created))
                case _:
                    raise malformed(self._calls.known(_LIST), "a credential lacks its id, service, status or date", target=user.label)
        return tuple(credentials)

    async def update_service_credential(self, user: IamUser, credential: str, status: KeyStatus) -> None:
        """Activate or deactivate one of them. Setting the status it has already is no error."""
        await self._on(user, "iam:UpdateServiceSpecificCredential", ServiceSpecificCredentialId=credential, Status=status.value)

    async def _on(self, user: IamUser, name: str, **parameters: object) -> Mapping[str, Any]:
        return await self._calls.call(user.account, name, target=user.label, UserName=user.name, **parameters)
