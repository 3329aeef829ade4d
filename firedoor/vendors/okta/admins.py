"""Who administers the org: the part of `OktaClient` that reads roles."""

from __future__ import annotations

import asyncio
from typing import Final

from firedoor.errors import Malformed, NotFound
from firedoor.vendors.okta import operations, replies
from firedoor.vendors.okta.calls import Calls
from firedoor.vendors.okta.transport import VENDOR
from firedoor.vendors.okta.values import AdminRole, UserRecord, check_id

SUPER_ADMIN: Final = "SUPER_ADMIN"
ASSIGNEE_PAGE: Final = 100
MOST_PAGES: Final = 100
AT_ONCE: Final = 8
_WHOSE: Final = "the org's administrators"


class AdminCalls(Calls):
    """See `OktaClient` for the errors that every method may raise."""

    async def admin_roles(self, user_id: str) -> tuple[AdminRole, ...]:
        """The administrator roles of a user, their own and those of their groups (listAssignedRolesForUser)."""
        path = operations.LIST_ADMIN_ROLES.fill(check_id(user_id))
        return await self._pages(operations.LIST_ADMIN_ROLES, path, replies.admin_role, target=user_id)

    async def super_administrators(self) -> tuple[UserRecord, ...]:
        """The users who are ACTIVE and hold an active SUPER_ADMIN role, by id (listUsersWithRoleAssignments, then each one's roles).

        Two requests for each administrator of any kind, some at a time. Whether Okta lists who has a role only by a group is not
        established: one missed makes the answer smaller, never larger.
        """
        gate = asyncio.Semaphore(AT_ONCE)

        async def look(user_id: str) -> UserRecord | None:
            async with gate:
                try:
                    roles = await self.admin_roles(user_id)
                    if not any(role.type == SUPER_ADMIN and role.status in ("ACTIVE", "") for role in roles):
                        return None
                    found = await self._read_one(operations.GET_USER, check_id(user_id), replies.user, target=user_id)
                except NotFound:
                    return None
            return found if found.status == "ACTIVE" else None

        found = await asyncio.gather(*(look(user_id) for user_id in await self._role_assignees()))
        return tuple(sorted((user for user in found if user is not None), key=lambda user: user.id))

    async def _role_assignees(self) -> tuple[str, ...]:
        operation = operations.LIST_ROLE_ASSIGNEES
        path: str | None = f"{operation.path}?limit={ASSIGNEE_PAGE}"
        ids: dict[str, None] = {}
        asked: set[str] = set()
        while path is not None:
            if path in asked or len(asked) >= MOST_PAGES:
                what = f"Okta's reply to {operation.name} cannot be used: it hands out the same page again, or pages without end"
                raise Malformed(what, vendor=VENDOR, operation=operation.name, target=_WHOSE, advice="Run it again")
            asked.add(path)
            (page, link), _ = await self._call(operation, path, lambda body: replies.one(body, replies.role_assignees), target=_WHOSE)
            ids.update(dict.fromkeys(page))
            path = self._follow(operation, path, link, _WHOSE) if link else None
        return tuple(ids)
