"""Find Okta users by login.

Every login must be a user's whole login: a name that Okta matches only by its short form is refused, since it may mean somebody else.

A moment may be given since which the accounts are suspect. Actions that can tell old from new, such as `okta.reset_factors`, go by it.
Where nobody knows when it began, 1970-01-01T00:00:00Z says so: then nothing is too old to be suspect, as where no moment is given.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from firedoor.action import Query, QuerySpec
from firedoor.errors import BadInput, NotFound, shown
from firedoor.vendors.okta.client import OktaClient
from firedoor.vendors.okta.values import OktaUser

EVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Logins:
    """Whom to find. ``since`` is ISO 8601 with a time zone, empty where nobody knows when it began. Raises `BadInput` for anything else."""

    logins: tuple[str, ...]
    since: str = ""

    def __post_init__(self) -> None:
        if self.since:
            self.moment()

    def moment(self) -> datetime | None:
        """``since`` as a moment in UTC; none where it reaches back before everything."""
        if not self.since:
            return None
        try:
            moment = datetime.fromisoformat(self.since)
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            raise BadInput(
                "that is no moment with a time zone, in ISO 8601", target=shown(self.since), advice="Write it like 2023-10-18T16:00:00Z"
            )
        return moment.astimezone(UTC) if moment > EVER else None


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
        """One target a login. Raises `BadInput` where Okta has no such user, or ``since`` lies ahead of Okta's clock."""
        since = question.moment()
        found = await asyncio.gather(*(self._one(login, since) for login in question.logins))
        if since is not None and since > await self._okta.now():
            raise BadInput(
                "the accounts cannot be suspect since a moment yet to come", target=shown(question.since), advice="Check the date"
            )
        return found

    async def _one(self, login: str, since: datetime | None) -> OktaUser:
        try:
            found = await self._okta.user(login)
        except NotFound as missing:
            raise BadInput("Okta has no user of that login", target=login, advice="Check its spelling, or leave it out") from missing
        return OktaUser(user_id=found.id, login=found.login, since=since)
