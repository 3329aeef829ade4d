"""Find IAM users by account and name.

A user is named ``111122223333/ci-deploy``. AWS compares names without regard to case in places; protected names are compared letter by
letter, and so is every name here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from firedoor.action import Query, QuerySpec
from firedoor.errors import BadInput, NotFound
from firedoor.vendors.aws.client import AwsClient
from firedoor.vendors.aws.values import IamUser, parse_user


@dataclass(frozen=True, slots=True, kw_only=True)
class UserNames:
    """Whom to find, each as ``account/name``."""

    users: tuple[str, ...]


class FindUsers(Query[UserNames, IamUser]):
    """The users of the given names, in their order, each once."""

    spec = QuerySpec(
        id="aws.find_users",
        title="Find IAM users by account and name",
        reads=frozenset({"iam:GetUser"}),
        pages=("https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetUser.html",),
    )
    question = UserNames
    target = IamUser

    def __init__(self, aws: AwsClient) -> None:
        self._aws = aws

    async def find(self, question: UserNames) -> Sequence[IamUser]:
        """One target a user. Raises `BadInput` where an account is not configured, or has no user of exactly that name."""
        named = [parse_user(text) for text in question.users]
        return tuple(dict.fromkeys(await asyncio.gather(*(self._one(user) for user in named))))

    async def _one(self, user: IamUser) -> IamUser:
        try:
            return await self._aws.user(user)
        except NotFound as missing:
            raise BadInput("AWS has no user of that name", target=user.label, advice="Check its spelling, or leave it out") from missing
