from __future__ import annotations

import json
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from firedoor.vendors.access import Access
from firedoor.vendors.okta.client import OktaClient
from firedoor.vendors.okta.operations import OPERATIONS
from firedoor.vendors.okta.simulator import OktaLag, OktaSimulator
from firedoor.vendors.okta.world import OktaWorld
from firedoor.vendors.okta.worlddata import world_of
from tests.tasks.rooms.base import Room, Simulated, World

TOKEN = "00canaryTokenOfFiredoor7Hq2vNz"
READ_TOKEN = "00canaryTokenThatOnlyReads3Kd8"
OWNER = {"id": "00ufiredoor", "login": "firedoor@acme.example", "roles": ["SUPER_ADMIN"]}


_ANY: Final = frozenset({"403 E0000006", "403", "404 E0000007", "429 E0000047", "500", "500 after", "drop after", "lie"})


@asynccontextmanager
async def _open(world: World, lag: Mapping[str, float]) -> AsyncIterator[Simulated]:
    tokens = [{"token": TOKEN, "owner": OWNER["id"]}, {"token": READ_TOKEN, "owner": OWNER["id"], "role": "READ_ONLY_ADMIN"}]
    data = {**world, "users": [*world.get("users", ()), OWNER], "api_tokens": [*world.get("api_tokens", ()), *tokens]}

    def connect(access: Access, url: str, *, timeout: float = 5.0) -> OktaClient:
        return OktaClient(org_url=url, token=TOKEN if access is Access.WRITE else READ_TOKEN, access=access, timeout=timeout)

    async with (
        OktaSimulator(world_of(data), lag=OktaLag(**{"system_log": 0.0, **lag})) as okta,
        connect(Access.WRITE, okta.url) as client,
    ):
        okta.world.handed_out |= {TOKEN, READ_TOKEN}
        yield Simulated(
            url=okta.url,
            connect=connect,
            client=client,
            used=client.policy.used,
            faults=okta.faults,
            state=okta.world.state,
            writes=lambda: okta.accepted_writes,
            world=okta.world,
            secrets=okta.world.handed_out,
        )


def _error_body(operation: str, code: str) -> str:
    del operation
    return json.dumps({"errorCode": code, "errorSummary": "", "errorCauses": []})


def _troubles(operations: Collection[str]) -> frozenset[str]:
    return _ANY.union(*(operation.refusals for operation in OPERATIONS if operation.name in operations))


def _happen(world: OktaWorld, event: Mapping[str, Any]) -> None:
    """A status that a user, or what is ``switched``, gets by another hand; or what an attacker adds: a row of the world's own format."""
    for what, about in event.items():
        if what == "status":
            for name, status in about.items():
                world.user(name).status = status
        elif what == "switched":
            for kind, statuses in about.items():
                for name, status in statuses.items():
                    getattr(world, kind)[name].status = status
        else:
            people = [{"id": user.id, "login": user.login} for user in world.users.values()]
            apps = [{"id": app.id, "label": app.label} for app in world.apps.values()]
            more: Any = world_of({"users": people, "apps": apps, what: [about]})
            getattr(world, what).update(getattr(more, what))


ROOM = Room(operations=OPERATIONS, open=_open, error_body=_error_body, troubles=_troubles, happen=_happen)
