"""Whom an open incident concerns and who can read a secret: what AWS decides, and that whatever it does not tell counts as yes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from botocore.exceptions import ClientError

from firedoor.canonical import JSON, canonical
from firedoor.unclosed import OUT_OF_REACH
from firedoor.vendors.access import Access
from firedoor.vendors.aws.client import AwsClient
from firedoor.vendors.aws.permits import Decision
from firedoor.vendors.aws.principals import AwsPrincipal
from firedoor.vendors.aws.readers import doubt
from firedoor.vendors.aws.resourcepolicy import may_let_in
from firedoor.vendors.aws.simulator import AwsLag, AwsSimulator
from firedoor.vendors.aws.values import IamUser
from firedoor.vendors.aws.waiting import Reader, readable
from firedoor.vendors.aws.wire import error_body
from firedoor.vendors.faults import Fault
from firedoor.vendors.unclosed import Concerned
from tests.tasks.rooms.aws import Noted
from tests.vendors.aws import organization
from tests.vendors.aws.conftest import ACCOUNT, OTHER, RawAws, allow, client

GET = "secretsmanager:GetSecretValue"
KEY, SECRET = "AKIAQQQQWWWWEEEERRRR", "drillonlysecretdrillonlysecretdrillonlys"
LATE = "2038-01-01T00:00:00Z"


def arn(name: str, kind: str = "user", account: str = ACCOUNT) -> str:
    return f"arn:aws:iam::{account}:{kind}/{name}"


def secret(name: str) -> str:
    return f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:{name}-AbCdEf"


def own(*principals: JSON, effect: str = "Allow") -> dict[str, JSON]:
    """A secret's own policy."""
    statements: list[JSON] = [{"Effect": effect, "Principal": each, "Action": GET, "Resource": "*"} for each in principals]
    return {"Version": "2012-10-17", "Statement": statements}


def on(document: dict[str, JSON], **condition: JSON) -> dict[str, JSON]:
    """A policy under a condition."""
    statement = document["Statement"][0]  # type: ignore[index]
    return {**document, "Statement": [{**statement, "Condition": condition}]}  # type: ignore[dict-item]


DENY: dict[str, JSON] = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}
SINCE = {"DateLessThan": {"aws:TokenIssueTime": LATE}}
WORLD: dict[str, JSON] = {
    ACCOUNT: {
        "users": {
            "mallory": {"keys": {KEY: {"secret": SECRET}}},
            "bystander": {},
            "reader": {"policies": {"read": allow(GET)}},
            "shut": {"policies": {"read": allow(GET), "deny": DENY}},
            "revoked": {"policies": {"read": allow(GET), "since": on(DENY, **SINCE)}},
            "powerless": {"policies": {"since": on(DENY, DateLessThan={"aws:TokenIssueTime": "2023-01-01T00:00:00Z"})}},
            "sessions": {"policies": {"read": on(allow(GET), DateGreaterThan={"aws:TokenIssueTime": "2023-01-01T00:00:00Z"})}},
            "federated": {"policies": {"read": on(allow(GET), StringEquals={"identitystore:userId": "x"})}},
        },
        "roles": {
            "deployer": {"policies": {"read": allow(GET, resource=secret("plain"))}},
            "idle": {},
            "revoked": {"policies": {"read": allow(GET), "since": on(DENY, DateLessThan={"aws:TokenIssueTime": "2023-01-01T00:00:00Z"})}},
        },
        "secrets": {
            "plain-AbCdEf": {},
            "mallorys-AbCdEf": {
                "policy": own({"AWS": arn("mallory")}),
                "versions": {"11111111-2222-4333-8444-555555555555": {"stages": ["AWSCURRENT"], "secret": "the new key"}},
            },
            "idles-AbCdEf": {"policy": own({"AWS": [arn("idle", "role"), arn("bystander")]})},
            "all-AbCdEf": {"policy": own("*")},
            "barred-AbCdEf": {"policy": own({"AWS": arn("reader")}, effect="Deny")},
        },
    },
    OTHER: {"users": {"other": {"policies": {"read": allow(GET)}}}},
}


def concerned(*names: str, run: str = "251126-aaaaaa", kind: str = "user", account: str = ACCOUNT) -> list[Concerned]:
    return [Concerned(run=run, label=name, names=(f"aws:{kind}:{account}/{name}", f"aws:arn:{arn(name, kind, account)}")) for name in names]


@pytest.fixture
async def aws() -> AsyncIterator[AwsSimulator]:
    async with AwsSimulator(WORLD, lag=AwsLag(iam=0.0)) as simulator:
        yield simulator


@pytest.fixture
def incidents() -> list[Concerned]:
    return []


@pytest.fixture
async def asks(aws: AwsSimulator, incidents: list[Concerned]) -> AsyncIterator[AwsClient]:
    async with client(aws, Access.READ, unclosed=Noted(incidents)) as made:
        yield made


def said(readers: Sequence[Reader]) -> dict[str, str]:
    return {one.who.partition(" in ")[0]: one.doubt for one in readers}


async def test_aws_is_asked_nothing_where_no_incident_is_open(asks: AwsClient, aws: AwsSimulator, incidents: list[Concerned]) -> None:
    assert await asks.readers.of(secret("plain")) == ()
    incidents.append(
        Concerned(run="r", label="office", names=(f"aws:ip_set:{ACCOUNT}/x", "aws:arn:arn:aws:wafv2:eu-west-1:1:regional/ipset/x"))
    )
    incidents.append(Concerned(run="r", label="ada", names=("okta:user:00u1",)))
    assert await asks.readers.of(secret("plain")) == ()
    assert aws.requests == []


async def test_who_can_read_by_policies_of_their_own(asks: AwsClient, incidents: list[Concerned]) -> None:
    incidents += concerned("mallory", "reader", "shut", "revoked", "powerless", "sessions")
    incidents += concerned("deployer", "idle", "revoked", kind="role")
    found = await asks.readers.of(secret("plain"))
    users = {"user reader": "", "user revoked": "", "user sessions": ""}
    assert said(found) == {**users, "role deployer": "", "role revoked": ""}, "with a key, or in a session that is minted from now on"


async def test_a_target_of_two_incidents_is_told_with_both(asks: AwsClient, incidents: list[Concerned]) -> None:
    incidents += [*concerned("reader", run="251126-bbbbbb"), *concerned("reader"), *concerned("reader")]
    (found,) = await asks.readers.of(secret("plain"))
    assert found.runs == ("251126-bbbbbb", "251126-aaaaaa")
    assert found.says == f"user reader in {ACCOUNT}, of run 251126-bbbbbb, 251126-aaaaaa"


async def test_who_reads_by_the_secrets_own_policy_only(
    asks: AwsClient, aws: AwsSimulator, raw: RawAws, incidents: list[Concerned]
) -> None:
    stolen = raw.client("secretsmanager")
    value = await asyncio.to_thread(stolen.get_secret_value, SecretId=secret("mallorys"))
    assert value["SecretString"] == "the new key", "the attacker really can"
    with pytest.raises(ClientError, match="AccessDenied"):
        await asyncio.to_thread(stolen.get_secret_value, SecretId=secret("plain"))
    incidents += concerned("mallory", "bystander")
    assert said(await asks.readers.of(secret("mallorys"))) == {"user mallory": ""}
    assert said(await asks.readers.of(secret("all"))) == {"user mallory": "", "user bystander": ""}
    incidents += concerned("reader")
    assert said(await asks.readers.of(secret("barred"))) == {}
    assert aws.accepted_writes() == []


async def test_of_a_role_that_the_secrets_own_policy_may_let_in_nobody_can_tell(asks: AwsClient, incidents: list[Concerned]) -> None:
    incidents += concerned("idle", kind="role")
    assert said(await asks.readers.of(secret("plain"))) == {}
    assert said(await asks.readers.of(secret("mallorys"))) == {}
    for name in ("idles", "all"):
        assert "does not weigh for roles" in said(await asks.readers.of(secret(name)))["role idle"]


async def test_from_another_account_a_secret_is_read_by_its_own_policy_only(asks: AwsClient, incidents: list[Concerned]) -> None:
    incidents += concerned("other", account=OTHER)
    assert said(await asks.readers.of(secret("plain"))) == {}
    assert "from another account" in said(await asks.readers.of(secret("all")))["user other"]


@pytest.mark.parametrize(
    ("operation", "status", "code", "words"),
    [
        ("secretsmanager:GetResourcePolicy", 400, "AccessDeniedException", "the secret's own policy cannot be read"),
        ("iam:SimulatePrincipalPolicy", 403, "AccessDenied", "AWS did not tell"),
        ("iam:SimulatePrincipalPolicy", 400, "Throttling", "AWS did not tell"),
        ("iam:SimulatePrincipalPolicy", 500, "PolicyEvaluation", "AWS did not tell"),
    ],
)
async def test_an_answer_that_cannot_be_had_counts_as_yes(  # noqa: PLR0917 - a table's columns, and the fixtures
    operation: str, status: int, code: str, words: str, asks: AwsClient, aws: AwsSimulator, incidents: list[Concerned]
) -> None:
    incidents += concerned("bystander")
    body = error_body(operation.partition(":")[0], code, "no")
    aws.faults.plan(Fault(operation=operation, status=status, body=body), times=9)
    assert words in said(await asks.readers.of(secret("plain")))["user bystander"]


async def test_whom_aws_cannot_be_asked_about_counts_as_yes(asks: AwsClient, incidents: list[Concerned]) -> None:
    incidents += concerned("renamed", "federated", "od*d/path")
    incidents.append(Concerned(run="r", label="ada", names=("aws:sso_user:01234567-89ab-cdef-0123-456789abcdef", "aws:sso_login:ada")))
    incidents.append(Concerned(run="r7", label="r7", unread="its record is damaged"))
    found = said(await asks.readers.of(secret("plain")))
    assert "may have been renamed" in found.pop("user renamed")
    assert found.pop("user federated") == "it hangs on identitystore:userId"
    assert "is not the ARN of an IAM user" in found.pop("od*d/path")
    assert "Identity Center" in found.pop("ada")
    assert found == {"r7": "its record is damaged"}


def test_the_rule() -> None:
    yes, no = Decision(allowed=True), Decision(allowed=False)
    asks, barred = Decision(allowed=False, lacking=frozenset({"aws:SourceIp"})), Decision(allowed=False, by_organization=True)
    assert doubt([no, no], unweighed=False) is None
    assert doubt([no, yes], unweighed=False) == doubt([asks, yes], unweighed=True) == ""
    assert doubt([no, asks], unweighed=False) == "it hangs on aws:SourceIp"
    assert "organization" in str(doubt([barred], unweighed=False))
    assert "for roles" in str(doubt([no], unweighed=True))


ROLE, USER = AwsPrincipal(arn=arn("deep/idle", "role")), AwsPrincipal(arn=arn("idle"))


@pytest.mark.parametrize(
    "principal",
    [
        "*",
        {"AWS": "*"},
        {"AWS": ACCOUNT},
        {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
        {"AWS": [arn("x"), arn("idle", "role")]},
        {"AWS": arn("elsewhere/IDLE", "role")},
        {"AWS": f"arn:aws:sts::{ACCOUNT}:assumed-role/idle/session"},
        {"AWS": arn("*", "role")},
        {"AWS": "AROAEXAMPLEEXAMPLE123"},
        {"AWS": [7]},
        {"Strange": "x"},
        ["x"],
    ],
)
def test_whom_a_policy_may_mean(principal: JSON) -> None:
    assert may_let_in(canonical(own(principal)), ROLE)
    assert not may_let_in(canonical(own(principal, effect="Deny")), ROLE)


@pytest.mark.parametrize(
    "principal",
    [
        {"AWS": OTHER},
        {"AWS": f"arn:aws:iam::{OTHER}:root"},
        {"AWS": [arn("idle"), arn("idler", "role"), arn("idle", "role", OTHER)]},
        {"AWS": f"arn:aws:sts::{ACCOUNT}:assumed-role/idler/idle"},
        {"Service": "ecs.amazonaws.com"},
    ],
)
def test_whom_it_does_not_mean(principal: JSON) -> None:
    assert not may_let_in(canonical(own(principal)), ROLE)


def test_what_is_no_policy_may_mean_anybody() -> None:
    assert IamUser(account=ACCOUNT, name="idle").names[1] == f"aws:arn:{USER.arn}"
    for text in ("", "[]", "{}", '{"Statement": ["x"]}', '{"Statement": {"Effect": "Allow", "NotPrincipal": {"AWS": "x"}}}', "[" * 10000):
        assert may_let_in(text, USER)
    assert not may_let_in('{"Statement": []}', USER)


async def test_what_only_the_organization_refuses_counts_as_yes() -> None:
    """AWS does not tell what its policies hang on, so nobody knows whether they would refuse the next request, too."""
    world = organization.world(deny_policy=organization.listing(organization.MALLORY))
    world[ACCOUNT]["secrets"] = {"plain-AbCdEf": {}}
    incidents = [Concerned(run="r", label="mallory", names=(f"aws:arn:{organization.MALLORY}",))]
    async with AwsSimulator(world, lag=AwsLag(iam=0.0)) as aws, client(aws, Access.READ, unclosed=Noted(incidents)) as asks:
        assert "of the organization" in said(await asks.readers.of(secret("plain")))["user mallory"]


async def test_where_nobody_can_tell_which_incidents_are_open_anybody_may_be_a_reader() -> None:
    world: dict[str, Any] = {ACCOUNT: {"secrets": {"plain-AbCdEf": {}}}}
    known = Noted([OUT_OF_REACH])
    async with AwsSimulator(world, lag=AwsLag(iam=0.0)) as aws, client(aws, Access.READ, unclosed=known) as asks:
        found = await asks.readers.of(secret("plain"))
    assert readable("secret plain", found) == (
        "it waits for the end of an incident, since a new value of secret plain could be read by somebody whom an incident concerns "
        "(not known: the journal's database is away, and only it knows which are open)"
    )


def test_the_words_for_many() -> None:
    assert readable("secret x", ()) == ""
    many = [Reader(who=f"user {n}", runs=(f"r{n}",)) for n in range(5)]
    words = readable("secret x", many)
    assert "user 2, of run r2; and 2 more" in words
    assert words.endswith(
        "firedoor close r0 --key FILE --reason TEXT and firedoor close r1 --key FILE --reason TEXT and "
        "firedoor close r2 --key FILE --reason TEXT"
    )
