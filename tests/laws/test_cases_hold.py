"""What must hold however a case ends. Each test runs over every case of every action there is."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NoReturn

import pytest

from firedoor.canonical import canonical, plain
from firedoor.model import Intent, Outcome, Plan, Reversal
from tests.tasks.harness import CATALOGUE, Case, Ended, cases, ended

ALL = pytest.mark.parametrize("case", cases(), ids=lambda case: f"{case.action}/{case.name}")
ACTIONS = pytest.mark.parametrize("name", sorted(CATALOGUE.actions))

MOMENT = datetime(2023, 11, 23, 16, 0, tzinfo=UTC)


def detached(case: Case) -> Any:
    """The action with no client at all: whatever it can still do is pure."""
    unit: Any = CATALOGUE.action(case.action)
    return unit(None)


def merged(whole: Any, part: Any) -> Any:
    """``whole`` with the values of ``part`` in their places."""
    if not isinstance(whole, dict) or not isinstance(part, dict):
        return part
    return whole | {key: merged(whole.get(key), value) for key, value in part.items()}


def _forbidden(*_: object, **__: object) -> NoReturn:
    raise AssertionError("a pure function reached for the network")


@ALL
def test_law_1_a_plan_is_pure(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    found, action = ended(case), detached(case)
    monkeypatch.setattr(socket, "socket", _forbidden)
    receipts = [done.receipt for done in found.bout.done]
    for target, seen, planned in ((found.target, found.seen[0], found.plan), (found.bout.target, found.seen[1], found.second)):
        kept = canonical(plain(seen))
        assert action.plan(target, seen) == action.plan(target, seen) == planned
        assert tuple(action.residuals(target, seen)) == tuple(action.residuals(target, seen))
        assert canonical(plain(seen)) == kept, "planning leaves the snapshot as it is"
    if isinstance(found.undo, Plan):
        assert action.plan_undo(found.bout.target, receipts, found.seen[1]) == found.undo
    for change in found.plan.changes:
        intent = Intent(run="r", item="i", key="k", at=MOMENT, fence=1)
        assert action.receipt(change, intent) == action.receipt(change, intent)


@ALL
def test_law_2_done_means_that_a_second_plan_is_empty(case: Case) -> None:
    found = ended(case)
    if found.bout.result.outcome in {Outcome.CHANGED, Outcome.ALREADY}:
        assert found.second.changes == ()
        assert found.second.reason or found.second.until, "an empty plan has a reason, or says when there will be something to do"
    if found.bout.result.outcome is Outcome.UNVERIFIED:
        assert found.second.changes, "what cannot be seen is never taken for done"


@ALL
def test_law_2_a_vendor_that_lies_is_never_believed(case: Case) -> None:
    found = ended(case)
    if found.before == found.after and found.plan.changes:
        assert found.bout.result.outcome in {Outcome.FAILED, Outcome.UNVERIFIED}
    if found.bout.result.outcome is Outcome.CHANGED:
        assert found.before != found.after


@ALL
def test_law_4_and_14_intent_and_the_state_before_come_first(case: Case) -> None:
    found = ended(case)
    if found.writes or found.bout.done:
        assert found.bout.intents, "nothing was written without an intent"
        assert found.bout.intents[0].before is not None
        if "then" not in case.data:
            assert found.bout.intents[0].before == plain(found.seen[0]), "the first intent carries the whole state before"
    assert all(intent.before is None for intent in found.bout.intents[1:])
    assert {done.effect for done in found.bout.done} <= {intent.effect for intent in found.bout.intents}
    assert len({done.effect for done in found.bout.done}) == len(found.bout.done), "one receipt an effect"
    assert sum(found.writes.values()) <= 4 * len(found.bout.intents), "each intent covers one call and the client's own repetitions"


@ALL
def test_law_7_undo_is_a_plan_that_restores_what_the_receipts_say(case: Case) -> None:
    found = ended(case)
    exact = CATALOGUE.action(case.action).spec.reversal is Reversal.EXACT
    if isinstance(found.undo, str):
        assert not exact
        assert len(found.undo) > 30, "a refusal says why, and what to do instead"
    elif found.undo.changes and exact:
        whole = merged(found.before, case.data.get("undo", {}).get("but", {}))
        assert found.undone == whole, "all is as before, and nothing else was touched"
    elif found.undo.changes:
        was, left, now = (leaves(world) for world in (found.before, found.after, found.undone))
        assert found.undone != found.after
        assert {place: value for place, value in was.items() if left.get(place) == value}.items() <= now.items(), "nothing else was touched"
        assert now.keys() <= was.keys() | left.keys(), "and nothing added"
    else:
        assert found.undone == found.after
        claims = [done for done in found.bout.done if done.receipt.settled != "refusal"]
        lied = found.bout.result.outcome is Outcome.UNVERIFIED or found.before == found.after
        told = not exact or bool(found.undo.impossible)
        assert not claims or lied or told, "what this run did can be undone, or it says why not"


def leaves(world: object, place: str = "") -> dict[str, str]:
    """Every value of a world by where it stands."""
    if isinstance(world, Mapping) and world:
        return {where: value for key, part in world.items() for where, value in leaves(part, f"{place}/{key}").items()}
    return {place: canonical(world)}


@ALL
def test_law_9_no_secret_gets_out(case: Case) -> None:
    found = ended(case)
    assert found.leaks == []


@ACTIONS
def test_law_9_is_tried_with_secrets_in_the_world(name: str) -> None:
    mine = [case for case in cases() if case.action == name]
    assert any(len(case.secrets) > 1 for case in mine) or name.startswith("aws."), "only Firedoor's own token would be looked for"


@ACTIONS
def test_declared_permissions_are_those_really_used(name: str) -> None:
    mine = [ended(case) for case in cases() if case.action == name]
    used = frozenset[str]().union(*(found.used for found in mine))
    spec = CATALOGUE.action(name).spec
    home = {"sts:AssumeRole"} if spec.vendor == "aws" else set[str]()  # how the client enters an account, whatever it does there
    assert used - home == spec.reads | spec.writes


@ACTIONS
def test_every_outcome_that_an_action_can_have_is_tried(name: str) -> None:
    found: list[Ended] = [ended(case) for case in cases() if case.action == name]
    assert {Outcome.CHANGED, Outcome.ALREADY, Outcome.FAILED, Outcome.UNVERIFIED} <= {each.bout.result.outcome for each in found}
