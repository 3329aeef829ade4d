from __future__ import annotations

import copy
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import pytest

from firedoor.vendors.access import Access
from firedoor.vendors.okta.client import OktaClient
from firedoor.vendors.okta.simulator import OktaLag, OktaSimulator
from firedoor.vendors.okta.world import OktaWorld
from firedoor.vendors.okta.worlddata import world_of

CANARY = "00canary-7Hq2vNzExampleOnly"
READ_TOKEN = "00reader-3kExampleOnly"
JANE, OPS, BOT = "00ujane1", "00uops1", "0oabot1"
BOT_SECRET = "bot-secret-9Xw"
LOGIN = "jane@acme.example"
ZONE = "nzoblock1"
PROGRAMS = "00gprograms1"

DATA: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "users": [
        {"id": JANE, "login": LOGIN, "name": "Jane Doe", "password": "pw-jane", "status_changed": "2023-10-01T08:00:00Z"},
        {"id": OPS, "login": "ops@acme.example", "name": "Ops Lead", "roles": ["SUPER_ADMIN"]},
        {"id": "00usam1", "login": "sam@acme.example", "status": "SUSPENDED", "password": "pw-sam"},
        {"id": "00usam2", "login": "sam@partner.example"},
    ],
    "sessions": [{"id": "sid-leaked", "user": LOGIN}, {"id": "sid-ops", "user": OPS}],
    "oauth_tokens": [
        {"id": "oar1", "client": "0oaslides", "user": LOGIN, "refresh": "rt-1", "access": "at-1", "expires": "2099-01-01T00:00:00Z"},
        {"id": "oar2", "client": "0oacalendar", "user": LOGIN, "refresh": "rt-2"},
        {"id": "oar3", "client": "0oaslides", "user": OPS, "refresh": "rt-3"},
    ],
    "zones": [
        {
            "id": ZONE,
            "name": "Firedoor",
            "gateways": ["198.51.100.0/24", "192.0.2.1-192.0.2.9"],
            "proxies": ["192.0.2.200/32"],
            "extra": {"colour": "red", "nested": {"empty": [], "none": None}},
        },
        {"id": "nzotrust1", "name": "Offices", "usage": "POLICY", "gateways": ["192.0.2.64/26"]},
    ],
    "factors": [
        {"id": "opf1", "user": JANE, "type": "push", "created": "2023-10-18T16:05:00Z"},
        {"id": "ost1", "user": JANE, "type": "token:software:totp", "created": "2023-10-18T16:05:00Z"},
        {"id": "sms1", "user": JANE, "type": "sms", "created": "2023-02-01T09:00:00Z"},
        {"id": "fwf1", "user": OPS, "type": "webauthn", "provider": "FIDO"},
    ],
    "grants": [
        {"id": "oag1", "user": JANE, "client": "0oaslides", "scope": "openid"},
        {"id": "oag2", "user": JANE, "client": "0oacalendar", "scope": "offline_access"},
        {"id": "oag3", "user": OPS, "client": "0oaslides", "scope": "openid"},
    ],
    "apps": [
        {"id": BOT, "label": "Deploy bot", "secret": BOT_SECRET},
        {"id": "0oaslides", "label": "Slides", "type": "web", "secret": "slides-secret"},
    ],
    "groups": [{"id": PROGRAMS, "name": "Programs", "members": [JANE, "00usam1"]}],
    "client_keys": [{"id": "pksbot1", "app": BOT, "kid": "bot-2023"}],
    "api_tokens": [{"token": CANARY, "owner": OPS}, {"token": READ_TOKEN, "owner": OPS, "role": "READ_ONLY_ADMIN"}],
}


@pytest.fixture
def world() -> OktaWorld:
    return world_of(copy.deepcopy(DATA))


@pytest.fixture
async def okta(world: OktaWorld) -> AsyncIterator[OktaSimulator]:
    async with OktaSimulator(world, lag=OktaLag(system_log=0.0)) as simulator:
        yield simulator


@pytest.fixture
async def client(okta: OktaSimulator) -> AsyncIterator[OktaClient]:
    async with OktaClient(org_url=okta.url, token=CANARY, access=Access.WRITE, timeout=5.0) as made:
        yield made


@pytest.fixture
async def reader(okta: OktaSimulator) -> AsyncIterator[OktaClient]:
    async with OktaClient(org_url=okta.url, token=CANARY, access=Access.READ, timeout=5.0) as made:
        yield made


@pytest.fixture(autouse=True)
def _quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firedoor.vendors.retry._BACKOFF", lambda _: 0.0)
