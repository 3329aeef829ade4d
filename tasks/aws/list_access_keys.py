"""List the access keys of every IAM user in the configured accounts.

A user's keys are one call, and the last use of all keys of an account is in its credential report, which AWS renews every four hours. A key
that is younger than the report, or inactive, may not be found in it: its last use is unknown then, and never "never". So it is where the
report cannot be had.

Tags of the users, which say who answers for a key (`owner`), whom it was given to (`given-to`) and which secret it is kept in
(`firedoor:secret`), are a call more for each user, and only asked for where the client was told so.

It does not list keys of the root user (`aws.list_root_keys` does), nor credentials of sessions.
"""

from __future__ import annotations

from collections.abc import Sequence

from firedoor.inventory import Credential
from firedoor.source import SourceSpec
from firedoor.vendors.aws.keys import STATES, AwsKey
from firedoor.vendors.aws.listing import OWNER, UserSource, given_to
from firedoor.vendors.aws.reports import CredentialReport
from firedoor.vendors.aws.values import IamUser


class ListAccessKeys(UserSource):
    """`iam:ListUsers` page by page, `iam:ListAccessKeys` for each user."""

    spec = SourceSpec(
        id="aws.list_access_keys",
        title="List the access keys of IAM users",
        kinds=("access_key",),
        reads=frozenset(
            {
                "iam:GenerateCredentialReport",
                "iam:GetCredentialReport",
                "iam:GetUser",
                "iam:ListAccessKeys",
                "iam:ListUserTags",
                "iam:ListUsers",
            }
        ),
        unestablished=("whether a credential report gives the date of a key that is inactive; where it does not, its last use is unknown",),
        pages=(
            "https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListAccessKeys.html",
            "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_getting-report.html",
        ),
    )

    async def of_user(self, user: IamUser, report: CredentialReport) -> Sequence[Credential]:
        """The user's keys by age, active or not."""
        keys = await self._aws.access_keys(user)
        if not keys:
            return ()
        tags, path = await self.tags(user), await self.path(user, report)
        return [
            Credential(
                system="aws",
                kind="access_key",
                place=user.account,
                holder=user.name,
                id=key.id,
                names=AwsKey(account=user.account, user=user.name, key=key.id, path=path).names,
                state=STATES[key.status],
                created=key.created,
                last_use=report.key_use(user.name, key.created),
                owner=tags.get(OWNER, ""),
                given_to=given_to(tags),
                tags=tags,
                facts={"path": path},
            )
            for key in sorted(keys, key=lambda key: (key.created, key.id))
        ]
