"""What playbooks there are, from the files alone: a list must be there at once, so nothing is loaded that only checking them needs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from firedoor import yamlmarks

SWEEPS: Final = "sweeps"
ROOT: Final = Path(__file__).resolve().parent.parent / "playbooks"


def shelf(root: Path = ROOT) -> Mapping[str, Path]:
    """The playbook files below ``root`` by name. Those in ``sweeps`` are of another kind (`firedoor.sweepbook`)."""
    return {path.stem: path for path in sorted(root.rglob("*.yaml")) if path.parent.name != SWEEPS}


def cards(root: Path = ROOT) -> list[Mapping[str, Any]]:
    """Name, title and inputs of each playbook. One that is broken is listed too, and says how to find out why."""
    return [{"playbook": name, **_card(name, path)} for name, path in shelf(root).items()]


def _card(name: str, path: Path) -> Mapping[str, Any]:
    try:
        _, data = yamlmarks.load(path.read_text(encoding="utf-8"))
    except (yamlmarks.Malformed, OSError, UnicodeDecodeError):
        data = None
    match data:
        case {"title": str(title), "inputs": dict(inputs)}:
            return {"title": title, "inputs": list(inputs)}
        case _:
            return {"title": f"broken; run `firedoor playbooks lint {name}`", "inputs": []}
