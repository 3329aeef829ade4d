"""How often one person may ask for a run. Pure: the journal remembers, so that a restart changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from firedoor.errors import BadInput

WINDOW: Final = timedelta(hours=1)


def check(asked: Sequence[datetime], *, most: int, now: datetime) -> None:
    """Whether one more run may be asked for now, given when the others were. Raises `BadInput` that says when the next may be."""
    recent = sorted(moment for moment in asked if moment > now - WINDOW)
    if len(recent) < most:
        return
    free = recent[-most] + WINDOW
    minutes = max(1, -(-(free - now) // timedelta(minutes=1)))
    raise BadInput(
        f"you have asked for {len(recent)} run{'' if len(recent) == 1 else 's'} within an hour; the most is {most}",
        advice=f"The next is possible at {free:%H:%M:%S} UTC, in {minutes} minute{'' if minutes == 1 else 's'}; "
        "until then somebody else on the roster can ask. Stops are always possible",
    )
