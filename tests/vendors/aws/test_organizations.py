from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from firedoor.errors import BadInput, Conflict, Malformed, Misconfigured, NotFound, Unavailable, WriteRefused
from firedoor.vendors.access import Access
from firedoor.vendors.aws.client import AwsClient
from firedoor.vendors.aws.denylist import PRINCIPALS, SSO_USERS, Missing
from firedoor.vendors.aws.simulator import AwsLag, AwsSimulator
from firedoor.vendors.faults import Effect, Fault
from tests.vendors.aws.conftest import ACCOUNT, client
from tests.vendors.aws.organization import ADA, DENY, DEPLOYER, MALLORY, MANAGEMENT, NO_ID, NOBODY, SSO, blocking, listing, world

UPDATE = "organizations:UpdatePolicy"


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firedoor.vendors.aws.organizations._PAUSES", (0.0, 0.0, 0.0))


@pytest.fixture
async def aws() -> AsyncIterator[AwsSimulator]:
    async with AwsSimulator(world(), lag=AwsLag(iam=0.0)) as simulator:
        yield simulator


@pytest.fixture
async def writer(aws: AwsSimulator) -> AsyncIterator[AwsClient]:
    async with client(aws, Access.WRITE, prepared=aws.prepared) as made:
        yield made


def document(aws: AwsSimulator, policy: str = DENY) -> Any:
    state: Any = aws.state()
    return state[MANAGEMENT]["policies"][policy]["document"]


def updates(aws: AwsSimulator) -> int:
    return [record.name for record in aws.accepted_writes()].count(UPDATE)


async def test_it_reads_a_prepared_policy(writer: AwsClient) -> None:
    state = await writer.organizations.state(DENY, account=ACCOUNT)
    assert (state.policy, state.management, state.missing, state.outside) == (DENY, MANAGEMENT, None, False)
    assert state.document == listing(NOBODY)
    assert [each[:2] for each in state.attached] == ["r-"]
    assert (await writer.organizations.state(DENY, account="123123123123")).outside
    assert (await writer.organizations.state("p-gonegone")).missing is Missing.GONE
    assert (await writer.organizations.state("")).missing is Missing.NOT_PREPARED
    assert (await writer.organizations.state("p-RCPFullAWSAccess")).missing is Missing.OTHER_TYPE


async def test_the_management_account_must_be_configured(aws: AwsSimulator) -> None:
    roles = {ACCOUNT: aws.roles(Access.READ)[ACCOUNT]}
    async with AwsClient(roles, Access.READ, credentials=aws.credentials, endpoint=aws.url, prepared=aws.prepared) as narrow:
        assert (await narrow.organizations.state(DENY)).missing is Missing.NOT_CONFIGURED
        with pytest.raises(Misconfigured, match="not configured"):
            await narrow.identity_center.user("ada@acme.example")
    assert aws.requests == []


async def test_names_go_on_beside_others_and_off_again(writer: AwsClient, aws: AwsSimulator) -> None:
    amend = writer.organizations.amend
    for _ in range(2):
        await amend(DENY, PRINCIPALS, MALLORY, listed=True)
    await amend(DENY, PRINCIPALS, DEPLOYER, listed=True)
    assert document(aws) == listing(NOBODY, MALLORY, DEPLOYER)
    for _ in range(2):
        await amend(DENY, PRINCIPALS, MALLORY, listed=False)
    assert document(aws) == listing(NOBODY, DEPLOYER)
    assert updates(aws) == 3, "what is so already is not written"
    await amend(SSO, SSO_USERS, ADA, listed=True)
    assert document(aws, SSO) == blocking(NO_ID, ADA)


async def test_two_at_once_do_not_sweep_each_other_away(writer: AwsClient, aws: AwsSimulator) -> None:
    names = [f"{MALLORY}{number}" for number in range(5)]
    await asyncio.gather(*(writer.organizations.amend(DENY, PRINCIPALS, name, listed=True) for name in names))
    assert set(PRINCIPALS.entries(document(aws)) or ()) == {NOBODY, *names}


@pytest.mark.parametrize("code", ["ConcurrentModificationException", "PolicyChangesInProgressException"])
async def test_a_race_is_run_again_on_what_is_there_then(code: str, writer: AwsClient, aws: AwsSimulator) -> None:
    aws.faults.plan(Fault(operation=UPDATE, status=400, body=json.dumps({"__type": code})), times=2)
    somebody_else = json.dumps({"Policy": {"PolicySummary": {"Type": "SERVICE_CONTROL_POLICY"}, "Content": json.dumps(listing(NOBODY))}})
    aws.faults.plan(Fault(operation="organizations:DescribePolicy", status=200, body=somebody_else))
    aws.faults.plan(Fault(operation="organizations:DescribePolicy", status=200, body=somebody_else.replace("nobody", "else")))
    await writer.organizations.amend(DENY, PRINCIPALS, MALLORY, listed=True)
    assert document(aws) == listing(NOBODY, MALLORY), "the third reading is of the true policy"
    assert updates(aws) == 1


async def test_a_race_that_does_not_end_is_a_conflict(writer: AwsClient, aws: AwsSimulator) -> None:
    aws.faults.plan(Fault(operation=UPDATE, status=400, body=json.dumps({"__type": "ConcurrentModificationException"})), times=9)
    with pytest.raises(Conflict) as lost:
        await writer.organizations.amend(DENY, PRINCIPALS, MALLORY, listed=True)
    assert (lost.value.code, lost.value.changed) == ("ConcurrentModificationException", False)
    assert len(aws.faults._planned) == 5


async def test_a_conflict_of_another_kind_is_no_race(writer: AwsClient, aws: AwsSimulator) -> None:
    aws.faults.plan(Fault(operation=UPDATE, status=400, body=json.dumps({"__type": "ConstraintViolationException"})), times=2)
    with pytest.raises(Conflict):
        await writer.organizations.amend(DENY, PRINCIPALS, MALLORY, listed=True)
    assert len(aws.faults._planned) == 1


async def test_the_document_is_not_sent_again_by_itself(writer: AwsClient, aws: AwsSimulator) -> None:
    aws.faults.plan(Fault(operation=UPDATE, effect=Effect.FIRST, status=500))
    with pytest.raises(Unavailable):
        await writer.organizations.amend(DENY, PRINCIPALS, MALLORY, listed=True)
    assert updates(aws) == 1


async def test_organizations_failing_with_status_400_is_a_failure_all_the_same(writer: AwsClient, aws: AwsSimulator) -> None:
    aws.faults.plan(Fault(operation=UPDATE, status=400, body=json.dumps({"__type": "ServiceException"})))
    with pytest.raises(Unavailable) as failed:
        await writer.organizations.amend(DENY, PRINCIPALS, MALLORY, listed=True)
    assert failed.value.changed is None


@pytest.mark.parametrize("deny_policy", [{**listing(NOBODY), "Statement": []}, listing(*(f"{NOBODY}{number:03}" for number in range(114)))])
async def test_what_it_cannot_amend_it_leaves_alone(deny_policy: Any, aws: AwsSimulator) -> None:
    aws.reset(world(deny_policy=deny_policy))
    async with client(aws, Access.WRITE, prepared=aws.prepared) as made:
        with pytest.raises(Conflict, match="was left alone"):
            await made.organizations.amend(DENY, PRINCIPALS, "arn:aws:iam::111122223333:role/" + "a" * 64, listed=True)
    assert document(aws) == deny_policy
    assert updates(aws) == 0


async def test_a_reading_client_writes_no_policy(aws: AwsSimulator) -> None:
    async with client(aws, Access.READ, prepared=aws.prepared) as reader:
        with pytest.raises(WriteRefused):
            await reader.organizations.amend(DENY, PRINCIPALS, MALLORY, listed=True)
        organizations = (await reader._doors.door(MANAGEMENT)).clients["organizations"]
        with pytest.raises(WriteRefused):
            await asyncio.to_thread(lambda: organizations.update_policy(PolicyId=DENY, Content="{}"))
        with pytest.raises(WriteRefused):
            await asyncio.to_thread(lambda: organizations.detach_policy(PolicyId=DENY, TargetId=ACCOUNT))
    assert updates(aws) == 0


async def test_the_active_accounts_of_the_organization_are_listed_to_the_end(writer: AwsClient, aws: AwsSimulator) -> None:
    assert await writer.organizations.accounts() == tuple(sorted(world()))
    shown = [{"Id": "000000000003", "State": "CLOSED", "Status": "ACTIVE"}, {"Id": "000000000002", "Status": "SUSPENDED"}]
    for page in (
        {"Accounts": [], "NextToken": "a"},
        {"Accounts": shown, "NextToken": "b"},
        {"Accounts": [{"Id": "000000000001", "State": "ACTIVE"}]},
    ):
        aws.faults.plan(Fault(operation="organizations:ListAccounts", status=200, body=json.dumps(page), headers={"x-amzn-requestid": "r"}))
    assert await writer.organizations.accounts() == ("000000000001",)
    page = {"Accounts": [], "NextToken": "a"}
    for broken in ({}, {"Accounts": ["x"]}):
        aws.faults.plan(Fault(operation="organizations:ListAccounts", status=200, body=json.dumps(broken)), times=9)
        with pytest.raises(Malformed):
            await writer.organizations.accounts()
        aws.faults._planned.clear()
    aws.faults.plan(Fault(operation="organizations:ListAccounts", status=200, body=json.dumps(page)), times=2)
    with pytest.raises(Malformed):
        await writer.organizations.accounts()


async def test_a_listing_of_targets_goes_on_to_its_end(writer: AwsClient, aws: AwsSimulator) -> None:
    def page(*targets: str, **more: str) -> Fault:
        body = json.dumps({"Targets": [{"TargetId": each} for each in targets], **more})
        return Fault(operation="organizations:ListTargetsForPolicy", status=200, body=body)

    aws.faults.plan(page("r-abcd", NextToken="1"))
    aws.faults.plan(page(ACCOUNT))
    assert (await writer.organizations.state(DENY)).attached == (ACCOUNT, "r-abcd")
    aws.faults.plan(page("r-abcd", NextToken="1"), times=2)
    with pytest.raises(Malformed, match="does not go on"):
        await writer.organizations.state(DENY)


BAD = [
    ("organizations:DescribePolicy", "{}"),
    ("organizations:DescribePolicy", '{"Policy": {"Content": "{}"}}'),
    ("organizations:DescribePolicy", '{"Policy": {"PolicySummary": {"Type": "SERVICE_CONTROL_POLICY"}}}'),
    ("organizations:ListTargetsForPolicy", "{}"),
    ("organizations:ListTargetsForPolicy", '{"Targets": [{"Name": "x"}]}'),
]


@pytest.mark.parametrize(("operation", "body"), BAD)
async def test_a_reply_without_its_parts_is_malformed(operation: str, body: str, writer: AwsClient, aws: AwsSimulator) -> None:
    aws.faults.plan(Fault(operation=operation, status=200, body=body))
    with pytest.raises(Malformed):
        await writer.organizations.state(DENY)


async def test_people_are_found_by_login(writer: AwsClient, aws: AwsSimulator) -> None:
    assert (await writer.identity_center.user("ada@acme.example")).user_id == ADA
    with pytest.raises(NotFound):
        await writer.identity_center.user("nobody@acme.example")
    assert [record.name for record in aws.requests].count("sso:ListInstances") == 1
    with pytest.raises(BadInput):
        await writer.identity_center.user("a b")
    aws.faults.plan(Fault(operation="identitystore:GetUserId", status=200, body="{}"))
    with pytest.raises(Malformed):
        await writer.identity_center.user("ada@acme.example")


INSTANCES: list[tuple[str, type[Exception]]] = [
    ('{"Instances": []}', Misconfigured),
    ('{"Instances": [{"IdentityStoreId": "d-1"}, {"IdentityStoreId": "d-2"}]}', Misconfigured),
    ('{"Instances": [{"IdentityStoreId": "d-1"}], "NextToken": "x"}', Malformed),
    ("{}", Malformed),
]


@pytest.mark.parametrize(("body", "kind"), INSTANCES)
async def test_one_store_must_be_found(body: str, kind: type[Exception], writer: AwsClient, aws: AwsSimulator) -> None:
    aws.faults.plan(Fault(operation="sso:ListInstances", status=200, body=body))
    with pytest.raises(kind):
        await writer.identity_center.user("ada@acme.example")


async def test_principals_are_found_by_their_exact_arn(writer: AwsClient) -> None:
    assert (await writer.principal(MALLORY)).arn == MALLORY
    assert (await writer.principal(DEPLOYER)).arn == DEPLOYER
    with pytest.raises(BadInput, match="AWS writes that ARN"):
        await writer.principal(DEPLOYER.replace("/ci/", "/"))
    with pytest.raises(NotFound):
        await writer.principal(NOBODY)


async def test_without_anything_prepared_nothing_is_asked(aws: AwsSimulator) -> None:
    aws.reset({**world(), MANAGEMENT: {"organization": {}}})
    async with client(aws, Access.READ, prepared=aws.prepared) as reader:
        assert (await reader.organizations.state(reader.prepared.deny_policy)).missing is Missing.NOT_PREPARED
    assert aws.requests == []
