"""What the client sends and what the simulator answers, against Okta's published Management API specification.

The specification has no ``/api/v1/authn`` and no ``/api/v1/sessions`` (both are of the older Authentication and Sessions APIs), and
``/oauth2/v1/userinfo`` and ``/oauth2/v1/token`` stand in another document; those doors are not checked here.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from firedoor.errors import FiredoorError, VendorError
from firedoor.vendors.access import Access
from firedoor.vendors.okta import operations
from firedoor.vendors.okta.client import OktaClient
from firedoor.vendors.okta.operations import HttpOperation
from firedoor.vendors.okta.replies import nothing
from firedoor.vendors.okta.simulator import OktaLag, OktaSimulator
from firedoor.vendors.okta.transport import GuardedHttp, Reply
from firedoor.vendors.okta.watchlist import filter_for, types
from firedoor.vendors.okta.world import OktaWorld
from tests.specs import specification
from tests.vendors.okta.conftest import BOT, CANARY, JANE, LOGIN, OPS, PROGRAMS, READ_TOKEN, ZONE

ZONES = operations.REPLACE_NETWORK_ZONE
SAM = "00usam1"


@pytest.fixture(scope="session")
def document() -> dict[str, Any]:
    read: dict[str, Any] = json.loads(specification("okta/management.json").read_text())
    return read


@pytest.fixture(scope="session")
def validate(document: dict[str, Any]) -> Callable[[Exchange], None]:
    from openapi_core import Config, OpenAPI  # noqa: PLC0415 - slow, and only where the specification is
    from openapi_core.testing import MockRequest, MockResponse  # noqa: PLC0415

    # Only what the table names: the rest of the document costs seconds to prepare.
    paths = {operation.path: document["paths"][operation.path] for operation in operations.OPERATIONS}
    # The document is taken as it is: by the letter of OpenAPI it is not valid (a date-time whose default is "Assigned").
    config = Config(spec_validator_cls=None)
    spec = OpenAPI.from_dict({**document, "paths": paths, "servers": [{"url": "http://okta.example"}]}, config=config)

    def check(exchange: Exchange) -> None:
        headers = {"Authorization": "SSWS x"}
        request = MockRequest(
            "http://okta.example",
            exchange.method.lower(),
            exchange.path,
            args=dict(exchange.query),
            headers=headers,
            data=exchange.sent or None,
            content_type="application/json",
        )
        spec.validate_request(request)
        found = operations.find(exchange.method, exchange.path)
        assert found is not None
        described = paths[found.path][found.method.lower()]["responses"][str(exchange.status)]
        if "$ref" not in described and not described.get("content"):
            # The specification gives suspend and unsuspend no body; the recorded service answers them with an empty object.
            assert exchange.body == (b"{}" if exchange.status == 200 else b"")
            return
        spec.validate_response(request, MockResponse(exchange.body, status_code=exchange.status, content_type=exchange.content_type))

    return check


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    method: str
    path: str
    query: Mapping[str, str]
    status: int
    content_type: str
    body: bytes
    sent: bytes = b""


@pytest.fixture
def exchanges(monkeypatch: pytest.MonkeyPatch) -> list[Exchange]:
    """Every exchange that the client has from here on, as it was on the wire."""
    seen: list[Exchange] = []
    exchange = GuardedHttp._exchange

    async def listening(
        self: GuardedHttp, operation: HttpOperation, url: str, headers: Mapping[str, str], body: bytes
    ) -> Reply | FiredoorError:
        reply = await exchange(self, operation, url, headers, body)
        if isinstance(reply, Reply):
            parts = urlsplit(url)
            seen.append(
                Exchange(
                    method=operation.method,
                    path=parts.path,
                    query=dict(parse_qsl(parts.query, strict_parsing=bool(parts.query))),
                    status=reply.status,
                    content_type=reply.headers.get("Content-Type", "application/json").partition(";")[0],
                    body=reply.body,
                    sent=body,
                )
            )
        return reply

    monkeypatch.setattr(GuardedHttp, "_exchange", listening)
    return seen


def test_the_table_is_the_specifications(document: dict[str, Any]) -> None:
    for operation in operations.OPERATIONS:
        described = document["paths"][operation.path][operation.method.lower()]
        assert described["operationId"] == operation.name
        scopes = [scope for way in described["security"] for scope in way.get("oauth2", ())]
        assert scopes == [operation.permission]
        assert operation.writes == (operation.method != "GET")


def check_zone(document: dict[str, Any], zone: dict[str, Any], *, kept: bool) -> None:
    """An IP zone to the letter: where a body may be of several types, the general check looks at almost nothing in it.

    ``kept``: as Okta shows it, with what only Okta writes; otherwise as it is put, without. Fields that the specification does not name
    may be there in both.
    """
    schemas = document["components"]["schemas"]
    common, ip = schemas["NetworkZone"]["properties"], schemas["IPNetworkZone"]["allOf"][-1]["properties"]
    read_only = {name for name, field in common.items() if field.get("readOnly")} | {"_links"}
    assert read_only >= {"id", "created", "lastUpdated", "system"}
    assert set(schemas["NetworkZone"]["required"]) <= zone.keys()
    assert (read_only <= zone.keys()) if kept else not (read_only & zone.keys())
    for name, schema in (("type", "Type"), ("status", "Status"), ("usage", "Usage")):
        assert zone[name] in schemas[f"NetworkZone{schema}"]["enum"]
    assert zone["type"] == "IP"
    assert 0 < len(zone["name"]) <= common["name"]["maxLength"]
    assert "useAsExemptList" not in zone
    for name in ("gateways", "proxies"):
        assert zone[name] is not None or ip[name].get("nullable")
        for entry in zone[name] or ():
            assert entry.keys() == schemas["NetworkZoneAddress"]["properties"].keys()
            assert entry["type"] in schemas["NetworkZoneAddressType"]["enum"]
            network = [ip_address(part) for part in entry["value"].split("-")] if entry["type"] == "RANGE" else [ip_network(entry["value"])]
            assert network
    assert zone["gateways"] or zone["proxies"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"gateways": "bogus"},
        {"gateways": None},
        {"gateways": []},
        {"gateways": [{"type": "CIDR", "value": "192.0.2.7/24"}]},
        {"gateways": [{"type": "HOST", "value": "192.0.2.7/32"}]},
        {"gateways": [{"value": "192.0.2.7/32"}]},
        {"usage": "BLACKLIST"},
        {"status": None},
        {"type": "DYNAMIC"},
        {"name": ""},
        {"id": "nzo1"},
        {"_links": {}},
    ],
)
def test_the_check_of_a_zone_would_see_a_difference(document: dict[str, Any], wrong: dict[str, Any]) -> None:
    right: dict[str, Any] = {"name": "F", "type": "IP", "status": "ACTIVE", "usage": "BLOCKLIST", "proxies": None}
    right["gateways"] = [{"type": "CIDR", "value": "192.0.2.7/32"}, {"type": "RANGE", "value": "192.0.2.1-192.0.2.1"}]
    check_zone(document, {**right, "shade": 1}, kept=False)
    with pytest.raises((AssertionError, ValueError, TypeError, AttributeError)):
        check_zone(document, {**right, **wrong}, kept=False)


async def test_every_operation_as_the_client_sends_it_and_the_simulator_answers(
    document: dict[str, Any],
    world: OktaWorld,
    exchanges: list[Exchange],
    validate: Callable[[Exchange], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("firedoor.vendors.okta.client.LOG_PAGE", 1)
    monkeypatch.setattr("firedoor.vendors.okta.client.TOKEN_PAGE", 1)
    monkeypatch.setattr("firedoor.vendors.okta.grants.GRANT_PAGE", 1)
    monkeypatch.setattr("firedoor.vendors.okta.grants.MEMBER_PAGE", 1)
    monkeypatch.setattr("firedoor.vendors.okta.apps.APP_PAGE", 1)
    monkeypatch.setattr("firedoor.vendors.okta.apps.APP_TOKEN_PAGE", 1)
    monkeypatch.setattr("firedoor.vendors.okta.admins.ASSIGNEE_PAGE", 1)
    world.user(JANE).roles = ["READ_ONLY_ADMIN"]
    since = datetime.now(UTC) - timedelta(hours=1)
    async with (
        OktaSimulator(world, lag=OktaLag(system_log=0.0)) as okta,
        OktaClient(org_url=okta.url, token=CANARY, access=Access.WRITE) as client,
    ):
        await client.whoami()
        await client.user(LOGIN)
        await client.refresh_tokens(JANE)
        await client.admin_roles(OPS)
        await client.suspend_user(JANE)
        await client.unsuspend_user(JANE)
        await client.revoke_user_sessions(JANE)
        await client.network_zone(ZONE)
        await client.add_to_zone(ZONE, ("203.0.113.7/32", "2001:db8::/48"))
        await client.remove_from_zone(ZONE, ("203.0.113.7/32",))
        assert {factor.id for factor in await client.factors(JANE)} == {"opf1", "ost1", "sms1"}
        await client.unenroll_factor(JANE, "opf1", kind="push")
        await client.unenroll_factor(JANE, "sms1", kind="sms")
        await client.reset_factors(JANE)
        assert len(await client.user_grants(JANE)) == 2
        assert (await client.user_grant(JANE, "oag1")).scope == "openid"
        await client.revoke_user_grant(JANE, "oag1")
        await client.revoke_user_grants(JANE)
        assert [[user.id for user in page] async for page in client.group_members(PROGRAMS)] == [[JANE], [SAM]]
        await client.revoke_client_tokens(JANE, "0oaslides")
        assert (await client.app(BOT)).kind == "service"
        await client.deactivate_app(BOT)
        await client.activate_app(BOT)
        assert len(await client.app_tokens("0oaslides")) == 1
        await client.revoke_app_tokens("0oaslides")
        assert [user.id for user in await client.super_administrators()] == [OPS]
        world.user(JANE).status = "LOCKED_OUT"
        await client.unlock_user(JANE)
        await client.reset_password(JANE)
        assert [len(page) async for page in client.apps()] == [1, 1]
        made = await client.create_client_secret(BOT)
        assert {secret.status for secret in await client.client_secrets(BOT)} == {"ACTIVE"}
        await client.deactivate_client_secret(BOT, made.id)
        await client.activate_client_secret(BOT, made.id)
        await client.deactivate_client_secret(BOT, made.id)
        await client.delete_client_secret(BOT, made.id)
        (key,) = await client.client_keys(BOT)
        await client.deactivate_client_key(BOT, key.id)
        await client.activate_client_key(BOT, key.id)
        tokens = await client.api_tokens()
        await client.api_token(tokens[1].id)
        await client.revoke_api_token(tokens[1].id)
        await client.log_events(filter=f'eventType sw "user." and target.id eq "{JANE}"', since=since)
        await client.log_events(filter='eventType eq "user.session.clear"', since=since, until=since + timedelta(hours=2))
        world.log.write("user.session.start", at=datetime.now(UTC), actor=world.user(JANE).party, ip="203.0.113.66", session="102sim")
        wanted = filter_for(types())
        found = [one async for one in client.log_entries(since=since, until=datetime.now(UTC) + timedelta(hours=1), filter=wanted)]
        assert "203.0.113.66" in {one.ip for one in found}
    assert {seen.operation for seen in okta.requests} == {operation.name for operation in operations.OPERATIONS}
    assert len(exchanges) == len(okta.requests) > 10
    for exchange in exchanges:
        validate(exchange)
        if exchange.path.startswith("/api/v1/zones/"):
            check_zone(document, json.loads(exchange.body), kept=True)
        if exchange.sent and exchange.path.startswith("/api/v1/zones/"):
            check_zone(document, json.loads(exchange.sent), kept=False)


async def test_the_refusals_are_of_oktas_shape(world: OktaWorld, exchanges: list[Exchange], validate: Callable[[Exchange], None]) -> None:
    async with OktaSimulator(world) as okta:
        async with OktaClient(org_url=okta.url, token=CANARY, access=Access.WRITE) as client:
            for one in (
                client.unsuspend_user(JANE),
                client.suspend_user("00uNobody"),
                client.revoke_user_sessions("00uNobody"),
                client.user("00uNobody"),
                client.unlock_user(JANE),
                client.reset_password(SAM),
                client.reset_factors("00uNobody"),
                client.unenroll_factor(JANE, "opfNone", kind="push"),
                client.user_grants("00uNobody"),
                client.revoke_client_tokens("00uNobody", BOT),
                client.app("0oaNone"),
                client.deactivate_app("0oaNone"),
                client.activate_app("0oaNone"),
                client.revoke_app_tokens("0oaNone"),
                client.log_events(filter='severity eq "INFO"', since=datetime.now(UTC)),
                client.network_zone("nzoNone"),
                client.user_grant(JANE, "oag3"),
                client.revoke_user_grant(JANE, "oagNone"),
                client.client_secrets("0oaNone"),
                client.client_keys("0oaNone"),
                client.deactivate_client_secret(BOT, f"ocs{BOT}"),
                client.delete_client_secret(BOT, f"ocs{BOT}"),
                client.delete_client_secret(BOT, "ocsNone"),
                client.deactivate_client_key(BOT, "pksNone"),
                client.activate_client_key(BOT, "pksNone"),
                client.api_token("00Tnone"),
                client.revoke_api_token("00Tnone"),
                client._once(ZONES, ZONES.fill(ZONE), nothing, target=ZONE, body={"name": "Firedoor", "type": "IP", "gateways": []}),
                client._once(ZONES, ZONES.fill("nzoNone"), nothing, target=ZONE, body={"name": "Firedoor", "type": "IP"}),
            ):
                with pytest.raises(VendorError):
                    await one
        async with OktaClient(org_url=okta.url, token=READ_TOKEN, access=Access.WRITE) as lesser:
            with pytest.raises(VendorError):
                await lesser.suspend_user(JANE)
            with pytest.raises(VendorError):
                await lesser.add_to_zone(ZONE, ("203.0.113.7/32",))
    refused = (400, 404, 404, 404, 403, 403, *[404] * 8, 400, *[404] * 5, 400, 400, *[404] * 5, 400, 404, 403, 200, 403)
    assert tuple(exchange.status for exchange in exchanges) == refused
    for exchange in exchanges:
        validate(exchange)


@pytest.mark.parametrize(
    "wrong",
    [
        {"path": "/api/v1/users/00u1/lifecycle/freeze"},
        {"query": {"oauthTokens": "perhaps"}, "method": "DELETE", "path": "/api/v1/users/00u1/sessions", "status": 204},
        {"body": b'{"id": 7}'},
        {"body": b'{"id": "00u1", "status": "PONDERING"}'},
    ],
)
def test_the_check_itself_would_see_a_difference(validate: Callable[[Exchange], None], wrong: dict[str, Any]) -> None:
    right = Exchange(method="GET", path="/api/v1/users/00u1", query={}, status=200, content_type="application/json", body=b'{"id": "00u1"}')
    from openapi_core.exceptions import OpenAPIError  # noqa: PLC0415 - as above

    validate(right)
    with pytest.raises(OpenAPIError):
        validate(dataclasses.replace(right, **wrong))
