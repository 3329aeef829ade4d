"""Playbooks: YAML data into typed steps. What is wrong with one is said with its line and column.

A playbook names inputs, queries that find targets, and steps. A value is either literal or one whole reference, ``${inputs.x}`` or
``${queries.y}``: there is no expression language, and nothing can refer to what a step will have done.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from firedoor.errors import BadInput, nearest
from firedoor.inputs import InputType

ROOT = Path(__file__).resolve().parent.parent / "playbooks"
REFERENCE = re.compile(r"\$\{(inputs|queries)\.([a-z][a-z0-9_]*)\}")

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]
UnitId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$", max_length=80)]
Value = str | int | bool | list[str]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Input(_Frozen):
    """A value that the person gives. ``many``: a list of them, ``${inputs.x}`` standing for all."""

    type: InputType
    many: bool = False
    required: bool = True
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


def shelf(root: Path = ROOT) -> Mapping[str, Path]:
    """The playbook files below ``root`` by name."""
    return {path.stem: path for path in sorted(root.rglob("*.yaml"))}


def find(name: str, root: Path = ROOT) -> Playbook:
    """The playbook of that name. Raises `BadInput`: unknown (with the nearest), or broken (with line and column)."""
    files = shelf(root)
    if name not in files:
        raise BadInput(f"there is no playbook {name!r}{nearest(name, files)}", advice="See `firedoor playbooks list`")
    return parse(files[name].read_text(encoding="utf-8"), source=files[name].name, name=name)


def parse(text: str, *, source: str, name: str = "") -> Playbook:
    """A playbook from YAML text. ``name``: what it must call itself. Raises `BadInput` with line and column."""
    try:
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.load(text, Loader=_OnceLoader)  # noqa: S506 - a SafeLoader that also refuses a key given twice
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "somewhere"
        raise BadInput(f"{source}, {where}: {error.problem}") from error
    except yaml.YAMLError as error:
        raise BadInput(f"{source} is not YAML: {type(error).__name__}") from error
    if not isinstance(data, dict):
        raise BadInput(f"{source}, line 1, column 1: a playbook is a mapping that begins with `playbook: name`")
    try:
        book = Playbook.model_validate(data)
    except ValidationError as error:
        raise BadInput("; ".join(f"{source}, {_mark(tree, fault['loc'])}: {_words(fault)}" for fault in error.errors()[:5])) from error
    if name and book.playbook != name:
        raise BadInput(f"{source}, line 1, column 1: it calls itself {book.playbook!r}; its file makes it {name!r}")
    return book


class _OnceLoader(yaml.SafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:  # noqa: FBT001, FBT002 - the library's own signature
        seen: set[object] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"{key.value!r} is given twice", problem_mark=key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


def _mark(tree: yaml.Node | None, path: tuple[int | str, ...]) -> str:
    node = tree
    for part in path:
        inner = _inside(node, part)
        if inner is None:
            break
        node = inner
    trail = ".".join(str(part) for part in path)
    line, column = (node.start_mark.line + 1, node.start_mark.column + 1) if node is not None else (1, 1)
    return f"line {line}, column {column} ({trail})"


def _inside(node: yaml.Node | None, part: int | str) -> yaml.Node | None:
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == part), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        found: yaml.Node = node.value[part]
        return found
    return None


def _words(fault: Mapping[str, object]) -> str:
    match fault["type"]:
        case "missing":
            return "this is missing"
        case "extra_forbidden":
            return "a playbook has no such key"
        case _:
            return str(fault["msg"])
