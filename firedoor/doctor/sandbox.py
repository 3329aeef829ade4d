"""What to do at a sandbox tenant to see whether a fact holds: what to look at, and the very commands that have a unit do its work there."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final

import yaml

from firedoor.facts import Fact
from firedoor.permissions import Shelf
from firedoor.playbook import REFERENCE, Playbook
from firedoor.treatment import Treatment

MOST: Final = 2  # playbooks named of those that have the unit: the ones that do least beside it
SEEING: Final = Path(__file__).with_name("seeing.yaml")


@cache
def seeing() -> Mapping[str, Mapping[str, str]]:
    """By vendor and by a fact's words, what to do and to look at."""
    found: Mapping[str, Mapping[str, str]] = yaml.safe_load(SEEING.read_text(encoding="utf-8"))
    return found


def see(fact: Fact) -> str:
    """What to do to see whether a fact holds, in words; empty for one that nobody has written of."""
    return seeing().get(fact.vendor, {}).get(fact.says, "")


def commands(unit: str, on: Shelf) -> Sequence[str]:
    """Those that have a unit do its work; the values in them are examples. None where nothing on the shelf has it."""
    if unit in on.known.sources:
        spec = on.known.sources[unit].spec
        return [f"firedoor inventory --system {spec.vendor} --kind {kind}" for kind in spec.kinds]
    books = sorted((book for book in on.playbooks if any(step.action == unit for step in book.steps)), key=lambda book: len(book.steps))
    found = [_contain(unit, book) for book in books[:MOST]]
    return found + [f"firedoor sweep run {sweep.sweep} --as NAME" for sweep in on.sweeps if unit in sweep.treat.values()][:MOST]


def _contain(unit: str, book: Playbook) -> str:
    """The playbook with what it cannot do without, and with what the unit's own targets are found by."""
    asked = {name for step in book.steps if step.action == unit for name in _inputs(book, step.source)}
    given = [
        f"-i {shlex.quote(f'{name}={one.example}')}"
        for name, one in book.inputs.items()
        if one.required or (name in asked and not one.default)
    ]
    return " ".join(["firedoor contain", book.playbook, *given, "--as NAME"])


def _inputs(book: Playbook, query: str) -> Sequence[str]:
    values = [value for value in book.queries[query].asks.values() if isinstance(value, str)]
    return [found[2] for value in values if (found := REFERENCE.fullmatch(value)) is not None and found[1] == "inputs"]


def by_hand(unit: str, on: Shelf) -> str:
    """What an action needs that nothing on the shelf has."""
    action = on.known.actions[unit]
    if issubclass(action, Treatment):
        return f"a sweep playbook of your own (docs/sweeps.md) that treats {action.treats} by {unit}"
    return f"a playbook of your own (CONTRIBUTING.md) with a step that does {unit}"
