"""List the passwords with which IAM users sign in to the console.

AWS tells of each user whether it has one, in a call for each; the account's credential report, which is up to four hours old, tells when it
was last used. A user has at most one, and it has no id: it goes by the user's name.

It does not list sign-ins by way of an identity provider or Identity Center, nor the password of the root user, which always has one.
"""

from __future__ import annotations

from collections.abc import Sequence

from firedoor.inventory import UNKNOWN_USE, Credential, State
from firedoor.source import SourceSpec
from firedoor.vendors.aws.listing import OWNER, UserSource, given_to
from firedoor.vendors.aws.reports import CredentialReport
from firedoor.vendors.aws.values import IamUser


class ListLoginProfiles(UserSource):
    """`iam:ListUsers` page by page, `iam:GetLoginProfile` for each user."""

    spec = SourceSpec(
        id="aws.list_login_profiles",
        title="List the console passwords of IAM users",
        kinds=("login_profile",),
        reads=frozenset(
            {
                "iam:GenerateCredentialReport",
                "iam:GetCredentialReport",
                "iam:GetLoginProfile",
                "iam:GetUser",
                "iam:ListUserTags",
                "iam:ListUsers",
            }
        ),
        pages=(
            "https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetLoginProfile.html",
            "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_getting-report.html",
        ),
    )

    async def of_user(self, user: IamUser, report: CredentialReport) -> Sequence[Credential]:
        """The user's password, if it has one."""
        created = await self._aws.logins.password(user)
        tags, path = await self.tags(user), await self.path(user, report)
        line = report.users.get(user.name)
        # A password that was replaced since the report is another one.
        same = line is not None and line.password_made is not None and line.password_made >= created.replace(microsecond=0)
        return [
            Credential(
                system="aws",
                kind="login_profile",
                place=user.account,
                holder=user.name,
                id=user.name,
                names=IamUser(account=user.account, name=user.name, path=path).names,
                state=State.ACTIVE,
                created=created,
                last_use=line.password_use if line is not None and same else UNKNOWN_USE,
                owner=tags.get(OWNER, ""),
                given_to=given_to(tags),
                tags=tags,
                facts={"path": path},
            )
        ]
