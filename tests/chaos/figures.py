"""What came of a number of kills or faults, as figures that can be added up."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """How much was tried, and what was found wrong; ``found`` says of each what exactly.

    ``doubled``: the world holds more than after an undisturbed run; ``lost``: less. ``false_success``: a report said that it was done, and
    it was not; ``false_failure``: one said that it was not, and a second reading would have shown that it was.
    """

    kills: int = 0
    faults: int = 0
    doubled: int = 0
    lost: int = 0
    false_success: int = 0
    false_failure: int = 0
    found: tuple[str, ...] = ()

    @property
    def clean(self) -> bool:
        """Whether nothing was found wrong."""
        return not (self.doubled or self.lost or self.false_success or self.false_failure)

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
