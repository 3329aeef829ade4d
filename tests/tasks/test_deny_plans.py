"""Plans over prepared policies that somebody else has changed meanwhile: no harness can wait for that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from firedoor.canonical import JSON
from firedoor.model import Plan, Receipt
from firedoor.vendors.aws.denylist import DenyState
from firedoor.vendors.aws.principals import AwsPrincipal, SsoUser
from tasks.aws.block_sso_user import BlockSsoUser
from tasks.aws.deny_principal import DenyPrincipal

MOMENT = datetime(2023, 11, 23, 16, 0, tzinfo=UTC)
USER = AwsPrincipal(arn="arn:aws:iam::111122223333:user/mallory")
ROLE = AwsPrincipal(arn="arn:aws:iam::111122223333:role/deployer")
EVE = SsoUser(user_id="906712ab34-76543210-89ab-cdef-0123-456789abcdef", login="eve@acme.example")
ON_PRINCIPALS = (DenyPrincipal, USER, "arn", USER.arn, "aws:PrincipalArn")
ON_PEOPLE = (BlockSsoUser, EVE, "user", EVE.user_id, "identitystore:userId")
BOTH = pytest.mark.parametrize(("action", "target", "field", "entry", "key"), [ON_PRINCIPALS, ON_PEOPLE], ids=["principal", "person"])


def state(key: str, entries: Sequence[str], *, policy: str = "p-prepared0", **more: JSON) -> DenyState:
    statement: Mapping[str, JSON] = {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"StringEquals": {key: list(entries)}}}
    return DenyState(policy=policy, management="999900001111", attached=("r-abcd",), document={"Statement": [{**statement, **more}]})


def undo(action: Any, target: Any, field: str, entry: str, now: DenyState) -> Plan:
    receipt = Receipt(change="x", at=MOMENT, facts={"policy": "p-prepared0", field: entry, "listed": True})
    plan: Plan = action(cast("Any", None)).plan_undo(target, [receipt], now)
    return plan


@BOTH
def test_undo_takes_off_this_entry_and_no_other(action: Any, target: Any, field: str, entry: str, key: str) -> None:
    (change,) = undo(action, target, field, entry, state(key, ["x", entry, "y"])).changes
    assert (change.at, change.before, change.after) == ({"policy": "p-prepared0", field: entry}, {"listed": True}, {"listed": False})


@BOTH
def test_an_entry_that_somebody_took_off_needs_no_undo(action: Any, target: Any, field: str, entry: str, key: str) -> None:
    assert "is not on the list of p-prepared0 any more" in undo(action, target, field, entry, state(key, ["x"])).reason


@BOTH
def test_what_this_run_did_not_put_there_stays(action: Any, target: Any, field: str, entry: str, key: str) -> None:
    now = state(key, ["x", entry])
    unit = action(cast("Any", None))
    others: list[dict[str, JSON]] = [
        {"policy": "p-prepared0", field: entry, "listed": False},
        {"policy": "p-prepared0", field: "else", "listed": True},
    ]
    for facts in ({}, *others):
        assert "this run did not put" in unit.plan_undo(target, [Receipt(change="x", at=MOMENT, facts=facts)], now).reason


@BOTH
def test_a_policy_that_is_not_as_it_was_left_is_reported(action: Any, target: Any, field: str, entry: str, key: str) -> None:
    changed = [
        state(key, [entry, "x"], Resource="arn:aws:s3:::x"),
        state(key, [entry, "x"], policy="p-another00"),
        state("aws:SourceArn", [entry, "x"]),
        DenyState(policy="p-prepared0", management="999900001111"),
    ]
    for now in changed:
        plan = undo(action, target, field, entry, now)
        assert "p-prepared0 is not as this run left it: look by hand" in plan.impossible
        assert entry in plan.impossible


@BOTH
def test_a_list_is_not_left_empty(action: Any, target: Any, field: str, entry: str, key: str) -> None:
    assert "a list is never empty" in undo(action, target, field, entry, state(key, [entry, entry])).impossible


@BOTH
def test_undo_does_not_ask_where_the_policy_is_attached(action: Any, target: Any, field: str, entry: str, key: str) -> None:
    now = state(key, ["x", entry])
    detached = DenyState(policy=now.policy, management=now.management, document=now.document)
    assert undo(action, target, field, entry, detached).changes


def test_who_else_is_hit_is_told() -> None:
    action, now = DenyPrincipal(cast("Any", None)), state("aws:PrincipalArn", ["x"])
    assert action.plan(ROLE, now).also_hit == ("everybody and everything that has taken on role deployer in 111122223333",)
    assert action.plan(USER, now).also_hit == ()


def test_what_may_still_live_is_told() -> None:
    action, now = DenyPrincipal(cast("Any", None)), state("aws:PrincipalArn", [USER.arn])
    told = " ".join(each.what for each in action.residuals(USER, now))
    assert all(
        part in told for part in ("further roles", "outside the organization", "out of the reach", "service-linked", "GetFederationToken")
    )
    assert "GetFederationToken" not in " ".join(each.what for each in action.residuals(ROLE, now))
    people = BlockSsoUser(cast("Any", None)).residuals(EVE, state("identitystore:userId", [EVE.user_id]))
    assert all(part in " ".join(each.what for each in people) for part in ("management account 999900001111", "access portal", "took on"))


@BOTH
def test_where_nothing_could_be_done_nothing_is_said_to_remain(action: Any, target: Any, field: str, entry: str, key: str) -> None:
    del field, entry, key
    assert action(cast("Any", None)).residuals(target, DenyState(policy="p-prepared0", attached=("r-abcd",))) == ()
