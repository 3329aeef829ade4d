"""Which access keys CloudTrail's files show in use, and what AWS says of one that no listing shows."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Final

from firedoor.errors import Malformed, NotFound, Rejected
from firedoor.source import Sighting, Sightings
from firedoor.vendors.aws.client import AwsClient
from firedoor.vendors.aws.replies import VENDOR
from firedoor.vendors.aws.trail import used_keys

KIND: Final = "aws.access_key"


class TrailSightings(Sightings):
    """The long-term keys that signed a request in the files at ``paths``. Sessions are told of by the inventory, and by `firedoor hunt`."""

    types: ClassVar[tuple[str, ...]] = (KIND,)

    def __init__(self, aws: AwsClient, paths: Sequence[Path]) -> None:
        self._aws = aws
        self._paths = tuple(paths)

    async def seen(self) -> Sequence[Sighting]:
        """One a key. Raises `BadInput` where there are no files, `Malformed` where they name more keys than are kept apart."""
        found = await asyncio.to_thread(used_keys, self._paths)
        if found.left_out:
            raise Malformed(
                "the files name more keys than are kept apart", vendor=VENDOR, operation="CloudTrail", advice="Give fewer files"
            )
        return [
            Sighting(type=KIND, id=one.key, last=one.last, place=one.account, by=one.principal, count=one.count)
            for one in found.keys.values()
            if not one.temporary
        ]

    async def exists(self, sighting: Sighting) -> str:
        """By `sts:GetAccessKeyInfo`, which knows the account of every key, and `iam:GetAccessKeyLastUsed` in accounts of ours."""
        try:
            account = await self._aws.account_of_key(sighting.id)
            if account not in self._aws.accounts:
                return f"it belongs to account {account}, which is none of those that are swept"
            return f"AWS says that it belongs to {(await self._aws.key_owner(sighting.id)).user.label}"
        except (NotFound, Rejected):
            return ""
