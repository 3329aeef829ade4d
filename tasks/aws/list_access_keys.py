"""List the access keys of every IAM user in the configured accounts.

A user's keys are one call, and the last use of all keys of an account is in its credential report, which AWS renews every four hours. A key
that is younger than the report, or inactive, may not be found in it: its last use is unknown then, and never "never". So it is where the
report cannot be had.

Tags of the users, which say who answers for a key (`owner`), whom it was given to (`given-to`) and which secret it is kept in
(`firedoor:secret`), are a call more for each user, and only asked for where the client was told so.

It does not list keys of the root user (`aws.list_root_keys` does), nor credentials of sessions.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from firedoor.errors import NotFound, VendorError
from firedoor.inventory import Credential, State
from firedoor.source import Source, SourceSpec
from firedoor.vendors.aws.client import AwsClient
from firedoor.vendors.aws.keys import AwsKey
from firedoor.vendors.aws.reports import NO_REPORT, CredentialReport
from firedoor.vendors.aws.values import IamUser, KeyStatus

STATES = {KeyStatus.ACTIVE: State.ACTIVE, KeyStatus.INACTIVE: State.INACTIVE, KeyStatus.EXPIRED: State.EXPIRED}
OWNER, GIVEN_TO = "owner", ("given-to", "given_to")


class ListAccessKeys(Source):
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

    def __init__(self, aws: AwsClient) -> None:
        self._aws = aws
        self._unreported: set[str] = set()

    async def places(self) -> Sequence[str]:
        """The configured accounts."""
        return self._aws.accounts

    async def holders(self, place: str) -> AsyncIterator[Sequence[str]]:
        """Names of users."""
        self._unreported.discard(place)
        async for page in self._aws.user_pages(place):
            yield [user.name for user in page]

    async def credentials(self, place: str, holders: Sequence[str]) -> Sequence[Credential]:
        """The users' keys, each user's by age."""
        report = await self._report(place)

        async def of(name: str) -> Sequence[Credential]:
            try:
                return await self._keys(IamUser(account=place, name=name), report)
            except NotFound:
                return ()

        return [key for keys in await self._aws.each(of, holders) for key in keys]

    async def _report(self, place: str) -> CredentialReport:
        """The account's report, or an empty one: it is not asked for again before the next listing."""
        if place not in self._unreported:
            try:
                return await self._aws.reports.of(place)
            except VendorError:
                self._unreported.add(place)
        return NO_REPORT

    async def _keys(self, user: IamUser, report: CredentialReport) -> Sequence[Credential]:
        keys = await self._aws.access_keys(user)
        if not keys:
            return ()
        tags = await self._aws.user_tags(user) if self._aws.tags else {}
        # The guard goes by the user's path as well. Of a user that is too new for the report, only AWS can tell it.
        line = report.users.get(user.name)
        path = line.path if line else (await self._aws.user(user)).path
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
                given_to=next((tags[name] for name in GIVEN_TO if name in tags), ""),
                tags=tags,
                facts={"path": path},
            )
            for key in sorted(keys, key=lambda key: (key.created, key.id))
        ]
