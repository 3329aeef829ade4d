from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import aiohttp
import pytest
from aiolimiter import AsyncLimiter
from moto.backends import get_backend

from firedoor.action import FoundInPart
from firedoor.canonical import JSON
from firedoor.errors import BadInput, Conflict, Malformed, NotFound, Rejected, WriteRefused
from firedoor.vendors.access import Access
from firedoor.vendors.aws.client import AwsClient
from firedoor.vendors.aws.ipsets import IpSetBlock, listed
from firedoor.vendors.aws.prepared import AwsPrepared, IpSet
from firedoor.vendors.aws.simulator import AwsLag, AwsSimulator
from firedoor.vendors.aws.waf import Waf
from firedoor.vendors.aws.wire import error_body
from firedoor.vendors.faults import Effect, Fault
from tasks.aws.find_ip_sets import Addresses, FindIpSets
from tests.vendors.aws.conftest import ACCOUNT, OTHER, RawAws, allow, client

FOUR, SIX = "0d3a6391-aacf-444c-b8b3-296941d1e720", "7c1f2a54-0b6e-4d3f-9a55-1f0e6c2b8d10"
ATTACKERS = IpSet(account=ACCOUNT, region="eu-west-1", scope="REGIONAL", version="IPV4", name="attackers", id=FOUR)
EDGE = IpSet(account=OTHER, region="us-east-1", scope="CLOUDFRONT", version="IPV6", name="edge", id=SIX)
LONG = "2001:0db8:0000:0000:0000:0000:0000:0007/128"
UPDATE = "wafv2:UpdateIPSet"
KEY, SECRET = "AKIAQQQQWWWWEEEERRRR", "drillonlysecretdrillonlysecretdrillonlys"

WORLD: dict[str, JSON] = {
    ACCOUNT: {
        "users": {"ops": {"keys": {KEY: {"secret": SECRET}}, "policies": {"all": allow("wafv2:*")}}},
        "ip_sets": [{"name": "attackers", "id": FOUR, "region": "eu-west-1", "description": "by hand", "addresses": ["192.0.2.0/24"]}],
    },
    OTHER: {"ip_sets": [{"name": "edge", "id": SIX, "scope": "CLOUDFRONT", "version": "IPV6", "addresses": [LONG]}]},
}


@pytest.fixture
async def aws() -> AsyncIterator[AwsSimulator]:
    async with AwsSimulator(WORLD, lag=AwsLag(iam=0.0, waf=0.0)) as simulator:
        yield simulator


@pytest.fixture
async def writer(aws: AwsSimulator) -> AsyncIterator[AwsClient]:
    async with client(aws, Access.WRITE) as made:
        made.waf.pause = 0.001
        yield made


def held(aws: AwsSimulator, account: str = ACCOUNT, name: str = "eu-west-1/attackers") -> Any:
    return cast("Any", aws.state())[account]["ip_sets"][name]


async def test_it_reads_each_set_in_its_own_region_and_scope(reader: AwsClient) -> None:
    found = await reader.waf.entries(ATTACKERS)
    assert (found.version, found.entries, found.description) == ("IPV4", ("192.0.2.0/24",), "by hand")
    assert (await reader.waf.entries(EDGE)).entries == (LONG,)
    with pytest.raises(NotFound):
        await reader.waf.entries(replace(ATTACKERS, region="eu-central-1"))
    with pytest.raises(WriteRefused):
        await reader.waf.add(ATTACKERS, ("203.0.113.7/32",))


async def test_a_delta_leaves_the_rest_alone(writer: AwsClient, aws: AwsSimulator) -> None:
    assert await writer.waf.add(ATTACKERS, ("192.0.2.9/32", "203.0.113.7/32")) == ("203.0.113.7/32",)
    assert held(aws) == ["192.0.2.0/24", "203.0.113.7/32"]
    assert await writer.waf.add(ATTACKERS, ("192.0.2.9/32", "203.0.113.7/32")) == ()
    await writer.waf.remove(ATTACKERS, ("203.0.113.7/32", "192.0.2.9/32", "8.8.8.8/32"))
    await writer.waf.remove(ATTACKERS, ("203.0.113.7/32",))
    assert held(aws) == ["192.0.2.0/24"], "what is only covered by a network does not take the network with it"
    assert len(aws.accepted_writes()) == 2
    assert (await writer.waf.entries(ATTACKERS)).description == "by hand"


async def test_ipv6_is_compared_as_networks(writer: AwsClient, aws: AwsSimulator) -> None:
    now = await writer.waf.entries(EDGE)
    assert now.names(("2001:db8::7/128", "2001:db8::8/128")) == ("2001:db8::7/128",)
    assert replace(now, entries=("a form to come", LONG)).names(("2001:db8::7/128",)) == ("2001:db8::7/128",)
    await writer.waf.remove(EDGE, ("2001:db8::7/128",))
    assert held(aws, OTHER, "CLOUDFRONT/edge") == []


async def test_of_two_who_write_at_once_none_is_lost(writer: AwsClient, aws: AwsSimulator) -> None:
    wanted = [f"203.0.113.{n}/32" for n in range(6)]
    added = await asyncio.gather(*(writer.waf.add(ATTACKERS, (one,)) for one in wanted))
    assert [*added] == [(one,) for one in wanted]
    assert held(aws) == ["192.0.2.0/24", *wanted]
    assert any(record.code == "WAFOptimisticLockException" for record in aws.requests), "they did meet"


async def test_what_somebody_else_adds_meanwhile_is_not_ours(writer: AwsClient, aws: AwsSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    real = writer.waf._write

    async def overtaken(*known: Any) -> None:
        monkeypatch.setattr(writer.waf, "_write", real)
        get_backend("wafv2")[ACCOUNT]["eu-west-1"].update_ip_set(
            "attackers", "REGIONAL", FOUR, None, ["192.0.2.0/24", "203.0.113.7/32"], known[1].token
        )
        await real(*known)

    monkeypatch.setattr(writer.waf, "_write", overtaken)
    assert await writer.waf.add(ATTACKERS, ("203.0.113.7/32", "203.0.113.8/32")) == ("203.0.113.8/32",)
    assert held(aws) == ["192.0.2.0/24", "203.0.113.7/32", "203.0.113.8/32"]


async def test_a_lost_reply_leaves_the_addresses_ours(writer: AwsClient, aws: AwsSimulator) -> None:
    aws.faults.plan(Fault(operation=UPDATE, effect=Effect.FIRST, drop=True))
    assert await writer.waf.add(ATTACKERS, ("203.0.113.7/32",)) == ("203.0.113.7/32",)
    assert len(aws.accepted_writes()) == 1


async def test_a_race_is_given_up_in_the_end(writer: AwsClient, aws: AwsSimulator) -> None:
    aws.faults.plan(Fault(operation=UPDATE, status=400, body=error_body("wafv2", "WAFOptimisticLockException", "no")), times=50)
    with pytest.raises(Conflict) as lost:
        await writer.waf.add(ATTACKERS, ("203.0.113.7/32",))
    assert lost.value.changed is False
    assert sum(record.name == "wafv2:GetIPSet" for record in aws.requests) == 8


@pytest.mark.parametrize(
    "body", ["{}", '{"IPSet": {}, "LockToken": "x"}', '{"IPSet": {"IPAddressVersion": "IPV4", "Addresses": []}}', '{"IPS']
)
async def test_a_reading_that_is_no_ip_set_is_not_believed(body: str, writer: AwsClient, aws: AwsSimulator) -> None:
    aws.faults.plan(Fault(operation="wafv2:GetIPSet", status=200, body=body), times=9)
    with pytest.raises(Malformed):
        await writer.waf.add(ATTACKERS, ("203.0.113.7/32",))
    assert aws.accepted_writes() == []


class Counted(AsyncLimiter):
    """A limiter that nobody waits at, and that counts who came by."""

    turns = 0

    async def acquire(self, amount: float = 1) -> None:
        del amount
        self.turns += 1


async def test_every_attempt_waits_for_its_turn_in_its_account_and_region(writer: AwsClient, aws: AwsSimulator) -> None:
    here, there = Counted(1, 1), Counted(1, 1)
    writer.waf._turns = {(ACCOUNT, "eu-west-1"): here, (OTHER, "us-east-1"): there}
    aws.faults.plan(Fault(operation=UPDATE, status=400, body=error_body("wafv2", "ThrottlingException", "no")), times=2)
    await writer.waf.add(ATTACKERS, ("203.0.113.7/32",))
    assert (here.turns, there.turns) == (3, 0), "also each that was throttled; readings need no turn"
    await writer.waf.add(EDGE, ("2001:db8::1/128",))
    assert (here.turns, there.turns) == (3, 1)


async def test_aws_admits_one_write_a_second(writer: AwsClient) -> None:
    made = Waf(writer._doors)._turn(ATTACKERS)
    assert (made.max_rate, made.time_period) == (1, 1.0)


REFUSED = ["203.0.113.7", "203.0.113.7/24", "0.0.0.0/0", "2001:db8::/32", " ", "203.0.113.0/33", "attacker.example/32"]


@pytest.mark.parametrize("entry", REFUSED)
async def test_the_gate_refuses_what_aws_refuses(entry: str, writer: AwsClient, aws: AwsSimulator) -> None:
    now = await writer.waf.entries(ATTACKERS)
    with pytest.raises(Rejected) as refused:
        await writer.waf._write(ATTACKERS, now, (*now.entries, entry))
    assert refused.value.code == "WAFInvalidParameterException"
    assert held(aws) == ["192.0.2.0/24"]


async def test_a_set_has_room_for_ten_thousand(writer: AwsClient, aws: AwsSimulator) -> None:
    now = await writer.waf.entries(ATTACKERS)
    many = [f"10.{n >> 8}.{n & 255}.0/24" for n in range(10_001)]
    with pytest.raises(Conflict) as full:
        await writer.waf._write(ATTACKERS, now, many)
    assert full.value.code == "WAFLimitsExceededException"
    await writer.waf._write(ATTACKERS, now, many[:-1])
    assert len(held(aws)) == 10_000


async def test_what_is_for_cloudfront_is_asked_for_in_us_east_1_only(reader: AwsClient) -> None:
    with pytest.raises(Rejected) as refused:
        await reader.waf.entries(replace(EDGE, region="eu-west-1"))
    assert refused.value.code == "WAFInvalidParameterException"


async def test_policies_can_speak_of_one_set(aws: AwsSimulator, raw: RawAws) -> None:
    arn = f"arn:aws:wafv2:us-east-1:{ACCOUNT}:global/ipset/edge/{SIX}"
    aws.reset(
        {ACCOUNT: {"users": {"ops": {"keys": {KEY: {"secret": SECRET}}, "policies": {"one": allow("wafv2:GetIPSet", resource=arn)}}}}}
    )
    waf = raw.client("wafv2", KEY, SECRET)
    with pytest.raises(waf.exceptions.WAFNonexistentItemException):
        await asyncio.to_thread(lambda: waf.get_ip_set(Name="edge", Scope="CLOUDFRONT", Id=SIX))
    with pytest.raises(waf.exceptions.ClientError, match="AccessDenied"):
        await asyncio.to_thread(lambda: waf.get_ip_set(Name="edge", Scope="REGIONAL", Id=SIX))


async def knock(aws: AwsSimulator, address: str) -> int:
    async with aiohttp.ClientSession() as session, session.get(f"{aws.url}/web", headers={"X-Forwarded-For": address}) as reply:
        return reply.status


async def test_the_web_door_shuts_out_what_the_sets_hold_once_the_lag_has_passed(writer: AwsClient, aws: AwsSimulator) -> None:
    assert await knock(aws, "192.0.2.44") == 403
    assert await knock(aws, "2001:db8::7") == 403, "every set of the world counts"
    assert await knock(aws, "203.0.113.7") == 200
    assert await knock(aws, "no address") == 400
    aws.lag = AwsLag(waf=30.0)
    await writer.waf.add(ATTACKERS, ("203.0.113.7/32",))
    assert await knock(aws, "203.0.113.7") == 200
    aws.clock.shift(timedelta(seconds=31))
    assert await knock(aws, "203.0.113.7") == 403
    await writer.waf.remove(ATTACKERS, ("203.0.113.7/32",))
    aws.clock.shift(timedelta(seconds=31))
    assert await knock(aws, "203.0.113.7") == 200


def finder(*sets: IpSet) -> FindIpSets:
    return FindIpSets(AwsClient({ACCOUNT: ""}, Access.READ, prepared=AwsPrepared(ip_sets=sets)))


async def test_each_address_goes_to_every_set_of_its_version() -> None:
    also = replace(ATTACKERS, region="eu-central-1")
    found = await finder(ATTACKERS, EDGE, also).find(
        Addresses(addresses=("203.0.113.7", "2001:DB8::7", "198.51.100.0/24", "203.0.113.7/32"))
    )
    fours, sixes = ("203.0.113.7/32", "198.51.100.0/24"), ("2001:db8::7/128",)
    assert [(target.ip_set, target.addresses) for target in found] == [(ATTACKERS, fours), (EDGE, sixes), (also, fours)]
    assert found[0].label == f"203.0.113.7/32, 198.51.100.0/24 in ip set attackers (eu-west-1, {ACCOUNT})"
    assert len({target.names[0] for target in found}) == 3
    assert await finder(ATTACKERS, EDGE).find(Addresses(addresses=("203.0.113.7",))) == (found[0].only({"203.0.113.7/32"}),)


@pytest.mark.parametrize(("address", "words"), [("203.0.113.7/24", "bits set beyond"), ("203.0.113.256", "no IP address")])
async def test_what_is_no_network_is_answered_in_words(address: str, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        await finder(ATTACKERS, EDGE).find(Addresses(addresses=(address,)))


async def test_an_address_without_a_set_to_hold_it_is_not_left_out_in_silence() -> None:
    with pytest.raises(FoundInPart, match="no IP set for IPV6 is prepared") as missing:
        await finder(ATTACKERS).find(Addresses(addresses=("203.0.113.7", "2001:db8::7")))
    assert missing.value.target == "2001:db8::7/128"
    assert [target.addresses for target in missing.value.found] == [("203.0.113.7/32",)], "and it keeps no other open"
    with pytest.raises(FoundInPart, match="IPV4 and IPV6") as missing:
        await finder().find(Addresses(addresses=("203.0.113.7", "2001:db8::7")))
    assert missing.value.found == ()
    assert "have a rule of the web ACL block what is in it" in missing.value.advice


FIELDS = {"account": ACCOUNT, "region": "eu-west-1", "scope": "REGIONAL", "version": "IPV4", "name": "attackers", "id": FOUR}
WRONG = [
    {"account": "1"},
    {"region": "eu-west-1/"},
    {"scope": "GLOBAL"},
    {"scope": "CLOUDFRONT"},
    {"version": "IPV5"},
    {"name": "../x"},
    {"name": "аttackers"},  # noqa: RUF001 - a Cyrillic a
    {"id": FOUR.upper()},
    {"addresses": ("203.0.113.7",)},
    {"addresses": ("2001:db8::7/128",)},
    {"addresses": ("203.0.113.7/32", "203.0.113.7/32")},
]


@pytest.mark.parametrize("wrong", WRONG, ids=str)
def test_a_target_that_names_no_set_is_not_made(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        IpSetBlock(**{**FIELDS, "addresses": ("203.0.113.7/32",), **wrong})


def test_a_target_is_made_of_addresses() -> None:
    block = IpSetBlock(**FIELDS, addresses=("203.0.113.7/32", "198.51.100.0/24"))
    assert block.only({"198.51.100.0/24", "8.8.8.8/32"}).addresses == ("198.51.100.0/24",)
    assert block.only(()).addresses == ()
    assert block.names[1] == f"aws:arn:arn:aws:wafv2:eu-west-1:{ACCOUNT}:regional/ipset/attackers/{FOUR}"
    assert listed(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"
    assert listed([]) == "no address"
