"""The journal's database, as it is: whether it answers, has the tables that are due, and keeps what is committed through a power cut."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from firedoor.canonical import canonical
from firedoor.database import Database, place
from firedoor.doctor.checkup import Check, Diagnosis, Looks, State, failed, failure, ok, warning
from firedoor.errors import JournalError, Misconfigured
from firedoor.journal import Kind
from firedoor.run import LEFT
from firedoor.settings import Settings
from firedoor.tables import events

AREA: Final = "journal"
SETTING: Final = "FIREDOOR_DATABASE_URL"
# https://www.postgresql.org/docs/current/runtime-config-wal.html: with one of these off, a commit that returned may be lost, or worse.
DURABLE: Final = ("fsync", "full_page_writes")

# https://www.sqlite.org/fileformat.html: the read and write versions in the header, both 2 for WAL.
WAL_AT, WAL = slice(18, 20), b"\x02\x02"


def check(settings: Settings) -> Check:
    """The look at the database and at the state folder."""
    return Check(area=AREA, at=SETTING, look=partial(_look, settings))


async def _look(settings: Settings) -> Looks:
    yield _folder(settings.state_dir)
    where, file = place(settings.journal_url)
    if file is not None and not file.exists():
        if file.parent != settings.state_dir:
            yield _folder(file.parent)
        yield ok(AREA, where, "there is none yet: the first run makes it")
        return
    database = Database.as_it_is(settings.journal_url)
    try:
        async for one in _opened(database, where, file):
            yield one
    except (JournalError, Misconfigured) as error:
        yield failed(error, AREA, where)
    finally:
        await database.close()


async def _opened(database: Database, where: str, file: Path | None) -> Looks:
    yield (tables := await _tables(database, where))
    if tables.state is State.OK and (left := await _left_to_people(database)):
        says = f"it was put back from a copy, and what was open in that is left to people: {', '.join(left)}"
        yield warning(AREA, where, says, "See what was done of each since, then go on with it: firedoor resume RUN")
    if file is not None:
        yield _mode(file, where)
        return
    for one in judged(await _server(database), where):
        yield one


def _folder(path: Path) -> Diagnosis:
    at, there = f"the folder {path}", next(each for each in (path, *path.parents) if each.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        remedy = "Give the user that runs Firedoor a folder of their own: FIREDOOR_STATE_DIR"
        return failure(AREA, at, f"this user may not write to {there}", remedy)
    return ok(AREA, at, "it may be written to" if there == path else "it is made by the first run")


async def _tables(database: Database, where: str) -> Diagnosis:
    from firedoor import migrations  # noqa: PLC0415 - what it stands on takes a while to load

    async with database.reading() as connection:
        if await connection.run_sync(migrations.up_to_date):
            return ok(AREA, where, "it answers, and its tables are those of this Firedoor")
    remedy = "Have `firedoor runs` look at it by daylight: whoever opens it first brings it up to date"
    return warning(AREA, where, "it answers, and its tables are yet to be brought up to date", remedy)


async def _left_to_people(database: Database) -> Sequence[str]:
    """The runs that a restore has left, and that nobody has resumed or ended since."""
    left = sa.func.max(sa.case((events.c.body == canonical(LEFT), events.c.seq)))
    since = sa.func.coalesce(sa.func.max(sa.case((events.c.kind.in_((str(Kind.RESUMED), str(Kind.FINISHED))), events.c.seq))), 0)
    wanted = (str(Kind.NOTED), str(Kind.RESUMED), str(Kind.FINISHED))
    query = sa.select(events.c.run).where(events.c.kind.in_(wanted)).group_by(events.c.run).having(left > since).order_by(left)
    async with database.reading() as connection:
        return list((await connection.execute(query)).scalars())


def _mode(file: Path, where: str) -> Diagnosis:
    with file.open("rb") as opened:
        versions = opened.read(WAL_AT.stop)[WAL_AT]
    if versions != WAL:
        remedy = "Put it on a local disk, whose file system knows locks and shared memory, and start Firedoor once"
        return warning(AREA, where, "it is not in WAL mode, which is due", remedy)
    return ok(AREA, where, "what is committed is kept (WAL; Firedoor writes with synchronous=FULL)")


async def _server(database: Database) -> Mapping[str, str]:
    async with database.reading() as connection:
        asked = (*DURABLE, "transaction_read_only")
        return {name: str((await connection.exec_driver_sql(f"SHOW {name}")).scalar_one()) for name in asked}


def judged(said: Mapping[str, str], where: str) -> Iterator[Diagnosis]:
    """What a server's settings mean for the journal."""
    if off := [name for name in DURABLE if said[name] != "on"]:
        says = f"{' and '.join(off)} {'is' if len(off) == 1 else 'are'} off: a power cut may take what was committed"
        yield failure(AREA, where, says, f"Set {' and '.join(off)} to on")
    else:
        yield ok(AREA, where, "what is committed is kept (fsync and full_page_writes are on)")
    if said["transaction_read_only"] != "off":
        yield failure(AREA, where, "it can only be read", f"Name the primary in {SETTING}, with a user who may write")
