"""The journal's disk is full, its database is held, or its file is gone: no write without an intent that is on the disk before it."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from firedoor import database
from firedoor.errors import BadInput, JournalError, Misconfigured
from firedoor.journal import Event, Journal, Kind
from firedoor.seal import Seal
from firedoor.store import Store
from tests import fakes

DOORS = {"front": {"k1": "open", "k2": "open"}, "back": {"k3": "open"}}
ONCE = {"shut front/k1": 1, "shut front/k2": 1, "shut back/k3": 1}
ROOT = Path(__file__).resolve().parent.parent
HOLDER = """
import sqlite3, sys
holder = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=10)
for line in sys.stdin:
    holder.execute(line.strip())
    print("done", flush=True)
"""


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    fakes.hasten(monkeypatch)
    monkeypatch.setattr(database, "BUSY_SECONDS", 0)
    monkeypatch.setattr("firedoor.lease.RETRY_SECONDS", 0.01)


@dataclass(slots=True)
class Witness(fakes.Vendor):
    """A vendor that looks, at each of its effects, for the intent: in the journal's file, by a connection of its own."""

    path: Path = Path()
    begun: list[Mapping[str, str]] = field(default_factory=list)
    unbacked: list[str] = field(default_factory=list)

    def look(self) -> None:
        """Take in which changes there are intents for."""
        with suppress(sqlite3.OperationalError), closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)) as file:
            intents = file.execute("SELECT body FROM events WHERE kind = ?", (str(Kind.INTENT),))
            self.begun += [json.loads(body)["change"]["at"] for (body,) in intents]

    def effect(self, what: str, door: str, key: str = "", status: str = "shut") -> None:
        self.look()
        if {"door": door, "key": key} not in self.begun:
            self.unbacked.append(f"{door}/{key}")
        fakes.Vendor.effect(self, what, door, key, status)


class Struck(Journal):
    """A journal whose disk is struck just before its event number ``n`` is to be written; ``strike`` says how."""

    def __init__(self, store: Store, n: int, strike: Callable[[], None]) -> None:
        super().__init__(store)
        self._left, self._strike = n, strike

    async def append(self, *args: Any, **more: Any) -> Event:
        self._left -= 1
        if self._left == 0:
            await asyncio.to_thread(self._strike)
        return await super().append(*args, **more)


@asynccontextmanager
async def lab(folder: Path) -> AsyncIterator[fakes.Lab]:
    path = folder / "journal.db"
    async with Store(f"sqlite:///{path}") as store:
        vendor = Witness({name: dict(keys) for name, keys in DOORS.items()}, path=path)
        yield fakes.Lab(vendor=vendor, store=store, journal=Journal(store), path=path)


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of two megabytes."""
    folder.mkdir()
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], check=False).returncode:
        pytest.skip("only root may mount a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def fill(disk: Path) -> None:
    """Not a byte is left."""
    with (disk / "filler").open("wb", buffering=0) as file:
        for size in (65536, 512, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue


@contextmanager
def holder(path: Path) -> Iterator[Callable[[str], None]]:
    """Another program with the database open; it does what it is told to."""
    program = subprocess.Popen([sys.executable, "-c", HOLDER, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def say(words: str) -> None:
        assert program.stdin is not None
        assert program.stdout is not None
        program.stdin.write(f"{words}\n")
        program.stdin.flush()
        assert program.stdout.readline() == "done\n"

    with program:
        yield say
        program.communicate("")


async def resumed(it: fakes.Lab) -> fakes.Report:
    """What a person does as they are told: go on with it, or start it again where there is nothing to go on with."""
    with closing(sqlite3.connect(it.path)) as file, file:
        file.execute("UPDATE leases SET expires = 0")  # eight seconds later: what could not be given up has run out
    kinds = await it.kinds()
    if Kind.REQUESTED in kinds:
        return await it.resume()
    if kinds:
        with pytest.raises(BadInput, match="tart it again"):
            await it.resume()
    return await it.contain(run="r2")


async def struck(it: fakes.Lab, n: int, strike: Callable[[], None], mend: Callable[[], None]) -> JournalError | None:
    """A run whose disk is struck before its event number n, and is mended when it is over; the error that a person sees, if any."""
    engine, failed = it.engine(journal=Struck(it.store, n, strike)), None
    try:
        await it.contain(engine=engine)
    except JournalError as error:
        failed = error
    await asyncio.to_thread(mend)
    return failed


async def events_of_a_run(folder: Path) -> int:
    async with lab(folder) as it:
        await it.contain()
        return len(await it.events()) - 1  # the decision is somebody else's


async def assert_it_ends_well(it: fakes.Lab, failed: JournalError | None, n: int) -> None:
    assert isinstance(it.vendor, Witness)
    assert it.vendor.unbacked == [], n
    if failed is None:
        assert Kind.FINISHED in await it.kinds(), n
    else:
        assert "See that its disk has room, that it can be written and that no other program holds it" in str(failed), n
        kinds = await it.kinds()
        if Kind.PLANNED in kinds and Kind.REQUESTED in kinds:
            assert "then go on with it: firedoor resume r1" in str(failed), n
            assert failed.changed is (True if Kind.RECEIPT in kinds else None if Kind.INTENT in kinds else False), n
        assert (await resumed(it))["outcome"] == "contained", n
    assert dict(it.vendor.effects) == ONCE, n
    assert it.vendor.unbacked == [], n
    assert (await it.journal.audit()).faults == (), n


async def test_a_disk_that_fills_up_at_any_moment(tmp_path: Path) -> None:
    failures = 0
    for n in range(1, 1 + await events_of_a_run(tmp_path / "calm")):
        with small_disk(tmp_path / f"disk{n}") as disk:
            async with lab(disk) as it:
                failed = await struck(it, n, partial(fill, disk), (disk / "filler").unlink)
                failures += failed is not None
                await assert_it_ends_well(it, failed, n)
    assert failures >= 10, "each is one that a person sees"


async def test_a_database_that_somebody_holds_at_any_moment(tmp_path: Path) -> None:
    """Another program, which is not ours, has the write lock, and keeps it for longer than we wait."""
    failures = 0
    for n in range(1, 1 + await events_of_a_run(tmp_path / "calm")):
        async with lab(tmp_path / f"held{n}") as it:
            with holder(it.path) as say:
                failed = await struck(it, n, partial(say, "BEGIN IMMEDIATE"), partial(say, "ROLLBACK"))
            failures += failed is not None
            await assert_it_ends_well(it, failed, n)
    assert failures >= 10


@pytest.mark.parametrize("gone", ["file", "folder", "exchanged"])
async def test_a_journal_whose_file_is_gone_lets_nothing_be_written(gone: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite itself would go on writing to the file that has no name any more, and all of it would be lost with the process."""
    monkeypatch.setattr(database, "BUSY_SECONDS", 10)
    async with Store(f"sqlite:///{tmp_path / 'another.db'}") as another:
        await Journal(another).append("r1", Kind.NOTED, {})
    witness: list[Witness] = []
    for n in range(4, 1 + await events_of_a_run(tmp_path / "calm"), 3):  # from the decision on
        folder = tmp_path / f"gone{n}"

        def strike(folder: Path = folder) -> None:
            with closing(sqlite3.connect(folder / "journal.db", isolation_level=None)) as alone:
                alone.execute("BEGIN IMMEDIATE")
                witness[-1].look()  # what is on the disk by now may be on its way to the vendor
                for file in folder.glob("journal.db*"):
                    file.unlink()
                if gone == "folder":
                    shutil.rmtree(folder)
                if gone == "exchanged":
                    shutil.copy(tmp_path / "another.db", folder / "journal.db")

        async with lab(folder) as it:
            assert isinstance(it.vendor, Witness)
            witness.append(it.vendor)
            failed = await struck(it, n, strike, lambda: None)
            assert failed is not None, n
            assert "was removed, or another put in its place" in str(failed)
            effects = dict(it.vendor.effects)
            assert it.vendor.unbacked == [], n
        folder.mkdir(exist_ok=True)
        for file in folder.glob("journal.db*"):
            file.unlink()
        async with lab(folder) as again:  # whoever starts it again finds done what was done
            again.vendor.doors = it.vendor.doors
            assert (await again.contain())["outcome"] == "contained"
            assert effects | dict(again.vendor.effects) == ONCE, n


@contextmanager
def read_only(folder: Path) -> Iterator[Path]:
    """A file system that nothing can be written to any more."""
    with small_disk(folder):
        (folder / "state").mkdir(mode=0o700)
        Seal.kept_in(folder / "state")
        yield folder / "state"


async def test_on_a_read_only_file_system_nothing_begins(tmp_path: Path) -> None:
    with read_only(tmp_path / "disk") as state:
        async with lab(state) as it:
            await it.contain()
        subprocess.run(["mount", "-o", "remount,ro", tmp_path / "disk"], check=True)  # noqa: ASYNC221 - at once
        with pytest.raises(Misconfigured) as refused:
            async with lab(state):
                pass
        assert refused.value.exit_code == 2
        assert Seal.kept_in(state) is not None, "what is there can still be read"


@contextmanager
def nobody() -> Iterator[None]:
    """Somebody without any right to what is ours."""
    if os.geteuid() != 0:
        pytest.skip("only root may become somebody else")
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def locked_away(path: Path) -> None:
    path.chmod(0)


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir(mode=0o700)


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:7])


def with_its_folder(path: Path) -> None:
    path.parent.chmod(0)


@pytest.mark.parametrize("spoil", [locked_away, a_folder, cut_short, with_its_folder])
def test_an_approval_key_that_cannot_be_used_is_said_at_once(spoil: Callable[[Path], None], tmp_path: Path) -> None:
    state = tmp_path / "state"
    Seal.kept_in(state)
    os.chown(state, 65534, 65534)
    os.chown(state / "approval.key", 65534, 65534)
    spoil(state / "approval.key")
    tmp_path.chmod(0o755)
    for parent in list(tmp_path.parents)[:2]:
        parent.chmod(0o755)
    with nobody(), pytest.raises(Misconfigured, match="approval key") as refused:
        Seal.kept_in(state)
    assert refused.value.exit_code == 2
    assert str(refused.value).count("\n") == 0
