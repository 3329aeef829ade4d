"""Whoever compares what was declared with what was called sees each kind of difference, and a call is noted in its unit's name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from firedoor.run import revive
from firedoor.vendors.access import Access
from firedoor.vendors.aws.simulator import AwsSimulator
from tests.permissions import called
from tests.permissions.recording import Call, Recording, calls_in
from tests.preview.test_preview import ordinary
from tests.tasks.harness import SETTLES, room

pytestmark = pytest.mark.identities

Check = Callable[[list[Call]], Iterator[str]]


def call(operation: str, unit: str = "okta.suspend_user", access: Access = Access.WRITE, room: str = "tasks") -> Call:
    return Call(unit.partition(".")[0] or "okta", operation, access, unit, room)


@pytest.mark.parametrize(
    ("check", "one", "said"),
    [
        (called.undeclared, call("suspendUser"), ""),
        (
            called.undeclared,
            call("listApiTokens"),
            "okta.suspend_user called listApiTokens (write), and does not declare okta.apiTokens.read",
        ),
        (called.undeclared, call("listApiTokens", ""), ""),
        (called.ungranted, call("listApiTokens", "okta.list_api_tokens", Access.READ), ""),
        (called.ungranted, call("getUser", "", Access.READ, "sweeps"), ""),
        (
            called.ungranted,
            call("suspendUser", "", Access.READ, "sweeps"),
            "Firedoor itself called suspendUser (read, in tests/sweeps), and nobody there is granted okta.users.manage",
        ),
        (called.ungranted, call("suspendUser", "", Access.READ, "vendors"), ""),
    ],
)
def test_a_call_that_is_not_covered_is_named(check: Check, one: Call, said: str) -> None:
    assert [line for line in check([one]) if "excused" not in line] == ([said] if said else [])


def test_what_is_declared_and_never_called_is_named_and_so_is_what_is_excused_in_vain() -> None:
    suspends, excused = [call("suspendUser")], {("okta.suspend_user", "okta.users.manage")}
    declared = "okta.suspend_user declares okta.users.manage, which is"
    assert f"{declared} never called in its work" in list(called.uncalled([], ()))
    assert not any(declared in said for said in called.uncalled(suspends, ()))
    assert not any(declared in said for said in called.uncalled([], excused))
    assert f"{declared} excused, and called" in list(called.uncalled(suspends, excused))
    levels = call("getSecurityLevelsForProject", "jira.find_place")
    assert list(called.undeclared([levels])) == []
    assert list(called.undeclared([])) == ["jira.find_place is excused for not declaring SET_ISSUE_SECURITY, and never called for it"]
    assert "okta suspendUser is on the list, and never called" in list(called.unused([], ()))
    assert "okta suspendUser is on the list, and excused, and called" in list(called.unused(suspends, {"suspendUser"}))


async def test_a_call_is_noted_in_the_name_of_the_unit_in_whose_work_it_was_made(tmp_path: Path) -> None:
    name = "aws.deactivate_access_keys"
    case, recording = ordinary(name), Recording(tmp_path)
    try:
        async with room(name, case.data["world"], lag={}, settle=SETTLES) as found:
            aws: AwsSimulator = found.at.world
            await found.action.read(revive(found.action.target, case.data["target"]))
            asked = {record.name for record in aws.requests}
            async with found.at.connect(Access.READ, aws.url) as client:
                await client.skew()
    finally:
        recording.stop()
    noted = calls_in(tmp_path)
    assert {one.operation for one in noted if one.unit == name} == asked
    assert {(one.vendor, one.access) for one in noted if one.unit == name} == {("aws", Access.WRITE)}
    assert {one.access for one in noted if not one.unit} == {Access.READ}, "greeting the vendor is nobody's work"
