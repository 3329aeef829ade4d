"""What the AWS sources list, in how many calls, and what they say where AWS says nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from firedoor.errors import Forbidden, Malformed
from firedoor.inventory import UNKNOWN_USE, Credential, State, Use
from firedoor.source import Source
from firedoor.vendors.access import Access
from firedoor.vendors.aws.client import AwsClient
from firedoor.vendors.aws.reports import BEHIND
from firedoor.vendors.aws.simulator import AwsLag, AwsSimulator
from firedoor.vendors.faults import Fault
from tasks.aws.list_access_keys import ListAccessKeys
from tasks.aws.list_root_keys import ListRootKeys

ACCOUNT, OTHER = "111122223333", "444455556666"
NEW, OLD, OFF, IDLE, ANCIENT = (f"AKIA{letter * 16}" for letter in "ABCDE")
CANARY = "canarysecretcanarysecretcanarysecretcanar"
WORLD: dict[str, Any] = {
    ACCOUNT: {
        "root_keys": [{"created": "2019-01-01T00:00:00Z", "last_used": "2023-10-01T12:00:00Z"}],
        "users": {
            "ci": {
                "path": "/team/build/",
                "tags": {"owner": "platform", "given-to": "moveworks", "firedoor:secret": "arn:x"},
                "keys": {
                    NEW: {"secret": CANARY, "created": "2023-06-01T10:00:00Z", "last_used": "2023-10-18T12:00:00Z"},
                    OLD: {"secret": CANARY, "created": "2021-06-01T10:00:00Z"},
                },
            },
            "idle": {},
            "off": {"keys": {OFF: {"status": "Inactive", "created": "2022-01-01T00:00:00Z", "last_used": "2022-02-01T00:00:00Z"}}},
        },
    },
    OTHER: {"users": {"ancient": {"keys": {ANCIENT: {"created": "2014-01-01T00:00:00Z"}}}, "quiet": {"keys": {IDLE: {}}}}},
}
HOME = {"sts:AssumeRole"}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firedoor.vendors.retry._BACKOFF", lambda _state: 0.01)


@pytest.fixture
async def aws() -> AsyncIterator[AwsSimulator]:
    async with AwsSimulator(WORLD, lag=AwsLag(iam=0.0)) as simulator:
        yield simulator


@asynccontextmanager
async def reading(aws: AwsSimulator, **settings: Any) -> AsyncIterator[AwsClient]:
    client = AwsClient(aws.roles(Access.READ), Access.READ, credentials=aws.credentials, endpoint=aws.url, timeout=5.0, **settings)
    client.reports.pause = 0.01
    async with client:
        yield client


async def listed(source: Source) -> list[Credential]:
    """Everything a source has, as whoever sweeps asks for it."""
    return [
        one
        for place in await source.places()
        async for holders in source.holders(place)
        for one in await source.credentials(place, holders)
    ]


def by_id(found: Sequence[Credential]) -> dict[str, Credential]:
    assert len({one.name for one in found}) == len(found)
    return {one.id: one for one in found}


async def test_every_key_is_listed_with_what_aws_knows_of_its_use(aws: AwsSimulator) -> None:
    async with reading(aws) as client:
        found = await listed(ListAccessKeys(client))
    assert [one.id for one in found] == [OLD, NEW, OFF, ANCIENT, IDLE]
    keys = by_id(found)
    assert keys[NEW].type == "aws.access_key"
    assert (keys[NEW].holder, keys[NEW].place, keys[NEW].state) == ("ci", ACCOUNT, State.ACTIVE)
    assert keys[NEW].created == datetime(2023, 6, 1, 10, tzinfo=UTC)
    assert keys[NEW].last_use.at == datetime(2023, 10, 18, 12, tzinfo=UTC)
    assert keys[NEW].last_use.behind == BEHIND == timedelta(hours=4)
    assert keys[NEW].names == (f"aws:key:{NEW}", f"aws:user:{ACCOUNT}/ci", f"aws:arn:arn:aws:iam::{ACCOUNT}:user/team/build/ci")
    assert keys[OLD].last_use.use is Use.NEVER
    assert keys[IDLE].last_use.use is Use.NEVER
    assert keys[OFF].state is State.INACTIVE
    assert keys[OFF].last_use == UNKNOWN_USE, "the report has no date of an inactive key"
    assert keys[ANCIENT].last_use == UNKNOWN_USE, "AWS took no note of uses then"
    assert CANARY not in repr(found)


async def test_one_call_a_user_and_one_report_an_account(aws: AwsSimulator) -> None:
    async with reading(aws) as client:
        await listed(ListAccessKeys(client))
        await listed(ListRootKeys(client))
    calls = Counter(record.name for record in aws.requests)
    assert calls == {
        "sts:AssumeRole": 2,
        "iam:ListUsers": 2,
        "iam:ListAccessKeys": 5,
        "iam:GenerateCredentialReport": 4,
        "iam:GetCredentialReport": 2,
    }


async def test_tags_are_asked_for_where_that_is_wanted(aws: AwsSimulator) -> None:
    async with reading(aws, tags=True) as client:
        keys = by_id(await listed(ListAccessKeys(client)))
        assert (keys[NEW].owner, keys[NEW].given_to, keys[NEW].tags["firedoor:secret"]) == ("platform", "moveworks", "arn:x")
        assert (keys[IDLE].owner, keys[IDLE].given_to, keys[IDLE].tags) == ("", "", {})
    async with reading(aws) as client:
        assert by_id(await listed(ListAccessKeys(client)))[NEW].tags == {}


async def test_a_user_that_is_newer_than_the_report_has_its_true_path_and_an_unknown_use(aws: AwsSimulator) -> None:
    async with reading(aws) as client:
        source = ListAccessKeys(client)
        await listed(source)
        _make_user("new", "/team/", "AKIA" + "F" * 16)
        found = by_id(await listed(source))["AKIA" + "F" * 16]
        assert found.names[-1] == f"aws:arn:arn:aws:iam::{ACCOUNT}:user/team/new"
        assert found.last_use == UNKNOWN_USE
        _age(aws, client)
        found = by_id(await listed(source))["AKIA" + "F" * 16]
        assert found.last_use.use is Use.NEVER, "a report of its own time knows it"


def _age(aws: AwsSimulator, client: AwsClient) -> None:
    """Four hours go by for the reports alone: nobody's signature is as old as that."""
    ours, theirs = client.reports._held, aws._gate._reports._held[ACCOUNT]
    ours[ACCOUNT] = replace(ours[ACCOUNT], made=theirs.made - BEHIND)
    theirs.made -= BEHIND


def _make_user(name: str, path: str, key_id: str) -> None:
    from firedoor.vendors.aws import world  # noqa: PLC0415

    world._Seeder(ACCOUNT)._user(name, {"path": path, "keys": {key_id: {}}})


async def test_without_a_report_every_use_is_unknown_and_no_key_is_missing(aws: AwsSimulator) -> None:
    aws.faults.plan(Fault(operation="iam:GenerateCredentialReport", status=403, body=_error("AccessDenied")), times=9)
    async with reading(aws) as client:
        found = await listed(ListAccessKeys(client))
        assert {one.id for one in found} == {NEW, OLD, OFF, IDLE, ANCIENT}
        assert {one.last_use for one in found} == {UNKNOWN_USE}
        assert by_id(found)[NEW].names[-1].endswith("user/team/build/ci"), "the guard still has the true path"
        with pytest.raises(Forbidden):
            await listed(ListRootKeys(client))


async def test_an_account_that_cannot_be_entered_is_a_place_and_fails_there(aws: AwsSimulator) -> None:
    roles = {**aws.roles(Access.READ), "777788889999": "arn:aws:iam::777788889999:role/firedoor-preview"}
    async with AwsClient(roles, Access.READ, credentials=aws.credentials, endpoint=aws.url, timeout=5.0) as client:
        source = ListAccessKeys(client)
        assert await source.places() == (ACCOUNT, OTHER, "777788889999")
        with pytest.raises(Forbidden):
            _ = [page async for page in source.holders("777788889999")]
        assert [page async for page in source.holders(OTHER)] == [["ancient", "quiet"]]


async def test_a_user_that_is_gone_by_then_has_no_keys(aws: AwsSimulator) -> None:
    async with reading(aws) as client:
        assert await ListAccessKeys(client).credentials(ACCOUNT, ["nobody", "idle"]) == []


async def test_whoever_may_not_see_one_users_keys_says_so(aws: AwsSimulator) -> None:
    aws.faults.plan(Fault(operation="iam:ListAccessKeys", status=403, body=_error("AccessDenied")))
    async with reading(aws) as client:
        with pytest.raises(Forbidden):
            await ListAccessKeys(client).credentials(ACCOUNT, ["ci", "idle", "off"])


async def test_a_page_that_comes_twice_is_no_listing(aws: AwsSimulator) -> None:
    body = (
        '<ListUsersResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><ListUsersResult><IsTruncated>true</IsTruncated>'
        "<Marker>m</Marker><Users></Users></ListUsersResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></ListUsersResponse>"
    )
    aws.faults.plan(Fault(operation="iam:ListUsers", status=200, body=body), times=9)
    async with reading(aws) as client:
        pages = ListAccessKeys(client).holders(ACCOUNT)
        assert [await anext(pages), await anext(pages)] == [[], []]
        with pytest.raises(Malformed):
            await anext(pages)


@pytest.mark.parametrize("content", ["", "dXNlcixhcm4K", "bm8gcmVwb3J0", "/w=="], ids=["nothing", "a header", "other text", "no text"])
async def test_a_report_that_cannot_be_read_says_nothing(content: str, aws: AwsSimulator) -> None:
    body = (
        '<GetCredentialReportResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><GetCredentialReportResult>'
        f"<Content>{content}</Content><GeneratedTime>2023-10-18T12:00:00Z</GeneratedTime></GetCredentialReportResult>"
        "<ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></GetCredentialReportResponse>"
    )
    aws.faults.plan(Fault(operation="iam:GetCredentialReport", status=200, body=body), times=9)
    async with reading(aws) as client:
        with pytest.raises(Malformed):
            await listed(ListRootKeys(client))
        assert {one.last_use for one in await listed(ListAccessKeys(client))} == {UNKNOWN_USE}


async def test_root_keys_are_in_no_listing_but_in_the_report(aws: AwsSimulator) -> None:
    async with reading(aws) as client:
        (found,) = await listed(ListRootKeys(client))
    assert (found.type, found.id, found.holder, found.place) == ("aws.root_key", "root-1", "<root_account>", ACCOUNT)
    assert found.names == (f"aws:root:{ACCOUNT}", f"aws:arn:arn:aws:iam::{ACCOUNT}:root")
    assert found.created == datetime(2019, 1, 1, tzinfo=UTC)
    assert found.last_use.at == datetime(2023, 10, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize("source", [ListAccessKeys, ListRootKeys])
async def test_a_source_declares_what_it_asks_for(source: type[Any], aws: AwsSimulator) -> None:
    async with reading(aws, tags=True) as client:
        found = source(client)
        await listed(found)
        if source is ListAccessKeys:
            _make_user("new", "/", "AKIA" + "G" * 16)
            await listed(found)
        assert client.policy.used - HOME == source.spec.reads


def _error(code: str) -> str:
    return (
        f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>no</Message></Error><RequestId>r</RequestId></ErrorResponse>"
    )
