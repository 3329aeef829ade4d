"""What a role may do, as AWS tells it: by its own policies, whoever asks, and without anything being done."""

from __future__ import annotations

import pytest

from firedoor.canonical import JSON
from firedoor.errors import Forbidden, Malformed, NotFound
from firedoor.vendors.access import Access
from firedoor.vendors.aws.client import AwsClient
from firedoor.vendors.aws.operations import permissions
from firedoor.vendors.aws.simulator import AwsSimulator
from firedoor.vendors.aws.wire import success_body
from firedoor.vendors.faults import Fault
from tests.vendors.aws.conftest import ACCOUNT, allow

CONTAIN = f"arn:aws:iam::{ACCOUNT}:role/firedoor-contain"
PREVIEW = f"arn:aws:iam::{ACCOUNT}:role/firedoor-preview"


def arn(name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


def world() -> dict[str, JSON]:
    one_user = f"arn:aws:iam::{ACCOUNT}:user/ada"
    deny: JSON = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "iam:DeleteAccessKey", "Resource": "*"}]}
    roles: JSON = {
        "narrow": {"trust": [ACCOUNT], "policies": {"one": allow("iam:PutUserPolicy", resource=one_user), "reads": allow("iam:Get*")}},
        "denied": {"trust": [ACCOUNT], "policies": {"all": allow("*"), "but": deny}},
    }
    return {ACCOUNT: {"users": {"ada": {"policies": {"keys": allow("iam:ListAccessKeys")}}}, "roles": roles}}


@pytest.fixture
def asked(reader: AwsClient, aws: AwsSimulator) -> AwsClient:
    aws.reset(world())
    reader._doors._credentials = aws.credentials
    return reader


async def test_those_that_are_not_allowed_on_every_resource(asked: AwsClient, aws: AwsSimulator) -> None:
    refused = asked.permits.refused
    assert await refused(ACCOUNT, CONTAIN, permissions(Access.WRITE)) == ()
    assert await refused(ACCOUNT, PREVIEW, ["iam:GetUser", "iam:PutUserPolicy"]) == ("iam:PutUserPolicy",)
    assert await refused(ACCOUNT, arn("narrow"), ["iam:PutUserPolicy", "iam:GetUser"]) == ("iam:PutUserPolicy",)
    assert await refused(ACCOUNT, arn("denied"), ["iam:DeleteAccessKey", "iam:GetUser"]) == ("iam:DeleteAccessKey",)
    assert await refused(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/ada", ["iam:ListAccessKeys", "iam:GetUser"]) == ("iam:GetUser",)
    assert aws.accepted_writes() == []


async def test_nobody_of_that_name(asked: AwsClient) -> None:
    for strange in (arn("gone"), f"arn:aws:iam::{ACCOUNT}:role/path/denied", f"arn:aws:iam::{ACCOUNT}:group/denied"):
        with pytest.raises(NotFound):
            await asked.permits.refused(ACCOUNT, strange, ["iam:GetUser"])


async def test_who_may_not_ask_is_told_so(asked: AwsClient, aws: AwsSimulator) -> None:
    aws.faults.plan(Fault(operation="iam:SimulatePrincipalPolicy", status=403, body=_denied()))
    with pytest.raises(Forbidden):
        await asked.permits.refused(ACCOUNT, CONTAIN, ["iam:GetUser"])


async def test_an_action_that_the_reply_leaves_out_is_not_allowed(asked: AwsClient, aws: AwsSimulator) -> None:
    one: dict[str, object] = {"EvalActionName": "iam:GetUser", "EvalResourceName": "*", "EvalDecision": "allowed"}
    body = success_body("iam", "SimulatePrincipalPolicy", {"EvaluationResults": [one], "IsTruncated": "false"})
    aws.faults.plan(Fault(operation="iam:SimulatePrincipalPolicy", status=200, body=body))
    assert await asked.permits.refused(ACCOUNT, CONTAIN, ["iam:GetUser", "iam:TagUser"]) == ("iam:TagUser",)
    hollow = success_body("iam", "SimulatePrincipalPolicy", {"EvaluationResults": [{**one, "EvalDecision": ""}], "IsTruncated": "false"})
    aws.faults.plan(Fault(operation="iam:SimulatePrincipalPolicy", status=200, body=hollow))
    with pytest.raises(Malformed):
        await asked.permits.refused(ACCOUNT, CONTAIN, ["iam:GetUser"])


def _denied() -> str:
    return "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>"
