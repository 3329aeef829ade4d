"""Network zones: what the client puts and keeps, and whom the simulator then lets in."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest

from firedoor.errors import BadInput, Conflict, Forbidden, Malformed, NotFound, Unreachable
from firedoor.vendors.access import Access
from firedoor.vendors.faults import Effect, Fault
from firedoor.vendors.okta.client import OktaClient
from firedoor.vendors.okta.replies import network_zone_whole
from firedoor.vendors.okta.simulator import OktaLag, OktaSimulator
from firedoor.vendors.okta.world import OktaWorld
from firedoor.vendors.okta.worlddata import world_of
from firedoor.vendors.okta.zones import (
    MOST_GATEWAYS,
    ZoneBlock,
    ZoneRecord,
    bared,
    entries_of,
    overfull,
    too_wide,
    unfit,
    with_added,
    with_removed,
)
from tests.vendors.okta.conftest import CANARY, DATA, JANE, LOGIN, ZONE

ATTACKER = "203.0.113.7"
ADMIN = {"Authorization": f"SSWS {CANARY}"}


def record(**fields: Any) -> ZoneRecord:
    usual = {"id": ZONE, "name": "Firedoor", "type": "IP", "status": "ACTIVE", "usage": "BLOCKLIST", "system": False, "gateways": ()}
    return ZoneRecord(**{"proxies": 0, **usual, **fields})


def test_a_block_names_its_zone_and_its_addresses() -> None:
    block = ZoneBlock(zone_id=ZONE, zone_name="Firedoor", addresses=("203.0.113.7/32", "2001:db8::/48"))
    assert (block.label, block.names) == ("Firedoor", (f"okta:zone:{ZONE}", "okta:zone:Firedoor"))
    assert block.only({"2001:db8::/48", "192.0.2.0/24"}).addresses == ("2001:db8::/48",)
    assert block.only(()).addresses == ()
    nameless = ZoneBlock(zone_id=ZONE, addresses=())
    assert (nameless.label, nameless.names) == (ZONE, (f"okta:zone:{ZONE}",))


def test_what_is_far_too_wide_is_never_written_whoever_asks() -> None:
    record = ZoneRecord(id=ZONE, name="Firedoor", type="IP", status="ACTIVE", usage="BLOCKLIST", system=False, gateways=(), proxies=1)
    with pytest.raises(Conflict, match=r"10\.0\.0\.0/8 shuts out far more"):
        with_added({"name": "Firedoor"}, record, ("10.0.0.0/8", "203.0.113.7/32"))
    assert too_wide(("203.0.0.0/16", "2001:db8::/32")) == ""
    assert "2001:d00::/24" in too_wide(("2001:d00::/24",))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"zone_id": "../users"}, "no Okta network zone id"),
        ({"zone_name": "Fire\u202edoor"}, "no name"),
        ({"zone_name": "F" * 129}, "no name"),
        ({"addresses": ("203.0.113.7",)}, "Write 203.0.113.7/32"),
        ({"addresses": ("::ffff:203.0.113.7/128",)}, "Write 203.0.113.7/32"),
        ({"addresses": ("attacker",)}, "LATIN SMALL LETTER T"),
    ],
)
def test_a_block_of_something_else_is_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput) as refusal:
        ZoneBlock(**{"zone_id": ZONE, "addresses": ("203.0.0.0/16", "2001:db8::/32"), **fields})
    assert said in str(refusal.value)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, ""),
        ({"system": True, "name": "BlockedIpZone"}, ""),
        ({"system": True, "name": "LegacyIpZone"}, "one of Okta's own"),
        ({"type": "DYNAMIC_V2"}, "is DYNAMIC_V2"),
        ({"usage": "POLICY"}, "blocks nobody"),
        ({"usage": "SOMETHING_NEW"}, "has usage SOMETHING_NEW"),
        ({"status": "INACTIVE"}, "is INACTIVE"),
    ],
)
def test_which_zones_are_fit(fields: dict[str, Any], said: str) -> None:
    assert bool(unfit(record(**fields))) is bool(said)
    assert said in unfit(record(**fields))


def test_how_much_goes_into_a_zone_and_out_of_it() -> None:
    full = record(gateways=tuple(f"10.0.{n // 256}.{n % 256}/32" for n in range(MOST_GATEWAYS - 1)))
    assert not overfull(full, 1)
    assert "1001 entries" in overfull(full, 2)
    one = record(gateways=("203.0.113.7-203.0.113.7",))
    assert "at least one gateway or proxy" in bared(one, ("203.0.113.7/32",))
    assert not bared(record(gateways=one.gateways, proxies=1), ("203.0.113.7/32",))
    assert not bared(record(gateways=(*one.gateways, "")), ("203.0.113.7/32",))
    assert entries_of(one, ("203.0.113.7/32", "203.0.113.8/32")) == ("203.0.113.7/32",)


async def test_a_zone_is_read_as_it_is(client: OktaClient) -> None:
    assert await client.network_zone(ZONE) == record(gateways=("198.51.100.0/24", "192.0.2.1-192.0.2.9"), proxies=1)
    with pytest.raises(NotFound):
        await client.network_zone("nzoNone")
    for bad in ("..", "nzo1/../../users", ""):
        with pytest.raises(BadInput, match="network zone id"):
            await client.network_zone(bad)
        with pytest.raises(BadInput, match="network zone id"):
            await client.add_to_zone(bad, ("203.0.113.7/32",))


async def test_adding_and_removing_touches_nothing_else(client: OktaClient, okta: OktaSimulator, world: OktaWorld) -> None:
    before = copy.deepcopy(world.state())
    added = await client.add_to_zone(ZONE, ("203.0.113.7/32", "198.51.100.9/32", "2001:db8::/48"))
    assert added == ("203.0.113.7/32", "2001:db8::/48")
    now: Any = world.state()["zones"]
    was: Any = before["zones"]
    assert now[ZONE] == {**was[ZONE], "gateways": [*was[ZONE]["gateways"], "203.0.113.7/32", "2001:db8::/48"]}
    assert await client.remove_from_zone(ZONE, (*added, "198.51.100.9/32")) == added
    assert world.state() == before
    assert [entry.event_type for entry in world.log.entries] == ["zone.update", "zone.update"]
    assert okta.accepted_writes == {"replaceNetworkZone": 2}


async def test_what_others_add_meanwhile_stays(client: OktaClient, world: OktaWorld) -> None:
    """Two who add at the same moment on this client, and an edit by hand in between: each change is laid over the zone as it is then."""
    await client.add_to_zone(ZONE, ("203.0.113.7/32",))
    world.zones[ZONE].gateways.append({"type": "CIDR", "value": "192.0.2.77/32"})
    world.zones[ZONE].extra["colour"] = "blue"
    await client.add_to_zone(ZONE, ("203.0.113.8/32",))
    await client.remove_from_zone(ZONE, ("203.0.113.7/32",))
    zone = world.zones[ZONE]
    assert [each["value"] for each in zone.gateways[2:]] == ["192.0.2.77/32", "203.0.113.8/32"]
    assert zone.extra == {"colour": "blue", "nested": {"empty": [], "none": None}}


async def test_after_a_wait_for_the_limit_the_zone_is_read_anew(client: OktaClient, okta: OktaSimulator) -> None:
    okta.faults.plan(Fault(operation="replaceNetworkZone", status=429), times=2)
    await client.add_to_zone(ZONE, ("203.0.113.7/32",))
    assert [seen.operation for seen in okta.requests] == ["getNetworkZone", "replaceNetworkZone"] * 3


async def test_a_replacement_is_never_repeated_blindly(client: OktaClient, okta: OktaSimulator) -> None:
    okta.faults.plan(Fault(operation="replaceNetworkZone", effect=Effect.FIRST, drop=True))
    with pytest.raises(Unreachable) as raised:
        await client.add_to_zone(ZONE, ("203.0.113.7/32",))
    assert (raised.value.changed, raised.value.target) == (None, ZONE)
    assert okta.accepted_writes == {"replaceNetworkZone": 1}
    with pytest.raises(Conflict, match="covers them all already") as told:
        await client.add_to_zone(ZONE, ("203.0.113.7/32",))
    assert told.value.changed is False


async def test_a_zone_that_is_not_for_blocking_is_left_alone(client: OktaClient, okta: OktaSimulator, world: OktaWorld) -> None:
    with pytest.raises(Conflict, match="blocks nobody"):
        await client.add_to_zone("nzotrust1", ("203.0.113.7/32",))
    with pytest.raises(Conflict, match="blocks nobody"):
        await client.remove_from_zone("nzotrust1", ("192.0.2.64/26",))
    with pytest.raises(Conflict, match="none of these"):
        await client.remove_from_zone(ZONE, ("203.0.113.7/32",))
    world.zones[ZONE].gateways, world.zones[ZONE].proxies = [{"type": "CIDR", "value": "198.51.100.0/24"}], None
    with pytest.raises(Conflict, match="nothing else is in zone"):
        await client.remove_from_zone(ZONE, ("198.51.100.0/24",))
    world.zones[ZONE].gateways = [{"type": "CIDR", "value": f"10.0.{n // 256}.{n % 256}/32"} for n in range(MOST_GATEWAYS)]
    with pytest.raises(Conflict, match="1001 entries"):
        await client.add_to_zone(ZONE, ("203.0.113.7/32",))
    assert not [seen for seen in okta.requests if seen.status == 400]


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "{}",
        '{"id": "nzoblock1", "name": "F", "type": "IP", "status": "ACTIVE", "usage": "BLOCKLIST", "gateways": "198.51.100.0/24"}',
        '{"id": "nzoblock1", "name": "F", "type": "IP", "status": "ACTIVE", "usage": "BLOCKLIST", "gateways": ["198.51.100.0/24"]}',
        '{"id": "nzoblock1", "name": "F", "type": "IP", "status": "ACTIVE", "usage": "BLOCKLIST", "gateways": [{"value": 7}]}',
        '{"id": "nzoblock1", "name": "F", "type": "IP", "usage": "BLOCKLIST", "gateways": []}',
        '{"id": "nzo',
    ],
)
async def test_a_zone_of_another_shape_is_never_written_over(client: OktaClient, okta: OktaSimulator, text: str) -> None:
    okta.faults.plan(Fault(operation="getNetworkZone", status=200, body=text), times=9)
    with pytest.raises(Malformed):
        await client.add_to_zone(ZONE, ("203.0.113.7/32",))
    assert not okta.accepted_writes


def test_an_entry_of_a_new_form_counts_and_stays() -> None:
    odd = {"type": "LIST", "list": "abuse.example"}
    raw = {"id": ZONE, "name": "F", "type": "IP", "status": "ACTIVE", "usage": "BLOCKLIST", "gateways": [odd], "created": "2023", "new": 1}
    whole, zone = network_zone_whole(raw)
    assert zone.gateways == ("",)
    body, added = with_added(whole, zone, ("203.0.113.7/32",))
    new = {"type": "CIDR", "value": "203.0.113.7/32"}
    rest = {"name": "F", "type": "IP", "status": "ACTIVE", "usage": "BLOCKLIST", "new": 1}
    assert (body, added) == ({**rest, "gateways": [odd, new]}, ("203.0.113.7/32",))
    whole, zone = network_zone_whole({**raw, "gateways": [new, odd]})
    assert with_removed(whole, zone, ("203.0.113.7/32",)) == ({**rest, "gateways": [odd]}, ("203.0.113.7/32",))
    assert raw["gateways"] == [odd]


async def test_permissions_are_those_of_zones(reader: OktaClient, client: OktaClient) -> None:
    await reader.network_zone(ZONE)
    assert reader.policy.used == {"okta.networkZones.read"}
    await client.add_to_zone(ZONE, ("203.0.113.7/32",))
    assert client.policy.used == {"okta.networkZones.read", "okta.networkZones.manage"}


# The simulator's own rules, over the wire.


@pytest.fixture
async def http(okta: OktaSimulator) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(okta.url, cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield session


async def knock(http: aiohttp.ClientSession, forwarded: str) -> dict[str, int]:
    """What each door answers to a caller with such a chain of addresses."""
    came = {"X-Forwarded-For": forwarded}
    asked = {
        "authn": http.post("/api/v1/authn", json={"username": LOGIN, "password": "pw-jane"}, headers=came),
        "session": http.get("/api/v1/sessions/me", headers={"Cookie": "sid=sid-leaked", **came}),
        "userinfo": http.get("/oauth2/v1/userinfo", headers={"Authorization": "Bearer at-1", **came}),
        "token": http.post("/oauth2/v1/token", data={"grant_type": "refresh_token", "refresh_token": "rt-1"}, headers=came),
        "admin": http.get(f"/api/v1/users/{JANE}", headers={**ADMIN, **came}),
    }
    answered = {}
    for door, request in asked.items():
        async with request as response:
            answered[door] = response.status
            if response.status == 403:
                assert (await response.json())["errorCode"] == "E0000006"
    return answered


OPEN = {"authn": 200, "session": 200, "userinfo": 200, "token": 200, "admin": 200}
SHUT = dict.fromkeys(OPEN, 403)


async def test_a_blocked_address_comes_in_at_no_door(
    http: aiohttp.ClientSession, client: OktaClient, okta: OktaSimulator, world: OktaWorld
) -> None:
    assert await knock(http, ATTACKER) == OPEN
    await client.add_to_zone(ZONE, (f"{ATTACKER}/32", "2001:db8::/48"))
    writes = len(world.log.entries)
    assert await knock(http, ATTACKER) == SHUT
    assert [(entry.event_type, entry.outcome) for entry in world.log.entries[writes:]] == [("security.request.blocked", "DENY")] * len(SHUT)
    assert all(not seen.accepted for seen in okta.requests if seen.status == 403)
    assert await knock(http, f"10.0.0.5, {ATTACKER}") == SHUT, "one blocked address in the chain is enough"
    assert await knock(http, "2001:db8::7") == SHUT
    assert await knock(http, "203.0.113.8") == OPEN
    assert await knock(http, "unknown, ::203.0.113.7, fe80::1%eth0") == OPEN
    await client.remove_from_zone(ZONE, (f"{ATTACKER}/32",))
    assert await knock(http, ATTACKER) == OPEN


@pytest.mark.parametrize("fields", [{"status": "INACTIVE"}, {"usage": "POLICY"}, {"type": "DYNAMIC"}])
async def test_only_an_active_blocklist_of_addresses_shuts_anybody_out(http: aiohttp.ClientSession, world: OktaWorld, fields: Any) -> None:
    assert (await knock(http, "198.51.100.7")) == SHUT
    for name, value in fields.items():
        setattr(world.zones[ZONE], name, value)
    assert (await knock(http, "198.51.100.7")) == OPEN


async def test_the_address_that_really_calls_counts_too(http: aiohttp.ClientSession, world: OktaWorld) -> None:
    world.zones[ZONE].gateways.append({"type": "CIDR", "value": "127.0.0.0/8"})
    assert await knock(http, "203.0.113.7") == SHUT
    async with OktaSimulator(world) as okta, OktaClient(org_url=okta.url, token=CANARY, access=Access.READ) as us:
        with pytest.raises(Forbidden):
            await us.whoami()


async def test_a_changed_zone_is_enforced_late() -> None:
    now = datetime(2023, 11, 23, 16, tzinfo=UTC)
    world = world_of(DATA, clock=lambda: now)
    async with (
        OktaSimulator(world, lag=OktaLag(network_zone=60.0)) as okta,
        OktaClient(org_url=okta.url, token=CANARY, access=Access.WRITE) as client,
        aiohttp.ClientSession(okta.url) as http,
    ):
        await client.add_to_zone(ZONE, (f"{ATTACKER}/32",))
        assert f"{ATTACKER}/32" in (await client.network_zone(ZONE)).gateways
        assert (await knock(http, ATTACKER)) == OPEN
        assert (await knock(http, "198.51.100.7")) == SHUT
        now += timedelta(seconds=60)
        assert (await knock(http, ATTACKER)) == SHUT


async def put(http: aiohttp.ClientSession, body: object, zone: str = ZONE) -> tuple[int, Any]:
    async with http.put(f"/api/v1/zones/{zone}", json=body, headers=ADMIN) as response:
        return response.status, await response.json()


GOOD = {"name": "Firedoor", "type": "IP", "usage": "BLOCKLIST", "status": "ACTIVE", "gateways": [{"type": "CIDR", "value": "192.0.2.7/32"}]}


async def test_a_put_replaces_the_whole_zone(http: aiohttp.ClientSession, world: OktaWorld) -> None:
    updated = world.zones[ZONE].updated
    given = {**GOOD, "gateways": [{"type": "RANGE", "value": "192.0.2.7"}], "id": "other", "system": True, "shade": 1}
    status, reply = await put(http, given)
    assert status == 200
    assert reply["gateways"] == [{"type": "RANGE", "value": "192.0.2.7-192.0.2.7"}]
    assert (reply["id"], reply["system"], reply["proxies"], reply["shade"]) == (ZONE, False, None, 1)
    assert "colour" not in reply
    assert reply["lastUpdated"] == updated.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert world.zones[ZONE].updated > updated
    (entry,) = world.log.entries
    assert (entry.event_type, entry.targets[0].id, entry.actor.name) == ("zone.update", ZONE, "ops@acme.example")
    assert (await put(http, {"name": "Firedoor", "type": "IP", "proxies": GOOD["gateways"]}))[1]["usage"] == "POLICY"


def many(number: int) -> list[dict[str, str]]:
    return [{"type": "CIDR", "value": f"10.0.{n // 256}.{n % 256}/32"} for n in range(number)]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ([], "E0000003"),
        ({**GOOD, "name": None}, "E0000001"),
        ({**GOOD, "name": "x" * 129}, "E0000001"),
        ({**GOOD, "name": "Offices"}, "E0000001"),
        ({**GOOD, "type": "DYNAMIC"}, "E0000001"),
        ({**GOOD, "usage": "BLACKLIST"}, "E0000001"),
        ({**GOOD, "status": "PAUSED"}, "E0000001"),
        ({**GOOD, "gateways": []}, "E0000001"),
        ({**GOOD, "gateways": None}, "E0000001"),
        ({**GOOD, "gateways": ["192.0.2.7/32"]}, "E0000001"),
        ({**GOOD, "gateways": [{"type": "CIDR", "value": "192.0.2.7"}]}, "E0000001"),
        ({**GOOD, "gateways": [{"type": "CIDR", "value": "192.0.2.0/33"}]}, "E0000001"),
        ({**GOOD, "gateways": [{"type": "HOST", "value": "192.0.2.7/32"}]}, "E0000001"),
        ({**GOOD, "gateways": [{"type": "RANGE", "value": "192.0.2.9-192.0.2.1"}]}, "E0000001"),
        ({**GOOD, "gateways": [{"type": "RANGE", "value": "192.0.2.x"}]}, "E0000001"),
        ({**GOOD, "gateways": many(MOST_GATEWAYS + 1)}, "E0000001"),
        ({**GOOD, "usage": "POLICY", "gateways": many(151)}, "E0000001"),
    ],
)
async def test_what_a_put_may_not_say(http: aiohttp.ClientSession, okta: OktaSimulator, world: OktaWorld, body: object, code: str) -> None:
    before = world.state()
    status, reply = await put(http, body)
    assert (status, reply["errorCode"]) == (400, code)
    assert world.state() == before
    assert not okta.accepted_writes


async def test_the_bounds_themselves_are_allowed(http: aiohttp.ClientSession, world: OktaWorld) -> None:
    assert (await put(http, {**GOOD, "gateways": many(MOST_GATEWAYS)}))[0] == 200
    world.zones[ZONE].system = True
    assert (await put(http, {**GOOD, "gateways": many(5000)}))[0] == 200
    assert (await put(http, {**GOOD, "gateways": many(5001)}))[0] == 400
    assert (await put(http, GOOD, zone="nzoNone"))[0] == 404


def test_a_zone_of_a_world_is_refused_where_it_means_nothing() -> None:
    rows: list[dict[str, Any]] = [{"gateways": ["nonsense"]}, {"gateway": []}, {"name": None}]
    for row in rows:
        with pytest.raises(BadInput):
            world_of({"zones": [{"id": "nzo1", "name": "x", **row}]})
