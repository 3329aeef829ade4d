"""Secrets Manager's rotations over the wire: what AWS documents of them, and how the simulator keeps to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from firedoor.canonical import JSON
from firedoor.errors import Conflict, Malformed, NotFound, Unreachable, WriteRefused
from firedoor.vendors.aws.client import AwsClient
from firedoor.vendors.aws.simulator import AwsLag, AwsSimulator
from firedoor.vendors.faults import Effect, Fault
from tests.vendors.aws.conftest import ACCOUNT, RawAws, allow

DB = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:db-AbCdEf"
HAND, OLDER, BARE = (f"{digit * 8}-2222-4333-8444-555555555555" for digit in "198")
TOKEN, OTHER = (f"firedoor-{digit * 8}-2222-4333-8444-555555555555" for digit in "34")
KEY, SECRET = "AKIAQQQQWWWWEEEERRRR", "drillonlysecretdrillonlysecretdrillonlys"
VERSIONS: JSON = {
    HAND: {"stages": ["AWSCURRENT"], "secret": "one", "created": "2023-01-02T03:04:05+00:00"},
    OLDER: {"stages": ["AWSPREVIOUS"], "secret": "two", "created": "2022-01-02T03:04:05+00:00"},
    BARE: {"stages": [], "secret": "three", "created": "2021-01-02T03:04:05+00:00"},
}
WORLD: dict[str, JSON] = {
    ACCOUNT: {
        "users": {"ci": {"keys": {KEY: {"secret": SECRET}}, "policies": {"all": allow("secretsmanager:*")}}},
        "secrets": {
            "db-AbCdEf": {"rotates": True, "versions": VERSIONS},
            "stuck-AbCdEf": {"rotates": True, "fails": True, "versions": VERSIONS},
            "off-AbCdEf": {"function": "arn:aws:lambda:us-east-1:111122223333:function:x", "versions": VERSIONS},
            "bare-AbCdEf": {"versions": VERSIONS},
            "broken-AbCdEf": {"rotates": True, "function": "", "versions": VERSIONS},
            "owned-AbCdEf": {"rotates": True, "function": "", "owner": "rds", "versions": VERSIONS},
            "gone-AbCdEf": {"rotates": True, "deleted": True, "versions": VERSIONS},
            "copy-AbCdEf": {"rotates": True, "replica_of": "eu-west-1", "versions": VERSIONS},
        },
    },
}


@pytest.fixture
async def aws() -> AsyncIterator[AwsSimulator]:
    async with AwsSimulator(WORLD, lag=AwsLag(iam=0.0, rotation=60.0)) as simulator:
        yield simulator


def versions(aws: AwsSimulator, name: str = "db") -> Any:
    return cast("Any", aws.state())[ACCOUNT]["secrets"][name]


def named(name: str) -> str:
    return DB.replace("db", name)


async def test_versions_are_told_with_the_moment_they_were_made(reader: AwsClient) -> None:
    made = await reader.secrets.made(DB)
    assert made == {version: datetime(year, 1, 2, 3, 4, 5, tzinfo=UTC) for version, year in ((HAND, 2023), (OLDER, 2022), (BARE, 2021))}, (
        "those without a label too"
    )
    with pytest.raises(NotFound):
        await reader.secrets.made(named("other"))
    with pytest.raises(WriteRefused):
        await reader.secrets.rotate(DB, TOKEN)


async def test_it_is_told_what_rotates_a_secret(reader: AwsClient) -> None:
    found = {name: await reader.secrets.describe(named(name)) for name in ("db", "off", "bare", "broken", "owned")}
    assert {name: (one.rotates, bool(one.function), one.service) for name, one in found.items()} == {
        "db": (True, True, ""),
        "off": (False, True, ""),
        "bare": (False, False, ""),
        "broken": (True, False, ""),
        "owned": (True, False, "rds"),
    }


async def test_a_rotation_goes_on_after_its_reply(writer: AwsClient, aws: AwsSimulator, raw: RawAws) -> None:
    await writer.secrets.rotate(DB, TOKEN)
    found = await writer.secrets.describe(DB)
    assert (found.holder("AWSCURRENT"), found.holder("AWSPENDING")) == (HAND, TOKEN)
    assert TOKEN not in await writer.secrets.made(DB), "a version is empty at first, and no listing has it"
    for token in (TOKEN, OTHER):
        with pytest.raises(Conflict) as busy:
            await writer.secrets.rotate(DB, token)
        assert busy.value.code == "InvalidRequestException"
    aws.clock.shift(timedelta(minutes=1))
    found = await writer.secrets.describe(DB)
    assert found.versions == {TOKEN: ("AWSCURRENT",), HAND: ("AWSPREVIOUS",)}
    assert (await writer.secrets.made(DB))[TOKEN] > datetime(2024, 1, 1, tzinfo=UTC)
    reading = raw.client("secretsmanager", KEY, SECRET)
    value = (await asyncio.to_thread(lambda: reading.get_secret_value(SecretId=DB)))["SecretString"]
    assert value not in {"one", "two", "three"}
    with pytest.raises(Conflict):
        await writer.secrets.rotate(DB, TOKEN)
    await writer.secrets.rotate(DB, OTHER)


async def test_a_function_that_fails_leaves_its_version_pending(writer: AwsClient, aws: AwsSimulator) -> None:
    await writer.secrets.rotate(named("stuck"), TOKEN)
    aws.clock.shift(timedelta(minutes=3))
    assert (await writer.secrets.describe(named("stuck"))).versions == {
        HAND: ("AWSCURRENT",),
        OLDER: ("AWSPREVIOUS",),
        TOKEN: ("AWSPENDING",),
    }
    with pytest.raises(Conflict):
        await writer.secrets.rotate(named("stuck"), OTHER)


@pytest.mark.parametrize("name", ["off", "bare", "broken", "gone", "copy"])
async def test_what_is_not_set_up_is_not_rotated(name: str, writer: AwsClient, aws: AwsSimulator) -> None:
    before = aws.state()
    with pytest.raises(Conflict) as refused:
        await writer.secrets.rotate(named(name), TOKEN)
    assert refused.value.changed is False
    assert aws.state() == before


async def test_a_service_rotates_its_own(writer: AwsClient, aws: AwsSimulator) -> None:
    aws.lag = AwsLag(iam=0.0, rotation=0.0)
    await writer.secrets.rotate(named("owned"), TOKEN)
    assert (await writer.secrets.describe(named("owned"))).holder("AWSCURRENT") == TOKEN


async def test_a_rotation_is_asked_for_once_where_the_reply_is_lost(writer: AwsClient, aws: AwsSimulator) -> None:
    aws.faults.plan(Fault(operation="secretsmanager:RotateSecret", effect=Effect.FIRST, drop=True))
    with pytest.raises(Unreachable) as lost:
        await writer.secrets.rotate(DB, TOKEN)
    assert lost.value.changed is None
    assert [record.operation for record in aws.requests].count("RotateSecret") == 1
    assert versions(aws)[TOKEN] == ["AWSPENDING"]


async def test_replies_of_others_and_listings_without_end_are_not_believed(writer: AwsClient, aws: AwsSimulator) -> None:
    aws.faults.plan(Fault(operation="secretsmanager:RotateSecret", effect=Effect.FIRST, status=200, body='{"VersionId": "another"}'))
    with pytest.raises(Malformed) as other:
        await writer.secrets.rotate(DB, TOKEN)
    assert other.value.changed is None
    for body in ('{"Versions": [{}]}', '{"NextToken": "t"}', '{"Versions": [], "NextToken": "t"}'):
        headers = {"Content-Type": "application/x-amz-json-1.1"}
        aws.faults.plan(Fault(operation="secretsmanager:ListSecretVersionIds", status=200, body=body, headers=headers), times=9)
        with pytest.raises(Malformed):
            await writer.secrets.made(DB)
        aws.faults._planned.clear()
