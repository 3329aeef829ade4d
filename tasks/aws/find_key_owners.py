"""Find the IAM users who own the given access keys.

AWS itself tells the account of a key (`sts:GetAccessKeyInfo`) and, in that account, its user. A key of an account that Firedoor is not
configured for is refused with the account's number, so that somebody can be told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from firedoor.action import Query, QuerySpec
from firedoor.errors import BadInput, NotFound, Rejected
from firedoor.vendors.aws.client import AwsClient
from firedoor.vendors.aws.values import IamUser


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """The ids of the keys."""

    keys: tuple[str, ...]


class FindKeyOwners(Query[Keys, IamUser]):
    """The users who own the keys, each once."""

    spec = QuerySpec(
        id="aws.find_key_owners",
        title="Find the IAM users who own access keys",
        reads=frozenset({"sts:GetAccessKeyInfo", "iam:GetAccessKeyLastUsed", "iam:GetUser"}),
        pages=("https://docs.aws.amazon.com/STS/latest/APIReference/API_GetAccessKeyInfo.html",),
    )
    question = Keys
    target = IamUser

    def __init__(self, aws: AwsClient) -> None:
        self._aws = aws

    async def find(self, question: Keys) -> Sequence[IamUser]:
        """One target a user. Raises `BadInput` where a key has no owner that can be found."""
        owners = await asyncio.gather(*(self._one(key) for key in question.keys))
        return tuple(dict.fromkeys(owners))

    async def _one(self, key: str) -> IamUser:
        try:
            return await self._aws.owner_of_key(key)
        except (NotFound, Rejected) as missing:
            raise BadInput("AWS knows of no such key", target=key, advice="It may have been deleted; check it in CloudTrail") from missing
