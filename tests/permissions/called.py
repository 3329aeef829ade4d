"""What the units declare, held against what a whole suite really called: ``python -m tests.permissions.called`` runs it and compares.

Cases, sweeps, hunts, whole runs, those in processes of their own among them: see `SUITE`. With ``--noted`` nothing is
run, and what is in ``build/calls`` is compared: ``CALLS_NOTED_IN=build/calls make test laws credentials identities`` leaves it there.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest

from firedoor.permissions import OWN_READS, Purpose, Unit, needed
from firedoor.vendors.access import Access, Operation
from firedoor.vendors.aws import operations as aws
from firedoor.vendors.jira import operations as jira
from firedoor.vendors.okta import operations as okta
from firedoor.vendors.slack import operations as slack
from firedoor.vendors.slack.operations import SlackOperation
from tests.permissions.recording import FOLDER, NOBODY, Call, calls_in
from tests.permissions.shelves import CONTAINED, ON, SWEPT, needed_for

BUILD: Final = Path(__file__).resolve().parent.parent.parent / "build" / "calls"
SUITE: Final = (
    *("tests/tasks", "tests/laws/test_permissions.py", "tests/sweeps", "tests/hunts"),
    *("tests/permissions", "tests/doctor", "tests/test_organization.py", "tests/e2e"),
)
LEFT_OUT: Final = "not scale and not chaos and not edits and not bench"
# Whoever works through whole commands there: what they call in no unit's work, Firedoor itself calls.
HOUSES: Final = frozenset({"sweeps", "hunts", "permissions", "doctor", "e2e"})
TABLES: Final[Mapping[str, Mapping[str, Operation]]] = {
    vendor: {one.name: one for one in table.OPERATIONS}
    for vendor, table in (("aws", aws), ("jira", jira), ("okta", okta), ("slack", slack))
}
UNITS: Final[Mapping[str, Unit]] = {**ON.known.actions, **ON.known.queries, **ON.known.sources}
LISTED: Final = {ON.known.source_of(kind).spec.id for sweep in ON.sweeps for kind in sweep.scope.types}
ROLES: Final = frozenset({aws.ASSUME_ROLE})  # of the base policy, whoever works

# What differs on purpose, each with the reason why; one that no longer differs is a fault. What a unit calls for and does not declare, what
# it declares and never calls for, and what a client knows and nobody asks it for.
NOT_NEEDED: Final[Mapping[tuple[str, str], str]] = {
    ("jira.find_place", "SET_ISSUE_SECURITY"): "it only asks whether the project is there, and an empty list of levels says so too",
}
NEVER_CALLED: Final[Mapping[tuple[str, str], str]] = {
    ("jira.find_place", "BROWSE_PROJECTS"): "Jira asks for it beside SET_ISSUE_SECURITY, where a project's levels are listed",
}
NEVER_USED: Final[Mapping[str, str]] = {}


def permissions_of(call: Call) -> frozenset[str]:
    """What the vendor wants for a call; of a method of Slack whose scope the channel decides, that of both kinds of channel.

    What is read of a user in Slack is their address.
    """
    operation = TABLES[call.vendor][call.operation]
    if isinstance(operation, SlackOperation) and operation.per_channel:
        return frozenset(operation.scope_in(private=private) for private in (True, False))
    email = {slack.EMAIL_SCOPE} if operation is slack.USER_INFO else set()  # without it the reply has no address
    return frozenset({operation.permission, *email}) - {""}


def declared(unit: Unit) -> frozenset[str]:
    """All that a unit declares."""
    return frozenset(unit.spec.reads | getattr(unit.spec, "writes", frozenset()))


def undeclared(calls: Collection[Call], excused: Collection[tuple[str, str]] = frozenset(NOT_NEEDED)) -> Iterator[str]:
    """Calls in the work of a unit that does not declare what they need."""
    in_vain = set(excused)
    for call in calls:
        if call.unit != NOBODY:
            own = OWN_READS[call.vendor].always if call.vendor in OWN_READS else frozenset()
            for permission in permissions_of(call) - declared(UNITS[call.unit]) - own - ROLES:
                if (call.unit, permission) not in excused:
                    yield f"{call.unit} called {call.operation} ({call.access}), and does not declare {permission}"
                in_vain.discard((call.unit, permission))
    for unit, permission in in_vain:
        yield f"{unit} is excused for not declaring {permission}, and never called for it"


def uncalled(calls: Collection[Call], excused: Collection[tuple[str, str]] = frozenset(NEVER_CALLED)) -> Iterator[str]:
    """What a unit declares, and nothing in the suite needed in its work."""
    called = {(call.unit, permission) for call in calls for permission in permissions_of(call)}
    for name, unit in UNITS.items():
        for permission in sorted(declared(unit)):
            there, let_off = (name, permission) in called, (name, permission) in excused
            if there is let_off:
                yield f"{name} declares {permission}, which is {'excused, and called' if there else 'never called in its work'}"


def unused(calls: Collection[Call], excused: Collection[str] = frozenset(NEVER_USED)) -> Iterator[str]:
    """Operations that a client knows, and nothing in the suite called."""
    called = {(call.vendor, call.operation) for call in calls}
    for vendor, table in TABLES.items():
        for name in table:
            if ((vendor, name) in called) is (name in excused):
                yield f"{vendor} {name} is on the list, and {'excused, and called' if name in excused else 'never called'}"


def ungranted(calls: Collection[Call]) -> Iterator[str]:
    """Calls that need what `firedoor permissions` does not print for whoever makes them: who looks, and who acts."""
    for call in calls:
        if call.vendor in OWN_READS and (call.unit != NOBODY or call.room in HOUSES):
            for permission in permissions_of(call) - granted(call) - ROLES:
                who = call.unit or "Firedoor itself"
                yield f"{who} called {call.operation} ({call.access}, in tests/{call.room}), and nobody there is granted {permission}"


def granted(call: Call) -> frozenset[str]:
    """The permissions of the identity that makes such a call. What no playbook has is granted its own by one that would."""
    purposes = (Purpose.PREVIEW,) if call.access == Access.READ else (Purpose.SWEEP, Purpose.CONTAIN)
    found = frozenset[str]().union(*(needed(call.vendor, purpose, ON) for purpose in purposes))
    if call.unit in ON.known.actions and call.unit not in CONTAINED | SWEPT:
        found |= needed_for(call.unit).keys()
    if call.unit in ON.known.sources and call.unit not in LISTED:
        found |= declared(UNITS[call.unit])
    return found


def faults(calls: Collection[Call]) -> list[str]:
    """All of it, each once. Of others than the vendors (Prefect), units declare nothing."""
    calls = [call for call in calls if call.vendor in TABLES]
    return sorted({*undeclared(calls), *uncalled(calls), *unused(calls), *ungranted(calls)})


def main(arguments: list[str]) -> int:
    """Run the suite and compare. Returns pytest's exit code, or 1 where something differs."""
    code = 0 if "--noted" in arguments else _run(arguments)
    calls = calls_in(BUILD)
    found = faults(calls)
    units = len({call.unit for call in calls} - {NOBODY})
    told = f"{len({(call.vendor, call.operation) for call in calls})} operations were called, in the work of {units} units"
    sys.stdout.write("\n".join([*found, f"{told}: {len(found)} differences"]) + "\n")
    return code or bool(found)


def _run(arguments: list[str]) -> int:
    shutil.rmtree(BUILD, ignore_errors=True)
    os.environ[FOLDER] = str(BUILD)
    return int(pytest.main([*SUITE, "-m", LEFT_OUT, "--numprocesses", "2", "--dist", "loadgroup", "--no-header", *arguments]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
