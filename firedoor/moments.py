"""Moments that people and files write: one that no log, key or order can have is refused, before anybody reckons with it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)
LAST: Final = datetime(2200, 1, 1, tzinfo=UTC)


def read(text: str, *, zone: bool = True) -> datetime | None:
    """A moment of `FIRST` until before `LAST` in ISO 8601; None where it is none. Without a zone it is in UTC, or where ``zone`` none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        if zone:
            return None
        moment = moment.replace(tzinfo=UTC)
    return moment if FIRST <= moment < LAST else None
