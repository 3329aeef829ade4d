"""A real Prefect server that can be killed and started again, and `firedoor contain` as a process of its own beside it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from firedoor.journal import Journal, Kind
from firedoor.store import Store
from tests.company import Company

ROOT = Path(__file__).resolve().parent.parent.parent
PATIENCE = 150.0
Rows = list[dict[str, Any]]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


class PrefectServer:
    """A server with its database in ``home``."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._port = free_port()
        self.api = f"http://127.0.0.1:{self._port}/api"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Begin to start; `healthy` tells when it is there."""
        quiet = {"PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1"}
        environment = {**os.environ, **quiet, "PREFECT_HOME": str(self.home)}
        command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(self._port), "--no-ui"]
        with (self.home / "log").open("ab") as log:
            self._process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)

    def kill(self) -> None:
        """SIGKILL, to it and to all that it has started."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    async def healthy(self) -> None:
        """Wait until it answers."""
        async with aiohttp.ClientSession() as http, asyncio.timeout(PATIENCE):
            while True:
                with suppress(aiohttp.ClientError):
                    async with http.get(f"{self.api}/health") as reply:
                        if reply.status == 200:
                            return
                await asyncio.sleep(0.2)

    async def found(self, what: str, filters: Mapping[str, Any]) -> Rows:
        """Everything of that kind that passes."""
        async with aiohttp.ClientSession() as http, http.post(f"{self.api}/{what}/filter", json=filters) as reply:
            rows: Rows = await reply.json()
            return rows

    async def flow_runs(self, run: str) -> Rows:
        """The flow runs that show a run, in the order in which they began."""
        return sorted(await self.found("flow_runs", {"flow_runs": {"name": {"like_": run}}}), key=lambda row: row["created"])

    async def task_runs(self, flow_run: str, *, most: int) -> Rows:
        """Its task runs, once there are so many and all have ended: the server records them some seconds later."""
        async with asyncio.timeout(PATIENCE):
            while True:
                rows = await self.found("task_runs", {"flow_runs": {"id": {"any_": [flow_run]}}})
                if len(rows) >= most and all(row["state_type"] in ("COMPLETED", "FAILED") for row in rows):
                    return rows
                await asyncio.sleep(0.5)

    async def artifacts(self, run: str) -> Rows:
        """The artifacts of a run."""
        return await self.found("artifacts", {"artifacts": {"key": {"like_": run}}})


@dataclass(frozen=True, slots=True, kw_only=True)
class Contained:
    """How `firedoor contain` ended, and its seconds from start to request, from approval to report, and from there to its exit."""

    code: int
    report: dict[str, Any]
    said: str
    asked: float
    reported: float
    left: float

    @property
    def run(self) -> str:
        name: str = self.report["run"]
        return name

    @property
    def seconds(self) -> float:
        return self.asked + self.reported + self.left


async def contain(acme: Company, api: str, *, users: str = "", playbook: str = "identity-breach", approved: bool = True) -> Contained:
    """Start a containment, approve it as somebody else, and wait for its end. No ``api``: without Prefect.

    Not ``approved``: nobody need be asked, since all is done already.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("FIREDOOR_", "PREFECT_", "AWS_"))}
    given = ["-i", f"users={users or ','.join(acme.estate.victims)}"]
    given += ["-i", f"access_keys={acme.estate.stolen_key}"] if playbook == "identity-breach" else []
    shown = {"PREFECT_API_URL": api, "PREFECT_HOME": str(acme.folder / "prefect")} if api else {}
    began = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "firedoor", "contain", playbook, *given, "--key", str(acme.key()), "--json"),
        cwd=ROOT,
        env={**kept, **acme.environment, **shown},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    said = asyncio.create_task(process.stderr.read())
    if approved:
        await acme.approve(seconds=PATIENCE)
    answered = time.monotonic()
    lines = []
    while line := await asyncio.wait_for(process.stdout.readline(), PATIENCE):
        lines.append(line)
        if line == b"}\n":
            break
    reported = time.monotonic()
    await asyncio.wait_for(process.wait(), PATIENCE)
    code, left = process.returncode, time.monotonic()
    assert code is not None
    return Contained(
        code=code,
        report=json.loads(b"".join(lines)),
        said=(await said).decode(),
        asked=answered - began,
        reported=reported - answered,
        left=left - reported,
    )


async def notes(acme: Company, run: str) -> list[str]:
    """What the journal says of Prefect, in order."""
    async with Store(f"sqlite:///{acme.folder / 'state' / 'journal.db'}") as store:
        events = await Journal(store).events(run)
    return [str(event.body["prefect"]) for event in events if event.kind == Kind.NOTED and "prefect" in event.body]
