"""Where one role's name stands for all accounts of an AWS organization."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from firedoor.clients import AwsStandIn, Clients, connect
from firedoor.settings import Settings
from firedoor.vendors.access import Access
from firedoor.vendors.aws.client import AwsClient
from firedoor.vendors.aws.simulator import ROLES, AwsSimulator

MANAGEMENT, ONE, TWO = "999900001111", "111122223333", "444455556666"
ROLE = ROLES[Access.WRITE]


@pytest.fixture
async def aws() -> AsyncIterator[AwsSimulator]:
    async with AwsSimulator({MANAGEMENT: {"organization": {}}, ONE: {}, TWO: {}}) as simulator:
        yield simulator


def arn(account: str, role: str = ROLE) -> str:
    return f"arn:aws:iam::{account}:role/{role}"


async def connected(aws: AwsSimulator, stack: AsyncExitStack, access: Access = Access.WRITE, **settings: Any) -> Clients:
    stand_in = AwsStandIn(endpoint=aws.url, credentials=aws.credentials)
    return await connect(stack, Settings(aws_organization_role=ROLE, **settings), frozenset({"aws"}), access, stand_in)


@pytest.mark.parametrize("access", Access)
async def test_every_active_account_is_entered_by_the_one_role(access: Access, aws: AwsSimulator) -> None:
    named = {MANAGEMENT: arn(MANAGEMENT), TWO: arn(TWO, ROLES[Access.READ])}
    async with AsyncExitStack() as stack:
        clients = await connected(aws, stack, access, aws_accounts=named, aws_management_account=MANAGEMENT)
        found: AwsClient = clients.by_vendor["aws"]
        assert found._doors.accounts == {ONE: arn(ONE), **named}, "an account that is named keeps the role it is named with"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "no management account"),
        ({"aws_management_account": MANAGEMENT}, "are of account 999999999999, not of the management account"),
        ({"aws_management_account": ONE, "aws_accounts": {ONE: arn(ONE)}}, "organizations:ListAccounts"),
    ],
)
async def test_who_cannot_list_the_accounts_does_not_begin(settings: dict[str, Any], words: str, aws: AwsSimulator) -> None:
    async with AsyncExitStack() as stack:
        clients = await connected(aws, stack, **settings)
        assert words in clients.missing["aws"].what
        assert not clients.by_vendor
