"""What all sources have in common that list what IAM users hold: places, users, the report of each account, and the users' paths."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Final

from firedoor.errors import NotFound, VendorError
from firedoor.inventory import Credential
from firedoor.source import Source
from firedoor.vendors.aws.client import AwsClient
from firedoor.vendors.aws.reports import NO_REPORT, CredentialReport
from firedoor.vendors.aws.values import IamUser

OWNER: Final = "owner"
GIVEN_TO: Final = ("given-to", "given_to")


class UserSource(Source):
    """Lists by user. A subclass says with `of_user` what one user holds."""

    def __init__(self, aws: AwsClient) -> None:
        self._aws = aws
        self._unreported: set[str] = set()

    @abstractmethod
    async def of_user(self, user: IamUser, report: CredentialReport) -> Sequence[Credential]:
        """The user's credentials, in a stable order. `NotFound` where there are none, since the user is gone or has no such thing."""

    async def places(self) -> Sequence[str]:
        """The configured accounts."""
        return self._aws.accounts

    async def holders(self, place: str) -> AsyncIterator[Sequence[str]]:
        """Names of users."""
        self._unreported.discard(place)
        async for page in self._aws.user_pages(place):
            yield [user.name for user in page]

    async def credentials(self, place: str, holders: Sequence[str]) -> Sequence[Credential]:
        """What the users hold; as many are asked for at once as there are connections."""
        report = await self._report(place)

        async def of(name: str) -> Sequence[Credential]:
            try:
                return await self.of_user(IamUser(account=place, name=name), report)
            except NotFound:
                return ()

        return [one for found in await self._aws.each(of, holders) for one in found]

    async def path(self, user: IamUser, report: CredentialReport) -> str:
        """The user's path, by which the guard may know it. Of a user that is too new for the report, only AWS can tell it."""
        line = report.users.get(user.name)
        return line.path if line else (await self._aws.user(user)).path

    async def tags(self, user: IamUser) -> Mapping[str, str]:
        """The user's tags, where the client is to ask for them."""
        return await self._aws.user_tags(user) if self._aws.tags else {}

    async def _report(self, place: str) -> CredentialReport:
        """The account's report, or an empty one, which is not asked for again before the next listing: every last use is unknown then."""
        if place not in self._unreported:
            try:
                return await self._aws.reports.of(place)
            except VendorError:
                self._unreported.add(place)
        return NO_REPORT


def given_to(tags: Mapping[str, str]) -> str:
    """The supplier that a tag names; "" where none does."""
    return next((tags[name] for name in GIVEN_TO if name in tags), "")
