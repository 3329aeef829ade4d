"""Rotating a key where a single case shows too little: what must be so however it ends, what a crash leaves, and plans over odd worlds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from firedoor.errors import BadInput, Conflict, Rejected
from firedoor.model import Change, Intent, Plan, Receipt
from firedoor.run import revive
from firedoor.vendors.aws.rotation import EARLY, LATE, KeyRotation, NotYet, RotationState
from firedoor.vendors.aws.secrets import NewKey, Secret, version_of
from firedoor.vendors.aws.values import AccessKey, KeyStatus
from firedoor.vendors.faults import Fault
from tasks.aws.rotate_access_key import RotateAccessKey
from tests.tasks.harness import Case, Room, cases, ended, room

MINE = [case for case in cases() if case.action == "aws.rotate_access_key"]
ORDINARY = next(case for case in MINE if case.name == "ordinary")
TARGET: KeyRotation = revive(KeyRotation, ORDINARY.data["target"])
OLD, NEWER = TARGET.key, "AKIAEEEEFFFFGGGGHHHH"
HAND, BEFORE = "11111111-2222-4333-8444-555555555555", "99999999-2222-4333-8444-555555555555"
T = datetime(2023, 10, 18, 16, 0, tzinfo=UTC)
ACTION = RotateAccessKey(cast("Any", None))


@pytest.mark.parametrize("case", MINE, ids=lambda case: case.name)
def test_however_it_ends_no_service_is_left_without_a_key_and_no_key_without_an_owner(case: Case) -> None:
    found = ended(case)
    ((account, before),) = found.before.items()
    after = found.after[account]
    was, keys = (world["users"].get("ci", {}).get("keys", {}) for world in (before, after))
    versions: Mapping[str, list[str]] = after.get("secrets", {}).get("ci/aws", {})
    strays = [key for key in keys if key not in was and version_of(key) not in versions]
    assert len(strays) <= (case.name == "taking_away_denied")
    assert was.keys() <= keys.keys(), "no key that was there before is deleted"
    taken = [key for key, status in was.items() if status == "Active" and keys[key] != "Active"]
    current = {version for version, labels in versions.items() if "AWSCURRENT" in labels}
    if taken or current != {version for version, labels in before.get("secrets", {}).get("ci/aws", {}).items() if "AWSCURRENT" in labels}:
        assert current & {version_of(key) for key, status in keys.items() if status == "Active"}, "readers of the secret get a live key"


@asynccontextmanager
async def opened() -> AsyncIterator[Room]:
    async with room("aws.rotate_access_key", ORDINARY.data["world"], lag={}, settle=3.0) as at:
        yield at


async def begun(at: Room) -> KeyRotation:
    return TARGET.bound(await at.action.clock(TARGET))


def intent(moment: datetime) -> Intent:
    return Intent(run="r", item="i", key="k", at=moment, fence=1)


async def apply(at: Room, change: Change) -> Receipt:
    return await at.action.apply(change, intent(await at.action.clock(TARGET)))


async def planned(at: Room, target: KeyRotation) -> list[Change]:
    return list(at.action.plan(target, await at.action.read(target)).changes)


def keys_of(at: Room) -> dict[str, str]:
    return dict(cast("Any", at.at.state())[TARGET.account]["users"]["ci"]["keys"])


async def test_a_crash_between_making_and_delivering_leaves_a_key_that_only_the_resumed_run_takes_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with opened() as at:
        target = await begun(at)
        deliver, *_ = await planned(at, target)

        async def dies(_arn: str, _key: NewKey) -> None:
            raise asyncio.CancelledError

        monkeypatch.setattr(at.at.client.secrets, "deliver", dies)
        with pytest.raises(asyncio.CancelledError):
            await apply(at, deliver)
        (lost,) = keys_of(at).keys() - {OLD}
        assert at.action.plan(TARGET, await at.action.read(TARGET)).impossible.startswith("AWS allows a user two keys"), "another run"
        drop, again, *_ = await planned(at, target)
        assert (drop.at["made"], drop.cover, again.key) == (lost, "undelivered", "deliver")
        await apply(at, drop)
        assert [change.key for change in await planned(at, target)] == ["deliver", "promote", "deactivate"]
        assert keys_of(at) == {OLD: "Active"}


async def test_a_crash_after_delivering_makes_no_second_key() -> None:
    async with opened() as at:
        target = await begun(at)
        deliver, *_ = await planned(at, target)
        await apply(at, deliver)
        assert [change.key for change in await planned(at, target)] == ["promote", "deactivate"]
        other = at.action.plan(TARGET, await at.action.read(TARGET))
        assert "it looks planted" in other.impossible, "another run cannot know whose it is"


async def test_what_is_delivered_while_the_run_is_under_way_by_somebody_else_is_given_to_nobody() -> None:
    async with opened() as at:
        target = await begun(at)
        deliver, promote, deactivate = await planned(at, target)
        await apply(at, deliver)
        client, (ours,) = at.at.client, keys_of(at).keys() - {OLD}
        await client.delete_access_key(TARGET.owner, ours)
        theirs = await client.create_access_key(TARGET.owner)
        await client.secrets.deliver(TARGET.secret, theirs)
        for change in (promote, deactivate):
            with pytest.raises(NotYet, match=f"did not make access key {theirs.id}"):
                await apply(at, change)
        assert ((await at.action.read(TARGET)).holder("AWSCURRENT"), keys_of(at)[OLD]) == (HAND, "Active")


async def test_a_key_that_somebody_makes_in_the_same_second_is_not_deleted() -> None:
    """AWS refuses ours then, so we know that we made none."""
    async with opened() as at:
        target = await begun(at)
        deliver, *_ = await planned(at, target)
        theirs = await at.at.client.create_access_key(TARGET.owner)
        with pytest.raises(Conflict):
            await apply(at, deliver)
        drop, *_ = await planned(at, target)
        assert drop.key == f"drop:{theirs.id}"
        with pytest.raises(NotYet, match=f"did not make access key {theirs.id}; it stays"):
            await apply(at, drop)
        assert theirs.id in keys_of(at)


async def test_a_third_key_is_refused_by_aws() -> None:
    async with opened() as at:
        deliver, *_ = await planned(at, await begun(at))
        await apply(at, deliver)
        with pytest.raises(Conflict) as full:
            await apply(at, deliver)
        assert full.value.code == "LimitExceeded"


async def test_a_key_that_turns_out_to_be_delivered_is_not_deleted() -> None:
    async with opened() as at:
        deliver, *_ = await planned(at, await begun(at))
        await apply(at, deliver)
        (made,) = keys_of(at).keys() - {OLD}
        seen = RotationState(keys=(*(await at.action.read(TARGET)).keys,), secret=Secret(versions={}), used={made: None})
        (drop, *_) = at.action.plan(await begun(at), seen).changes
        with pytest.raises(NotYet, match="delivered after all"):
            await apply(at, drop)
        assert made in keys_of(at)


async def test_the_old_key_stays_on_until_the_new_one_is_current() -> None:
    async with opened() as at:
        deliver, promote, deactivate = await planned(at, await begun(at))
        for change in (promote, deactivate):
            with pytest.raises(NotYet) as early:
                await apply(at, change)
            assert (early.value.retryable, early.value.changed) == (True, False)
        await apply(at, deliver)
        with pytest.raises(NotYet, match="no new key is current"):
            await apply(at, deactivate)
        assert keys_of(at)[OLD] == "Active"
        await apply(at, promote)
        await apply(at, deactivate)
        assert await planned(at, TARGET) == []
        assert "this run did not make it" in at.action.plan(TARGET, await at.action.read(TARGET)).reason


async def test_a_key_that_aws_only_says_it_made_is_given_to_nobody() -> None:
    async with opened() as at:
        deliver, promote, _ = await planned(at, await begun(at))
        at.at.faults.plan(Fault(operation="iam:CreateAccessKey", status=200))
        await apply(at, deliver)
        with pytest.raises(NotYet):
            await apply(at, promote)
        assert (await at.action.read(TARGET)).holder("AWSCURRENT") == HAND
        assert [change.key for change in await planned(at, TARGET)] == ["deliver", "promote", "deactivate"]


async def test_undo_gives_back_and_a_second_one_has_nothing_to_do() -> None:
    async with opened() as at:
        receipts = [await apply(at, change) for change in await planned(at, await begun(at))]
        back = at.action.plan_undo(TARGET, receipts, await at.action.read(TARGET))
        assert [change.key for change in back.changes] == ["activate", "demote"]
        for change in back.changes:
            await apply(at, change)
        now = await at.action.read(TARGET)
        assert (now.holder("AWSCURRENT"), keys_of(at)[OLD]) == (HAND, "Active")
        assert at.action.plan_undo(TARGET, receipts, now).reason.endswith("as before this run; the new key stays")
        with pytest.raises(Rejected):
            await apply(at, back.changes[1])


@pytest.mark.parametrize(("age", "waits"), [(1.0, 1), (9.0, 1), (11.0, 0)])
async def test_a_young_key_gets_its_time_before_anybody_is_given_it(age: float, waits: int, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    class Clock:
        async def now(self, _account: str) -> datetime:
            return T + timedelta(seconds=age)

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    await RotateAccessKey(cast("Any", Clock()))._delivering._time_to_spread(TARGET, key(NEWER, made=T))
    assert slept == [5.0] * waits


def key(key_id: str, *, made: datetime = T, status: KeyStatus = KeyStatus.ACTIVE) -> AccessKey:
    return AccessKey(id=key_id, status=status, created=made)


def state(
    *others: AccessKey, used: Mapping[str, datetime | None] | None = None, old: KeyStatus = KeyStatus.ACTIVE, **versions: str
) -> RotationState:
    """``versions``: label to version id."""
    held = {version: tuple(label for label, on in versions.items() if on == version) for version in versions.values()}
    keys = (key(OLD, made=T - timedelta(days=9), status=old), *others)
    return RotationState(keys=keys, secret=Secret(versions=held), used=used or {})


SECOND = timedelta(seconds=1)
STRAYS = [
    (T, None, True),
    (T - EARLY, None, True),
    (T + LATE, None, True),
    (T - EARLY - SECOND, None, False),
    (T + LATE + SECOND, None, False),
    (T + timedelta(minutes=1), None, False),
    (T, T + SECOND, False),
]


@pytest.mark.parametrize(("made", "used", "ours"), STRAYS)
def test_only_what_this_run_alone_can_have_made_is_deleted(made: datetime, used: datetime | None, ours: bool) -> None:  # noqa: FBT001 - a table's column
    seen = state(key(NEWER, made=made), used={NEWER: used}, AWSCURRENT=HAND)
    plan = ACTION.plan(TARGET.bound(T), seen)
    assert [change.key for change in plan.changes if change.key.startswith("drop")] == ([f"drop:{NEWER}"] if ours else [])
    assert bool(plan.impossible) is not ours
    assert not ACTION.plan(TARGET, seen).changes, "a run that has written nothing has made nothing"


def test_an_older_key_is_no_successor_whatever_its_label() -> None:
    older = state(key(NEWER, made=T - timedelta(days=90)), AWSCURRENT=HAND, AWSPENDING=version_of(NEWER))
    assert "of the secret itself" in ACTION.plan(TARGET, older).impossible


@pytest.mark.parametrize("label", ["AWSPENDING", "AWSCURRENT"])
@pytest.mark.parametrize(("begun", "made", "ours"), [(None, T, False), (T, T - EARLY - SECOND, False), (T, T - EARLY, True), (T, T, True)])
def test_only_a_key_made_since_the_run_began_is_a_successor(begun: datetime | None, made: datetime, ours: bool, label: str) -> None:  # noqa: FBT001
    target = TARGET.bound(begun) if begun else TARGET
    labels: Any = {label: version_of(NEWER)}
    seen = state(key(NEWER, made=made), **labels)
    plan = ACTION.plan(target, seen)
    assert (f"version {version_of(NEWER)}" in plan.impossible, bool(plan.changes)) == (not ours, ours)
    off = state(key(NEWER, made=made), old=KeyStatus.INACTIVE, AWSCURRENT=version_of(NEWER))
    assert ("this run did not make it" in ACTION.plan(target, off).reason) is not ours
    assert ("which this run did not make" in " ".join(each.what for each in ACTION.residuals(target, off))) is not ours


def test_what_is_approved_stays_the_same_while_the_world_drifts() -> None:
    drifted = state(old=KeyStatus.ACTIVE, AWSCURRENT=BEFORE, AWSPENDING=HAND)
    plans = [ACTION.plan(TARGET, seen) for seen in (state(AWSCURRENT=HAND), drifted)]
    effects = [[change.effect("aws.rotate_access_key") for change in plan.changes] for plan in plans]
    assert effects[0] == effects[1]
    assert plans[1].also_hit[1].startswith(f"whoever put version {HAND}")
    later = ACTION.plan(TARGET.bound(T), state(key(NEWER), AWSCURRENT=BEFORE, AWSPENDING=version_of(NEWER)))
    assert [change.effect("aws.rotate_access_key") for change in later.changes] == effects[0][1:]


RECEIPTS = [
    Receipt(change="deliver", at=T),
    Receipt(change="promote", at=T, facts={"AWSCURRENT": HAND}),
    Receipt(change="deactivate", at=T, facts={"status": "Active"}),
]


def undo(seen: RotationState, receipts: list[Receipt] | None = None) -> Plan:
    return ACTION.plan_undo(TARGET, RECEIPTS if receipts is None else receipts, seen)


def test_undo_never_overwrites_what_somebody_else_did_since() -> None:
    off = KeyStatus.INACTIVE
    ours = state(key(NEWER), old=off, AWSCURRENT=version_of(NEWER), AWSPREVIOUS=HAND)
    assert [change.key for change in undo(ours).changes] == ["activate", "demote"]
    assert [change.key for change in undo(ours, RECEIPTS[:2]).changes] == ["demote"]
    assert "is inactive, so who reads it may be refused" in undo(ours, RECEIPTS[:2]).changes[0].says
    assert "may be refused" not in undo(ours).changes[1].says
    assert undo(ours, RECEIPTS[:1]).reason.startswith("this run moved no label")
    assert "AWSCURRENT is on 9999" in undo(state(key(NEWER), old=off, AWSCURRENT=BEFORE, AWSPREVIOUS=HAND)).impossible
    assert "not as this run left it" in undo(state(key(NEWER), old=off, AWSCURRENT=version_of(NEWER), AWSPREVIOUS=BEFORE)).impossible
    assert "deleted since" in undo(RotationState(keys=(key(NEWER),), secret=ours.secret)).impossible
    assert "deleted since" in undo(RotationState(keys=ours.keys)).impossible
    assert "deleted since" in undo(RotationState(gone=True)).impossible


WRONG = [
    {"account": "1"},
    {"user": "../ci"},
    {"key": "ASIAAAAABBBBCCCCDDDD"},
    {"key": "AKIA"},
    {"secret": "ci/aws"},
    {"secret": TARGET.secret.replace(TARGET.account, "444455556666")},
    {"secret": TARGET.secret[:-7]},
    {"begun": T.replace(tzinfo=None)},
]


@pytest.mark.parametrize("wrong", WRONG, ids=str)
def test_a_target_that_names_no_rotation_is_not_made(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        KeyRotation(**{**ORDINARY.data["target"], **wrong})


def test_the_guard_sees_the_key_its_user_and_the_secret() -> None:
    assert TARGET.names[:2] == (f"aws:key:{OLD}", "aws:user:111122223333/ci")
    assert f"aws:arn:{TARGET.secret}" in TARGET.names
