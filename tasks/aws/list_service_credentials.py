"""List the credentials that IAM users have for single services: Git passwords of CodeCommit, Cassandra passwords of Keyspaces, API keys of
Bedrock.

They are in no credential report, and AWS does not tell when they were last used.

It does not list SSH keys of CodeCommit, nor signing certificates.
"""

from __future__ import annotations

from collections.abc import Sequence

from firedoor.inventory import Credential
from firedoor.source import SourceSpec
from firedoor.vendors.aws.keys import STATES
from firedoor.vendors.aws.listing import OWNER, UserSource, given_to
from firedoor.vendors.aws.logins import UserCredential
from firedoor.vendors.aws.reports import CredentialReport
from firedoor.vendors.aws.values import IamUser


class ListServiceCredentials(UserSource):
    """`iam:ListUsers` page by page, `iam:ListServiceSpecificCredentials` for each user."""

    spec = SourceSpec(
        id="aws.list_service_credentials",
        title="List the credentials of IAM users for single services",
        kinds=("service_credential",),
        reads=frozenset(
            {
                "iam:GenerateCredentialReport",
                "iam:GetCredentialReport",
                "iam:GetUser",
                "iam:ListServiceSpecificCredentials",
                "iam:ListUserTags",
                "iam:ListUsers",
            }
        ),
        pages=("https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListServiceSpecificCredentials.html",),
    )

    async def of_user(self, user: IamUser, report: CredentialReport) -> Sequence[Credential]:
        """The user's credentials by age, active or not."""
        found = await self._aws.logins.service_credentials(user)
        if not found:
            return ()
        tags, path = await self.tags(user), await self.path(user, report)
        return [
            Credential(
                system="aws",
                kind="service_credential",
                place=user.account,
                holder=user.name,
                id=each.id,
                names=UserCredential(account=user.account, user=user.name, credential=each.id, path=path).names,
                state=STATES[each.status],
                created=each.created,
                owner=tags.get(OWNER, ""),
                given_to=given_to(tags),
                tags=tags,
                facts={"path": path, "service": each.service},
            )
            for each in sorted(found, key=lambda each: (each.created, each.id))
        ]
