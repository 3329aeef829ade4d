"""Find out where the successors of the given access keys are to be delivered.

The IAM user's tag `firedoor:secret` holds the ARN of the secret that the user's programs read their key from. Nothing else in AWS tells.
Who may tag the user decides where the new key goes, so the plan shows the secret, and whoever approves it should know that it is the right
one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from firedoor.action import Query, QuerySpec
from firedoor.errors import BadInput, NotFound, Rejected
from firedoor.vendors.aws.client import AwsClient
from firedoor.vendors.aws.rotation import TAG, KeyRotation


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """The ids of the keys to be replaced."""

    keys: tuple[str, ...]


class FindRotations(Query[Keys, KeyRotation]):
    """Each key with its owner and the secret that the owner's tag names."""

    spec = QuerySpec(
        id="aws.find_rotations",
        title="Find the secrets that the successors of access keys are delivered to",
        reads=frozenset({"sts:GetAccessKeyInfo", "iam:GetAccessKeyLastUsed", "iam:GetUser", "iam:ListUserTags"}),
        pages=("https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags_users.html",),
    )
    question = Keys
    target = KeyRotation

    def __init__(self, aws: AwsClient) -> None:
        self._aws = aws

    async def find(self, question: Keys) -> Sequence[KeyRotation]:
        """One target a key, in their order. Raises `BadInput` where a key has no owner that can be found, or the owner no such tag."""
        return tuple(await asyncio.gather(*(self._one(key) for key in dict.fromkeys(question.keys))))

    async def _one(self, key: str) -> KeyRotation:
        try:
            owner = await self._aws.owner_of_key(key)
            secret = (await self._aws.user_tags(owner)).get(TAG, "")
        except (NotFound, Rejected) as missing:
            raise BadInput("AWS knows of no such key", target=key, advice="It may have been deleted; check it in CloudTrail") from missing
        if not secret:
            advice = f"Tag the user: aws iam tag-user --user-name {owner.name} --tags Key={TAG},Value=ARN-OF-THE-SECRET"
            raise BadInput(f"its owner has no tag {TAG}, so it is not known where a new key goes", target=owner.label, advice=advice)
        return KeyRotation(account=owner.account, user=owner.name, path=owner.path, key=key, secret=secret)
