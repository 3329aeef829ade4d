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
from firedoor.vendors.aws import world as worlds
from firedoor.vendors.aws.client import AwsClient
from firedoor.vendors.aws.reports import BEHIND
from firedoor.vendors.aws.simulator import AwsLag, AwsSimulator
from firedoor.vendors.faults import Fault
from tasks.aws.list_access_keys import ListAccessKeys
from tasks.aws.list_login_profiles import ListLoginProfiles
from tasks.aws.list_root_keys import ListRootKeys
from tasks.aws.list_secrets import ListSecrets
from tasks.aws.list_service_credentials import ListServiceCredentials

ACCOUNT, OTHER = "111122223333", "444455556666"
NEW, OLD, OFF, IDLE, ANCIENT = (f"AKIA{letter * 16}" for letter in "ABCDE")
GIT, CASSANDRA, VERSION = "ACCAAAAABBBBCCCCDDDD", "ACCAEEEEFFFFGGGGHHHH", "11111111-2222-4333-8444-555555555555"
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
            "ada": {
                "password": {"secret": CANARY, "created": "2020-01-01T08:00:00Z", "last_used": "2023-10-17T08:00:00Z"},
                "service_credentials": {
                    GIT: {"created": "2022-05-01T00:00:00Z"},
                    CASSANDRA: {"status": "Inactive", "service": "cassandra"},
                },
            },
            "idle": {"password": {"created": "2021-01-01T08:00:00Z"}},
            "off": {"keys": {OFF: {"status": "Inactive", "created": "2022-01-01T00:00:00Z", "last_used": "2022-02-01T00:00:00Z"}}},
        },
    },
    OTHER: {
        "secrets": {
            "db-AbCdEf": {
                "created": "2022-01-01T00:00:00Z",
                "last_read": "2023-10-18T15:59:00Z",
                "tags": {"owner": "data", "given_to": "smartsheet"},
                "versions": {VERSION: {"stages": ["AWSCURRENT"], "secret": CANARY}},
            },
            "old-GhIjKl": {"rotates": True, "owner": "rds"},
            "gone-MnOpQr": {"deleted": True},
            "far-StUvWx": {"region": "eu-west-1"},
        },
        "users": {"ancient": {"keys": {ANCIENT: {"created": "2014-01-01T00:00:00Z"}}}, "quiet": {"keys": {IDLE: {}}}},
    },
}
HOME = {"sts:AssumeRole"}
JSON_REPLY = {"x-amzn-requestid": "r", "Content-Type": "application/x-amz-json-1.1"}


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
        "iam:ListAccessKeys": 6,
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
    held: Any = {"keys": {key_id: {}}, "password": {}, "service_credentials": {"ACCAZZZZYYYYXXXXWWWW": {}}}
    worlds._Seeder(ACCOUNT)._user(name, {"path": path, **held})


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


async def test_passwords_are_listed_with_their_use(aws: AwsSimulator) -> None:
    async with reading(aws) as client:
        ada, idle = await listed(ListLoginProfiles(client))
    assert (ada.name, ada.holder, ada.state) == (f"aws:login_profile:{ACCOUNT}/ada", "ada", State.ACTIVE)
    assert ada.names == (f"aws:user:{ACCOUNT}/ada", f"aws:arn:arn:aws:iam::{ACCOUNT}:user/ada")
    assert ada.created == datetime(2020, 1, 1, 8, tzinfo=UTC)
    assert ada.last_use.at == datetime(2023, 10, 17, 8, tzinfo=UTC)
    assert (idle.holder, idle.last_use.use) == ("idle", Use.NEVER)
    calls = Counter(record.name for record in aws.requests)
    assert calls["iam:GetLoginProfile"] == 6
    assert calls["iam:GetUser"] == 0


async def test_the_report_says_nothing_of_a_password_that_is_newer(aws: AwsSimulator) -> None:
    async with reading(aws) as client:
        source = ListLoginProfiles(client)
        await listed(source)
        worlds.iam_of(ACCOUNT).users["ada"].password_made = datetime(2024, 1, 1)  # noqa: DTZ001 - moto's own are naive
        found = by_id(await listed(source))["ada"]
    assert found.created == datetime(2024, 1, 1, tzinfo=UTC)
    assert found.last_use == UNKNOWN_USE


async def test_credentials_for_single_services_are_listed_and_nobody_knows_their_use(aws: AwsSimulator) -> None:
    async with reading(aws) as client:
        git, cassandra = await listed(ListServiceCredentials(client))
    assert (git.id, git.holder, git.state, git.facts) == (
        GIT,
        "ada",
        State.ACTIVE,
        {"path": "/", "service": "codecommit.amazonaws.com"},
    )
    assert git.names[0] == f"aws:service-credential:{GIT}"
    assert (cassandra.id, cassandra.state) == (CASSANDRA, State.INACTIVE)
    assert {git.last_use, cassandra.last_use} == {UNKNOWN_USE}


async def test_secrets_are_listed_with_the_day_of_their_last_reading(aws: AwsSimulator) -> None:
    async with reading(aws, regions=("us-east-1", "eu-west-1")) as client:
        found = await listed(ListSecrets(client))
        assert client.policy.used - HOME == ListSecrets.spec.reads
    assert [one.id.rpartition(":")[2] for one in found] == ["db-AbCdEf", "gone-MnOpQr", "old-GhIjKl", "far-StUvWx"]
    db, gone, old, far = found
    assert (db.owner, db.given_to, db.holder, db.state) == ("data", "smartsheet", "us-east-1", State.ACTIVE)
    assert db.names == (f"aws:arn:{db.id}",)
    assert db.last_use.at == datetime(2023, 10, 18, tzinfo=UTC), "a day, and no hour"
    assert db.last_use.behind == timedelta(days=1)
    assert db.facts["changed"] == "2022-01-01T00:00:00+00:00"
    assert (db.facts["current"], old.facts["current"]) == (VERSION, "")
    assert gone.state is State.INACTIVE
    assert (old.facts["rotates"], old.facts["service"], old.last_use.use) == (True, "rds", Use.NEVER)
    assert far.holder == "eu-west-1"
    assert CANARY not in repr(found)


@pytest.mark.parametrize("pages", [('{"SecretList": [], "NextToken": "t"}', 9), ('{"NextToken": "t"}', 1), ('{"SecretList": [{}]}', 1)])
async def test_a_listing_of_secrets_that_does_not_go_on_or_names_none_is_no_listing(pages: tuple[str, int], aws: AwsSimulator) -> None:
    aws.faults.plan(Fault(operation="secretsmanager:ListSecrets", status=200, body=pages[0], headers=JSON_REPLY), times=pages[1])
    async with reading(aws) as client:
        with pytest.raises(Malformed):
            await ListSecrets(client).credentials(ACCOUNT, ["us-east-1"])


@pytest.mark.parametrize("source", [ListAccessKeys, ListLoginProfiles, ListRootKeys, ListServiceCredentials])
async def test_a_source_declares_what_it_asks_for(source: type[Any], aws: AwsSimulator) -> None:
    async with reading(aws, tags=True) as client:
        found = source(client)
        await listed(found)
        _make_user("new", "/", "AKIA" + "G" * 16)
        await listed(found)
        assert client.policy.used - HOME == source.spec.reads


def _error(code: str) -> str:
    return (
        f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>no</Message></Error><RequestId>r</RequestId></ErrorResponse>"
    )
