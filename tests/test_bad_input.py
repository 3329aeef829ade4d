"""Every command that looks at the record, on everything that is no sound record: one clear message, exit code 2, and nothing touched."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from firedoor import cli, running
from firedoor.journal import Journal, Kind
from firedoor.settings import load
from firedoor.store import Store
from tests.company import Company, company

ROOT = Path(__file__).resolve().parent.parent
COMMANDS: Mapping[str, tuple[str, ...]] = {
    "show": ("show", "RUN"),
    "resume": ("resume", "RUN"),
    "undo": ("undo", "RUN"),
    "undo --plan": ("undo", "RUN", "--plan"),
    "audit export": ("audit", "export", "RUN"),
    "audit verify": ("audit", "verify"),
    "runs": ("runs",),
}
ONE = [name for name, words in COMMANDS.items() if "RUN" in words]


@dataclass(frozen=True, slots=True)
class Place:
    """A state folder with a journal of real runs, and the command line at it."""

    folder: Path
    say: Callable[[], tuple[str, str]]

    @property
    def journal(self) -> Path:
        return self.folder / "state" / "journal.db"

    def sql(self, statement: str, *values: object) -> None:
        with closing(sqlite3.connect(self.journal)) as sql, sql:
            assert sql.execute(statement, values).rowcount

    def content(self) -> object:
        """What is stored: the very bytes, in whatever files there are."""
        found = [path for path in sorted(self.folder.rglob("*")) if path.is_file() and path.suffix != ".db-shm"]
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in found if path.stat().st_size}

    def obey(self, *words: str) -> tuple[int, str, str]:
        """The exit code, and what was said."""
        self.say()
        code = cli.obey(words)
        return code, *self.say()


@pytest.fixture
def place(recorded_once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Place:
    for name in [name for name in os.environ if name.startswith(("FIREDOOR_", "PREFECT_", "AWS_"))]:
        monkeypatch.delenv(name)
    (tmp_path / "state").mkdir()
    shutil.copy(recorded_once, tmp_path / "state" / "journal.db")
    people = "".join(f'[[people]]\nname = "{name}"\nslack = "U{n}AA"\n' for n, name in enumerate(("Ada", "Ben", "Cem")))
    (tmp_path / "firedoor.toml").write_text(people)
    monkeypatch.setenv("FIREDOOR_CONFIG", str(tmp_path / "firedoor.toml"))
    monkeypatch.setenv("FIREDOOR_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)

    def said() -> tuple[str, str]:
        captured = capsys.readouterr()
        return captured.out, captured.err

    return Place(tmp_path, said)


def refused(place: Place, words: tuple[str, ...], run: str, *, code: int = 2) -> str:
    """The one message; nothing else was said, and nothing was touched."""
    before = place.content()
    left, out, err = place.obey(*(run if word == "RUN" else word for word in words))
    assert (left, out) == (code, ""), (left, out, err)
    assert err.count("\n") == 1, err
    assert err.endswith(".\n")
    assert "Nothing was changed. " in err
    assert "Traceback" not in err
    assert place.content() == before
    return err


ODD = [
    "261126-abcdef",
    "",
    "r1 ",
    "../../etc/passwd",
    "..",
    "/",
    "r1/../r1",
    "-",
    "%",
    "r1\x00",
    "\udcff",
    "r1\ud800",
    "x" * 5000,
    "\u202er1",
    "'; --",
]


@pytest.mark.parametrize("name", ONE)
def test_a_run_that_there_is_not(place: Place, name: str) -> None:
    for run in ODD:
        if run == "-" or (name == "audit export" and run == ""):
            continue
        said = refused(place, COMMANDS[name], run)
        assert said.startswith("there is no run "), said
        assert len(said) < 250
        assert "`firedoor runs`" in said


def test_a_run_that_is_over(place: Place) -> None:
    for run, ended in (("r1", "contained"), ("denied", "denied"), ("u1", "contained")):
        assert refused(place, COMMANDS["resume"], run).startswith(f"run {run} is over: {ended}. ")


def newer(place: Place) -> None:
    place.sql("UPDATE firedoor_version SET version_num = 'from the future'")


def garbage(place: Place) -> None:
    place.journal.write_bytes(hashlib.sha512(b"noise").digest() * 500)


def truncated(place: Place) -> None:
    os.truncate(place.journal, place.journal.stat().st_size // 3)


def torn(place: Place) -> None:
    """A page in the middle is noise: it opens, and breaks once it is read."""
    pages = place.journal.stat().st_size // 4096
    with place.journal.open("r+b") as file:
        for page in range(pages // 3, pages - 2):
            file.seek(page * 4096)
            file.write(b"\xff" * 4096)


def folder(place: Place) -> None:
    place.journal.unlink()
    place.journal.mkdir()


DATABASES: Mapping[str, tuple[Callable[[Place], None], str]] = {
    "of a newer version": (newer, "written by a newer Firedoor"),
    "garbage": (garbage, "file is not a database"),
    "truncated": (truncated, "malformed"),
    "torn": (torn, "malformed"),
    "a folder": (folder, "is no file"),
}


@pytest.mark.parametrize("kind", DATABASES)
def test_a_database_that_is_none(place: Place, kind: str) -> None:
    damage, words = DATABASES[kind]
    damage(place)
    for command in COMMANDS.values():
        assert words in refused(place, command, "r1")


def test_a_database_that_may_not_be_read(place: Place) -> None:
    """In a process of its own, without the powers of root where this is root."""
    place.journal.chmod(0)
    powerless = ["setpriv", "--bounding-set=-all", "--"] if os.geteuid() == 0 else []
    for words in (["runs"], ["audit", "verify"]):
        command = [*powerless, sys.executable, "-m", "firedoor", *words]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == (
            f"the journal at {place.journal} may not be read and written by this user. Nothing was changed. "
            "Run this as the one who owns it.\n"
        )


DAMAGES = {
    "no JSON": ("UPDATE events SET body = '{' WHERE run = 'r1' AND n = 5", "event 5 of run r1 cannot be read"),
    "no mapping": ("UPDATE events SET body = '[]' WHERE run = 'r1' AND n = 1", "event 1 of run r1 cannot be read"),
    "no order": ("UPDATE events SET body = '{}' WHERE run = 'r1' AND n = 1", "event 1 of run r1 cannot be read"),
    "no report": ("UPDATE events SET body = '{}' WHERE run = 'r1' AND kind = 'run.finished'", "of run r1 cannot be read"),
    "no moment": ("UPDATE events SET at = 'then' WHERE run = 'r1' AND n = 3", "event 3 of run r1 cannot be read"),
    "deep": ("UPDATE events SET body = '" + '{"a":' * 50_000 + "' WHERE run = 'r1' AND n = 2", "event 2 of run r1 cannot be read"),
    "no text": ("UPDATE events SET body = CAST(x'7b7dff' AS TEXT) WHERE run = 'r1' AND n = 4", "event 4 of run r1 cannot be read"),
}


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_run_with_a_damaged_event_is_named_and_the_others_are_there(place: Place, kind: str) -> None:
    statement, words = DAMAGES[kind]
    place.sql(statement)
    for name in ONE:
        said = refused(place, COMMANDS[name], "r1")
        assert words in said
        assert "`firedoor audit verify`" in said
    code, out, err = place.obey("runs")
    assert (code, err) == (1, "")
    assert out.count("\n- ") + out.startswith("- ") == 7
    assert "- r1  UNREADABLE: " in out
    code, out, err = place.obey("audit", "verify")
    assert (code, err) == (1, "")
    assert "(run r1, its number " in out
    assert "Traceback" not in out
    assert place.obey("show", "signed")[0] == 0


def test_a_pack_is_written_once_and_nothing_is_written_over(place: Place) -> None:
    code, out, err = place.obey("audit", "export", "r1")
    assert (code, err) == (0, "")
    assert "Written: evidence-r1.zip" in out
    assert "it is there already" in refused(place, COMMANDS["audit export"], "r1")
    for to, words in ((str(place.folder / "nowhere" / "x.zip"), "it cannot be written (No such file"), ("x" * 300, "File name too long")):
        assert words in refused(place, ("audit", "export", "RUN", "--to", to), "r1")
    (place.folder / "packs").mkdir()
    assert place.obey("audit", "export", "r1", "--to", str(place.folder / "packs"))[0] == 0
    assert (place.folder / "packs" / "evidence-r1.zip").read_bytes() == (place.folder / "evidence-r1.zip").read_bytes()


def test_a_run_with_a_strange_name_has_its_pack_where_it_should_be(place: Place) -> None:
    place.sql("UPDATE events SET run = '../../x' WHERE run = 'signed'")
    code, out, _ = place.obey("audit", "export", "../../x")
    assert code == 0
    assert "Written: evidence-______x.zip" in out
    assert (place.folder / "evidence-______x.zip").is_file()


def test_heads_that_are_none_are_refused(place: Place) -> None:
    (place.folder / "empty.txt").write_text("fingerprint sha256:" + "0" * 64)
    for words, said in (
        (("--head", "sha256:12"), "'sha256:12' is no head of a journal"),
        (("--heads", "empty.txt"), "it tells no journal head"),
        (("--heads", "nowhere.txt"), "it cannot be read (No such file or directory)"),
        (("--heads", "."), "it cannot be read (Is a directory)"),
        (("--heads", "x" * 300), "it cannot be read (File name too long)"),
        (("--from-slack",), "FIREDOOR_SLACK_BOT_TOKEN"),
    ):
        assert said in refused(place, ("audit", "verify", *words), "")


@pytest.fixture
async def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Company]:
    async with company(tmp_path) as found:
        for name, value in found.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("PREFECT_API_URL", raising=False)
        monkeypatch.setattr("firedoor.step.PACE", 0.02)
        yield found


async def obey(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """The command line beside the simulated vendors, in a thread and an event loop of its own."""
    capsys.readouterr()
    code = await asyncio.to_thread(cli.obey, words)
    return code, *capsys.readouterr()


HOLD = """
import asyncio
from firedoor import wiring
from firedoor.lease import Leases
from firedoor.settings import load

async def main():
    async with wiring.open_journal(load()) as (store, _):
        async with Leases(store, wiring.holder()).holding("run:" + {run!r}, patience=9):
            print("held", flush=True)
            await asyncio.sleep(600)

asyncio.run(main())
"""


async def begun(acme: Company) -> str:
    """A run whose process died while it asked."""
    job = running.contain("session-hijack", [f"users={acme.estate.victims[0]}"], who=acme.who(), say=lambda _: None)
    task = asyncio.create_task(job)
    async with Store(load().journal_url) as store:
        journal = Journal(store)
        async for _ in journal.ticks():
            for run in await journal.runs():
                if Kind.REQUESTED in [event.kind for event in await journal.events(run)]:
                    task.cancel()
                    await asyncio.gather(task, return_exceptions=True)
                    return run
    raise AssertionError("the journal beats without end")


async def stored() -> Sequence[object]:
    async with Store(load().journal_url) as store:
        return [row async for row in Journal(store).rows()]


async def test_a_run_that_a_living_process_holds_is_told_at_once_with_who_it_is(acme: Company, capsys: pytest.CaptureFixture[str]) -> None:
    run = await begun(acme)
    holder = await asyncio.create_subprocess_exec(sys.executable, "-c", HOLD.format(run=run), stdout=subprocess.PIPE, cwd=ROOT)
    try:
        assert holder.stdout is not None
        assert await asyncio.wait_for(holder.stdout.readline(), 60) == b"held\n"
        before, writes, asked = await stored(), acme.writes(), len(acme.okta.requests) + len(acme.slack.requests)
        for words in (("resume", run), ("undo", run, "--key", str(acme.key()))):
            code, out, err = await obey(capsys, *words)
            assert (code, out) == (2, "")
            assert err.startswith(
                f"run {run} is being worked on by a process that is alive, {holder.pid} on {socket.gethostname()}. Nothing was"
            )
            assert err.count("\n") == 1
        assert (await stored(), acme.writes()) == (before, writes)
        assert len(acme.okta.requests) + len(acme.slack.requests) == asked, "no vendor was even asked"
        code, out, err = await obey(capsys, "show", run)
        assert (code, err) == (0, "")
        assert out.startswith("# Running: ")
        code, out, err = await obey(capsys, "audit", "verify")
        assert (code, err, "not checked" in out.casefold()) == (0, "", False), out
    finally:
        holder.kill()
        await holder.wait()
    assert (await obey(capsys, "undo", run, "--key", str(acme.key())))[2].startswith(f"run {run} is not over. Nothing was changed. ")
    assert (await stored(), acme.writes()) == (before, writes)
