"""What was measured, as figures of any unit, each with the limits that it has to hold, if any; told as a table and kept as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

SHOWN: Final = (50, 95, 99)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure. ``at_most`` and ``at_least`` are required, at most ``wished`` is wished for and fails nothing.

    ``of`` is what it was made of, for whoever looks closer.
    """

    name: str
    value: float
    unit: str = ""
    at_most: float | None = None
    at_least: float | None = None
    wished: float | None = None
    of: Mapping[str, Any] = field(default_factory=dict)

    @property
    def missed(self) -> str:
        """The limit that does not hold, in words; empty where each does."""
        if self.at_most is not None and not self.value <= self.at_most:
            return f"{self._said}, where at most {self.at_most:g} is required"
        if self.at_least is not None and not self.value >= self.at_least:
            return f"{self._said}, where at least {self.at_least:g} is required"
        return ""

    @property
    def missing(self) -> str:
        """What was wished for and is not so, in words."""
        return f"{self._said}, where at most {self.wished:g} is wished for" if self.wished is not None and self.value > self.wished else ""

    @property
    def required(self) -> str:
        """The limits, as a sign and a number."""
        limits = {"<=": self.at_most, ">=": self.at_least}
        return " ".join(f"{sign} {limit:g}" for sign, limit in limits.items() if limit is not None)

    @property
    def _said(self) -> str:
        return f"{self.name} is {self.value:.3f} {self.unit}".rstrip()

    def kept(self) -> Mapping[str, Any]:
        """The figure as JSON."""
        limits = {"at_most": self.at_most, "at_least": self.at_least, "wished": self.wished}
        limits = {name: limit for name, limit in limits.items() if limit is not None}
        return {"value": round(self.value, 4), "unit": self.unit, **limits, "missed": self.missed, **self.of}


def spread(
    name: str,
    taken: Sequence[float],
    *,
    at_most: Mapping[int, float] | None = None,
    wished: Mapping[int, float] | None = None,
    lost: int = 0,
) -> list[Figure]:
    """So many milliseconds as figures: their percentiles, the most, and how many never came where any did. Limits are by percentile."""
    limits, wishes = at_most or {}, wished or {}
    of = {"n": len(taken)}
    return [
        *(
            Figure(
                name=f"{name}, p{percent}",
                value=percentile(taken, percent),
                unit="ms",
                at_most=limits.get(percent),
                wished=wishes.get(percent),
                of=of,
            )
            for percent in SHOWN
        ),
        Figure(name=f"{name}, the longest", value=max(taken, default=math.inf), unit="ms", of=of),
        *([Figure(name=f"{name}, never came", value=float(lost), at_most=0.0)] if lost else []),
    ]


def percentile(taken: Sequence[float], percent: int) -> float:
    """The smallest value that so many percent do not exceed, by the nearest rank; infinite where nothing was measured."""
    ordered = sorted(taken)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)] if ordered else math.inf


def table(figures: Sequence[Figure]) -> str:
    """The figures, a line each, and what they miss."""
    lines = [f"{'':<72} {'found':>12} {'required':>14}"]
    lines += [f"{one.name:<72} {one.value:>12.3f} {one.required:>14} {one.unit}".rstrip() for one in figures]
    lines += [f"Wished for: {one.missing}" for one in figures if one.missing]
    lines += [f"MISSED: {one.missed}" for one in figures if one.missed]
    return "\n".join(lines)


def keep(path: Path, part: str, figures: Sequence[Figure]) -> None:
    """Put the figures under ``part`` of the file, beside what other parts keep there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    found[part] = {one.name: one.kept() for one in figures}
    path.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
