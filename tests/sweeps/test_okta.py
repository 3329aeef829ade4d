"""A containment sweep of an Okta org, over the wire: every secret, key, token and grant of programs ends in one disposition."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from firedoor.approval import Answer
from firedoor.drafting import Units
from firedoor.journal import Kind
from firedoor.vendors.faults import Effect, Fault
from tasks.okta.deactivate_client_key import DeactivateClientKey
from tasks.okta.list_api_tokens import ListApiTokens
from tasks.okta.list_client_secrets import ListClientSecrets
from tasks.okta.list_grants import ListGrants
from tasks.okta.replace_client_secret import ReplaceClientSecret
from tasks.okta.revoke_api_token import RevokeApiToken
from tasks.okta.revoke_grant import RevokeGrant
from tests.fakes import NO, hasten
from tests.sweeps.vault import Hall, book, hall
from tests.tasks.rooms import ROOMS
from tests.tasks.rooms.base import Simulated

RUN = "251126-aaaaaa"
OURS = {"okta:user:00ufiredoor": "it owns Firedoor's own Okta token"}
TREAT = {
    "okta.api_token": "okta.revoke_api_token",
    "okta.client_key": "okta.deactivate_client_key",
    "okta.client_secret": "okta.replace_client_secret",
    "okta.grant": "okta.revoke_grant",
}
WORLD: dict[str, Any] = {
    "users": [
        {"id": "00u1", "login": "ada@acme.example"},
        {"id": "00u2", "login": "bob@acme.example", "status": "DEPROVISIONED"},
        {"id": "00u3", "login": "robot@acme.example", "status": "SUSPENDED"},
    ],
    "groups": [{"id": "00g1", "name": "Programs", "members": ["00u3"]}],
    "grants": [{"id": "oag1", "user": "00u3", "client": "0oa1"}, {"id": "oag2", "user": "00u1", "client": "0oa1"}],
    "api_tokens": [
        {"id": "00T1", "name": "deploy", "token": "canary-token-1", "owner": "00u1"},
        {"id": "00T2", "name": "old", "token": "canary-token-2", "owner": "00u2"},
        {"id": "00T3", "name": "script", "token": "canary-token-3", "owner": "00u3"},
    ],
    "apps": [
        {"id": "0oa1", "label": "One", "secret": "canary-1"},
        {"id": "0oa2", "label": "Two that work"},
        {"id": "0oa3", "label": "One of two works", "status": "INACTIVE"},
        {"id": "0oa4", "label": "People sign in", "type": "web", "secret": "canary-4"},
    ],
    "client_secrets": [
        {"id": "ocs21", "app": "0oa2", "secret": "canary-21"},
        {"id": "ocs22", "app": "0oa2", "secret": "canary-22"},
        {"id": "ocs31", "app": "0oa3", "secret": "canary-31", "status": "INACTIVE"},
        {"id": "ocs32", "app": "0oa3", "secret": "canary-32"},
    ],
    "client_keys": [{"id": "pks1", "app": "0oa1"}, {"id": "pks2", "app": "0oa2"}, {"id": "pks3", "app": "0oa2", "status": "INACTIVE"}],
}


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    hasten(monkeypatch)
    monkeypatch.setattr("firedoor.batching.POLL_SECONDS", 0.02)
    monkeypatch.setattr("firedoor.vendors.retry._BACKOFF", lambda _: 0.0)


@pytest.fixture
async def at() -> AsyncIterator[Simulated]:
    async with ROOMS["okta"].open(WORLD, {}) as found:
        found.client.service_group = "00g1"
        yield found


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Hall]:
    async with hall(tmp_path, {}) as found:
        found.protected = OURS
        yield found


def units(at: Simulated) -> Units:
    actions = (RevokeApiToken, DeactivateClientKey, ReplaceClientSecret, RevokeGrant)
    sources = (ListApiTokens, ListClientSecrets, ListGrants)
    return Units(
        actions={unit.spec.id: unit(at.client) for unit in actions},
        queries={},
        sources={unit.spec.id: unit(at.client) for unit in sources},
    )


async def approve_too(here: Hall) -> None:
    """What cannot be undone takes a second approver."""
    async for event in here.journal.follow(RUN):
        if event.kind == Kind.REQUESTED:
            await here.desk.decide(RUN, NO, Answer.APPROVE, via="tests")
            return


async def swept(here: Hall, at: Simulated) -> Any:
    async with asyncio.TaskGroup() as both:
        both.create_task(approve_too(here))
        report = both.create_task(_swept(here, at))
    return report.result()


async def _swept(here: Hall, at: Simulated) -> Any:
    return await here.sweep(book(scope={"types": list(TREAT), "everything": True}, treat=TREAT), run=RUN, act=units(at))


def assert_contained(at: Simulated) -> None:
    """Nobody who held a credential of a program holds one now; and nothing else was touched."""
    known = {"canary-1", "canary-21", "canary-22", "canary-31", "canary-32"}
    secrets = at.world.client_secrets.values()
    assert not [one.id for one in secrets if one.secret in known and one.status == "ACTIVE"]
    assert {app: sum(one.app == app and one.status == "ACTIVE" for one in secrets) for app in ("0oa1", "0oa2", "0oa3", "0oa4")} == {
        "0oa1": 1,
        "0oa2": 1,
        "0oa3": 1,
        "0oa4": 1,
    }
    assert {one.status for one in at.world.client_keys.values()} == {"INACTIVE"}
    assert {token.owner for token in at.world.api_tokens.values()} == {"00ufiredoor"}
    assert at.world.grants.keys() == {"oag2"}


async def test_a_whole_org(here: Hall, at: Simulated) -> None:
    report = await swept(here, at)
    assert_contained(at)
    assert {one["id"] for one in report["open"]} == {f"api token {own} of 00ufiredoor in 127.0.0.1" for own in ("00Tgiven3", "00Tgiven4")}
    assert all("Firedoor's own" in one["reason"] for one in report["open"])
    assert report["types"] == {
        "okta.api_token": {"REVOKED": 3, "FAILED": 2},
        "okta.client_key": {"REVOKED": 3},
        "okta.client_secret": report["types"]["okta.client_secret"],
        "okta.grant": {"REVOKED": 1},
    }
    assert sum(report["types"]["okta.client_secret"].values()) == 5
    assert not report["findings"], "what the sweep made itself is no finding"


async def test_what_is_lost_on_the_way_is_made_good(here: Hall, at: Simulated) -> None:
    for operation in ("createOAuth2ClientSecret", "deactivateOAuth2ClientSecret", "deleteOAuth2ClientSecret", "revokeApiToken"):
        at.faults.plan(Fault(operation=operation, effect=Effect.FIRST, drop=True))
    report = await swept(here, at)
    assert_contained(at)
    assert report["left_over"] == 2
    assert not report["findings"]


async def test_no_secret_is_on_record(here: Hall, at: Simulated, tmp_path: Path) -> None:
    await swept(here, at)
    kept = await asyncio.to_thread(lambda: b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file()))
    assert len(at.secrets) > 2
    assert not [secret for secret in (*at.secrets, "canary") if secret.encode() in kept]
