"""Whether what people signed is in force, in plain Python: the part of an evidence pack's verifier that knows how long, and after what."""

from __future__ import annotations

from datetime import datetime, timedelta

from firedoor.evidence.hashing import Row

# Between the look at an approval and the intent on record: a vendor's clock is asked, the database waited for
GRACE = timedelta(minutes=5)


def lapsed(row: Row, until: str) -> bool:
    """Whether an event was recorded when what it rests on was in force no more."""
    return datetime.fromisoformat(row["at"]) >= datetime.fromisoformat(until) + GRACE
