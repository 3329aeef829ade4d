"""Find Okta users by login.

Every login must be a user's whole login: a name that Okta matches only by its short form is refused, since it may mean somebody else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from firedoor.action import Query, QuerySpec
from firedoor.errors import BadInput, NotFound
from firedoor.vendors.okta.client import OktaClient
from firedoor.vendors.okta.values import OktaUser


@dataclass(frozen=True, slots=True, kw_only=True)
class Logins:
    """Whom to find."""

    logins: tuple[str, ...]


class FindUsers(Query[Logins, OktaUser]):
    """The users of the given logins, in their order."""

    spec = QuerySpec(
        id="okta.find_users",
        title="Find Okta users by login",
        reads=frozenset({"okta.users.read"}),
        pages=("https://developer.okta.com/docs/api/openapi/okta-management/management/tag/User/",),
    )
    question = Logins
    target = OktaUser

    def __init__(self, okta: OktaClient) -> None:
        self._okta = okta

    async def find(self, question: Logins) -> Sequence[OktaUser]:
        """One target a login. Raises `BadInput` where Okta has no such user."""
        return await asyncio.gather(*(self._one(login) for login in question.logins))

    async def _one(self, login: str) -> OktaUser:
        try:
            found = await self._okta.user(login)
        except NotFound as missing:
            raise BadInput("Okta has no user of that login", target=login, advice="Check its spelling, or leave it out") from missing
        return OktaUser(user_id=found.id, login=found.login)
