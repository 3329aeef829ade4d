from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from pydantic import SecretStr

from firedoor.canonical import JSON, plain
from firedoor.errors import BadInput, Conflict, Malformed, NotFound, Rejected, Unreachable, WriteRefused
from firedoor.vendors.access import Access
from firedoor.vendors.aws.client import AwsClient
from firedoor.vendors.aws.rotation import KeyRotation
from firedoor.vendors.aws.secrets import NewKey, check_secret_arn, version_of
from firedoor.vendors.aws.simulator import AwsLag, AwsSimulator
from firedoor.vendors.aws.values import IamUser
from firedoor.vendors.faults import Effect, Fault
from tasks.aws.find_key_owners import FindKeyOwners
from tasks.aws.find_key_owners import Keys as Owned
from tasks.aws.find_rotations import FindRotations, Keys
from tests.vendors.aws.conftest import ACCOUNT, RawAws, allow, client

ARN = f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:ci/aws-AbCdEf"
HERE = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:app-GhIjKl"
HAND, OLDER = "11111111-2222-4333-8444-555555555555", "99999999-2222-4333-8444-555555555555"
KEY, BARE, SECRET = "AKIAQQQQWWWWEEEERRRR", "AKIAZZZZYYYYXXXXWWWW", "drillonlysecretdrillonlysecretdrillonlys"
CI = IamUser(account=ACCOUNT, name="ci")
MADE = NewKey(id="AKIAEEEEFFFFGGGGHHHH", secret=SecretStr("canarysecretcanarysecretcanarysecretcanar"))

WORLD: dict[str, JSON] = {
    ACCOUNT: {
        "users": {
            "ci": {
                "tags": {"firedoor:secret": ARN},
                "keys": {KEY: {"secret": SECRET, "last_used": "2023-10-18T12:00:00+00:00"}},
                "policies": {"all": allow("secretsmanager:*")},
            },
            "bare": {"keys": {BARE: {}}},
        },
        "secrets": {
            "ci/aws-AbCdEf": {
                "region": "eu-west-1",
                "versions": {HAND: {"stages": ["AWSCURRENT"], "secret": "by hand"}, OLDER: {"stages": []}},
            },
            "app-GhIjKl": {
                "versions": {HAND: {"stages": ["AWSCURRENT"], "secret": "one"}, OLDER: {"stages": ["AWSPENDING"], "secret": "two"}}
            },
            "gone-GhIjKl": {"versions": {HAND: {"stages": ["AWSCURRENT"]}}, "deleted": True},
            "turning-GhIjKl": {"rotates": True},
            "owned-GhIjKl": {"owner": "rds"},
            "copy-GhIjKl": {"replica_of": "eu-west-1"},
        },
    },
}


@pytest.fixture
async def aws() -> AsyncIterator[AwsSimulator]:
    async with AwsSimulator(WORLD, lag=AwsLag(iam=0.0)) as simulator:
        yield simulator


def versions(aws: AwsSimulator, name: str = "ci/aws") -> Any:
    return cast("Any", aws.state())[ACCOUNT]["secrets"][name]


async def test_it_describes_a_secret_without_its_value(reader: AwsClient) -> None:
    found = await reader.secrets.describe(ARN)
    assert found.versions == {HAND: ("AWSCURRENT",)}, "a version without a label is not shown by AWS"
    assert (found.holder("AWSCURRENT"), found.holder("AWSPENDING"), found.labels(KEY)) == (HAND, "", ())
    assert (found.deleted, found.rotates, found.service, found.primary) == (False, False, "", "")
    with pytest.raises(NotFound):
        await reader.secrets.describe(ARN.replace("ci/aws", "ci/other"))
    with pytest.raises(BadInput):
        await reader.secrets.describe("ci/aws")
    with pytest.raises(WriteRefused):
        await reader.secrets.deliver(ARN, MADE)


async def test_it_sees_what_stands_in_the_way(reader: AwsClient) -> None:
    found = {name: await reader.secrets.describe(HERE.replace("app", name)) for name in ("gone", "turning", "owned", "copy")}
    assert found["gone"].deleted
    assert found["turning"].rotates
    assert (found["owned"].service, found["copy"].primary) == ("rds", "eu-west-1")
    assert found["copy"].versions == {}


async def test_a_key_is_delivered_once_however_often_it_is_sent(writer: AwsClient, aws: AwsSimulator) -> None:
    for _ in range(2):
        await writer.secrets.deliver(ARN, MADE)
    assert versions(aws) == {HAND: ["AWSCURRENT"], version_of(MADE.id): ["AWSPENDING"]}
    assert (await writer.secrets.describe(ARN)).labels(MADE.id) == ("AWSPENDING",)
    with pytest.raises(Conflict) as used:
        await writer.secrets.deliver(ARN, NewKey(id=MADE.id, secret=SecretStr("another")))
    assert used.value.code == "ResourceExistsException"


async def test_readers_get_the_new_key_once_it_is_current(writer: AwsClient, aws: AwsSimulator, raw: RawAws) -> None:
    await writer.secrets.deliver(HERE, MADE)
    reading = raw.client("secretsmanager", KEY, SECRET)

    async def read(**more: str) -> str:
        return str((await asyncio.to_thread(lambda: reading.get_secret_value(SecretId=HERE, **more)))["SecretString"])

    assert await read() == "one", "who names no label gets AWSCURRENT, and not the newest"
    await writer.secrets.make_current(HERE, version_of(MADE.id), instead_of=HAND)
    assert versions(aws, "app") == {HAND: ["AWSPREVIOUS"], version_of(MADE.id): ["AWSCURRENT", "AWSPENDING"]}
    assert json.loads(await read()) == {"AccessKeyId": MADE.id, "SecretAccessKey": MADE.secret.get_secret_value()}
    await writer.secrets.make_current(HERE, HAND, instead_of=version_of(MADE.id))
    assert await read() == "one"
    assert json.loads(await read(VersionStage="AWSPENDING"))["AccessKeyId"] == MADE.id


async def test_a_label_is_taken_only_from_where_it_is(writer: AwsClient, aws: AwsSimulator, raw: RawAws) -> None:
    before, manager = aws.state(), raw.client("secretsmanager", KEY, SECRET)
    with pytest.raises(manager.exceptions.InvalidParameterException):
        await asyncio.to_thread(lambda: manager.update_secret_version_stage(SecretId=HERE, VersionStage="AWSPENDING", MoveToVersionId=HAND))
    for wrong in ("", OLDER):
        with pytest.raises(Rejected) as refused:
            await writer.secrets.make_current(HERE, OLDER, instead_of=wrong)
        assert refused.value.code == "InvalidParameterException"
    assert aws.state() == before


@pytest.mark.parametrize("name", ["gone", "owned", "copy"])
async def test_nothing_is_put_where_aws_takes_nothing(name: str, writer: AwsClient, aws: AwsSimulator) -> None:
    with pytest.raises(Conflict) as refused:
        await writer.secrets.deliver(HERE.replace("app", name), MADE)
    assert refused.value.code == "InvalidRequestException"
    assert aws.accepted_writes() == []


async def test_a_reply_of_another_version_is_not_believed(writer: AwsClient, aws: AwsSimulator) -> None:
    aws.faults.plan(Fault(operation="secretsmanager:PutSecretValue", effect=Effect.FIRST, status=200, body=json.dumps({"VersionId": HAND})))
    with pytest.raises(Malformed) as other:
        await writer.secrets.deliver(ARN, MADE)
    assert other.value.changed is None
    aws.faults.plan(
        Fault(
            operation="secretsmanager:DescribeSecret",
            status=200,
            body='{"ARN": "arn:aws',
        ),
        times=9,
    )
    with pytest.raises(Malformed):
        await writer.secrets.describe(ARN)
    aws.faults.plan(Fault(operation="secretsmanager:UpdateSecretVersionStage", status=200, body="{}"), times=9)
    with pytest.raises(Malformed) as cut:
        await writer.secrets.make_current(ARN, OLDER, instead_of=HAND)
    assert cut.value.changed is None


async def test_a_key_is_made_with_a_secret_that_nobody_sees(writer: AwsClient, aws: AwsSimulator, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    made = await writer.create_access_key(CI)
    await writer.secrets.deliver(ARN, made)
    secret = made.secret.get_secret_value()
    assert secret in aws.secrets
    assert secret not in caplog.text + repr(made) + str(made) + f"{made.secret}"
    with pytest.raises(TypeError):
        plain(made)
    assert {key.id for key in await writer.access_keys(CI)} == {KEY, made.id}
    assert await writer.last_used(CI, made.id) is None
    assert await writer.last_used(CI, KEY) == datetime(2023, 10, 18, 12, tzinfo=UTC)
    await writer.delete_access_key(CI, made.id)
    with pytest.raises(NotFound):
        await writer.delete_access_key(CI, made.id)


async def test_the_making_of_a_key_is_not_repeated_where_the_reply_is_lost(writer: AwsClient, aws: AwsSimulator) -> None:
    aws.faults.plan(Fault(operation="iam:CreateAccessKey", effect=Effect.FIRST, drop=True))
    with pytest.raises(Unreachable) as lost:
        await writer.create_access_key(CI)
    assert lost.value.changed is None
    assert len(await writer.access_keys(CI)) == 2
    with pytest.raises(Conflict):
        await writer.create_access_key(CI)


@pytest.mark.parametrize(
    "body", ["<CreateAccessKeyResponse/>", "<CreateAccessKeyResponse><CreateAccessKeyResult/></CreateAccessKeyResponse>"]
)
async def test_a_reply_without_a_key_is_not_believed(body: str, writer: AwsClient, aws: AwsSimulator) -> None:
    aws.faults.plan(Fault(operation="iam:CreateAccessKey", status=200, body=body))
    with pytest.raises(Malformed):
        await writer.create_access_key(CI)


async def test_the_owners_tag_says_where_the_new_key_goes(reader: AwsClient) -> None:
    query = FindRotations(reader)
    assert await query.find(Keys(keys=(KEY, KEY))) == (KeyRotation(account=ACCOUNT, user="ci", key=KEY, secret=ARN),)
    with pytest.raises(BadInput, match="no tag firedoor:secret") as untagged:
        await query.find(Keys(keys=(BARE,)))
    assert "aws iam tag-user --user-name bare --tags Key=firedoor:secret,Value=" in untagged.value.advice
    with pytest.raises(BadInput, match="no such key"):
        await query.find(Keys(keys=("AKIAAAAABBBBCCCCDDDD",)))


async def test_owners_of_keys_are_found_with_their_path(aws: AwsSimulator) -> None:
    aws.reset({ACCOUNT: {"users": {"ci": {"path": "/bots/", "tags": {"firedoor:secret": ARN}, "keys": {KEY: {}}}}}})
    async with client(aws, Access.READ) as reader:
        for found in (*await FindRotations(reader).find(Keys(keys=(KEY,))), *await FindKeyOwners(reader).find(Owned(keys=(KEY,)))):
            assert f"aws:arn:arn:aws:iam::{ACCOUNT}:user/bots/ci" in found.names, "somebody may have protected that"


async def test_a_tag_that_is_no_arn_is_answered_in_words(aws: AwsSimulator) -> None:
    aws.reset({ACCOUNT: {"users": {"ci": {"tags": {"firedoor:secret": "ci/aws"}, "keys": {KEY: {}}}}}})
    async with client(aws, Access.READ) as reader:
        with pytest.raises(BadInput, match="is not the ARN of a secret"):
            await FindRotations(reader).find(Keys(keys=(KEY,)))


def test_versions_are_told_by_the_keys_they_hold() -> None:
    assert version_of(KEY) == version_of(KEY) != version_of(BARE)
    assert len(version_of(KEY)) == 36, "a ClientRequestToken has 32 to 64 characters"
    with pytest.raises(BadInput):
        version_of("AKIA")


@pytest.mark.parametrize(
    "text", ["", "ci/aws", ARN + "\n", ARN.replace("secretsmanager", "ssm"), ARN.replace("ci/aws", "ci aws"), ARN[:-7]]
)
def test_what_is_no_secrets_arn_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        check_secret_arn(text)
