"""A few of the things that a network and a failing vendor can do to a write, for every write of every action. All of them are `make chaos`.

Each is played on the action's ordinary case. Whatever happens, what is called done is done, once, and nothing else was touched; and what
passes by itself, a lost reply or a failure before or after the effect, keeps nobody from containment.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from firedoor.model import Outcome
from tests.laws.masks import masked
from tests.tasks.harness import CATALOGUE, Case, Ended, cases, ended
from tests.tasks.rooms import ROOMS

WELL = {Outcome.CHANGED, Outcome.ALREADY}
PASSING: Mapping[str, Mapping[str, Any]] = {
    "the reply is cut short": {"effect": "first", "status": 200, "body": '{"cut": '},
}
LASTING: Mapping[str, Mapping[str, Any]] = {
    "it is refused without a word": {"status": 403, "times": 50},
    "it fails for good": {"status": 500, "times": 50},
    "no connection holds": {"drop": True, "times": 50},
}


def writes_of(name: str) -> list[str]:
    """The writing operations of the action's ordinary case, by the names that faults are planned for."""
    done = ended(ordinary(name)).writes
    return sorted(one.name for one in ROOMS[name.partition(".")[0]].operations if one.writes and one.name.rpartition(":")[2] in done)


def ordinary(name: str) -> Case:
    return next(case for case in cases() if (case.action, case.name) == (name, "ordinary"))


def struck(name: str, operation: str, trouble: str, fault: Mapping[str, Any], *, settle: float) -> Ended:
    case = ordinary(name)
    data = {**case.data, "faults": [{"operation": operation, **fault}], "settle": settle}
    return ended(Case(name, f"ordinary, but {trouble} ({operation})", data))


@pytest.mark.parametrize("trouble", PASSING)
@pytest.mark.parametrize("name", sorted(CATALOGUE.actions))
def test_what_passes_keeps_nobody_from_containment_and_doubles_nothing(name: str, trouble: str) -> None:
    given = ordinary(name).data["world"]
    wanted = ended(ordinary(name))
    for operation in writes_of(name):
        found = struck(name, operation, trouble, PASSING[trouble], settle=3.0)
        assert found.bout.result.outcome is Outcome.CHANGED, (operation, found.bout.result.reason)
        assert masked(found.after, given) == masked(wanted.after, given), operation
        assert found.leaks == []


@pytest.mark.parametrize("trouble", LASTING)
@pytest.mark.parametrize("name", sorted(CATALOGUE.actions))
def test_what_lasts_is_never_called_done(name: str, trouble: str) -> None:
    for operation in writes_of(name):
        found = struck(name, operation, trouble, LASTING[trouble], settle=0.3)
        assert found.bout.result.outcome not in WELL, operation
        assert found.bout.result.reason
        assert found.second.changes or found.second.blocked, "what is left to do is seen"
        assert found.leaks == []
