"""Prefect on PostgreSQL with a password, and workers of its pool, each of which can be killed whole."""

from __future__ import annotations

import asyncio
import base64
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import psutil

from firedoor.exercise.processes import PREFECT
from tests.conftest import Postgres
from tests.e2e.prefect import ROOT, free_port

PATIENCE = 240.0


@dataclass(slots=True, kw_only=True)
class Cluster:
    """A server, its workers by name, and the environment that all of them have."""

    folder: Path
    api: str
    password: str
    environment: Mapping[str, str] = field(repr=False)
    workers: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def prefect(self, *words: str) -> str:
        """What Prefect's own command line says."""
        command = [sys.executable, "-m", "prefect", *words]
        done = subprocess.run(command, cwd=ROOT, env=dict(self.environment), capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start_worker(self, name: str) -> None:
        """One more process worker, which carries out one flow run at a time."""
        command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", "firedoor", "--name", name, "--limit", "1"]
        self.workers[name] = self.start(command, f"worker-{name}")

    def start(self, command: list[str], name: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(command, cwd=ROOT, env=dict(self.environment), stdout=log, stderr=log, start_new_session=True)

    async def asked(self, what: str, body: object) -> Any:
        """A POST to the API."""
        headers = {"Authorization": f"Basic {base64.b64encode(self.password.encode()).decode()}"}
        async with aiohttp.ClientSession(headers=headers) as http, http.post(f"{self.api}/{what}", json=body) as reply:
            assert reply.status < 300, await reply.text()
            return await reply.json()

    async def run(self, deployment: str, parameters: Mapping[str, Any]) -> str:
        """A flow run of a deployment, scheduled for now; its id."""
        found = await self.deployment(deployment)
        made = await self.asked(f"deployments/{found['id']}/create_flow_run", {"parameters": parameters, "state": {"type": "SCHEDULED"}})
        return str(made["id"])

    async def deployment(self, name: str) -> Mapping[str, Any]:
        """The deployment of that name, as the server has it."""
        [found] = await self.asked("deployments/filter", {"deployments": {"name": {"any_": [name]}}})
        return dict(found)

    async def ended(self, flow_run: str) -> Mapping[str, Any]:
        """The flow run once it is over."""
        async with asyncio.timeout(PATIENCE * 2):
            while True:
                [row] = await self.asked("flow_runs/filter", {"flow_runs": {"id": {"any_": [flow_run]}}})
                if row["state_type"] in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED"):
                    return dict(row)
                await asyncio.sleep(1.0)


@contextmanager
def cluster(postgres: Postgres, folder: Path, environment: Mapping[str, str]) -> Iterator[Cluster]:
    """A server with nothing on it yet; everything is ended with the block."""
    port, password = free_port(), f"ops:{secrets.token_urlsafe(12)}"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("FIREDOOR_", "PREFECT_", "AWS_"))}
    ours = {
        **kept,
        **PREFECT,
        **environment,
        "PREFECT_HOME": str(folder / "prefect"),
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_API_AUTH_STRING": password,
        "PREFECT_SERVER_API_AUTH_STRING": password,
        "PREFECT_API_DATABASE_CONNECTION_URL": postgres.another("prefect").replace("postgresql://", "postgresql+asyncpg://"),
        "PREFECT_WORKER_QUERY_SECONDS": "1",
        "PREFECT_LOGGING_LEVEL": "INFO",
    }
    made = Cluster(folder=folder, api=ours["PREFECT_API_URL"], password=password, environment=ours)
    server = made.start(
        [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port), "--no-ui"], "server"
    )
    try:
        yield made
    finally:
        for process in (*made.workers.values(), server):
            end(process)


async def healthy(made: Cluster) -> None:
    """Wait until the server answers."""
    async with aiohttp.ClientSession() as http, asyncio.timeout(PATIENCE):
        while True:
            with suppress(aiohttp.ClientError):
                async with http.get(f"{made.api}/health") as reply:
                    if reply.status == 200:
                        return
            await asyncio.sleep(0.3)


def end(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL, to it and to all that it has started: a worker gives the process of each flow run a session of its own."""
    with suppress(ProcessLookupError, psutil.NoSuchProcess):
        os.killpg(process.pid, signal.SIGSTOP)  # it starts no more
        for one in (*psutil.Process(process.pid).children(recursive=True), process):
            with suppress(ProcessLookupError, psutil.NoSuchProcess):
                one.kill()
    process.wait()
