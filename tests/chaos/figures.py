"""What came of the faults and the kills: how many there were, and what was found wrong."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Counts, and ``found``: a line for each thing that went wrong."""

    kills: int = 0
    faults: int = 0
    doubled: int = 0
    lost: int = 0
    false_success: int = 0
    false_failure: int = 0
    found: tuple[str, ...] = ()

    def __add__(self, other: Figures) -> Figures:
        return Figures(
            kills=self.kills + other.kills,
            faults=self.faults + other.faults,
            doubled=self.doubled + other.doubled,
            lost=self.lost + other.lost,
            false_success=self.false_success + other.false_success,
            false_failure=self.false_failure + other.false_failure,
            found=self.found + other.found,
        )
