"""AWS containment while somebody takes it back: until IAM enforces a change, whoever is shut out may still undo it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from firedoor.canonical import canonical
from firedoor.model import Intent, Outcome, Plan, Target
from firedoor.vendors.aws.denials import DENIES_ALL, DENY_ALL, QUARANTINE, REVOCATION, cutoff
from firedoor.vendors.aws.values import IamRole, IamUser
from firedoor.vendors.aws.world import Thing, holder, iam_of
from tests.tasks.harness import Bout, Room, bout, room

ACCOUNT, KEY = "111122223333", "AKIAAAAABBBBCCCCDDDD"
CI, DEPLOYER = IamUser(account=ACCOUNT, name="ci"), IamRole(account=ACCOUNT, name="deployer")
WORLD: Mapping[str, Any] = {ACCOUNT: {"users": {"ci": {"keys": {KEY: {}}}}, "roles": {"deployer": {}}}}
USER = Thing(kind="user", account=ACCOUNT, name="ci")
FULL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["s3:*"], "Resource": ["arn:aws:s3:::" + "x" * 1900]}]}
TIMES = 3


def no_inline(kind: str, name: str, policy: str) -> Callable[[], bool]:
    """Deletes an inline policy, where it is; says whether it was."""
    return lambda: holder(Thing(kind=kind, account=ACCOUNT, name=name)).policies.pop(policy, None) is not None


def no_attached() -> bool:
    return holder(USER).managed_policies.pop(DENY_ALL, None) is not None


def crowd_out() -> bool:
    """Deletes the inline deny, and fills its room."""
    policies = holder(USER).policies
    found = policies.pop(QUARANTINE, None) or policies.pop(REVOCATION, None)
    if found is not None:
        policies["full"] = canonical(FULL)
    return found is not None


def key_on() -> bool:
    key = iam_of(ACCOUNT).access_keys[KEY]
    was, key.status = key.status, "Active"
    return bool(was == "Inactive")


FIGHTS: dict[str, tuple[str, Target, Callable[[], bool]]] = {
    "a key is activated again": ("aws.deactivate_access_keys", CI, key_on),
    "the quarantine is deleted": ("aws.quarantine_user", CI, no_inline("user", "ci", QUARANTINE)),
    "a user's revocation is deleted": ("aws.revoke_user_sessions", CI, no_inline("user", "ci", REVOCATION)),
    "a role's revocation is deleted": ("aws.revoke_role_sessions", DEPLOYER, no_inline("role", "deployer", REVOCATION)),
}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firedoor.step.OVERDUE", 0.05)


async def fought(at: Room, target: Target, folder: Path, *takers: tuple[Callable[[], bool], int]) -> tuple[Plan, Bout]:
    """One bout in which what is done is taken back, by each taker in turn so many times."""

    async def fight() -> None:
        for taker, times in takers:
            for _ in range(times):
                while not taker():  # noqa: ASYNC110 - an attacker is told of nothing, and looks again and again
                    await asyncio.sleep(0.005)

    plan = at.action.plan(target, await at.action.read(target))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("firedoor.step.OVERDUE", 0.1)  # the taker may be quicker than our next look
        against = asyncio.create_task(fight())
        went = await bout(at.action, target, plan, folder)
    assert against.done(), "it was all taken back, and the step went on"
    return plan, went


@pytest.mark.parametrize("name", FIGHTS)
async def test_what_is_taken_back_is_done_again_until_it_holds(name: str, tmp_path: Path) -> None:
    action, target, taker = FIGHTS[name]
    async with room(action, WORLD, lag={}, settle=3.0) as at:
        before = at.at.state()
        _, went = await fought(at, target, tmp_path, (taker, TIMES))
        assert went.result.outcome is Outcome.CHANGED, went.result.reason
        assert sum(at.at.writes().values()) == TIMES + 1
        now = await at.action.read(went.target)
        assert at.action.plan(went.target, now).reason
        await undo(at, went, now)
        assert at.at.state() == before


OFF: Mapping[str, Any] = {ACCOUNT: {"users": {"ci": {"keys": {KEY: {"status": "Inactive"}}}}}}
DENIED: Mapping[str, Any] = {ACCOUNT: {"users": {"ci": {"policies": {QUARANTINE: DENIES_ALL}}}}}
ATTACHED: Mapping[str, Any] = {ACCOUNT: {"users": {"ci": {"managed": [DENY_ALL]}}}}
CROWDED: Mapping[str, Any] = {ACCOUNT: {"users": {"ci": {"managed": [DENY_ALL], "policies": {"full": FULL}}}}}
FEINTS: dict[str, tuple[str, Mapping[str, Any], Callable[[], bool]]] = {
    "a key was off": ("aws.deactivate_access_keys", OFF, key_on),
    "the quarantine was there": ("aws.quarantine_user", DENIED, no_inline("user", "ci", QUARANTINE)),
    "AWS's own deny was there": ("aws.quarantine_user", ATTACHED, no_attached),
    "AWS's own deny left no room for another": ("aws.revoke_user_sessions", CROWDED, no_attached),
}


@pytest.mark.parametrize("name", FEINTS)
async def test_what_was_so_while_people_looked_and_is_undone_once_they_approved_is_done(name: str, tmp_path: Path) -> None:
    action, world, taker = FEINTS[name]
    async with room(action, world, lag={}, settle=3.0) as at:
        plan = at.action.plan(CI, await at.action.read(CI))
        assert plan.reason
        assert not plan.wants_approval, "nobody is asked for the sake of it alone"
        went = await bout(at.action, CI, plan, tmp_path, proceed=lambda: assert_taken(taker))
        assert went.result.outcome is Outcome.CHANGED, went.result.reason
        assert at.action.plan(went.target, await at.action.read(went.target)).reason


def assert_taken(taker: Callable[[], bool]) -> None:
    assert taker()


async def undo(at: Room, went: Bout, now: Any) -> Plan:
    """Plan the way back, and go it."""
    plan = at.action.plan_undo(went.target, [done.receipt for done in went.done], now)
    for change in plan.changes:
        await at.action.apply(change, Intent(run="r2", item="s", key="k", at=await at.action.clock(went.target), fence=1))
    return plan


@pytest.mark.parametrize("action", ["aws.quarantine_user", "aws.revoke_user_sessions"])
async def test_filling_the_room_of_the_one_deny_brings_the_other_under_the_same_approval(action: str, tmp_path: Path) -> None:
    async with room(action, WORLD, lag={}, settle=3.0) as at:
        plan, went = await fought(at, CI, tmp_path, (crowd_out, 1), (no_attached, 2))
        assert [change.key for change in plan.changes] == ["deny:inline"], "nobody was asked about the other by name"
        assert went.result.outcome is Outcome.CHANGED, went.result.reason
        assert at.at.writes() == {"PutUserPolicy": 1, "AttachUserPolicy": 3}
        user = at.at.state()[ACCOUNT]["users"]["ci"]
        assert (list(user["policies"]), user["managed"]) == (["full"], [DENY_ALL])
        back = await undo(at, went, await at.action.read(went.target))
        assert [change.key for change in back.changes] == ["undo:managed"]
        user = at.at.state()[ACCOUNT]["users"]["ci"]
        assert (list(user["policies"]), user["managed"]) == (["full"], []), "what the attacker put there is not ours to take"


async def test_a_toothless_policy_put_over_the_deny_is_replaced_and_undo_restores_what_was_there_first(tmp_path: Path) -> None:
    toothless = canonical({**DENIES_ALL, "Statement": [{"Effect": "Allow", "Action": ["*"], "Resource": ["*"]}]})

    def weaken() -> bool:
        policies = holder(USER).policies
        found = QUARANTINE in policies and policies[QUARANTINE] != toothless
        if found:
            policies[QUARANTINE] = toothless
        return found

    async with room("aws.quarantine_user", WORLD, lag={}, settle=3.0) as at:
        before = at.at.state()
        _, went = await fought(at, CI, tmp_path, (weaken, TIMES))
        assert went.result.outcome is Outcome.CHANGED
        assert at.at.state()[ACCOUNT]["users"]["ci"]["policies"] == {QUARANTINE: DENIES_ALL}
        await undo(at, went, await at.action.read(went.target))
        assert at.at.state() == before


async def test_a_later_revocation_by_somebody_else_is_left_alone(tmp_path: Path) -> None:
    """Another run's, or a colleague's in the console: not as we left it, so not ours to take off."""
    async with room("aws.revoke_role_sessions", WORLD, lag={}, settle=3.0) as at:
        _, went = await fought(at, DEPLOYER, tmp_path)
        ours = at.at.state()[ACCOUNT]["roles"]["deployer"]["policies"][REVOCATION]
        later = canonical(ours).replace(ours["Statement"][0]["Condition"]["DateLessThan"]["aws:TokenIssueTime"], "2099-01-01T00:00:00.000Z")
        holder(Thing(kind="role", account=ACCOUNT, name="deployer")).policies[REVOCATION] = later
        now = await at.action.read(went.target)
        assert cutoff(now.policy) is not None
        assert "look at it by hand" in (await undo(at, went, now)).impossible
