"""Which acts in Firedoor's own name its journal knows: a run wrote to the same target then. All others may be those of a stolen token."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from firedoor.canonical import JSON
from firedoor.hunting import GRACE, Hit, unvouched
from firedoor.journal import Event, Journal, Kind

SETTLES: Final = timedelta(minutes=10)  # how long after its intent a write may show in a vendor's log
_PART: Final = re.compile(r"[^:/]+")


async def vouched(journal: Journal, hits: Sequence[Hit]) -> list[Hit]:
    """The same hits: those that a run wrote are expected, and the words of all others say that none did. Raises `JournalError`."""
    if not hits:
        return []
    first = min(hit.at for hit in hits)
    written: dict[str, list[tuple[datetime, str]]] = {}
    for event in await journal.recent(Kind.INTENT, Kind.INTENTS, since=first - SETTLES):
        for name in _names(event):
            written.setdefault(name, []).append((event.at, event.run))
    return [_judged(hit, written) for hit in hits]


def _judged(hit: Hit, written: dict[str, list[tuple[datetime, str]]]) -> Hit:
    near = (run for name in hit.targets for at, run in written.get(name, ()) if at - GRACE <= hit.at <= at + SETTLES)
    run = next(near, "")
    return replace(hit, expected=f"run {run} wrote to it then") if run else unvouched(hit, "no run in the journal at hand wrote that")


def _names(event: Event) -> Iterator[str]:
    """The vendor's ids of what an intent is about."""
    writes = event.body.get("writes") if event.kind == Kind.INTENTS else [event.body]
    for write in writes if isinstance(writes, list) else ():
        change = write.get("change") if isinstance(write, dict) else None
        if isinstance(change, dict):
            yield from dict.fromkeys([*_PART.findall(_text(change.get("subject"))), *_values(change.get("at"))])


def _values(at: JSON) -> Iterator[str]:
    yield from (_text(value) for value in at.values()) if isinstance(at, dict) else ()


def _text(value: JSON) -> str:
    return value if isinstance(value, str) else ""
