"""What was measured, as rows with limits; told as a table and kept as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

SHOWN: Final = (50, 95, 99)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One quantity in milliseconds. ``limits`` are required, by percentile, and ``targets`` wished for; ``lost`` counts what never came."""

    name: str
    taken: Sequence[float]
    limits: Mapping[int, float]
    targets: Mapping[int, float]
    lost: int = 0

    def at(self, percent: int) -> float:
        """The smallest value that so many percent do not exceed."""
        return percentile(self.taken, percent)

    @property
    def missed(self) -> list[str]:
        """The limits that do not hold."""
        over = [
            f"p{percent} is {self.at(percent):.0f} ms, where {most:.0f} are the limit"
            for percent, most in self.limits.items()
            if self.at(percent) > most
        ]
        return [f"{self.name}: {one}" for one in [*over, *([f"{self.lost} never came"] if self.lost else [])]]

    @property
    def wished(self) -> list[str]:
        """The targets that do not hold; they fail nothing."""
        return [
            f"{self.name}: p{percent} is {self.at(percent):.0f} ms, {most:.0f} wished for"
            for percent, most in self.targets.items()
            if self.at(percent) > most
        ]

    def kept(self) -> dict[str, Any]:
        """The row as JSON."""
        shown = {f"p{percent}": round(self.at(percent), 1) for percent in SHOWN}
        return {"n": len(self.taken), **shown, "max": round(max(self.taken, default=math.inf), 1), "lost": self.lost, "missed": self.missed}


def percentile(taken: Sequence[float], percent: int) -> float:
    """By the nearest rank; not a number where nothing was measured, which holds no limit."""
    ordered = sorted(taken)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)] if ordered else math.inf


def table(rows: Sequence[Row]) -> str:
    """The rows, a line each."""
    head = f"{'milliseconds':<42} {'n':>5} {'p50':>8} {'p95':>8} {'p99':>8} {'max':>8}"
    lines = []
    for row in rows:
        values = [*(row.at(percent) for percent in SHOWN), max(row.taken, default=math.inf)]
        lines.append(f"{row.name:<42} {len(row.taken):>5} " + " ".join(f"{value:>8.1f}" for value in values))
    return "\n".join([head, *lines])


def keep(path: Path, part: str, rows: Sequence[Row]) -> None:
    """Put the rows under ``part`` of the file, beside what others keep there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    found[part] = {row.name: row.kept() for row in rows}
    path.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
