"""Find Okta applications by id.

For an OAuth client the app's id is also its client id, such as it stands in logs and configuration files, unless somebody chose another one
when the client was made. An app is never looked up by its label: anybody who may name one can give two apps the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from firedoor.action import Query, QuerySpec
from firedoor.errors import BadInput, NotFound
from firedoor.vendors.okta.client import OktaClient
from firedoor.vendors.okta.values import OktaApp


@dataclass(frozen=True, slots=True, kw_only=True)
class Apps:
    """Which ones to find: app ids, ``0oa...``."""

    apps: tuple[str, ...]


class FindServiceApps(Query[Apps, OktaApp]):
    """The apps of the given ids, in their order. What kind each is, the action that acts on it looks at."""

    spec = QuerySpec(
        id="okta.find_service_apps",
        title="Find Okta applications by id",
        reads=frozenset({"okta.apps.read"}),
        pages=("https://developer.okta.com/docs/api/openapi/okta-management/management/tag/Application/",),
    )
    question = Apps
    target = OktaApp

    def __init__(self, okta: OktaClient) -> None:
        self._okta = okta

    async def find(self, question: Apps) -> Sequence[OktaApp]:
        """One target an id. Raises `BadInput` where Okta has no such app."""
        return await asyncio.gather(*(self._one(app_id) for app_id in question.apps))

    async def _one(self, app_id: str) -> OktaApp:
        try:
            found = await self._okta.app(app_id)
        except NotFound as missing:
            raise BadInput(
                "Okta has no app of that id", target=app_id, advice="Copy the id from the app's page, or leave it out"
            ) from missing
        return OktaApp(app_id=found.id, title=found.label)
