"""The journal's own events, for a doctor who only looks: no file is made, and no table brought up to date."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress

import sqlalchemy as sa

from firedoor import migrations
from firedoor.database import Database, place
from firedoor.errors import JournalBroken, Misconfigured
from firedoor.facts import FACTS, Established
from firedoor.journal import Event, Kind, read_row
from firedoor.measured import KINDS, Measuring
from firedoor.run import read_as
from firedoor.settings import Settings
from firedoor.tables import events


async def established(settings: Settings) -> list[Established]:
    """What was put on record of facts about vendors, whether it counts or not. What cannot be read is the audit's business."""
    found = []
    async for event in _events(settings, sa.and_(events.c.kind == str(Kind.ESTABLISHED), events.c.run.startswith(FACTS))):
        with suppress(JournalBroken):
            found.append(read_as(Established, event.body, event))
    return found


async def measure(settings: Settings, measuring: Measuring) -> None:
    """Have every run measured."""
    async for event in _events(settings, events.c.kind.in_([str(kind) for kind in KINDS])):
        measuring.take(event)


async def _events(settings: Settings, which: sa.ColumnElement[bool]) -> AsyncIterator[Event]:
    """Those that can be read, in their order. Raises `Misconfigured`, `JournalError`."""
    where, file = place(settings.journal_url)
    if file is not None and not file.exists():
        return
    database = Database.as_it_is(settings.journal_url)
    try:
        async with database.reading() as connection:
            if not await connection.run_sync(migrations.up_to_date):
                raise Misconfigured(f"{where}: its tables are yet to be brought up to date", advice="Have `firedoor runs` look at it")
            async with connection.stream(sa.select(events).where(which).order_by(events.c.seq)) as rows:
                async for row in rows.mappings():
                    with suppress(JournalBroken):
                        yield read_row(dict(row))
    finally:
        await database.close()
