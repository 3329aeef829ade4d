"""Keeping the journal: copies of one that is a file, made while runs write to it; putting one back; bringing its tables up to date.

A journal that is put back knows nothing of what was done after it was copied. So what was open in it is left to people (`LEFT`): a process
that went on with it by itself would not know who has stopped it since.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from firedoor import migrations, wiring
from firedoor.alone import held_as
from firedoor.canonical import plain
from firedoor.database import Database, place
from firedoor.errors import BadInput, FiredoorError, JournalError, Misconfigured, RunHeld, shown
from firedoor.journal import Journal, Kind
from firedoor.lease import Leases
from firedoor.run import LEFT, fold
from firedoor.seal import Seal
from firedoor.settings import Settings, load
from firedoor.store import Store
from firedoor.walking import Walked, revision, walked

MAGIC: Final = b"SQLite format 3\x00"
BUSY_SECONDS: Final = 10.0
BY_ITS_OWN: Final = "Copy it by its own tools (pg_dump, pg_restore), as docs/operations.md says"
BESIDE: Final = ("-wal", "-shm", "-journal")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What was done, and of which journal. ``where`` is in words; ``unsealed`` are open runs whose request another key stands for."""

    where: str
    journal: Walked
    unsealed: tuple[str, ...] = ()

    def told(self) -> Mapping[str, Any]:
        """As plain data; of the faults, their words."""
        found: dict[str, Any] = {**plain(self.journal), "where": self.where, "unsealed": list(self.unsealed)}  # type: ignore[dict-item]
        return {**found, "faults": [str(fault) for fault in self.journal.faults], "known": migrations.KNOWN[-1]}


async def backup(to: Path) -> Kept:
    """Copy the journal into a new file, while runs write to it, and walk along the copy. A damaged journal is copied too, and told.

    Raises `BadInput` with nothing written where it is no file, or ``to`` is there already; `JournalError` where the copy fails.
    """
    settings = load()
    where, file = _file(settings)
    if not file.exists():
        raise BadInput(f"there is no journal yet: {where}", advice="The first run makes it")
    with _new(to):
        await asyncio.to_thread(_copy, file, to, "rw")
        found = await walked(_at(to))
    return Kept(where=str(to), journal=found)


async def restore(source: Path) -> Kept:
    """Put a copy where the journal is to be, and leave to people what was open in it.

    Raises `BadInput` with nothing written where there is a journal already, the copy is none, or its chain does not hold.
    """
    settings = load()
    where, file = _file(settings)
    if there := _in_the_way(file):
        advice = "Move it away with all that is beside it, and keep it: it is evidence"
        raise BadInput(f"there is a journal already, and it is not written over: {', '.join(there)}", advice=advice)
    _check_copy(source)
    found = await walked(_at(source))
    if found.faults:
        advice = "Keep it as evidence, and take an older copy; or begin a new journal"
        raise BadInput(f"its chain does not hold, so it is not put back: {found.faults[0]}", target=str(source), advice=advice)
    _folder(file.parent)
    with tempfile.TemporaryDirectory(dir=file.parent, prefix=".restore-") as room:
        halfway = Path(room) / "journal.db"
        with _new(halfway):
            await asyncio.to_thread(_copy, source, halfway, _as_it_is(source))
            if (again := await walked(_at(halfway))) != found:
                raise JournalError(f"what was written differs from {source} (head {again.head})", advice="See that its disk is sound")
            unsealed = await _left_to_people(settings, f"sqlite:///{halfway}")
            _put(halfway, file)  # only now: whoever finds it there finds all of it
    return Kept(where=where, journal=await walked(settings.journal_url), unsealed=unsealed)


async def restored() -> Kept:
    """The same for a database that was put back by its own tools.

    Raises `BadInput` where its chain does not hold, `RunHeld` where a process works on a run in it: it was not just put back then.
    """
    settings = load()
    where, _ = place(settings.journal_url)
    found = await walked(settings.journal_url)
    if found.faults:
        advice = "Keep it as evidence, and take an older copy; or begin a new journal"
        raise BadInput(f"its chain does not hold: {found.faults[0]}", target=where, advice=advice)
    async with Store(settings.journal_url) as store:
        leases = Leases(store, wiring.holder())
        for run in found.open:
            if await leases.holder(held_as(run)):
                raise RunHeld(
                    f"run {run} is being worked on", target=where, advice="Stop every process that uses the journal, then say it again"
                )
    unsealed = await _left_to_people(settings, settings.journal_url)
    return Kept(where=where, journal=await walked(settings.journal_url), unsealed=unsealed)


async def status() -> Kept:
    """The journal as it stands; nothing is written, nor brought up to date."""
    settings = load()
    where, file = place(settings.journal_url)
    if file is not None and not file.exists():
        return Kept(where=where, journal=Walked())
    return Kept(where=where, journal=await walked(settings.journal_url))


async def upgrade() -> tuple[str, str]:
    """Bring the tables up to date, as whoever opens the journal does; the revisions before and after. Raises `Misconfigured`."""
    settings = load()
    _, file = place(settings.journal_url)
    before = ""
    try:
        if file is None or file.exists():
            before = await revision(settings.journal_url)
        database = await Database.opened(settings.journal_url)
    except JournalError as error:
        raise Misconfigured(error.what, advice=error.advice) from error
    await database.close()
    return before, migrations.KNOWN[-1]


async def _left_to_people(settings: Settings, url: str) -> tuple[str, ...]:
    """Note in each run that is open that it is; of these, the ones whose request stands by a key that is not here."""
    seal = Seal.kept_in(settings.state_dir) if (settings.state_dir / "approval.key").exists() else None
    unsealed = []
    async with Store(url) as store:
        journal = Journal(store)
        for run in await journal.standing((Kind.OPENED, Kind.RESUMED), (Kind.FINISHED,)):
            await journal.append(run, Kind.NOTED, LEFT)
            if await _is_unsealed(journal, run, seal):
                unsealed.append(run)
    return tuple(unsealed)


async def _is_unsealed(journal: Journal, run: str, seal: Seal | None) -> bool:
    """Whether the run's request stands by a key that is not here, so that it must be asked for again."""
    with suppress(FiredoorError):
        record = fold(run, await journal.events(run))
        return record.request is not None and (seal is None or not seal.marked(record.mark, record.request.digest))
    return False


def _in_the_way(file: Path) -> Sequence[str]:
    return [str(path) for path in (file, *(file.with_name(file.name + end) for end in BESIDE)) if os.path.lexists(path)]


def _at(path: Path) -> sa.URL:
    """The address of a file, whatever is in its name."""
    return sa.URL.create("sqlite", database=str(path))


def _put(halfway: Path, file: Path) -> None:
    """Under its name all at once, and never over another. It is whole by itself: whoever wrote to it last has left no log beside it."""
    if left := _in_the_way(halfway)[1:]:
        raise JournalError(f"SQLite has left {left[0]} behind", advice="Report it")
    try:
        os.link(halfway, file)
    except FileExistsError:
        raise BadInput(f"a journal came to be at {file} meanwhile", advice="Stop every process that uses it, then try again") from None
    except OSError as error:
        raise JournalError(f"it could not be put at {file} ({error.strerror})", advice="Put the state folder on a local disk") from error


def _as_it_is(source: Path) -> str:
    """How SQLite opens a copy that is not to be touched; a log beside it holds the newest of it."""
    return "ro" if source.with_name(f"{source.name}-wal").exists() else "ro&immutable=1"


def _file(settings: Settings) -> tuple[str, Path]:
    where, file = place(settings.journal_url)
    if file is None:
        raise BadInput(f"the journal is {where}, which is no file", advice=BY_ITS_OWN)
    return where, file


@contextmanager
def _new(path: Path) -> Iterator[None]:
    """A file that only its owner may read, and that nobody else had; taken away again where it does not come to be."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        raise BadInput("it is there already, and is not written over", target=shown(str(path)), advice="Name another file") from None
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "no such name can be"
        raise BadInput(f"it cannot be written ({why})", target=shown(str(path)), advice="Name another file") from None
    try:
        yield
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise BadInput(f"it cannot be made ({error.strerror})", target=str(path), advice="Set FIREDOOR_STATE_DIR") from error


def _check_copy(source: Path) -> None:
    try:
        with source.open("rb") as file:
            begins = file.read(len(MAGIC))
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "no such name can be"
        raise BadInput(f"it cannot be read ({why})", target=shown(str(source)), advice="Name the copy") from None
    if begins != MAGIC:
        raise BadInput("it is no copy of a journal", target=shown(str(source)), advice="Name a file that `firedoor journal backup` wrote")


def _copy(source: Path, to: Path, mode: str) -> None:
    """By SQLite's own backup, in one go: those who write meanwhile are not held up, and what they write is not half in it.

    https://www.sqlite.org/backup.html. The copy is one file, without a log beside it.
    """
    try:
        address = f"{source.absolute().as_uri()}?mode={mode}"
        with (
            closing(sqlite3.connect(address, uri=True, timeout=BUSY_SECONDS)) as one,
            closing(sqlite3.connect(to, isolation_level=None)) as other,
        ):
            one.backup(other)
            other.execute("PRAGMA journal_mode = DELETE").fetchone()
        with to.open("rb") as file:
            os.fsync(file.fileno())
    except (sqlite3.Error, OSError) as error:
        what = f"{source} could not be copied to {to} ({type(error).__name__}: {error})"
        raise JournalError(what, advice="See that its disk has room") from error
