"""How far this machine's clock is from a vendor's: approvals, signatures and "what began before" rest on it."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from firedoor.clients import MOST_SKEW
from firedoor.doctor.checkup import Diagnosis, failure, ok, warning

AREA: Final = "clock"
MINUTE: Final = timedelta(minutes=1)
UNHEARD: Final = timedelta(seconds=15)  # what a Date header cannot tell apart from the time that a reply took
REMEDY: Final = "Set this machine's clock, for instance with chrony, and see that it stays set"


def compared(vendor: str, skew: timedelta) -> Diagnosis:
    """The clock beside one vendor's, by the Date header of its replies; ``skew`` of either sign."""
    apart, at = abs(skew), f"this machine and {vendor}"
    if apart > MOST_SKEW:
        says = f"the two clocks are {apart / MINUTE:.0f} minutes apart, and {MOST_SKEW / MINUTE:.0f} are the most that Firedoor works with"
        return failure(AREA, at, says, REMEDY)
    if apart > UNHEARD:
        return warning(AREA, at, f"the two clocks are {apart.total_seconds():.0f} s apart", REMEDY)
    return ok(AREA, at, "the two clocks agree")
