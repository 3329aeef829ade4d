"""The judge's own rules, on worlds that are made up: what is doubled, what is lost, and what a report is held to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.chaos.figures import Figures
from tests.chaos.judge import Ending, judge, leaves

NOTHING: Mapping[str, Any] = {"slack": {"messages": {}}}


def ending(world: object, outcome: str = "contained") -> Ending:
    return Ending(world={**NOTHING, "aws": world}, report={"outcome": outcome, "steps": []})


def test_two_things_that_a_vendor_named_stay_two() -> None:
    """A second access key has another name each time; that there are two is what counts."""
    one, two = {"keys": {"AKIAAAAAAAAAAAAAAAAA": "Active"}}, {"keys": {"AKIABBBBBBBBBBBBBBBB": "Active", "AKIACCCCCCCCCCCCCCCC": "Active"}}
    assert judge(ending(one), ending({"keys": {"AKIADDDDDDDDDDDDDDDD": "Active"}}), {}, "") == Figures()
    found = judge(ending(one), ending(two), {}, "where")
    assert (found.doubled, found.lost) == (1, 0)
    assert found.found == ('where: doubled: /aws/keys/made: "Active"',)


def test_what_is_not_as_it_should_be_is_lost_and_the_report_is_held_to_it() -> None:
    wanted, left = {"users": {"ada": "SUSPENDED"}}, {"users": {"ada": "ACTIVE"}}
    found = judge(ending(wanted), ending(left), {}, "")
    assert (found.doubled, found.lost, found.false_success, found.false_failure) == (0, 1, 1, 0)
    said = judge(ending(wanted), ending(left, "partial"), {}, "")
    assert (said.lost, said.false_success, said.false_failure) == (1, 0, 0)
    pessimist = judge(ending(wanted), ending(wanted, "partial"), {}, "")
    assert (pessimist.lost, pessimist.false_success, pessimist.false_failure) == (0, 0, 1)


def test_an_entry_more_in_a_list_is_doubled_and_one_less_is_lost() -> None:
    one, two = {"zone": ["203.0.113.66/32"]}, {"zone": ["203.0.113.66/32", "203.0.113.66/32"]}
    assert judge(ending(one), ending(two), {}, "").doubled == 1
    assert judge(ending(two), ending(one), {}, "").lost == 1


def test_a_run_without_a_report_is_a_false_failure_where_the_world_is_right() -> None:
    silent = Ending(world={**NOTHING, "aws": {}}, report=None, why="it died")
    assert judge(ending({}), silent, {}, "").false_failure == 1


def test_every_fact_has_its_place() -> None:
    world = {**NOTHING, "okta": {"users": {"ada": {"status": "ACTIVE", "roles": ["ADMIN"]}}}}
    assert sorted(leaves(world, {})) == [("/okta/users/ada/roles[]", '"ADMIN"'), ("/okta/users/ada/status", '"ACTIVE"')]


def test_a_message_counts_by_its_kind_and_by_whether_it_tells_the_end() -> None:
    def told(*texts: str) -> Ending:
        messages = [{"ts": str(n), "text": text, "metadata": {"event_payload": {"what": "request"}}} for n, text in enumerate(texts)]
        return Ending(world={"slack": {"messages": {"C1": messages}}}, report={"outcome": "contained", "steps": []})

    over = told("contained: Approved by Ada")
    assert judge(over, told("contained: Approved by Ben"), {}, "") == Figures()
    assert judge(over, told("contained: Approved by Ben", "contained: Approved by Ben"), {}, "").doubled == 1
    assert judge(over, told("Approved by Ben"), {}, "").lost == 1
