"""What Okta's queries find, and what they refuse to look for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from firedoor.errors import BadInput
from firedoor.vendors.okta.client import OktaClient
from firedoor.vendors.okta.values import OktaApp, OktaUser
from tasks.okta.find_service_apps import Apps, FindServiceApps
from tasks.okta.find_users import FindUsers, Logins
from tests.tasks.rooms import ROOMS

WORLD: dict[str, Any] = {
    "users": [{"id": "00u1", "login": "ada@acme.example"}, {"id": "00u2", "login": "bob@acme.example"}],
    "apps": [{"id": "0oa1", "label": "Deploy bot", "secret": "canary"}, {"id": "0oa2", "label": "Slides", "type": "web"}],
}


@pytest.fixture
async def okta() -> AsyncIterator[OktaClient]:
    async with ROOMS["okta"].open(WORLD, {}) as at:
        yield at.client


async def test_users_in_the_order_they_were_named(okta: OktaClient) -> None:
    found = await FindUsers(okta).find(Logins(logins=("bob@acme.example", "ada@acme.example")))
    assert found == [OktaUser(user_id="00u2", login="bob@acme.example"), OktaUser(user_id="00u1", login="ada@acme.example")]


async def test_users_suspect_since_a_moment(okta: OktaClient) -> None:
    (found,) = await FindUsers(okta).find(Logins(logins=("ada@acme.example",), since="2023-10-18T18:00:00+02:00"))
    assert found.since == datetime(2023, 10, 18, 16, tzinfo=UTC)


async def test_where_nobody_knows_when_it_began_everything_is_suspect(okta: OktaClient) -> None:
    (found,) = await FindUsers(okta).find(Logins(logins=("ada@acme.example",), since="1970-01-01T00:00:00Z"))
    assert found.since is None


@pytest.mark.parametrize("since", ["yesterday", "2023-10-18", "2023-10-18T16:00:00", "16:00Z", "2023-10-18T16:00:00Z\u200b"])
def test_a_moment_that_could_mean_another_one(since: str) -> None:
    with pytest.raises(BadInput, match="no moment with a time zone") as refusal:
        Logins(logins=("ada@acme.example",), since=since)
    assert str(refusal.value).isascii()


async def test_a_moment_yet_to_come(okta: OktaClient) -> None:
    with pytest.raises(BadInput, match="yet to come"):
        await FindUsers(okta).find(Logins(logins=("ada@acme.example",), since="2199-01-01T00:00:00Z"))


async def test_nobody_of_that_login(okta: OktaClient) -> None:
    with pytest.raises(BadInput, match=r"eve@acme\.example"):
        await FindUsers(okta).find(Logins(logins=("ada@acme.example", "eve@acme.example")))


async def test_apps_by_id(okta: OktaClient) -> None:
    found = await FindServiceApps(okta).find(Apps(apps=("0oa2", "0oa1")))
    assert found == [OktaApp(app_id="0oa2", title="Slides"), OktaApp(app_id="0oa1", title="Deploy bot")]


@pytest.mark.parametrize("app", ["0oaNone", "Deploy bot", "..", ""])
async def test_no_app_of_that_id(okta: OktaClient, app: str) -> None:
    with pytest.raises(BadInput):
        await FindServiceApps(okta).find(Apps(apps=(app,)))
