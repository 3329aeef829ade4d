"""Figures of any unit, each with the limit that it has to hold, if any; told as a table and kept as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure. ``at_most`` and ``at_least`` are required; ``of`` is what it was made of, for whoever looks closer."""

    name: str
    value: float
    unit: str = ""
    at_most: float | None = None
    at_least: float | None = None
    of: Mapping[str, Any] = field(default_factory=dict)

    @property
    def missed(self) -> str:
        """The limit that does not hold, in words; empty where each does."""
        if self.at_most is not None and not self.value <= self.at_most:
            return f"{self.name} is {self.value:.3f} {self.unit}".rstrip() + f", where at most {self.at_most:g} is required"
        if self.at_least is not None and not self.value >= self.at_least:
            return f"{self.name} is {self.value:.3f} {self.unit}".rstrip() + f", where at least {self.at_least:g} is required"
        return ""

    def kept(self) -> Mapping[str, Any]:
        """The figure as JSON."""
        limits = {"at_most": self.at_most, "at_least": self.at_least}
        limits = {name: limit for name, limit in limits.items() if limit is not None}
        return {"value": round(self.value, 4), "unit": self.unit, **limits, "missed": self.missed, **self.of}


def table(figures: Sequence[Figure]) -> str:
    """The figures, a line each."""
    lines = [f"{'':<72} {'found':>12} {'required':>14}"]
    for one in figures:
        required = "" if one.at_most is None else f"<= {one.at_most:g}"
        required = required if one.at_least is None else f">= {one.at_least:g}"
        lines.append(f"{one.name:<72} {one.value:>12.3f} {required:>14} {one.unit}".rstrip())
    return "\n".join(lines)


def keep(path: Path, part: str, figures: Sequence[Figure]) -> None:
    """Put the figures under ``part`` of the file, beside what other parts keep there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    found[part] = {one.name: one.kept() for one in figures}
    path.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
