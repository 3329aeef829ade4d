"""What the simulated organization denies, and whom it cannot reach."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from firedoor.canonical import JSON
from firedoor.vendors.aws.simulator import AwsLag, AwsSimulator
from tests.vendors.aws.conftest import ACCOUNT, KEY, OTHER, SECRET, RawAws, allow
from tests.vendors.aws.organization import (
    ADA,
    ADAS,
    ADMIN,
    DENY,
    DEPLOYER,
    EVES,
    MALLORY,
    MANAGEMENT,
    MANAGEMENT_KEY,
    NOBODY,
    SERVICE_ROLE,
    THERE,
    blocking,
    deny,
    listing,
    world,
)
from tests.vendors.aws.test_simulator import do, said

ROLE = {"RoleArn": DEPLOYER, "RoleSessionName": "aaa"}


@pytest.fixture
async def aws() -> AsyncIterator[AwsSimulator]:
    async with AwsSimulator(world(), lag=AwsLag(iam=0.0)) as simulator:
        yield simulator


async def lists(raw: RawAws, key: str = KEY, token: str | None = None) -> bool:
    """Whether these credentials can list an account's users."""
    code = await said(raw.client("iam", key, SECRET, token).list_users)
    assert code in {"", "AccessDenied"}
    return not code


async def test_without_a_name_on_the_list_everything_is_as_before(raw: RawAws) -> None:
    assert await lists(raw)
    assert await lists(raw, MANAGEMENT_KEY)
    assert await lists(raw, "AKIAAAAABBBBCCCCDDDD")


async def test_a_listed_user_is_shut_out_with_its_sessions_and_others_are_not(aws: AwsSimulator, raw: RawAws) -> None:
    sts = raw.client("sts")
    mine = (await do(sts.get_session_token))["Credentials"]
    role = (await do(sts.assume_role, **ROLE))["Credentials"]
    await _put(aws, raw, listing(NOBODY, MALLORY))
    assert not await lists(raw)
    assert await said(raw.session("secretsmanager", mine).list_secrets) == "AccessDeniedException"
    assert await said(sts.assume_role, **ROLE) == "AccessDenied"
    assert await said(sts.get_caller_identity) == "", "no policy denies this one"
    assert await lists(raw, "AKIAAAAABBBBCCCCDDDD"), "mallory of another account"
    assert await said(raw.session("iam", role).list_users) == "", "a session of a role goes by the role's ARN"


async def test_a_listed_role_ends_for_everybody_who_has_taken_it_on(aws: AwsSimulator, raw: RawAws) -> None:
    session = (await do(raw.client("sts").assume_role, **ROLE))["Credentials"]
    await _put(aws, raw, listing(DEPLOYER))
    assert await said(raw.session("iam", session).list_users) == "AccessDenied"
    assert await lists(raw)
    fresh = (await do(raw.client("sts").assume_role, **ROLE))["Credentials"]
    assert await said(raw.session("iam", fresh).list_users) == "AccessDenied", "later sessions are no better"
    await _put(aws, raw, listing(NOBODY))
    assert await said(raw.session("iam", session).list_users) == ""


async def test_it_is_enforced_once_the_lag_has_passed(aws: AwsSimulator, raw: RawAws) -> None:
    aws.lag = AwsLag(iam=60.0)
    await _put(aws, raw, listing(MALLORY))
    state: Any = aws.state()
    assert state[MANAGEMENT]["policies"][DENY]["document"] == listing(MALLORY), "the API shows it at once"
    assert await lists(raw)
    aws.clock.shift(timedelta(seconds=61))
    assert not await lists(raw)
    await _put(aws, raw, listing(NOBODY))
    assert not await lists(raw)
    aws.clock.shift(timedelta(seconds=61))
    assert await lists(raw)


async def test_the_management_account_is_not_restricted(aws: AwsSimulator, raw: RawAws) -> None:
    aws.reset(world(deny_policy=deny("aws:PrincipalArn", "*", operator="StringLike")))
    assert await lists(raw, MANAGEMENT_KEY)
    assert not await lists(raw)
    assert not await lists(raw, "AKIAAAAABBBBCCCCDDDD")


async def test_service_linked_roles_are_not_restricted(aws: AwsSimulator, raw: RawAws) -> None:
    linked = f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/drills.amazonaws.com/{SERVICE_ROLE}"
    session = (await do(raw.client("sts").assume_role, RoleArn=linked, RoleSessionName="aaa"))["Credentials"]
    await _put(aws, raw, listing(linked))
    assert await said(raw.session("iam", session).list_users) == ""


async def test_a_listed_person_is_shut_out_and_others_of_the_same_role_are_not(aws: AwsSimulator, raw: RawAws) -> None:
    assert await lists(raw, ADAS, "drill-only-token-ada")
    assert aws.requests[-1].principal == f"arn:aws:sts::{ACCOUNT}:assumed-role/{ADMIN}/ada@acme.example"
    await _put(aws, raw, blocking(ADA), policy="p-ssousers0")
    assert not await lists(raw, ADAS, "drill-only-token-ada")
    assert await lists(raw, EVES, "drill-only-token-eve")
    assert await lists(raw, THERE, "drill-only-token-there"), "in the management account it has no effect"
    assert await lists(raw)
    await _put(aws, raw, deny("identitystore:userId", "*", operator="StringLike"), policy="p-ssousers0")
    assert not await lists(raw, EVES, "drill-only-token-eve")
    assert await lists(raw), "who has no such id is not meant"


async def test_a_session_of_identity_center_ends_and_has_a_token(aws: AwsSimulator, raw: RawAws) -> None:
    assert await said(raw.client("iam", ADAS, SECRET, "wrong").list_users) == "InvalidClientTokenId"
    session = aws._standings.sessions[ADAS]
    assert session.expires - session.issued == timedelta(hours=12)
    aws._standings.sessions[ADAS] = replace(session, expires=aws.clock.now())
    assert await said(raw.client("iam", ADAS, SECRET, "drill-only-token-ada").list_users) == "ExpiredToken"


@pytest.mark.parametrize(
    ("operator", "entry", "denied"),
    [
        ("ArnLike", f"arn:aws:iam::{ACCOUNT}:user/mal*", True),
        ("ArnEquals", "arn:aws:iam::*:user/mallor?", True),
        ("ArnLike", f"arn:*:{ACCOUNT}:user/mallory::", False),
        ("ArnEquals", MALLORY.replace("mallory", "Mallory"), False),
        ("StringLike", "arn:*mallory", True),
        ("StringLike", "ARN:*", False),
        ("StringEquals", "arn:aws:iam::*:user/mallory", False),
        ("StringEquals", MALLORY, True),
    ],
)
async def test_operators_compare_as_documented(operator: str, entry: str, denied: bool, aws: AwsSimulator, raw: RawAws) -> None:  # noqa: FBT001 - a table's column
    aws.reset(world(deny_policy=deny("AWS:principalARN", entry, operator=operator)))
    assert await lists(raw) is not denied


async def test_it_reaches_where_it_is_attached(aws: AwsSimulator, raw: RawAws) -> None:
    everybody = deny("aws:PrincipalArn", "*", operator="StringLike")
    aws.reset(world(deny_policy=everybody, attached=(OTHER,)))
    assert await lists(raw)
    assert not await lists(raw, "AKIAAAAABBBBCCCCDDDD")
    aws.reset(world(deny_policy=everybody, attached=()))
    assert await lists(raw, "AKIAAAAABBBBCCCCDDDD")


async def test_each_level_must_allow(aws: AwsSimulator, raw: RawAws) -> None:
    aws.reset(world(more={"p-onlyiam00": {"document": allow("iam:*"), "attached": [ACCOUNT]}}))
    organizations = raw.client("organizations", MANAGEMENT_KEY)
    await do(organizations.detach_policy, PolicyId="p-FullAWSAccess", TargetId=ACCOUNT)
    assert await lists(raw)
    assert await said(raw.client("secretsmanager").list_secrets) == "AccessDeniedException"


async def test_detaching_it_lifts_it(aws: AwsSimulator, raw: RawAws) -> None:
    aws.reset(world(deny_policy=listing(MALLORY)))
    assert not await lists(raw)
    organizations = raw.client("organizations", MANAGEMENT_KEY)
    root = (await do(organizations.list_roots))["Roots"][0]["Id"]
    await do(organizations.detach_policy, PolicyId=DENY, TargetId=root)
    assert await lists(raw)


async def test_only_the_management_account_may_call(aws: AwsSimulator, raw: RawAws) -> None:
    for key in (KEY, "AKIAAAAABBBBCCCCDDDD"):
        organizations = raw.client("organizations", key)
        assert await said(organizations.update_policy, PolicyId=DENY, Content=json.dumps(listing(NOBODY))) == "AccessDeniedException"
        assert await said(organizations.describe_policy, PolicyId=DENY) == "AccessDeniedException"
    assert aws.accepted_writes() == []


async def test_contents_are_checked_as_aws_would(raw: RawAws) -> None:
    organizations = raw.client("organizations", MANAGEMENT_KEY)
    long = listing(*(f"{NOBODY}{number:03}" for number in range(130)))
    strange: dict[str, JSON] = deny("aws:SourceIp", "10.0.0.1", operator="StringEquals")
    for content, code in (
        ("{", "MalformedPolicyDocumentException"),
        (json.dumps(listing()), "MalformedPolicyDocumentException"),
        (json.dumps(long), "ConstraintViolationException"),
        (json.dumps(strange), "PolicyNotSimulated"),
        (json.dumps(deny("identitystore:userId", "*", operator="ArnLike")), "PolicyNotSimulated"),
        (json.dumps(deny("aws:PrincipalArn", "arn:aws:iam::*", operator="ArnLike")), "PolicyNotSimulated"),
        (json.dumps(deny("aws:PrincipalArn", "*", operator="ForAnyValue:StringLike")), "PolicyNotSimulated"),
    ):
        assert await said(organizations.update_policy, PolicyId=DENY, Content=content) == code
    assert await said(organizations.describe_policy, PolicyId="p-gonegone") == "PolicyNotFoundException"
    assert await said(organizations.describe_account, AccountId="123123123123") == "AccountNotFoundException"


async def test_a_world_has_one_organization_at_most(aws: AwsSimulator) -> None:
    with pytest.raises(ValueError, match="at most one organization"):
        aws.reset({**world(), OTHER: {"organization": {}}})


async def _put(aws: AwsSimulator, raw: RawAws, document: dict[str, JSON], policy: str = DENY) -> None:
    organizations = raw.client("organizations", MANAGEMENT_KEY)
    await asyncio.to_thread(lambda: organizations.update_policy(PolicyId=policy, Content=json.dumps(document)))
    assert aws.accepted_writes()[-1].name == "organizations:UpdatePolicy"
