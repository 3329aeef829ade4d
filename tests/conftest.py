"""What tests of several rooms share: databases that the journal can stand in."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("firedoor", max_examples=60, deadline=None)  # a deadline would be an assertion on this machine's speed
settings.load_profile("firedoor")


def pytest_configure(config: pytest.Config) -> None:
    """Ctrl-C is heeded, also where a shell has put the tests into the background, and with that had it ignored.

    Where somebody wants to know what is really called, it is noted. See `tests.permissions.recording`.
    """
    for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)
    if folder := os.environ.get("CALLS_NOTED_IN"):
        from tests.permissions.recording import Recording  # noqa: PLC0415 - most runs need none of it

        config.pluginmanager.register(Recording.of_a_test_run(Path(folder)))


# In the quick run, each action shows these cases; `make laws` runs every case, and holds it to every law.
SHOWN = {"ordinary", "already_so"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is tried of one action stays in one process, where each case is run once for all the laws that look at it."""
    for item in items:
        given = getattr(item, "callspec", None)
        case, name = (given.params.get("case"), given.params.get("name")) if given else (None, None)
        action = getattr(case, "action", name)
        room = item.path.parent.name
        if room == "preview" or isinstance(action, str):
            item.add_marker(pytest.mark.xdist_group("preview" if room == "preview" else str(action)))
        of_laws = room == "laws" and item.path.stem != "test_catalogue"
        if of_laws or item.get_closest_marker("every_case") or (case is not None and getattr(case, "name", "ordinary") not in SHOWN):
            item.add_marker(pytest.mark.laws)
    if (share := int(os.environ.get("FIREDOOR_LAWS_SAMPLE", "1"))) > 1:
        items[:] = [item for item in items if not item.get_closest_marker("laws") or zlib.crc32(item.nodeid.encode()) % share == 0]


@dataclass(frozen=True, slots=True)
class Postgres:
    """A PostgreSQL server of the tests' own."""

    bin: Path
    port: int

    def database(self) -> str:
        """The URL of its one database, emptied: ten times as quick as another one."""
        url = f"postgresql://firedoor@127.0.0.1:{self.port}/postgres"
        empty = "DROP SCHEMA public CASCADE; CREATE SCHEMA public; ALTER DATABASE postgres RESET ALL"
        subprocess.run([self.bin / "psql", "--no-psqlrc", "--command", empty, url], check=True, capture_output=True)
        return url

    def another(self, name: str) -> str:
        """The URL of one more database, of that name, empty."""
        url = f"postgresql://firedoor@127.0.0.1:{self.port}"
        for words in (f"DROP DATABASE IF EXISTS {name}", f"CREATE DATABASE {name}"):
            subprocess.run([self.bin / "psql", "--no-psqlrc", "--command", words, f"{url}/postgres"], check=True, capture_output=True)
        return f"{url}/{name}"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A server on loopback, in a folder of its own, as a user without rights; it takes about two seconds to set up."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin")) or [Path(one).parent for one in (shutil.which("initdb"),) if one]
    if not found:
        pytest.skip("no PostgreSQL server is installed here (looked in /usr/lib/postgresql and on the PATH)")
    room = found[-1]
    folder = Path(tempfile.mkdtemp(prefix="firedoor-pg-"))
    who = "nobody" if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root
    if who:
        shutil.chown(folder, who)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    data = folder / "data"
    make = [
        str(room / "initdb"),
        "--pgdata",
        str(data),
        "--username=firedoor",
        "--auth=trust",
        "--no-sync",
        "--encoding=UTF8",
        "--no-locale",
    ]
    subprocess.run(make, check=True, capture_output=True, user=who, cwd=folder)
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off -c autovacuum=off"
    control = [str(room / "pg_ctl"), "--pgdata", str(data), "--log", str(folder / "log"), "--wait"]
    subprocess.run([*control, "--options", options, "start"], check=True, capture_output=True, user=who, cwd=folder)
    try:
        yield Postgres(room, port)
    finally:
        subprocess.run([*control, "--mode=immediate", "stop"], check=False, capture_output=True, user=who, cwd=folder)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'journal.db'}"
    server: Postgres = request.getfixturevalue("postgres")
    return server.database()


@pytest.fixture(scope="session")
def recorded_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The journal of several real runs (`tests.recorded`), to be copied: it takes two seconds to make."""
    from tests import fakes, recorded  # noqa: PLC0415 - most tests need none of it

    folder = tmp_path_factory.mktemp("recorded")
    with pytest.MonkeyPatch.context() as patch:
        fakes.hasten(patch)
        return asyncio.run(recorded.record(folder))
