"""Playbooks: YAML data into typed steps. What is wrong with one is said with its line and column.

A playbook names inputs, queries that find targets, and steps. A value is either literal or one whole reference, ``${inputs.x}`` or
``${queries.y}``: there is no expression language, and nothing can refer to what a step will have done.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from firedoor import yamlbook
from firedoor.errors import BadInput, nearest, shown
from firedoor.inputs import InputType
from firedoor.shelf import ROOT, shelf

REFERENCE = re.compile(r"\$\{(inputs|queries)\.([a-z][a-z0-9_]*)\}")

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]
UnitId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$", max_length=80)]
Value = str | int | bool | list[str]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Input(_Frozen):
    """A value that the person gives. ``many``: a list of them, ``${inputs.x}`` standing for all.

    ``default``: what stands for an optional one that is left out. Without one, what asks for it is not asked.
    """

    type: InputType
    many: bool = False
    required: bool = True
    default: str = ""
    help: str
    example: str


class Question(_Frozen):
    """A query and what it is asked. Where ``with`` is empty for this run (an optional input left out), it finds nothing."""

    query: UnitId
    asks: dict[Name, Value] = Field(alias="with", default_factory=dict)


class Step(_Frozen):
    """One action on each target that a query found. ``needs``: steps that must have succeeded on the same target first."""

    id: Name
    action: UnitId
    for_each: Annotated[str, StringConstraints(pattern=r"^\$\{queries\.[a-z][a-z0-9_]*\}$")]
    needs: tuple[Name, ...] = ()

    @property
    def source(self) -> str:
        """The name of the query whose targets it runs over."""
        return self.for_each.removeprefix("${queries.").removesuffix("}")


class Limits(_Frozen):
    """``targets``: the most targets of one step."""

    targets: Annotated[int, Field(ge=1, le=10_000)] = 50


class Approval(_Frozen):
    """``expires_minutes``: how long people have to answer. ``at_least``: approvers asked for whatever the tiers say."""

    expires_minutes: Annotated[int, Field(ge=1, le=24 * 60)] = 30
    at_least: Literal[0, 1, 2] = 0


class Playbook(_Frozen):
    """A whole playbook."""

    playbook: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*$", max_length=60)]
    title: str
    about: str
    inputs: dict[Name, Input]
    queries: dict[Name, Question]
    steps: Annotated[tuple[Step, ...], Field(min_length=1)]
    limits: Limits = Limits()
    approval: Approval = Approval()


def find(name: str, root: Path = ROOT) -> Playbook:
    """The playbook of that name. Raises `BadInput`: unknown (with the nearest), or broken (with line and column)."""
    files = shelf(root)
    if name not in files:
        raise BadInput(f"there is no playbook {shown(name)}{nearest(name, files)}", advice="See `firedoor playbooks list`")
    if len([path for path in root.rglob("*.yaml") if path.stem == name]) > 1:
        raise BadInput(f"two files are called {name}.yaml, and only one could be used", advice="Rename one of them")
    return parse(yamlbook.text_of(files[name], what="playbook"), source=files[name].name, name=name)


def parse(text: str, *, source: str, name: str = "") -> Playbook:
    """A playbook from YAML text. ``name``: what it must call itself. Raises `BadInput` with line and column."""
    return yamlbook.parse(Playbook, text, source=source, what="playbook", name=name)


def schema(actions: Iterable[str], queries: Iterable[str]) -> dict[str, Any]:
    """The JSON Schema of a playbook file, for editors. What only the whole catalogue can tell is `firedoor playbooks lint`'s to say."""
    made = Playbook.model_json_schema(by_alias=True)
    made["$defs"]["Step"]["properties"]["action"]["enum"] = sorted(actions)
    made["$defs"]["Question"]["properties"]["query"]["enum"] = sorted(queries)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}
