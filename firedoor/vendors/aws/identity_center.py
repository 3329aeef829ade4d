"""The part of the AWS client that finds people in the identity store of Identity Center."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from firedoor.errors import Misconfigured
from firedoor.vendors.aws.doors import Doors
from firedoor.vendors.aws.prepared import AwsPrepared
from firedoor.vendors.aws.principals import SsoUser, check_sso_login
from firedoor.vendors.aws.replies import malformed

_FIND: Final = "identitystore:GetUserId"
_LIST: Final = "sso-admin:ListInstances"


class IdentityCenter:
    """Looks people up by login. The store is the one of the organization's instance, asked for in the management account."""

    def __init__(self, doors: Doors, prepared: AwsPrepared) -> None:
        self._doors = doors
        self._account = prepared.management_account
        self._store = ""

    async def user(self, login: str) -> SsoUser:
        """The user of that login. Raises `NotFound` where there is none, `Misconfigured` where no store can be asked."""
        check_sso_login(login)
        store = self._store = self._store or await self._only_store()
        alternate = {"UniqueAttribute": {"AttributePath": "userName", "AttributeValue": login}}
        parameters = {"IdentityStoreId": store, "AlternateIdentifier": alternate}
        reply = await self._doors.call(self._account, _FIND, parameters, target=login)
        user_id = reply.get("UserId")
        if not isinstance(user_id, str):
            raise malformed(self._doors.policy.operations[_FIND], "the reply has no UserId", target=login)
        return SsoUser(user_id=user_id, login=login)

    async def _only_store(self) -> str:
        if self._account not in self._doors.accounts or not self._account:
            raise Misconfigured(
                "Identity Center is asked in the organization's management account, which is not configured",
                advice="Name the management account in the settings, and add it and its role",
            )
        reply = await self._doors.call(self._account, _LIST, {})
        found = reply.get("Instances")
        if not isinstance(found, list) or reply.get("NextToken"):
            raise malformed(self._doors.policy.operations[_LIST], "the reply has no readable list of Instances")
        stores = {str(each["IdentityStoreId"]) for each in found if isinstance(each, Mapping) and each.get("IdentityStoreId")}
        if len(stores) != 1:
            raise Misconfigured(
                f"account {self._account} has {len(stores)} instances of Identity Center in this region, not one",
                advice="Set the region that Identity Center is in",
            )
        return stores.pop()
