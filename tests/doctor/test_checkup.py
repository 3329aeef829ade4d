"""Checks that hang, fail or break: each for itself, in words, and none for longer than it may."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from firedoor.cli_permissions import on_the_shelf
from firedoor.doctor import look, told
from firedoor.doctor.checkup import Check, Diagnosis, Looks, State, examine, failure, not_checked, ok, warning
from firedoor.errors import Misconfigured, Unreachable
from firedoor.settings import load
from firedoor.vendors.faults import Fault
from tests.doctor.estates import well

pytestmark = pytest.mark.identities

SECRET = "xoxb-would-be-a-secret"


def check(look: Callable[[], Looks], **given: Any) -> Check:
    return Check(area="okta", at="a token", look=look, **given)


async def fine() -> Looks:
    yield ok("slack", "a channel", "it is there")


async def hanging() -> Looks:
    yield ok("okta", "a token", "known")
    await asyncio.sleep(60)


async def stubborn() -> Looks:
    yield ok("okta", "a token", "known")
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        await asyncio.sleep(3)


async def missing() -> Looks:
    yield ok("okta", "a token", "known")
    raise Misconfigured("no address", advice="Set another one")


async def away() -> Looks:
    raise Unreachable("nobody answered", vendor="okta", operation="getUser", advice="Check the network")
    yield


async def broken() -> Looks:
    raise KeyError(SECRET)
    yield


@pytest.mark.parametrize("look", [hanging, stubborn])
async def test_one_that_hangs_is_a_failure_and_holds_up_nothing(look: Callable[[], Looks]) -> None:
    began = time.monotonic()
    first, second, third = await examine([check(look, seconds=0.2), check(fine, seconds=0.2)])
    assert time.monotonic() - began < 2
    assert (first.says, third.says) == ("known", "it is there")
    assert (second.state, second.at) == (State.FAILURE, "a token")
    assert "no answer within 0.2 s" in second.says
    assert second.remedy


async def test_checks_run_at_the_same_time() -> None:
    async def slow() -> Looks:
        await asyncio.sleep(0.3)
        yield ok("aws", "a role", "let in")

    began = time.monotonic()
    assert len(await examine([check(slow)] * 10)) == 10
    assert time.monotonic() - began < 1.5


async def test_an_error_speaks_for_itself_and_a_credential_is_named_by_its_check() -> None:
    known, unset, gone = await examine([check(missing, remedy="Set the second token"), check(away, remedy="Set the second token")])
    assert known.state is State.OK
    assert (unset.state, unset.says, unset.remedy) == (State.FAILURE, "no address", "Set the second token")
    assert (gone.state, gone.says, gone.remedy) == (State.FAILURE, "nobody answered", "Check the network")


async def test_a_defect_of_a_check_is_told_without_its_words() -> None:
    (found,) = await examine([check(broken)])
    assert found.state is State.NOT_CHECKED
    assert "KeyError at test_checkup.py" in found.says
    assert SECRET not in f"{found}{told.markdown(told.told([found]))}"


def test_what_is_not_in_order_has_a_remedy_and_nothing_else_has() -> None:
    for state in State:
        with pytest.raises(ValueError, match="remedy"):
            Diagnosis(state=state, area="okta", at="x", says="y", remedy="z" if state is State.OK else "")


@pytest.mark.parametrize(
    ("found", "code", "headline"),
    [
        ([ok("a", "b", "c")], 0, "# Nothing stands in the way"),
        ([warning("a", "b", "c", "d"), not_checked("a", "b", "c", "d")], 0, "# Nothing stands in the way (1 to mend, 1 not checked)"),
        ([ok("a", "b", "c"), failure("a", "b", "c", "d")], 1, "# 1 thing does not work"),
        ([failure("a", "b", "c", "d"), failure("a", "b", "c", "d"), warning("a", "b", "c", "d")], 1, "# 2 things do not work (1 to mend)"),
    ],
)
def test_what_is_wrong_stands_first(found: list[Diagnosis], code: int, headline: str) -> None:
    data = told.told(found)
    lines = told.markdown(data).splitlines()
    assert told.exit_code(data) == code
    assert lines[0] == headline
    states = [one["state"] for one in data["findings"]]
    assert states == sorted(states, key=["failure", "warning", "not checked", "ok"].index)
    assert sum(data["counts"].values()) == len(found) == len([line for line in lines if line.startswith("- ")])


async def test_a_vendor_that_hangs_hides_no_other(tmp_path: Path) -> None:
    def quick(one: Check) -> Check:
        return replace(one, seconds=3.0) if one.area in {"okta", "roster"} else one

    async with well(tmp_path) as acme:
        acme.okta.faults.plan(Fault(operation="getUser", delay=8.0), times=20)
        acme.slack.faults.plan(Fault(operation="users.info", delay=8.0), times=20)
        found = await examine([quick(one) for one in look.checks(load(), on_the_shelf())])
    by_state: Mapping[State, set[str]] = {state: {one.area for one in found if one.state is state} for state in State}
    assert by_state[State.FAILURE] == {"okta", "roster"}
    assert by_state[State.OK] == {"aws", "slack", "jira", "journal", "clock", "roster"}
