"""What the AWS queries find, what they refuse in words, and with which permissions."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from firedoor.errors import BadInput
from firedoor.vendors.aws.client import AwsClient
from firedoor.vendors.aws.principals import AwsPrincipal, SsoUser
from tasks.aws.find_principals import FindPrincipals, Principals
from tasks.aws.find_sso_users import FindSsoUsers, Logins
from tests.tasks.rooms import ROOMS

ACCOUNT = "111122223333"
AMY, DEPLOYER = f"arn:aws:iam::{ACCOUNT}:user/amy", f"arn:aws:iam::{ACCOUNT}:role/ci/deployer"
ADA, EVE = "906712ab34-01234567-89ab-cdef-0123-456789abcdef", "906712ab34-76543210-89ab-cdef-0123-456789abcdef"
WORLD = {
    "999900001111": {
        "organization": {
            "prepared": {"deny_policy": "p-denylist0"},
            "sso_users": {ADA: {"login": "ada@acme.example"}, EVE: {"login": "eve@acme.example"}},
        }
    },
    ACCOUNT: {"users": {"amy": {}}, "roles": {"deployer": {"path": "/ci/"}}},
}
HOME = {"sts:AssumeRole"}


@pytest.fixture
async def aws() -> AsyncIterator[AwsClient]:
    async with ROOMS["aws"].open(WORLD, {}) as room:
        yield room.client


async def test_principals_are_found_each_once_and_in_order(aws: AwsClient) -> None:
    found = await FindPrincipals(aws).find(Principals(principals=(DEPLOYER, AMY, DEPLOYER)))
    assert found == (AwsPrincipal(arn=DEPLOYER), AwsPrincipal(arn=AMY))
    assert aws.policy.used - HOME == FindPrincipals.spec.reads


@pytest.mark.parametrize(
    ("arn", "words"),
    [
        (f"arn:aws:iam::{ACCOUNT}:user/nobody", "IAM has no such user or role"),
        (f"arn:aws:iam::{ACCOUNT}:role/deployer", "AWS writes that ARN"),
        ("arn:aws:iam::444455556666:user/amy", "account 444455556666 is not among the configured ones"),
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/deployer/x", "is not the ARN of an IAM user or role"),
    ],
)
async def test_a_principal_that_is_not_there_is_refused(arn: str, words: str, aws: AwsClient) -> None:
    with pytest.raises(BadInput, match=words):
        await FindPrincipals(aws).find(Principals(principals=(AMY, arn)))


async def test_people_are_found_each_once_and_in_order(aws: AwsClient) -> None:
    found = await FindSsoUsers(aws).find(Logins(logins=("eve@acme.example", "ada@acme.example", "eve@acme.example")))
    assert found == (SsoUser(user_id=EVE, login="eve@acme.example"), SsoUser(user_id=ADA, login="ada@acme.example"))
    assert aws.policy.used - HOME == FindSsoUsers.spec.reads


@pytest.mark.parametrize(
    ("login", "words"), [("bob@acme.example", "Identity Center has no such user"), ("a b", "is not an Identity Center user name")]
)
async def test_a_person_who_is_not_there_is_refused(login: str, words: str, aws: AwsClient) -> None:
    with pytest.raises(BadInput, match=words):
        await FindSsoUsers(aws).find(Logins(logins=("ada@acme.example", login)))
