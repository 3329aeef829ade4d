"""A Jira with a folder for ticket files beside it.

Beyond the simulator's own format a world may say: ``flavour`` (cloud, or data_center), ``files`` (name and content of ticket files that are
there), ``jira`` (``none``: not configured, ``down``: nobody listens there) and ``lacks`` (permissions that Firedoor's account has not).
Lags: ``index`` (search is behind), ``allowed`` (what the client allows for that), ``timeout`` (of the client).
"""

from __future__ import annotations

import json
import socket
from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from firedoor.vendors.access import Access
from firedoor.vendors.jira.client import JiraClient
from firedoor.vendors.jira.operations import OPERATIONS, WRITE_FILE
from firedoor.vendors.jira.simulator import JiraSimulator
from firedoor.vendors.jira.values import Flavour
from firedoor.vendors.jira.wire import Site
from firedoor.vendors.jira.world import EVERYTHING, world_of
from tests.tasks.rooms.base import Room, Simulated, World

TOKEN = "ATATTcanaryTokenOfFiredoor7Hq2vNz"
READ_TOKEN = "ATATTcanaryTokenThatOnlyReads3Kd8"
READER, READERS_ADDRESS = "5b10preview", "firedoor-preview@acme.example"
LOOKS: Final = ["BROWSE_PROJECTS", "USER_PICKER", "ADMINISTER_PROJECTS", "SET_ISSUE_SECURITY"]
ME, MY_ADDRESS = "5b10firedoor", "firedoor@acme.example"
OURS: Final = {"flavour", "files", "jira", "lacks"}
ALLOWED = 0.1

_ANY: Final = frozenset(
    {
        *("401 message", "403 message", "403", "404", "429", "500", "500 after", "503"),
        *("drop", "drop after", "lie", "201", "201 after", "200 after", "302"),
    }
)


@asynccontextmanager
async def _open(world: World, lag: Mapping[str, float]) -> AsyncIterator[Simulated]:
    flavour = Flavour(world.get("flavour", "cloud"))
    mine = [each for each in EVERYTHING if each not in world.get("lacks", ())]
    me = {"id": ME, "email": MY_ADDRESS, "name": "Firedoor", "token": TOKEN, "permissions": mine}
    data: dict[str, Any] = {name: rows for name, rows in world.items() if name not in OURS}
    reader = {"id": READER, "email": READERS_ADDRESS, "name": "Firedoor Preview", "token": READ_TOKEN, "permissions": LOOKS}
    data["users"] = [*data.get("users", ()), me, reader]
    data["projects"] = [_with_reader(project) for project in data.get("projects", ())]
    async with JiraSimulator(world_of(data, flavour=flavour), index_lag=lag.get("index", 0.0)) as jira:
        with TemporaryDirectory() as place:
            folder = Path(place) / "tickets"
            _fill(folder, world.get("files", {}))
            url = _nobody() if world.get("jira") == "down" else jira.url
            patience, allowed = lag.get("timeout", 2.0), lag.get("allowed", ALLOWED)

            def connect(access: Access, url: str, *, timeout: float = patience) -> JiraClient:
                site = None if world.get("jira") == "none" else _site(url, flavour, access)
                return JiraClient(access=access, folder=folder, site=site, timeout=timeout, index_lag=allowed)

            async with connect(Access.WRITE, url) as client:
                yield Simulated(
                    url=url,
                    connect=connect,
                    client=client,
                    used=client.policy.used,
                    faults=jira.faults,
                    state=lambda: {"issues": jira.world.state(), "files": _files(folder)},
                    writes=lambda: jira.accepted_writes + Counter({WRITE_FILE.name: _written(folder, world)}),
                    world=jira.world,
                    secrets={TOKEN, READ_TOKEN},
                )


def _site(url: str, flavour: Flavour, access: Access) -> Site:
    cloud = flavour is Flavour.CLOUD
    token, address = (TOKEN, MY_ADDRESS) if access is Access.WRITE else (READ_TOKEN, READERS_ADDRESS)
    return Site(
        url=url,
        flavour=flavour,
        token=token,
        user=address if cloud else "",
        project="SEC",
        issue_type="Task",
        security_level="Responders",
    )


def _with_reader(project: Mapping[str, Any]) -> Mapping[str, Any]:
    """What Firedoor may see, the one who only looks may see too."""
    levels = project.get("levels", ())
    return {**project, "levels": [{**one, "members": [*one["members"], *([READER] if ME in one["members"] else [])]} for one in levels]}


def _nobody() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def _fill(folder: Path, files: Mapping[str, str]) -> None:
    for name, content in files.items():
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")


def _files(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*"))}


def _written(folder: Path, world: World) -> int:
    before = world.get("files", {})
    return sum(before.get(name) != content for name, content in _files(folder).items())


def _error_body(operation: str, code: str) -> str:
    del operation
    if code == "message":
        return json.dumps({"errorMessages": ["no"], "errors": {}})
    return json.dumps({"errorMessages": [], "errors": {code: "no"}})


def _troubles(operations: Collection[str]) -> frozenset[str]:
    return _ANY.union(*(operation.refusals for operation in OPERATIONS if operation.name in operations))


ROOM = Room(operations=OPERATIONS, open=_open, error_body=_error_body, troubles=_troubles)
