"""What cases cannot show of the AWS actions: the way back after others were there too, who else is hit, and what the queries find."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from firedoor.approval import Roster
from firedoor.errors import BadInput
from firedoor.guard import Guard
from firedoor.model import Receipt
from firedoor.vendors.access import Access
from firedoor.vendors.aws.client import AwsClient
from firedoor.vendors.aws.denials import DENIES_ALL, DENY_ALL, revocation
from firedoor.vendors.aws.simulator import AwsLag, AwsSimulator
from firedoor.vendors.aws.user_denies import UserDenies
from firedoor.vendors.aws.values import AccessKey, IamRole, IamUser, KeyStatus
from tasks.aws.deactivate_access_keys import DeactivateAccessKeys, KeysState
from tasks.aws.find_roles import FindRoles, RoleNames
from tasks.aws.find_users import FindUsers, UserNames
from tasks.aws.quarantine_user import QuarantineUser
from tasks.aws.revoke_role_sessions import RevokeRoleSessions, RoleSessions
from tasks.aws.revoke_user_sessions import RevokeUserSessions

ACCOUNT, OTHER = "111122223333", "444455556666"
CI, DEPLOYER = IamUser(account=ACCOUNT, name="ci"), IamRole(account=ACCOUNT, name="deployer")
MOMENT = datetime(2023, 11, 23, 16, 0, tzinfo=UTC)
NOBODY: Any = cast("Any", None)
OLD, OURS, THEIRS = {"old": ""}, revocation(MOMENT), {"theirs": ""}
PUT = Receipt(change="deny:inline", at=MOMENT, facts={"put": OURS, "previous": OLD})
ATTACHED = Receipt(change="deny:managed", at=MOMENT, facts={"attached": DENY_ALL})


USERS = [
    ([PUT], UserDenies(policy=OURS), ["undo:inline"], ""),
    ([PUT], UserDenies(policy=OLD), [], "is as it was before this run"),
    ([PUT], UserDenies(), [], "is gone already"),
    ([PUT], UserDenies(policy=THEIRS), [], "somebody has changed it since"),
    ([PUT], UserDenies(policy=OURS, attached=True), ["undo:inline"], ""),
    ([PUT, ATTACHED], UserDenies(policy=OURS, attached=True), ["undo:inline", "undo:managed"], ""),
    ([PUT, ATTACHED], UserDenies(policy=THEIRS, attached=True), ["undo:managed"], ""),
    ([PUT, ATTACHED], UserDenies(policy=THEIRS), [], "somebody has changed it since"),
    ([PUT, ATTACHED], UserDenies(), [], "AWSDenyAll is detached already"),
    ([ATTACHED], UserDenies(attached=True), ["undo:managed"], ""),
    ([], UserDenies(policy=OURS, attached=True), [], "was not put there by this run"),
    ([PUT, ATTACHED], UserDenies(gone=True), [], "IAM has no user"),
]


@pytest.mark.parametrize("action", [QuarantineUser, RevokeUserSessions])
@pytest.mark.parametrize(("receipts", "now", "changes", "words"), USERS)
def test_the_way_back_takes_off_a_user_what_is_ours_alone(
    action: type[QuarantineUser | RevokeUserSessions], receipts: list[Receipt], now: UserDenies, changes: list[str], words: str
) -> None:
    plan = action(NOBODY).plan_undo(CI, receipts, now)
    assert [change.key for change in plan.changes] == changes
    assert words in plan.reason + plan.impossible
    assert bool(plan.impossible) is (words == "somebody has changed it since"), "a conflict is no success"
    for change in plan.changes:
        assert not change.cover, "an approval to deny covers no way back"
        if change.key == "undo:inline":
            assert OLD in change.after.values()


ROLES = [
    ([PUT], RoleSessions(policy=OURS), ["restore"], ""),
    ([PUT], RoleSessions(policy=OLD), [], "is as it was before this run"),
    ([PUT], RoleSessions(), [], "is gone already"),
    ([PUT], RoleSessions(policy=THEIRS), [], "somebody has changed it since"),
    ([], RoleSessions(policy=OURS), [], "was not put there by this run"),
    ([PUT], RoleSessions(gone=True), [], "IAM has no role"),
]


@pytest.mark.parametrize(("receipts", "now", "changes", "words"), ROLES)
def test_the_way_back_takes_off_a_role_what_is_ours_alone(
    receipts: list[Receipt], now: RoleSessions, changes: list[str], words: str
) -> None:
    plan = RevokeRoleSessions(NOBODY).plan_undo(DEPLOYER, receipts, now)
    assert [change.key for change in plan.changes] == changes
    assert words in plan.reason + plan.impossible
    assert bool(plan.impossible) is (words == "somebody has changed it since")


A, B = "AKIAAAAABBBBCCCCDDDD", "AKIAEEEEFFFFGGGGHHHH"


@pytest.mark.parametrize(
    ("statuses", "changes", "conflict"),
    [
        ({A: "Inactive", B: "Inactive"}, [A, B], ""),
        ({A: "Inactive"}, [A], ""),
        ({A: "Active", B: "Inactive"}, [B], ""),
        ({A: "Active", B: "Active"}, [], ""),
        ({A: "Active"}, [], B),
        ({A: "Active", B: "Expired"}, [], B),
        ({}, [], f"{A}, {B}"),
    ],
)
def test_the_way_back_of_keys_names_those_that_are_lost(statuses: dict[str, str], changes: list[str], conflict: str) -> None:
    receipts = [Receipt(change=f"deactivate:{key}", at=MOMENT, facts={"key": key, "status": "Active"}) for key in (A, B)]
    now = KeysState(keys=tuple(AccessKey(id=key, status=KeyStatus(status), created=MOMENT) for key, status in statuses.items()))
    plan = DeactivateAccessKeys(NOBODY).plan_undo(CI, receipts, now)
    assert [change.at["key"] for change in plan.changes] == changes
    assert conflict in plan.impossible
    assert bool(plan.impossible) is bool(conflict)
    assert bool(plan.reason) is not bool(changes or conflict)


def test_a_plan_for_a_role_names_all_who_lose_their_sessions() -> None:
    before = RoleSessions(trusted=("arn:aws:iam::444455556666:root", "ec2.amazonaws.com"))
    plan = RevokeRoleSessions(NOBODY).plan(DEPLOYER, before)
    assert plan.also_hit == tuple(f"{who}: every session as role deployer in {ACCOUNT}, theirs too" for who in before.trusted)
    effects = {change.effect("a") for change in plan.changes}
    more = RevokeRoleSessions(NOBODY).plan(DEPLOYER, replace(before, trusted=("*",)))
    assert {change.effect("a") for change in more.changes} == effects, "whoever may change the trust cannot stop what was approved"


def test_what_outlives_a_renamed_user_is_said() -> None:
    (only,) = QuarantineUser(NOBODY).residuals(CI, UserDenies(gone=True))
    assert "under another name" in only.what


def test_what_a_deny_or_a_dead_key_leaves_alive_is_said() -> None:
    left = " ".join(each.what for each in QuarantineUser(NOBODY).residuals(CI, UserDenies(policy=DENIES_ALL)))
    for words in ("sessions of roles", "keys, roles, functions", "taken off by another principal", "sts:GetCallerIdentity"):
        assert words in left
    minted, signed = DeactivateAccessKeys(NOBODY).residuals(CI, KeysState())
    assert "minted from keys of ci" in minted.what
    assert minted.closes_by.startswith("aws.revoke_user_sessions")
    assert "themselves, not with a session" in signed.what
    assert not DeactivateAccessKeys(NOBODY).residuals(CI, KeysState(gone=True))


@pytest.fixture
async def aws() -> AsyncIterator[AwsClient]:
    roles = {"deployer": {"path": "/team/"}, "plain": {}}
    world: dict[str, Any] = {ACCOUNT: {"users": {"ci": {"path": "/bots/"}, "amy": {}}, "roles": roles}, OTHER: {"users": {"ci": {}}}}
    async with (
        AwsSimulator(world, lag=AwsLag(iam=0.0)) as simulator,
        AwsClient(simulator.roles(Access.READ), Access.READ, credentials=simulator.credentials, endpoint=simulator.url) as made,
    ):
        yield made


async def test_users_are_found_by_account_and_name(aws: AwsClient) -> None:
    found = await FindUsers(aws).find(UserNames(users=(f"{OTHER}/ci", f"{ACCOUNT}/amy", f"{ACCOUNT}/ci", f"{OTHER}/ci")))
    assert found == (IamUser(account=OTHER, name="ci"), IamUser(account=ACCOUNT, name="amy"), replace(CI, path="/bots/"))
    protected = Guard(
        protected={f"aws:arn:arn:aws:iam::{ACCOUNT}:user/bots/CI": "break glass"}, roster=Roster(people=()), limit=5, own_networks={}
    )
    assert [bool(protected.refusal(user)) for user in found] == [False, False, True], "by the ARN with its path"
    assert aws.policy.used - {"sts:AssumeRole"} == FindUsers.spec.reads


async def test_roles_are_found_by_arn_and_by_account_and_name(aws: AwsClient) -> None:
    found = await FindRoles(aws).find(
        RoleNames(roles=(f"{ACCOUNT}/plain", f"{ACCOUNT}/deployer", f"arn:aws:iam::{ACCOUNT}:role/team/deployer"))
    )
    assert found == (IamRole(account=ACCOUNT, name="plain"), IamRole(account=ACCOUNT, name="deployer", path="/team/"))
    assert aws.policy.used - {"sts:AssumeRole"} == FindRoles.spec.reads


UNKNOWN = {
    f"{ACCOUNT}/CI": "no (user|role) of that name",
    f"{OTHER}/amy": "no (user|role) of that name",
    "999999999999/ci": "not among the configured ones",
    "ci": "names no IAM",
    f"arn:aws:sts::{ACCOUNT}:assumed-role/deployer/mallory": "is a session of a role|not an AWS account id",
}


@pytest.mark.parametrize("text", UNKNOWN)
async def test_who_is_unknown_is_bad_input(text: str, aws: AwsClient) -> None:
    with pytest.raises(BadInput, match=UNKNOWN[text]):
        await FindUsers(aws).find(UserNames(users=(f"{ACCOUNT}/amy", text)))
    with pytest.raises(BadInput, match=UNKNOWN[text]):
        await FindRoles(aws).find(RoleNames(roles=(f"{ACCOUNT}/plain", text)))


@pytest.mark.parametrize("path", ["/", "/Team/", "/team/blue/"])
async def test_an_arn_is_a_roles_to_the_letter(path: str, aws: AwsClient) -> None:
    with pytest.raises(BadInput, match=f"arn:aws:iam::{ACCOUNT}:role/team/deployer"):
        await FindRoles(aws).find(RoleNames(roles=(f"arn:aws:iam::{ACCOUNT}:role{path}deployer",)))
