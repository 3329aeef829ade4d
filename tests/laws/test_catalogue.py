"""What every action must be, read from its source and its declaration alone. A new action is held to it by being there."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from pathlib import Path

import pytest

import tasks
from firedoor import lint, playbook, shelf
from firedoor.action import Query
from firedoor.catalogue import AnyAction, AnyQuery
from firedoor.model import Reversal, Tier
from firedoor.source import Source
from tests.tasks.harness import CATALOGUE, cases, ended
from tests.tasks.rooms import ROOMS

ACTIONS = sorted(CATALOGUE.actions)
UNITS: dict[str, type[AnyAction | AnyQuery | Source]] = {**CATALOGUE.actions, **CATALOGUE.queries, **CATALOGUE.sources}
MODES = re.compile(r"dry.?run|\bmodes?\b|\bpreview|\bdrill|\bwhat.?if\b", re.IGNORECASE)
# What a room may stand on besides its own vendor: our contracts, and standard modules that reach nothing.
FIRM = {f"firedoor.{name}" for name in ("action", "addresses", "canonical", "errors", "inventory", "model", "source", "treatment")}
PLAIN = {"__future__", "asyncio", "collections.abc", "contextlib", "dataclasses", "datetime", "enum", "re", "typing"}


# Vendors where people are told, and no identity is changed.
TELLING = {"jira", "slack"}


def source(unit: type[AnyAction | AnyQuery | Source]) -> str:
    return Path(inspect.getfile(unit)).read_text(encoding="utf-8")


def method(unit: type[AnyAction], name: str) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    for node in ast.walk(ast.parse(source(unit))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name:
            return node
    return None


def test_there_are_actions_to_hold_to_the_laws() -> None:
    assert {"okta.suspend_user", "okta.revoke_sessions", "aws.deactivate_access_keys", "aws.revoke_user_sessions"} <= set(ACTIONS)


@pytest.mark.parametrize("name", sorted(UNITS))
def test_the_id_is_the_path_and_the_prose_is_there(name: str) -> None:
    unit = UNITS[name]
    path = Path(inspect.getfile(unit)).relative_to(Path(tasks.__path__[0]).parent)
    assert path.with_suffix("").parts == ("tasks", *name.split("."))
    assert unit.spec.id == name
    assert unit.spec.title
    assert unit.spec.reads or issubclass(unit, Query), "a query may find all that it needs in the settings"
    assert unit.spec.pages
    assert all(page.startswith("https://") for page in unit.spec.pages)
    assert unit.__doc__


@pytest.mark.parametrize("name", ACTIONS)
def test_an_action_says_what_it_does_and_what_it_does_not_reach(name: str) -> None:
    prose = inspect.getdoc(importlib.import_module(f"tasks.{name}")) or ""
    assert len(prose.split("\n\n")) >= 3, "what it does, and what it does not, each a paragraph"
    assert re.search(r"\b(does not|cannot|do not)\b", prose), "what it does not reach"


@pytest.mark.parametrize("name", ACTIONS)
def test_an_action_declares_what_it_needs_and_how_far_it_can_be_undone(name: str) -> None:
    unit = CATALOGUE.action(name)
    assert unit.spec.writes
    assert unit.spec.approvals > Tier.AUTO or unit.spec.vendor in TELLING, "what changes an identity is approved by somebody"
    assert unit.spec.settle_within > 0
    undoes = method(unit, "plan_undo") is not None
    assert undoes == (unit.spec.reversal in {Reversal.EXACT, Reversal.PARTIAL}), "reversal and plan_undo say the same"


@pytest.mark.parametrize("name", ACTIONS)
def test_planning_awaits_nothing(name: str) -> None:
    for pure in ("plan", "plan_undo", "residuals", "judge", "receipt", "lease"):
        node = method(CATALOGUE.action(name), pure)
        if node is not None:
            assert isinstance(node, ast.FunctionDef), f"{pure} is async"
            assert not [each for each in ast.walk(node) if isinstance(each, ast.Await)]
            assert "self._" not in ast.unparse(node), f"{pure} touches the client"


@pytest.mark.parametrize("name", sorted(UNITS))
def test_no_unit_knows_a_mode(name: str) -> None:
    assert MODES.search(source(UNITS[name])) is None


@pytest.mark.parametrize("name", sorted(UNITS))
def test_a_unit_imports_its_contracts_and_its_own_vendors_room_only(name: str) -> None:
    vendor = name.partition(".")[0]
    imported = {
        module
        for node in ast.walk(ast.parse(source(UNITS[name])))
        for module in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [str(node.module)]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    strange = {module for module in imported - FIRM - PLAIN if not module.startswith(f"firedoor.vendors.{vendor}.")}
    assert strange == set()


@pytest.mark.parametrize("name", ACTIONS)
def test_sources_exist_and_lead_in_no_circle(name: str) -> None:
    seen: set[str] = set()
    queue = [name]
    while queue:
        for source_ in (*(spec := CATALOGUE.action(queue.pop()).spec).sources, *spec.after):
            assert source_ in CATALOGUE.actions
            assert source_ != name
            if source_ not in seen:
                seen.add(source_)
                queue.append(source_)


@pytest.mark.parametrize("name", sorted(shelf.shelf()))
def test_every_playbook_closes_sources_before_products(name: str) -> None:
    book = playbook.find(name)
    assert lint.lint(book, CATALOGUE) == ()
    for step in book.steps:
        if CATALOGUE.action(step.action).spec.sources:  # and a playbook that forgot them would be found out
            forgetful = step.model_copy(update={"needs": ()})
            broken = book.model_copy(update={"steps": tuple(forgetful if each is step else each for each in book.steps)})
            assert any("must have closed the source" in fault for fault in lint.lint(broken, CATALOGUE))


@pytest.mark.parametrize("name", ACTIONS)
def test_every_action_has_its_ordinary_case_and_one_for_already_so(name: str) -> None:
    mine = {case.name: case.data for case in cases() if case.action == name}
    assert mine["ordinary"]["outcome"] == "CHANGED"
    assert mine["already_so"]["outcome"] == "ALREADY"
    assert "reason" in mine["already_so"]["plan"]


def test_no_case_is_of_an_action_that_is_not_there() -> None:
    assert {case.action for case in cases()} <= set(ACTIONS)


@pytest.mark.every_case
@pytest.mark.parametrize("name", ACTIONS)
def test_every_documented_trouble_of_a_write_has_a_case(name: str) -> None:
    mine = [case for case in cases() if case.action == name]
    writes = {operation for case in mine for operation in ended(case).writes}
    tried = {_trouble(fault) for case in mine for fault in case.data.get("faults", ())}
    assert ROOMS[name.partition(".")[0]].troubles(writes) - tried == set()


def _trouble(fault: dict[str, object]) -> str:
    after = " after" if fault.get("effect") == "first" else ""
    if fault.get("drop"):
        return f"drop{after}"
    if str(fault["status"]).startswith("2") and not after and "code" not in fault and fault.get("body", "{}") == "{}":
        return "lie"
    return f"{fault['status']} {fault.get('code', '')}".strip() + after
