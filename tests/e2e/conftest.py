from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.company import Company, company
from tests.e2e.prefect import ROOT, PrefectServer

HERE = Path(__file__).parent
PATIENCE = 100.0
GROUPS = {"test_drill": "drills", "test_rehearsal": "drills", "test_canary": "canary"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One Prefect server serves all who need one; beside it are the drills, one at a time, and the canary, which takes long."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.xdist_group(GROUPS.get(item.path.stem, "others")))


@dataclass
class Estate:
    """A state folder of its own, and the firedoor command in it. Whatever was started is ended."""

    folder: Path
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("FIREDOOR_", "PREFECT_", "AWS_"))}
        return {**kept, "FIREDOOR_STATE_DIR": str(self.folder), "FIREDOOR_CONFIG": str(self.folder / "firedoor.toml")}

    def start(self, *words: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "firedoor", *words]
        process = subprocess.Popen(
            command, cwd=ROOT, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL
        )
        self.started.append(process)
        return process

    def run(self, *words: str) -> tuple[int, dict[str, Any], str]:
        """Exit code, what stood on standard output as JSON, and standard error."""
        process = self.start(*words, "--json")
        out, err = process.communicate(timeout=PATIENCE)
        return process.returncode, json.loads(out) if out.strip() else {}, err

    def events(self) -> list[tuple[str, str, dict[str, Any]]]:
        """The journal as it stands: run, kind, body."""
        path = self.folder / "journal.db"
        if not path.exists():
            return []
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5) as database:
            try:
                rows = database.execute("SELECT run, kind, body FROM events ORDER BY seq").fetchall()
            except sqlite3.OperationalError:
                return []  # the tables are being made
        return [(run, kind, json.loads(body)) for run, kind, body in rows]

    def wait_for(self, there: Callable[[], Any]) -> Any:
        """Poll closely: what is waited for lasts some tens of milliseconds."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if found := there():
                return found
            time.sleep(0.002)
        raise AssertionError("what was waited for never came")

    def drill_state(self) -> dict[str, Any]:
        """What the simulated vendors said of themselves when they ended."""
        path = self.wait_for(lambda: next(self.folder.glob("drills/*/state.json"), None))
        state: dict[str, Any] = json.loads(path.read_text())
        return state

    def end(self) -> None:
        for process in self.started:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(10)
            for pipe in (process.stdout, process.stderr):
                if pipe is not None:
                    pipe.close()
        for world in self.folder.glob("drills/*/ready"):
            pid = json.loads(world.read_text())["pid"]
            if Path(f"/proc/{pid}").exists():
                os.kill(pid, signal.SIGTERM)


@pytest.fixture
def estate(tmp_path: Path) -> Iterator[Estate]:
    (tmp_path / "firedoor.toml").write_text("")
    found = Estate(folder=tmp_path)
    yield found
    found.end()


@pytest.fixture(scope="session")
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    """One server for the whole session. Who kills it starts it again."""
    server = PrefectServer(tmp_path_factory.mktemp("prefect"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
async def acme(tmp_path: Path) -> AsyncIterator[Company]:
    async with company(tmp_path) as found:
        yield found
