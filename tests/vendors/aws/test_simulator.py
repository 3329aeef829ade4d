from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from firedoor.canonical import JSON
from firedoor.vendors.aws.simulator import AwsLag, AwsSimulator
from firedoor.vendors.aws.world import Thing, iam_of
from tests.vendors.aws.conftest import ACCOUNT, KEY, SECRET, RawAws, allow

DENY_ALL: dict[str, JSON] = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}


async def said(call: Callable[..., Any], **parameters: object) -> str:
    """AWS's error code, "" for a success; as any boto3 user sees it."""
    try:
        await asyncio.to_thread(call, **parameters)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


async def do(call: Callable[..., Any], **parameters: object) -> Any:
    return await asyncio.to_thread(call, **parameters)


async def test_signatures_are_checked(aws: AwsSimulator, raw: RawAws) -> None:
    assert await said(raw.client("iam").list_users) == ""
    assert await said(raw.client("iam", key="AKIAZZZZZZZZZZZZZZZZ").list_users) == "InvalidClientTokenId"
    assert await said(raw.client("iam", secret="x" * 40).list_users) == "SignatureDoesNotMatch"
    assert await said(raw.client("iam", token="x").list_users) == "InvalidClientTokenId"
    assert await said(raw.client("secretsmanager", key="AKIAZZZZZZZZZZZZZZZZ").list_secrets) == "UnrecognizedClientException"
    aws.clock.shift(timedelta(minutes=6))
    assert await said(raw.client("iam").list_users) == "SignatureDoesNotMatch"
    assert await said(raw.client("secretsmanager").list_secrets) == ""
    assert [record.status for record in aws.requests] == [200, 403, 403, 403, 400, 403, 200]


async def test_nothing_is_allowed_unless_something_allows_it(raw: RawAws) -> None:
    iam = raw.client("iam")
    assert await said(iam.create_user, UserName="x") == "AccessDenied"
    assert await said(raw.client("sqs").list_queues) == "AccessDeniedException"
    assert await said(raw.client("sts").get_caller_identity) == ""


async def test_a_key_is_off_once_the_lag_has_passed_and_on_again(aws: AwsSimulator, raw: RawAws) -> None:
    aws.lag = AwsLag(iam=60.0)
    iam = raw.client("iam")
    await do(iam.update_access_key, AccessKeyId=KEY, Status="Inactive")
    shown = await do(iam.list_access_keys)
    assert shown["AccessKeyMetadata"][0]["Status"] == "Inactive", "the API shows it at once, and still takes the key"
    aws.clock.shift(timedelta(seconds=61))
    assert await said(iam.list_access_keys) == "InvalidClientTokenId"
    assert await said(raw.client("sts").get_caller_identity) == "InvalidClientTokenId"


async def test_a_deleted_key_is_off_and_a_made_one_works_after_the_lag(aws: AwsSimulator, raw: RawAws) -> None:
    iam = raw.client("iam")
    made = (await do(iam.create_access_key))["AccessKey"]
    other = raw.client("iam", made["AccessKeyId"], made["SecretAccessKey"])
    assert await said(other.delete_access_key, AccessKeyId=KEY) == ""
    assert await said(iam.list_users) == "InvalidClientTokenId"
    aws.lag = AwsLag(iam=60.0)
    aws.clock.shift(timedelta(seconds=61))
    newer = (await do(other.create_access_key))["AccessKey"]
    late = raw.client("iam", newer["AccessKeyId"], newer["SecretAccessKey"])
    assert await said(late.list_users) == "InvalidClientTokenId"
    aws.clock.shift(timedelta(seconds=61))
    assert await said(late.list_users) == ""


async def test_a_session_outlives_its_key(raw: RawAws) -> None:
    session = (await do(raw.client("sts").get_session_token))["Credentials"]
    await do(raw.client("iam").update_access_key, AccessKeyId=KEY, Status="Inactive")
    assert await said(raw.client("secretsmanager").list_secrets) == "UnrecognizedClientException"
    assert await said(raw.session("secretsmanager", session).list_secrets) == ""


async def test_a_user_session_has_its_documented_limits(aws: AwsSimulator, raw: RawAws) -> None:
    session = (await do(raw.client("sts").get_session_token))["Credentials"]
    assert await said(raw.session("iam", session).list_users) == "InvalidClientTokenId"
    assert await said(raw.session("sts", session).get_session_token) == "AccessDenied"
    caller = await do(raw.session("sts", session).get_caller_identity)
    assert caller["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/ci-deploy"
    session["SessionToken"] = "x"
    assert await said(raw.session("secretsmanager", session).list_secrets) == "UnrecognizedClientException"
    assert aws.requests[-1].principal == ""


async def test_sessions_older_than_the_revocation_end_and_newer_ones_live(aws: AwsSimulator, raw: RawAws) -> None:
    sts = raw.client("sts")
    older = (await do(sts.get_session_token))["Credentials"]
    aws.clock.shift(timedelta(seconds=2))
    condition: JSON = {"DateLessThan": {"aws:TokenIssueTime": aws.clock.now().replace(microsecond=0).isoformat()}}
    statement: JSON = {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": condition}
    _plant(aws, "AWSRevokeOlderSessions", {"Version": "2012-10-17", "Statement": [statement]})
    newer = (await do(sts.get_session_token))["Credentials"]
    assert await said(raw.session("secretsmanager", older).list_secrets) == "AccessDeniedException"
    assert await said(raw.session("secretsmanager", newer).list_secrets) == ""
    assert await said(raw.client("secretsmanager").list_secrets) == "", "a long-term key has no issue time"
    assert await said(raw.session("sts", older).get_caller_identity) == "", "no policy denies this one"


async def test_a_deny_wins_and_its_removal_lifts_it(aws: AwsSimulator, raw: RawAws) -> None:
    _plant(aws, "deny", DENY_ALL)
    assert await said(raw.client("iam").list_users) == "AccessDenied"
    _plant(aws, "deny", None)
    assert await said(raw.client("iam").list_users) == ""


async def test_a_role_session_acts_as_the_role_within_its_session_policy(aws: AwsSimulator, raw: RawAws) -> None:
    sts, role = raw.client("sts"), f"arn:aws:iam::{ACCOUNT}:role/deployer"
    free = (await do(sts.assume_role, RoleArn=role, RoleSessionName="aaa"))["Credentials"]
    bound = (await do(sts.assume_role, RoleArn=role, RoleSessionName="bbb", Policy=json.dumps(allow("iam:ListUsers"))))["Credentials"]
    assert await said(raw.session("iam", free).create_user, UserName="mallory") == ""
    assert await said(raw.session("iam", bound).create_user, UserName="mallory2") == "AccessDenied"
    assert await said(raw.session("iam", bound).list_users) == ""
    assert aws.requests[-1].principal == f"arn:aws:sts::{ACCOUNT}:assumed-role/deployer/bbb"
    assert await said(sts.assume_role, RoleArn=f"arn:aws:iam::{ACCOUNT}:role/firedoor-contain", RoleSessionName="xxx") == "AccessDenied"
    aws._standings.sessions[free["AccessKeyId"]] = _ended(aws, free["AccessKeyId"])
    assert await said(raw.session("iam", free).list_users) == "ExpiredToken"


def _ended(aws: AwsSimulator, key_id: str) -> Any:
    return replace(aws._standings.sessions[key_id], expires=aws.clock.now())


STRANGE: list[dict[str, JSON]] = [
    {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"StringEquals": {"aws:SourceIp": "10.0.0.1"}}},
    {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"DateLessThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}},
    {"Effect": "Deny", "Action": "*", "NotResource": "x", "Resource": "*"},
    {"Effect": "Allow", "Action": "*", "Resource": "arn:aws:iam::*:user/${aws:username}"},
]


@pytest.mark.parametrize("statement", STRANGE)
async def test_what_the_simulator_does_not_know_is_loud(statement: dict[str, JSON], aws: AwsSimulator, raw: RawAws) -> None:
    document = json.dumps({"Version": "2012-10-17", "Statement": statement})
    role = f"arn:aws:iam::{ACCOUNT}:role/deployer"
    session = (await do(raw.client("sts").assume_role, RoleArn=role, RoleSessionName="aaa"))["Credentials"]
    iam = raw.session("iam", session)
    put = {"UserName": "ci-deploy", "PolicyName": "x", "PolicyDocument": document}
    assert await said(iam.put_user_policy, **put) == "PolicyNotSimulated"
    assert aws.requests[-1].status == 501
    iam_of(ACCOUNT).users["ci-deploy"].policies["x"] = document
    aws._standings.settle(ACCOUNT)
    assert await said(raw.client("iam").list_users) == "PolicyNotSimulated"
    assert await said(iam.put_user_policy, **{**put, "PolicyDocument": "{"}) == "MalformedPolicyDocument"


async def test_what_moto_does_not_have_is_loud_too(raw: RawAws) -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/deployer"
    session = (await do(raw.client("sts").assume_role, RoleArn=role, RoleSessionName="aaa"))["Credentials"]
    iam = raw.session("iam", session)
    assert await said(iam.reset_service_specific_credential, ServiceSpecificCredentialId="A" * 20) == "NotSimulated"
    assert await said(raw.session("s3", session).list_buckets) != ""
    assert await said(iam.list_access_keys) == "ValidationError"


async def test_a_reset_is_another_world_at_the_same_address(aws: AwsSimulator, raw: RawAws) -> None:
    url = aws.url
    aws.reset({ACCOUNT: {"users": {"new": {"keys": {KEY: {"secret": SECRET, "status": "Inactive"}}}}}})
    assert aws.url == url
    assert aws.state() == {
        ACCOUNT: {"users": {"new": {"keys": {KEY: "Inactive"}, "policies": {}, "managed": [], "groups": [], "tags": {}}}, "roles": {}}
    }
    assert await said(raw.client("sts").get_caller_identity) == "InvalidClientTokenId"
    with pytest.raises(RuntimeError, match="another simulated AWS"):
        async with AwsSimulator({}):
            pass


async def test_groups_and_managed_policies_count(aws: AwsSimulator, raw: RawAws) -> None:
    user: JSON = {"keys": {KEY: {"secret": SECRET}}, "groups": ["ops"], "managed": ["tags"]}
    world: JSON = {
        "managed": {"tags": allow("iam:ListUserTags", resource=f"arn:aws:iam::{ACCOUNT}:user/a*")},
        "groups": {"ops": {"policies": {"list": allow("iam:List*s"), "no": DENY_ALL | {"Statement": _not_list()}}}},
        "users": {"amy": user, "bob": {}},
    }
    aws.reset({ACCOUNT: world})
    iam = raw.client("iam")
    assert await said(iam.list_users) == ""
    assert await said(iam.list_user_tags, UserName="amy") == ""
    assert await said(iam.list_groups_for_user, UserName="bob") == "AccessDenied"


def _not_list() -> JSON:
    return [{"Effect": "Deny", "NotAction": ["iam:ListUser*"], "Resource": "*"}]


def _plant(aws: AwsSimulator, name: str, document: dict[str, JSON] | None) -> None:
    policies = iam_of(ACCOUNT).users["ci-deploy"].policies
    if document is None:
        del policies[name]
    else:
        policies[name] = json.dumps(document)
    aws._standings.note(Thing(kind="user", account=ACCOUNT, name="ci-deploy"))


async def test_iam_takes_only_so_many_requests_of_an_account_in_a_second(aws: AwsSimulator, raw: RawAws) -> None:
    iam, secrets = raw.client("iam"), raw.client("secretsmanager")
    assert [await said(iam.list_users) for _ in range(9)] == [""] * 9, "as many as come, by itself"
    aws.iam_rate = 0.001
    assert [await said(iam.list_users) for _ in range(2)] == ["", "Throttling"]
    aws.iam_rate = 3
    aws.clock.shift(timedelta(seconds=1))
    found = [await said(iam.list_users) for _ in range(20)]
    assert found[:2] == ["", ""]
    assert found.count("Throttling") >= 10
    assert aws.throttled == {ACCOUNT: found.count("Throttling") + 1}
    assert await said(secrets.list_secrets) == "", "other services do not count"
    assert aws.requests[-2].status == 400
    aws.clock.shift(timedelta(seconds=1))
    assert await said(iam.list_users) == ""
    aws.reset({})
    assert aws.throttled == {}
