"""What can still be told of a run whose record is damaged."""

from __future__ import annotations

import re
from collections.abc import Collection

from firedoor.canonical import canonical
from firedoor.chain import Row
from firedoor.errors import JournalBroken
from firedoor.journal import Journal, Kind, read_row


async def may_have_written(journal: Journal, run: str, labels: Collection[str], *, since: str) -> bool:
    """Whether a damaged run, as far as its stored events tell, may have written to one of the targets after the run ``since`` began.

    What names none of them, and says whatever it says where it can be read, did not; a write that cannot be read may be any.
    """
    began = (await journal.events(since))[0].seq
    rows = [row async for row in journal.rows(run)]
    later = [row for row in rows if not isinstance(row["seq"], int) or row["seq"] > began]
    writes = [row for row in later if row["kind"] == Kind.INTENT or not _known(row)]
    return any(not _readable(row) for row in writes) or (bool(writes) and any(_names(row, labels) for row in rows))


def _known(row: Row) -> bool:
    return row["kind"] in set(Kind)


def _readable(row: Row) -> bool:
    try:
        read_row(row)
    except JournalBroken:
        return False
    return True


def _names(row: Row, labels: Collection[str]) -> bool:
    """Whether a stored body has one of the labels in it, as a word of its own."""
    return any(re.search(rf"(?<!\w){re.escape(canonical(label)[1:-1])}(?!\w)", str(row["body"])) for label in labels)
