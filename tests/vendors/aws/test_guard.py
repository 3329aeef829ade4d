from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSRequest
from botocore.exceptions import ClientError
from botocore.loaders import Loader
from botocore.model import ServiceModel

from firedoor.canonical import canonical
from firedoor.errors import WriteRefused
from firedoor.vendors.access import Access
from firedoor.vendors.aws.client import AwsClient
from firedoor.vendors.aws.operations import OPERATIONS, permissions, session_policy
from firedoor.vendors.aws.simulator import AwsSimulator
from firedoor.vendors.aws.values import IamRole, KeyStatus
from tests.vendors.aws.conftest import ACCOUNT, DEPLOY, KEY, RawAws, allow, client

OFF = {"UserName": "ci-deploy", "AccessKeyId": KEY, "Status": "Inactive"}


def _rewrite(request: AWSRequest, **_ignored: object) -> None:
    """A look becomes a write between the caller and the wire."""
    request.data = {"Action": "UpdateAccessKey", "Version": "2010-05-08", **OFF}


def _smuggle(request: AWSRequest, **_ignored: object) -> None:
    """A harmless Action in the query, a write in the body: which of the two would AWS take?"""
    request.url += "?Action=ListUsers"
    _rewrite(request)


def _by_rewriting(session: Any, iam: Any) -> object:
    del session
    iam.meta.events.register("request-created", _rewrite)
    return iam.list_users()


def _by_smuggling(session: Any, iam: Any) -> object:
    del session
    iam.meta.events.register("request-created", _smuggle)
    return iam.list_users()


def _by_resource(session: Any, iam: Any) -> object:
    return session.resource("iam", endpoint_url=iam.meta.endpoint_url).AccessKey("ci-deploy", KEY).deactivate()


def _by_new_client(session: Any, iam: Any) -> object:
    return session.client("iam", endpoint_url=iam.meta.endpoint_url).delete_access_key(AccessKeyId=KEY)


def _elsewhere(session: Any, iam: Any) -> object:
    other = iam.meta.endpoint_url.replace("127.0.0.1", "localhost")
    return session.client("iam", endpoint_url=other).list_users()


HOSTILE: dict[str, Callable[[Any, Any], object]] = {
    "the raw client": lambda _session, iam: iam.update_access_key(**OFF),
    "an operation on no list": lambda _session, iam: iam.create_user(UserName="mallory"),
    "a resource": _by_resource,
    "a new client of the session": _by_new_client,
    "another service of the session": lambda session, iam: session.client(
        "secretsmanager", endpoint_url=iam.meta.endpoint_url
    ).get_secret_value(SecretId="x"),
    "a look turned into a write": _by_rewriting,
    "two actions in one request": _by_smuggling,
    "a presigned URL": lambda _session, iam: iam.generate_presigned_url("update_access_key", OFF),
    "a presigned form": lambda session, iam: session.client("s3", endpoint_url=iam.meta.endpoint_url).generate_presigned_post("b", "k"),
    "a request to elsewhere": _elsewhere,
    "another role": lambda session, iam: session.client("sts", endpoint_url=iam.meta.endpoint_url).assume_role(
        RoleArn=f"arn:aws:iam::{ACCOUNT}:role/deployer", RoleSessionName="xxx", Policy=session_policy(Access.READ)
    ),
}


@pytest.mark.parametrize("attempt", HOSTILE.values(), ids=HOSTILE.keys())
async def test_no_write_leaves_a_reading_client(attempt: Callable[[Any, Any], object], reader: AwsClient, aws: AwsSimulator) -> None:
    await reader.users(ACCOUNT)
    sent = len(aws.requests)
    door = await reader._doors.door(ACCOUNT)
    with pytest.raises(WriteRefused):
        await asyncio.to_thread(attempt, door.session, door.clients["iam"])
    await asyncio.sleep(0.02)
    assert len(aws.requests) == sent


@pytest.mark.parametrize("policy", [None, session_policy(Access.WRITE), canonical(allow("*"))])
async def test_the_base_identity_takes_roles_only_under_the_session_policy(
    policy: str | None, reader: AwsClient, aws: AwsSimulator
) -> None:
    await reader.whoami()
    sent = len(aws.requests)
    sts = (await reader._doors.door("")).clients["sts"]
    wish = {"RoleArn": aws.roles(Access.READ)[ACCOUNT], "RoleSessionName": "xxx", **({"Policy": policy} if policy else {})}
    with pytest.raises(WriteRefused):
        await asyncio.to_thread(lambda: sts.assume_role(**wish))
    assert len(aws.requests) == sent


async def test_a_reading_client_refuses_its_own_writing_methods(reader: AwsClient, aws: AwsSimulator) -> None:
    for attempt in (
        reader.update_access_key(DEPLOY, KEY, KeyStatus.INACTIVE),
        reader.put_user_policy(DEPLOY, "x", allow("*")),
        reader.delete_user_policy(DEPLOY, "x"),
        reader.attach_deny_all(DEPLOY),
        reader.detach_deny_all(DEPLOY),
        reader.roles.put_policy(IamRole(account=ACCOUNT, name="deployer"), "x", allow("*")),
        reader.roles.delete_policy(IamRole(account=ACCOUNT, name="deployer"), "x"),
    ):
        with pytest.raises(WriteRefused):
            await attempt
    assert aws.requests == []


async def test_aws_itself_refuses_a_write_with_a_reading_clients_credentials(aws: AwsSimulator, raw: RawAws) -> None:
    # Even where somebody configured the role that may write.
    async with AwsClient(aws.roles(Access.WRITE), Access.READ, credentials=aws.credentials, endpoint=aws.url) as reader:
        await reader.users(ACCOUNT)
        stolen = (await reader._doors.door(ACCOUNT)).session.get_credentials()
    iam = raw.client("iam", stolen.access_key, stolen.secret_key, stolen.token)
    with pytest.raises(ClientError) as refused:
        await asyncio.to_thread(lambda: iam.update_access_key(**OFF))
    assert refused.value.response["Error"]["Code"] == "AccessDenied"
    assert await asyncio.to_thread(iam.list_users)
    assert aws.accepted_writes() == []


async def test_a_writing_client_keeps_to_the_table_as_well(writer: AwsClient, aws: AwsSimulator) -> None:
    await writer.users(ACCOUNT)
    sent = len(aws.requests)
    door = await writer._doors.door(ACCOUNT)
    with pytest.raises(WriteRefused):
        await asyncio.to_thread(lambda: door.clients["iam"].create_user(UserName="mallory"))
    assert len(aws.requests) == sent


@pytest.mark.parametrize("arn", ["arn:aws:iam::aws:policy/AdministratorAccess", f"arn:aws:iam::{ACCOUNT}:policy/AWSDenyAll"])
async def test_no_policy_is_attached_but_the_one_that_denies_everything(arn: str, writer: AwsClient, aws: AwsSimulator) -> None:
    await writer.users(ACCOUNT)
    sent = len(aws.requests)
    iam = (await writer._doors.door(ACCOUNT)).clients["iam"]
    with pytest.raises(WriteRefused, match="denies everything"):
        await asyncio.to_thread(lambda: iam.attach_user_policy(UserName="ci-deploy", PolicyArn=arn))
    assert len(aws.requests) == sent


async def test_a_detour_is_not_followed(aws: AwsSimulator) -> None:
    async with client(aws, Access.READ) as made:
        await made.whoami()
        request = AWSRequest(method="POST", url="https://evil.example.com/", data=b"Action=GetCallerIdentity").prepare()
        events = (await made._doors.door("")).clients["sts"].meta.events
        with pytest.raises(WriteRefused, match="not AWS's"):
            events.emit("before-send.sts.GetCallerIdentity", request=request)


def test_every_operation_of_the_table_exists() -> None:
    services = {operation.name.partition(":")[0] for operation in OPERATIONS}
    models = {name: ServiceModel(Loader(extra_search_paths=[_data()]).load_service_model(name, "service-2")) for name in services}
    for operation in OPERATIONS:
        service, _, name = operation.name.partition(":")
        assert name in models[service].operation_names
        assert operation.permission.partition(":")[0] in {models[service].signing_name, ""}
        assert operation.permission.partition(":")[2] in {name, ""}
        if operation.writes and service in {"secretsmanager", "wafv2"}:
            documented = {str(shape.name).removesuffix("Exception") for shape in models[service].operation_model(name).error_shapes}
            refusals = {refusal.partition(" ")[2].removesuffix("Exception") for refusal in operation.refusals}
            assert refusals == documented - {"InternalServiceError", "WAFInternalError"}, "each of AWS's own refusals"
    assert len({operation.name for operation in OPERATIONS}) == len(OPERATIONS)


def test_the_refusals_of_a_policy_update_are_those_of_its_model() -> None:
    model = ServiceModel(Loader(extra_search_paths=[_data()]).load_service_model("organizations", "service-2"))
    documented = {shape.name for shape in model.operation_model("UpdatePolicy").error_shapes}
    # Access is denied anywhere, and a name is only refused where one is sent.
    elsewhere = {"AccessDeniedException", "DuplicatePolicyException"}
    (update,) = [operation for operation in OPERATIONS if operation.name == "organizations:UpdatePolicy"]
    assert {refusal.partition(" ")[2] for refusal in update.refusals} == documented - elsewhere


def _data() -> str:
    return str(boto3.Session()._session.get_component("data_loader").CUSTOMER_DATA_PATH)


def test_the_read_permissions_are_reads() -> None:
    others = {name for name in permissions(Access.READ) if not name.partition(":")[2].startswith(("Get", "List", "Describe"))}
    reads = {"iam:GenerateCredentialReport", "iam:SimulatePrincipalPolicy"}
    assert others == reads, "AWS's own list of access levels has them among the reads"
    assert "secretsmanager:GetSecretValue" not in permissions(Access.WRITE), "Firedoor fills secrets and reads none"
    assert set(permissions(Access.WRITE)) - set(permissions(Access.READ)) == {
        "iam:UpdateAccessKey",
        "iam:PutUserPolicy",
        "iam:DeleteUserPolicy",
        "iam:AttachUserPolicy",
        "iam:DetachUserPolicy",
        "iam:PutRolePolicy",
        "iam:DeleteRolePolicy",
        "iam:CreateAccessKey",
        "iam:DeleteAccessKey",
        "iam:DeleteLoginProfile",
        "iam:TagUser",
        "iam:UpdateServiceSpecificCredential",
        "wafv2:UpdateIPSet",
        "secretsmanager:PutSecretValue",
        "secretsmanager:RotateSecret",
        "secretsmanager:UpdateSecretVersionStage",
        "organizations:UpdatePolicy",
    }
    assert len(session_policy(Access.WRITE)) < 2048
