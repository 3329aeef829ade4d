"""Find IAM users and roles by their ARNs, and make sure that IAM has each under exactly that ARN.

What denies a principal compares ARNs letter by letter, with their paths, so an ARN that is nearly right would shut out nobody. A session's
ARN is refused: the role's is wanted. A principal of an account that Firedoor is not configured for cannot be looked up, and is refused with
the account's number.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from firedoor.action import Query, QuerySpec
from firedoor.errors import BadInput, NotFound
from firedoor.vendors.aws.client import AwsClient
from firedoor.vendors.aws.principals import AwsPrincipal


@dataclass(frozen=True, slots=True, kw_only=True)
class Principals:
    """The ARNs of the users and roles."""

    principals: tuple[str, ...]


class FindPrincipals(Query[Principals, AwsPrincipal]):
    """The users and roles, each once."""

    spec = QuerySpec(
        id="aws.find_principals",
        title="Find IAM users and roles by their ARNs",
        reads=frozenset({"iam:GetUser", "iam:GetRole"}),
        pages=(
            "https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetUser.html",
            "https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRole.html",
        ),
    )
    question = Principals
    target = AwsPrincipal

    def __init__(self, aws: AwsClient) -> None:
        self._aws = aws

    async def find(self, question: Principals) -> Sequence[AwsPrincipal]:
        """One target an ARN. Raises `BadInput` where IAM has no such principal, or writes its ARN otherwise."""
        return tuple(await asyncio.gather(*(self._one(arn) for arn in dict.fromkeys(question.principals))))

    async def _one(self, arn: str) -> AwsPrincipal:
        try:
            return await self._aws.principal(arn)
        except NotFound as missing:
            raise BadInput("IAM has no such user or role", target=arn, advice="It may have been deleted; see CloudTrail") from missing
