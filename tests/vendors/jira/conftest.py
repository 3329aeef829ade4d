from __future__ import annotations

import copy
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from firedoor.vendors.access import Access
from firedoor.vendors.jira.client import JiraClient
from firedoor.vendors.jira.simulator import JiraSimulator
from firedoor.vendors.jira.values import Draft, Flavour
from firedoor.vendors.jira.wire import Site
from firedoor.vendors.jira.world import EVERYTHING, JiraWorld, world_of

CANARY = "ATATTcanary7Hq2vNzExampleOnly"
LESSER = "ATATTlesser3kExampleOnly"
ME, ADDRESS = "5b10firedoor", "firedoor@acme.example"
ADA, BOB = "ada@acme.example", "bob@acme.example"
MARKER = "firedoor-inc-1"
DRAFT = Draft(project="SEC", issue_type="Task", level="10001", marker=MARKER, summary="[firedoor] Breach: inc-1", text="# Open\n\n- a door")
THIRD_PARTY = "jira820"

DATA: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "users": [
        {"id": ME, "email": ADDRESS, "name": "Firedoor", "token": CANARY, "permissions": EVERYTHING},
        {"id": "lesser", "email": "lesser@acme.example", "token": LESSER, "permissions": ["BROWSE_PROJECTS"]},
        {"id": "ada", "email": ADA, "name": "Ada"},
        {"id": "bob", "email": BOB, "name": "Bob", "permissions": ["BROWSE_PROJECTS"]},
    ],
    "projects": [
        {
            "key": "SEC",
            "levels": [
                {"id": "10001", "name": "Responders", "members": [ME]},
                {"id": "10002", "name": "Board", "members": ["bob"]},
            ],
        }
    ],
}


@pytest.fixture(params=list(Flavour))
def flavour(request: pytest.FixtureRequest) -> Flavour:
    return Flavour(request.param)


@pytest.fixture
def world(flavour: Flavour) -> JiraWorld:
    return world_of(copy.deepcopy(DATA), flavour=flavour)


@pytest.fixture
async def jira(world: JiraWorld) -> AsyncIterator[JiraSimulator]:
    async with JiraSimulator(world) as simulator:
        yield simulator


def site(url: str, flavour: Flavour, *, token: str = CANARY, user: str | None = None) -> Site:
    who = ADDRESS if user is None and flavour is Flavour.CLOUD else user or ""
    return Site(url=url, flavour=flavour, token=token, user=who, project="SEC", issue_type="Task", security_level="Responders")


Make = Callable[..., JiraClient]


@pytest.fixture
def make(jira: JiraSimulator, tmp_path: Path) -> Make:
    """Clients of the simulator."""

    def made(access: Access = Access.WRITE, *, token: str = CANARY, user: str | None = None, timeout: float = 5.0) -> JiraClient:
        place = site(jira.url, jira.world.flavour, token=token, user=user)
        return JiraClient(access=access, folder=tmp_path / "tickets", site=place, timeout=timeout, index_lag=0.1)

    return made


@pytest.fixture
async def client(make: Make) -> AsyncIterator[JiraClient]:
    async with make() as made:
        yield made


@pytest.fixture(autouse=True)
def _quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firedoor.vendors.retry._BACKOFF", lambda _: 0.0)


@pytest.fixture(scope="session")
def third_party() -> Iterator[str]:
    """The address of a Jira Data Center 8.20 that somebody else wrote, on loopback; it takes about a second to start."""
    if find_spec(THIRD_PARTY) is None:
        pytest.skip(f"{THIRD_PARTY} is not installed, so the client meets our own simulator only: pip install {THIRD_PARTY}")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    settings = {"JIRA820_HOST": "127.0.0.1", "JIRA820_PORT": str(port), "JIRA820_PROJECT_KEY": "SEC", "JIRA820_DATE": "2023-11-23"}
    command = [sys.executable, "-W", "ignore", "-m", THIRD_PARTY]
    server = subprocess.Popen(command, env={**os.environ, **settings}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(server, port)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(timeout=20)


def _wait_for(server: subprocess.Popen[bytes], port: int) -> None:
    while server.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    pytest.fail(f"{THIRD_PARTY} did not start (exit code {server.returncode})")
