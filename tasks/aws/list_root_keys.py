"""List the access keys of the root user of every configured account.

No listing of IAM shows them, for the root user is no IAM user; they are in the account's credential report alone, which is up to four hours
old. They have no id there, only a place, the first or the second. A root key opens everything, no policy of the account holds it back, and
nobody but the root user can close it, so there should be none.

It does not see a key that is inactive and of which the report says nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from firedoor.inventory import Credential, State
from firedoor.source import Source, SourceSpec
from firedoor.vendors.aws.client import AwsClient
from firedoor.vendors.aws.reports import ROOT, ReportedKey


class ListRootKeys(Source):
    """`iam:GetCredentialReport`, the line of the root user."""

    spec = SourceSpec(
        id="aws.list_root_keys",
        title="List the access keys of root users",
        kinds=("root_key",),
        reads=frozenset({"iam:GenerateCredentialReport", "iam:GetCredentialReport"}),
        unestablished=("whether a credential report gives the date of a key that is inactive; where it does not, a root key is not seen",),
        pages=("https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_getting-report.html",),
    )

    def __init__(self, aws: AwsClient) -> None:
        self._aws = aws

    async def places(self) -> Sequence[str]:
        """The configured accounts."""
        return self._aws.accounts

    async def holders(self, place: str) -> AsyncIterator[Sequence[str]]:
        """The root user, as the report names it."""
        del place
        yield [ROOT]

    async def credentials(self, place: str, holders: Sequence[str]) -> Sequence[Credential]:
        """Its keys, by their places."""
        if ROOT not in holders:
            return ()
        line = (await self._aws.reports.of(place)).users[ROOT]
        return [_credential(place, line.arn, key) for key in line.keys]


def _credential(account: str, arn: str, key: ReportedKey) -> Credential:
    return Credential(
        system="aws",
        kind="root_key",
        place=account,
        holder=ROOT,
        id=f"root-{key.place}",
        names=(f"aws:root:{account}", f"aws:arn:{arn}"),
        state=State.ACTIVE if key.active else State.INACTIVE,
        created=key.made,
        last_use=key.last_use,
    )
