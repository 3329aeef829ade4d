"""Find people of Identity Center by their logins.

The identity store is the one of the organization's Identity Center, which AWS names in the management account (`sso:ListInstances`), in the
one region it is in. A person's id there lasts, whereas the login may change; sessions carry the id.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from firedoor.action import Query, QuerySpec
from firedoor.errors import BadInput, NotFound
from firedoor.vendors.aws.client import AwsClient
from firedoor.vendors.aws.principals import SsoUser


@dataclass(frozen=True, slots=True, kw_only=True)
class Logins:
    """The user names in Identity Center."""

    logins: tuple[str, ...]


class FindSsoUsers(Query[Logins, SsoUser]):
    """The users, each once."""

    spec = QuerySpec(
        id="aws.find_sso_users",
        title="Find Identity Center users by their logins",
        reads=frozenset({"sso:ListInstances", "identitystore:GetUserId"}),
        pages=(
            "https://docs.aws.amazon.com/singlesignon/latest/IdentityStoreAPIReference/API_GetUserId.html",
            "https://docs.aws.amazon.com/singlesignon/latest/APIReference/API_ListInstances.html",
        ),
    )
    question = Logins
    target = SsoUser

    def __init__(self, aws: AwsClient) -> None:
        self._aws = aws

    async def find(self, question: Logins) -> Sequence[SsoUser]:
        """One target a person. Raises `BadInput` where the store has no such login."""
        found = await asyncio.gather(*(self._one(login) for login in dict.fromkeys(question.logins)))
        return tuple({user.user_id: user for user in found}.values())

    async def _one(self, login: str) -> SsoUser:
        try:
            return await self._aws.identity_center.user(login)
        except NotFound as missing:
            raise BadInput("Identity Center has no such user", target=login, advice="Check the user name in Identity Center") from missing
