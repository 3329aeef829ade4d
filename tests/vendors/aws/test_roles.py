from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from firedoor.canonical import JSON, canonical
from firedoor.errors import BadInput, Conflict, Malformed, NotFound, Rejected
from firedoor.vendors.aws.client import AwsClient
from firedoor.vendors.aws.denials import DENY_ALL, REVOCATION, revocation
from firedoor.vendors.aws.roles import trusted
from firedoor.vendors.aws.simulator import AwsSimulator
from firedoor.vendors.aws.values import IamRole, IamUser
from firedoor.vendors.aws.wire import success_body
from firedoor.vendors.faults import Fault
from tests.vendors.aws.conftest import ACCOUNT, KEY, OTHER, SECRET, RawAws, allow

ROLE = IamRole(account=ACCOUNT, name="deployer", path="/team/")
AMY = IamUser(account=ACCOUNT, name="amy")


def world(**roles: JSON) -> dict[str, JSON]:
    names = [f"p{number}" for number in range(10)]
    amy: dict[str, JSON] = {"keys": {KEY: {"secret": SECRET}}, "policies": {"all": allow("*")}, "managed": [DENY_ALL, *names[:9]]}
    users: JSON = {"amy": {**amy, "managed": []}, "ten": {"managed": names}, "out": {**amy, "keys": {}}}
    return {ACCOUNT: {"managed": {name: allow("s3:*") for name in names}, "users": users, "roles": roles}}


DEPLOYER: JSON = {"path": "/team/", "trust": [ACCOUNT, OTHER, "ec2.amazonaws.com"], "policies": {"all": allow("*")}}


async def test_it_reads_a_role_whom_it_trusts_and_its_policies(reader: AwsClient, aws: AwsSimulator) -> None:
    aws.reset(world(deployer=DEPLOYER))
    reader._doors._credentials = aws.credentials
    found = await reader.roles.get(IamRole(account=ACCOUNT, name="deployer"))
    assert found.role == ROLE
    assert found.trusted == (f"arn:aws:iam::{ACCOUNT}:root", f"arn:aws:iam::{OTHER}:root", "ec2.amazonaws.com")
    (name,) = policies = await reader.roles.policies(ROLE)
    assert (name, policies[name].document) == ("all", allow("*"))
    assert policies[name].size == len(canonical(allow("*")))
    shown: Any = aws.state()[ACCOUNT]
    assert list(shown["roles"]) == ["deployer"], "Firedoor's own roles are no part of the world"
    assert {name: shown["roles"]["deployer"][name] for name in ("path", "policies", "managed")} == {
        "path": "/team/",
        "policies": {"all": allow("*")},
        "managed": [],
    }
    with pytest.raises(NotFound):
        await reader.roles.get(IamRole(account=ACCOUNT, name="nobody"))
    with pytest.raises(NotFound):
        await reader.roles.policies(IamRole(account=ACCOUNT, name="nobody"))


TRUST: list[tuple[JSON, tuple[str, ...]]] = [
    ({"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}, ("*",)),
    ([{"Effect": "Allow", "Principal": {"AWS": ["b", "a"], "Service": "c"}}], ("a", "b", "c")),
    ([{"Effect": "Deny", "Principal": {"AWS": "a"}}, {"Effect": "Allow", "Principal": {"AWS": "b"}}], ("b",)),
    ([{"Effect": "Allow", "NotPrincipal": {"AWS": ["a"]}}], ("everybody but a",)),
    ([{"Effect": "Allow"}, "nonsense", None], ()),
    (None, ()),
]


@pytest.mark.parametrize(("statement", "wanted"), TRUST)
def test_whom_a_trust_policy_lets_in(statement: JSON, wanted: tuple[str, ...]) -> None:
    assert trusted({"Statement": statement}) == wanted


async def test_a_reply_that_is_no_role_is_malformed(reader: AwsClient, aws: AwsSimulator) -> None:
    for part in ({}, {"Role": {"RoleName": "deployer", "Path": "/"}}, {"Role": {"RoleName": "deployer", "AssumeRolePolicyDocument": "x"}}):
        aws.faults.plan(Fault(operation="iam:GetRole", status=200, body=success_body("iam", "GetRole", part)))
        with pytest.raises(Malformed) as caught:
            await reader.roles.get(ROLE)
        assert caught.value.__context__ is None
    aws.faults.plan(Fault(operation="iam:GetRole", status=200, body=success_body("iam", "GetRole", {"Role": {"RoleName": "Deployer"}})))
    with pytest.raises(BadInput, match="'Deployer'"):
        await reader.roles.get(ROLE)


async def test_a_roles_policies_are_put_over_and_deleted(writer: AwsClient, aws: AwsSimulator) -> None:
    await writer.roles.put_policy(ROLE, "X", allow("a:A"))
    await writer.roles.put_policy(ROLE, "X", allow("a:B"))
    assert (await writer.roles.policies(ROLE))["X"].document == allow("a:B")
    await writer.roles.delete_policy(ROLE, "X")
    with pytest.raises(NotFound):
        await writer.roles.delete_policy(ROLE, "X")
    before = aws.state()
    with pytest.raises(Conflict) as full:
        await writer.roles.put_policy(ROLE, "X", allow(*(f"service:Operation{n}" for n in range(600))))
    assert full.value.code == "LimitExceeded"
    for _ in range(2):  # over itself, it is counted once
        await writer.roles.put_policy(ROLE, "X", allow(*(f"service:Operation{n}" for n in range(400))))
    assert aws.state() != before, "a role has five times the room of a user"


@pytest.mark.parametrize("path", ["/aws-service-role/ecs.amazonaws.com/", "/aws-reserved/sso.amazonaws.com/eu-west-1/"])
async def test_only_aws_changes_a_role_of_its_own(path: str, writer: AwsClient, aws: AwsSimulator) -> None:
    aws.reset(world(theirs={"path": path, "policies": {"X": allow("*")}}))
    writer._doors._credentials = aws.credentials
    role, before = IamRole(account=ACCOUNT, name="theirs", path=path), aws.state()
    for attempt in (writer.roles.put_policy(role, "X", allow("a:A")), writer.roles.delete_policy(role, "X")):
        with pytest.raises(Rejected) as caught:
            await attempt
        assert (caught.value.code, caught.value.status, caught.value.changed) == ("UnmodifiableEntity", 400, False)
    assert aws.state() == before
    assert (await writer.roles.get(role)).role == role


async def test_the_deny_is_attached_once_and_within_the_quota(writer: AwsClient, aws: AwsSimulator) -> None:
    aws.reset(world())
    writer._doors._credentials = aws.credentials
    before = aws.state()
    for _ in range(2):
        await writer.attach_deny_all(AMY)
    assert await writer.attached_policies(AMY) == (DENY_ALL,)
    await writer.attach_deny_all(IamUser(account=ACCOUNT, name="out"))
    with pytest.raises(Conflict) as full:
        await writer.attach_deny_all(IamUser(account=ACCOUNT, name="ten"))
    assert full.value.code == "LimitExceeded"
    await writer.detach_deny_all(AMY)
    assert aws.state() == before
    with pytest.raises(NotFound):
        await writer.detach_deny_all(AMY)
    with pytest.raises(NotFound):
        await writer.attached_policies(IamUser(account=ACCOUNT, name="nobody"))


async def test_the_attached_deny_stops_its_user_and_detaching_it_lets_go(writer: AwsClient, aws: AwsSimulator, raw: RawAws) -> None:
    aws.reset(world())
    writer._doors._credentials = aws.credentials
    iam = raw.client("iam")
    assert await asyncio.to_thread(iam.list_users)
    await writer.attach_deny_all(AMY)
    with pytest.raises(iam.exceptions.ClientError, match="AccessDenied"):
        await asyncio.to_thread(iam.list_users)
    await writer.detach_deny_all(AMY)
    assert await asyncio.to_thread(iam.list_users)


async def test_a_roles_older_sessions_end_and_newer_ones_live(writer: AwsClient, aws: AwsSimulator, raw: RawAws) -> None:
    aws.reset(world(deployer=DEPLOYER))
    writer._doors._credentials = aws.credentials
    sts = raw.client("sts")

    async def session() -> dict[str, str]:
        answer = await asyncio.to_thread(lambda: sts.assume_role(RoleArn=ROLE.arn, RoleSessionName="mallory"))
        return answer["Credentials"]  # type: ignore[no-any-return]

    older = await session()
    await writer.roles.put_policy(ROLE, REVOCATION, revocation(await writer.now(ACCOUNT)))
    in_the_window = await session()
    aws.clock.shift(timedelta(seconds=12))
    newer = raw.session("iam", await session())
    for shut in (older, in_the_window):
        with pytest.raises(newer.exceptions.ClientError, match="AccessDenied"):
            await asyncio.to_thread(raw.session("iam", shut).list_users)
    assert await asyncio.to_thread(newer.list_users)
