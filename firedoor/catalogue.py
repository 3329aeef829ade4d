"""Finds the actions, queries and sources in the package it is handed.

An id is a path: ``tasks/okta/suspend_user.py`` is ``okta.suspend_user``.

Loading a catalogue imports no vendor SDK: rooms import theirs inside functions.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType, ModuleType
from typing import Any, TypeAlias

from firedoor.action import Action, Query
from firedoor.errors import BadInput, nearest, shown
from firedoor.source import Source

AnyAction: TypeAlias = Action[Any, Any]
AnyQuery: TypeAlias = Query[Any, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """All actions, queries and sources of credentials, by id."""

    actions: Mapping[str, type[AnyAction]]
    queries: Mapping[str, type[AnyQuery]]
    sources: Mapping[str, type[Source]] = field(default_factory=dict)

    def action(self, name: str) -> type[AnyAction]:
        """The action of that id. Raises `BadInput` with the nearest one."""
        if name not in self.actions:
            raise BadInput(f"there is no action {shown(name)}{nearest(name, self.actions)}", advice="See `firedoor actions list`")
        return self.actions[name]

    def query(self, name: str) -> type[AnyQuery]:
        """The query of that id. Raises `BadInput` with the nearest one."""
        if name not in self.queries:
            raise BadInput(f"there is no query {shown(name)}{nearest(name, self.queries)}", advice="See `firedoor actions list`")
        return self.queries[name]

    def source_of(self, kind: str) -> type[Source]:
        """The source that lists credentials of that type (``aws.access_key``). Raises `BadInput` with the nearest one."""
        by_type = {one: source for source in self.sources.values() for one in source.spec.types}
        if kind not in by_type:
            raise BadInput(f"nothing lists credentials of type {shown(kind)}{nearest(kind, by_type)}", advice="See `firedoor actions list`")
        return by_type[kind]


def load(package: ModuleType) -> Catalogue:
    """Every action, query and source below ``package``.

    Raises `BadInput` where a file cannot be loaded (a room that is left out would be an open door), holds none, two, one that is not whole,
    or one under another name.
    """
    actions: dict[str, type[AnyAction]] = {}
    queries: dict[str, type[AnyQuery]] = {}
    sources: dict[str, type[Source]] = {}
    walk = pkgutil.walk_packages(package.__path__, package.__name__ + ".", onerror=_broken)
    for found in sorted(walk, key=lambda module: module.name):
        if found.ispkg:
            continue
        room = _room(found.name)
        identifier = found.name.removeprefix(package.__name__ + ".")
        unit = _only_unit(room)
        if unit.spec.id != identifier:
            raise BadInput(f"{found.name} declares the id {unit.spec.id!r}; its path makes it {identifier!r}")
        if issubclass(unit, Action):
            actions[identifier] = unit
        elif issubclass(unit, Query):
            queries[identifier] = unit
        else:
            sources[identifier] = unit
    return Catalogue(actions=MappingProxyType(actions), queries=MappingProxyType(queries), sources=MappingProxyType(sources))


def _room(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except Exception as error:  # what a module raises while it loads is anything
        raise BadInput(f"{name} cannot be loaded ({type(error).__name__}: {error})") from error


def _broken(package: str) -> None:
    """`pkgutil` would leave out a package that cannot be imported, and say nothing."""
    _room(package)


def _only_unit(room: ModuleType) -> type[AnyAction | AnyQuery | Source]:
    units = [
        member
        for member in vars(room).values()
        if inspect.isclass(member) and issubclass(member, Action | Query | Source) and member.__module__ == room.__name__
    ]
    if len(units) != 1:
        raise BadInput(f"{room.__name__} holds {len(units)} actions, queries or sources; a file holds exactly one")
    unit = units[0]
    declared = ("spec", "target") if issubclass(unit, Action) else ("spec", "target", "question") if issubclass(unit, Query) else ("spec",)
    if lacking := [*sorted(unit.__abstractmethods__), *(name for name in declared if not hasattr(unit, name))]:
        raise BadInput(f"{room.__name__}: {unit.__name__} lacks {', '.join(lacking)}")
    return unit
