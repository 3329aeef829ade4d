"""List the secrets in Secrets Manager, without their values, in the regions that the client looks in.

A region's secrets are listed together, a hundred in a call, with the day of the last reading: AWS tells no hour. A secret that nobody ever
read in the region has no such day, and is said never to have been used. One that is marked for deletion is listed as inactive; its value
can be had again by whoever restores it.

It does not look inside: whether a secret holds an access key, a password or a token, only its name and tags tell. Replicas are listed where
they are.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

from firedoor.inventory import Credential, LastUse, State
from firedoor.source import Source, SourceSpec
from firedoor.vendors.aws.client import AwsClient
from firedoor.vendors.aws.listing import OWNER, given_to
from firedoor.vendors.aws.secrets import ListedSecret

DAY = timedelta(days=1)


class ListSecrets(Source):
    """`secretsmanager:ListSecrets` in each region."""

    spec = SourceSpec(
        id="aws.list_secrets",
        title="List the secrets in Secrets Manager",
        kinds=("secret",),
        reads=frozenset({"secretsmanager:ListSecrets"}),
        pages=("https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_ListSecrets.html",),
    )

    def __init__(self, aws: AwsClient) -> None:
        self._aws = aws

    async def places(self) -> Sequence[str]:
        """The configured accounts."""
        return self._aws.accounts

    async def holders(self, place: str) -> AsyncIterator[Sequence[str]]:
        """The regions, one at a time: nothing else holds a secret."""
        del place
        for region in self._aws.regions:
            yield [region]

    async def credentials(self, place: str, holders: Sequence[str]) -> Sequence[Credential]:
        """The secrets of these regions, each region's by ARN."""
        found = [(region, await self._aws.secrets.listed(place, region)) for region in holders]
        return [_credential(place, region, one) for region, secrets in found for one in sorted(secrets, key=lambda one: one.arn)]


def _credential(account: str, region: str, secret: ListedSecret) -> Credential:
    return Credential(
        system="aws",
        kind="secret",
        place=account,
        holder=region,
        id=secret.arn,
        names=(f"aws:arn:{secret.arn}",),
        state=State.INACTIVE if secret.deleted else State.ACTIVE,
        created=secret.created,
        last_use=LastUse.told(secret.read, behind=DAY),
        owner=secret.tags.get(OWNER, ""),
        given_to=given_to(secret.tags),
        tags=secret.tags,
        facts={
            "changed": secret.changed.isoformat() if secret.changed else None,
            "current": secret.current,
            "rotates": secret.rotates,
            "service": secret.service,
        },
    )
