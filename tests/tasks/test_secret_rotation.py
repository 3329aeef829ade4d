"""Rotating a secret where a single case shows too little: whose rotation it is, what a repetition asks for, and plans over odd worlds."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from firedoor.action import NotUndoable
from firedoor.errors import BadInput, Conflict
from firedoor.inventory import Credential
from firedoor.journal import Journal
from firedoor.lease import Leases
from firedoor.model import Change, Intent, Mode, Outcome, Plan, Receipt, Standing
from firedoor.run import Order, Record, revive
from firedoor.step import Bench, perform
from firedoor.store import Store
from firedoor.vendors.aws.rotation import NotYet
from firedoor.vendors.aws.secretrotation import SecretRotation, SecretState, version_for
from firedoor.vendors.aws.secrets import Secret, version_of
from firedoor.vendors.aws.simulator import AwsLag
from tasks.aws.rotate_secret import RotateSecret
from tests.tasks.harness import Room, bout, cases, grant, room

ORDINARY = next(case for case in cases() if (case.action, case.name) == ("aws.rotate_secret", "ordinary"))
TARGET: SecretRotation = revive(SecretRotation, ORDINARY.data["target"])
ACTION = RotateSecret(cast("Any", None))
T = datetime(2023, 10, 18, 16, 0, tzinfo=UTC)
OLD, HAND = TARGET.version, "99999999-2222-4333-8444-555555555555"
FIRST, SECOND = (f"firedoor-{letter * 8}-2222-4333-8444-555555555555" for letter in "ab")
FUNCTION = "arn:aws:lambda:eu-west-1:111122223333:function:rotates-ci-db"


def intent(key: str = "33333333-2222-4333-8444-555555555555") -> Intent:
    return Intent(run="r", item="i", key=key, at=T, fence=1)


def state(labels: Mapping[str, str], made: Mapping[str, float], **more: Any) -> SecretState:
    """Labels by version, separated by blanks; and how many seconds after T each version was made."""
    versions = {version: tuple(text.split()) for version, text in labels.items()}
    moments = {version: T + timedelta(seconds=after) for version, after in made.items()}
    return SecretState(secret=Secret(versions=versions, **{"rotates": True, "function": FUNCTION, **more}), made=moments)


def said(plan: Plan) -> tuple[str, str]:
    """What kind of plan it is, and its words."""
    words = "; ".join(change.says for change in plan.changes)
    kinds = {"changes": words, "reason": plan.reason, "impossible": plan.impossible}
    return next((kind, text) for kind, text in kinds.items() if text)


LONG_AGO = -1e6
SEEN: Mapping[str, tuple[SecretState, bool, str, str]] = {
    "nothing was asked for": (state({OLD: "AWSCURRENT"}, {OLD: LONG_AGO}), False, "changes", "rotate secret ci/db-AbCdEf"),
    "a rotation before left both labels on it": (state({OLD: "AWSCURRENT AWSPENDING"}, {OLD: LONG_AGO}), False, "changes", "rotate secret"),
    "it was asked for": (
        state({OLD: "AWSCURRENT", FIRST: "AWSPENDING"}, {OLD: LONG_AGO}),
        True,
        "changes",
        f"AWS has begun, and version {FIRST} is AWSPENDING; where it does not end, the log of {FUNCTION}",
    ),
    "it has its value already": (
        state({OLD: "AWSCURRENT", FIRST: "AWSPENDING"}, {OLD: LONG_AGO, FIRST: 1}),
        True,
        "changes",
        "AWS has begun",
    ),
    "it is done": (
        state({OLD: "AWSPREVIOUS", FIRST: "AWSCURRENT"}, {OLD: LONG_AGO, FIRST: 1}),
        True,
        "reason",
        f"version {FIRST} is in force",
    ),
    "it is done, and both labels are on it": (
        state({OLD: "AWSPREVIOUS", FIRST: "AWSCURRENT AWSPENDING"}, {OLD: LONG_AGO, FIRST: 1}),
        True,
        "reason",
        f"version {FIRST} is in force",
    ),
    "its schedule rotated it once more": (
        state({FIRST: "AWSPREVIOUS", HAND: "AWSCURRENT"}, {OLD: LONG_AGO, FIRST: 1, HAND: 9}),
        True,
        "reason",
        f"version {FIRST} is and after it {HAND}",
    ),
    "somebody moved AWSCURRENT back": (
        state({OLD: "AWSCURRENT", FIRST: "AWSPREVIOUS"}, {OLD: LONG_AGO, FIRST: 1}),
        True,
        "impossible",
        f"version {FIRST}, which this run asked for, is not in force",
    ),
    "somebody took AWSPENDING off": (
        state({OLD: "AWSCURRENT"}, {OLD: LONG_AGO, FIRST: 1}),
        True,
        "impossible",
        "start a new run, which asks anew",
    ),
    "a person put another value there": (
        state({OLD: "AWSPREVIOUS", HAND: "AWSCURRENT"}, {OLD: LONG_AGO, HAND: 1}),
        True,
        "changes",
        "rotate secret ci/db-AbCdEf",
    ),
    "another run was quicker": (
        state({OLD: "AWSPREVIOUS", FIRST: "AWSCURRENT"}, {OLD: LONG_AGO, FIRST: -60}),
        False,
        "reason",
        "this run did not ask for it",
    ),
    "an older rotation of Firedoor's was put back": (
        state({OLD: "AWSPREVIOUS", FIRST: "AWSCURRENT"}, {OLD: -60, FIRST: LONG_AGO}),
        False,
        "changes",
        "rotate secret",
    ),
    "another run's has not ended": (
        state({OLD: "AWSCURRENT", FIRST: "AWSPENDING"}, {OLD: LONG_AGO, FIRST: -60}),
        True,
        "impossible",
        "another run of Firedoor",
    ),
    "a key is being delivered": (
        state({OLD: "AWSCURRENT", version_of("AKIAAAAABBBBCCCCDDDD"): "AWSPENDING"}, {OLD: LONG_AGO}),
        True,
        "impossible",
        "access keys which it delivers",
    ),
    "a partner rotates it": (
        state({OLD: "AWSCURRENT"}, {OLD: LONG_AGO}, function="", partner="SalesforceClientSecret"),
        False,
        "changes",
        "rotate secret",
    ),
    "the function of a service's": (
        state({OLD: "AWSCURRENT", HAND: "AWSPENDING"}, {OLD: LONG_AGO}, function="", service="rds"),
        False,
        "impossible",
        "where it failed, CloudTrail says why",
    ),
}


@pytest.mark.parametrize(("seen", "begun", "kind", "words"), SEEN.values(), ids=SEEN)
def test_what_is_planned_by_what_is_seen(seen: SecretState, begun: bool, kind: str, words: str) -> None:  # noqa: FBT001 - a table's column
    found, text = said(ACTION.plan(TARGET.bound(T) if begun else TARGET, seen))
    assert found == kind
    assert words in text


def test_the_effect_is_the_same_before_and_while_aws_is_at_it() -> None:
    (first,) = ACTION.plan(TARGET, SEEN["nothing was asked for"][0]).changes
    (later,) = ACTION.plan(TARGET.bound(T), SEEN["it was asked for"][0]).changes
    assert first.effect("aws.rotate_secret") == later.effect("aws.rotate_secret")
    assert first.digest("aws.rotate_secret") == later.digest("aws.rotate_secret")


@pytest.mark.parametrize("listed", [OLD, FIRST, HAND, ""])
def test_the_next_round_of_a_sweep_lists_the_new_version_and_asks_for_no_other(listed: str) -> None:
    target = SecretRotation(secret=TARGET.secret, version=listed).bound(T)
    assert said(ACTION.plan(target, SEEN["it is done"][0]))[0] == "reason"
    assert said(ACTION.plan(target, SEEN["its schedule rotated it once more"][0]))[0] == "reason"


def test_the_next_sweep_rotates_it_again() -> None:
    target = SecretRotation(secret=TARGET.secret, version=FIRST)
    assert said(ACTION.plan(target, SEEN["it is done"][0]))[0] == "changes"
    assert said(ACTION.plan(target.bound(T + timedelta(days=30)), SEEN["it is done"][0]))[0] == "changes"


def test_a_listing_tells_the_target() -> None:
    listed = Credential(system="aws", kind="secret", place="111122223333", holder="eu-west-1", id=TARGET.secret, names=())
    assert (
        ACTION.target_of(Credential(**{**{name: getattr(listed, name) for name in listed.__slots__}, "facts": {"current": OLD}})) == TARGET
    )
    assert ACTION.target_of(listed).version == "", "none is in force, or the listing does not say"
    assert ACTION.seen(listed) is None
    assert (TARGET.account, TARGET.names) == ("111122223333", (f"aws:arn:{TARGET.secret}",))
    with pytest.raises(BadInput):
        SecretRotation(secret="ci/db")
    with pytest.raises(BadInput, match="without a time zone"):
        TARGET.bound(T.replace(tzinfo=None))


def test_there_is_no_way_back() -> None:
    with pytest.raises(NotUndoable):
        ACTION.plan_undo(TARGET, (), SEEN["it is done"][0])


def test_what_may_live_on_is_told() -> None:
    told = [one.what for one in ACTION.residuals(TARGET, SEEN["it is done"][0])]
    assert [word for word in ("programs and people", "AWSPREVIOUS", "connections") if not any(word in what for what in told)] == []
    marked = state({OLD: "AWSCURRENT"}, {OLD: LONG_AGO}, deleted=True)
    assert "whoever may restore it" in ACTION.residuals(TARGET, marked)[0].what
    assert ACTION.residuals(TARGET, SecretState()) == ()


@pytest.fixture
async def at() -> AsyncIterator[Room]:
    async with room("aws.rotate_secret", ORDINARY.data["world"], lag={"rotation": 60.0}, settle=3.0) as found:
        yield found


async def planned(at: Room, target: SecretRotation = TARGET) -> Change:
    (change,) = at.action.plan(target, await at.action.read(target)).changes
    return change


def at_once(at: Room) -> None:
    """Every rotation that has begun comes to its end, and so does each from now on."""
    at.at.world.lag = AwsLag(iam=0.0, waf=0.0, rotation=0.0)
    at.at.world.clock.shift(timedelta(minutes=1))


async def test_the_same_change_is_asked_for_once_however_often_it_is_tried(at: Room) -> None:
    begun = TARGET.bound(await at.action.clock(TARGET))
    receipts = [await at.action.apply(await planned(at), intent())]
    receipts += [await at.action.apply(await planned(at, begun), intent()) for _ in range(2)]
    assert {receipt.facts["version"] for receipt in receipts} == {version_for(intent())}
    assert at.at.writes()["RotateSecret"] == 1
    with pytest.raises(NotYet, match="so another rotation was not asked for"):
        await at.action.apply(await planned(at, begun), intent("44444444-2222-4333-8444-555555555555"))
    with pytest.raises(Conflict):
        await at.at.client.secrets.rotate(TARGET.secret, version_for(intent("44444444-2222-4333-8444-555555555555")))
    with pytest.raises(Conflict):
        await at.at.client.secrets.rotate(TARGET.secret, version_for(intent()))
    assert (await at.action.verify(begun, receipts)).standing is Standing.NOT_YET
    at_once(at)
    assert (await at.action.verify(begun, receipts)).standing is Standing.HOLDS
    assert at.at.writes()["RotateSecret"] == 1


@pytest.mark.parametrize("receipt", [True, False], ids=["with its receipt", "without"])
async def test_a_run_that_is_resumed_waits_for_its_rotation_and_asks_for_no_other(receipt: bool, tmp_path: Path) -> None:  # noqa: FBT001 - a table's column
    async with room("aws.rotate_secret", ORDINARY.data["world"], lag={"rotation": 60.0}, settle=0.2) as at:
        went = await bout(at.action, TARGET, at.action.plan(TARGET, await at.action.read(TARGET)), tmp_path)
        assert went.result.outcome is Outcome.UNVERIFIED
        order = Order(
            run="r1", incident="i", playbook="p", mode=Mode.LIVE, requester="Ada", asked=datetime.now(UTC), inputs={}, title="Rotate"
        )
        record = Record(order=order, items=(went.item,), intents=list(went.intents), receipts=list(went.done) if receipt else [])

        async def resumed() -> Outcome:
            async with Store(f"sqlite:///{tmp_path}/journal.db") as store:
                bench = Bench(journal=Journal(store), leases=Leases(store, "r1"), grant=grant(went.item, order), stopped=_nobody)
                return (await perform(went.item, at.action, record=record, bench=bench)).outcome

        assert await resumed() is Outcome.UNVERIFIED
        at_once(at)
        assert await resumed() is Outcome.CHANGED
        assert at.at.writes()["RotateSecret"] == 1


async def _nobody() -> str:
    return ""


async def test_a_version_that_the_run_did_not_ask_for_is_not_taken_for_its_own(at: Room) -> None:
    begun = TARGET.bound(await at.action.clock(TARGET))
    change = await planned(at)
    await at.action.apply(change, intent())
    at_once(at)
    other = Receipt(change="rotate", at=T, facts={"version": version_for(intent("44444444-2222-4333-8444-555555555555"))})
    verdict = await at.action.verify(begun, [other])
    assert verdict.standing is Standing.UNKNOWN
    assert "did not make that one" in verdict.says
    assert (await at.action.verify(begun, [])).standing is Standing.HOLDS
    refused = Receipt(change="rotate", at=T, settled="refusal")
    assert (await at.action.verify(begun, [refused])).standing is Standing.HOLDS


async def test_a_secret_that_goes_between_two_readings_is_gone(at: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    described: Secret = await at.at.client.secrets.describe(TARGET.secret)

    async def still(_: str) -> Secret:
        return described

    monkeypatch.setattr(at.at.client.secrets, "describe", still)
    assert await at.action.read(TARGET) != SecretState()
    gone = SecretRotation(secret=TARGET.secret.replace("ci/db", "ci/no"))
    assert await at.action.read(gone) == SecretState()
