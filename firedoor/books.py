"""Playbooks and units as people look them up: checked, shown, drawn, listed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from firedoor import diagram, lint, playbook, shelf, wiring
from firedoor.errors import BadInput


def lint_all(names: Sequence[str]) -> Mapping[str, Sequence[str]]:
    """The faults of each playbook, by name; all playbooks where none is named. A name may be a file."""
    known = wiring.load_catalogue()
    return {name: _faults(name, known) for name in names or list(shelf.shelf())}


def card(name: str) -> Mapping[str, Any]:
    """One playbook, as people ask for it."""
    known = wiring.load_catalogue()
    return diagram.card(wiring.load_playbook(name, known), known)


def graph(name: str) -> str:
    """One playbook as a Mermaid flowchart."""
    known = wiring.load_catalogue()
    return diagram.graph(wiring.load_playbook(name, known), known)


def schema() -> Mapping[str, Any]:
    """The JSON Schema of playbook files, with every action and query there is."""
    known = wiring.load_catalogue()
    return playbook.schema(known.actions, known.queries)


def actions() -> Mapping[str, Any]:
    """All actions and queries with what they declare."""
    known = wiring.load_catalogue()
    return {
        "actions": [
            {
                "id": name,
                "title": unit.spec.title,
                "approvers": int(unit.spec.approvals),
                "reversal": str(unit.spec.reversal),
                "reads": sorted(unit.spec.reads),
                "writes": sorted(unit.spec.writes),
                "limit": unit.spec.limit,
            }
            for name, unit in known.actions.items()
        ],
        "queries": [{"id": name, "title": unit.spec.title, "reads": sorted(unit.spec.reads)} for name, unit in known.queries.items()],
    }


def _faults(name: str, known: Any) -> Sequence[str]:
    try:
        if name.endswith((".yaml", ".yml")):
            book = playbook.parse(Path(name).read_text(encoding="utf-8"), source=name)
        else:
            book = playbook.find(name)
    except BadInput as error:
        return [error.what]
    except (OSError, UnicodeDecodeError) as error:
        return [f"it cannot be read ({type(error).__name__})"]
    return lint.lint(book, known)
