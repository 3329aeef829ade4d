"""Find IAM roles by ARN, or by account and name.

A role is named by its ARN, or ``111122223333/deployer``, where its path is AWS's to tell. Names are compared letter by letter, and so is a
whole ARN: protected names are too. A session's ARN is refused with the words for the role's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from firedoor.action import Query, QuerySpec
from firedoor.errors import BadInput, NotFound
from firedoor.vendors.aws.client import AwsClient
from firedoor.vendors.aws.values import IamRole, parse_role


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleNames:
    """The roles to find, each by its ARN or as ``account/name``."""

    roles: tuple[str, ...]


class FindRoles(Query[RoleNames, IamRole]):
    """The roles of the given names, in their order, each once."""

    spec = QuerySpec(
        id="aws.find_roles",
        title="Find IAM roles by ARN, or by account and name",
        reads=frozenset({"iam:GetRole"}),
        pages=("https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRole.html",),
    )
    question = RoleNames
    target = IamRole

    def __init__(self, aws: AwsClient) -> None:
        self._aws = aws

    async def find(self, question: RoleNames) -> Sequence[IamRole]:
        """One target a role, with AWS's own path. Raises `BadInput` where an account is not configured, or has no such role."""
        named = {text: parse_role(text) for text in question.roles}
        return tuple(dict.fromkeys(await asyncio.gather(*(self._one(text, role) for text, role in named.items()))))

    async def _one(self, text: str, role: IamRole) -> IamRole:
        try:
            found = (await self._aws.roles.get(role)).role
        except NotFound as missing:
            raise BadInput("AWS has no role of that name", target=role.label, advice="Check its spelling, or leave it out") from missing
        if text.startswith("arn:") and found.arn != text:
            raise BadInput(f"AWS writes that role's ARN {found.arn}", target=role.label, advice="Name the role as AWS does")
        return found
