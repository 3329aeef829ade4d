"""`firedoor contain` as its own process, with a real Prefect server beside it, with one that hangs, and with none."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.company import Company, company
from tests.e2e.conftest import ROOT

pytestmark = pytest.mark.e2e


def _port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@pytest.fixture(scope="session")
def prefect_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One server for the whole session."""
    home, port = tmp_path_factory.mktemp("prefect"), _port()
    environment = {**os.environ, "PREFECT_HOME": str(home), "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1"}
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port), "--no-ui"]
    with (home / "log").open("wb") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
    yield f"http://127.0.0.1:{port}/api"
    server.terminate()
    try:
        server.wait(5)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


@pytest.fixture
async def acme(tmp_path: Path) -> AsyncIterator[Company]:
    async with company(tmp_path) as found:
        yield found


async def _healthy(api: str) -> None:
    async with aiohttp.ClientSession() as http, asyncio.timeout(60):
        while True:
            try:
                async with http.get(f"{api}/health") as reply:
                    if reply.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.2)


async def _contain(acme: Company, api: str) -> tuple[int, dict[str, Any], str]:
    """Start a containment, approve it in Slack as somebody else, and wait for its end."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("FIREDOOR_", "PREFECT_", "AWS_"))}
    given = ["-i", f"users={','.join(acme.estate.victims)}", "-i", f"access_keys={acme.estate.stolen_key}"]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "firedoor", "contain", "identity-breach", *given, "--as", acme.asker, "--json"),
        cwd=ROOT,
        env={**kept, **acme.environment, "PREFECT_API_URL": api, "PREFECT_HOME": str(acme.folder / "prefect")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    await acme.approve(seconds=60)
    out, said = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode is not None
    return process.returncode, json.loads(out), said.decode()


async def _notes(acme: Company, run: str) -> list[dict[str, Any]]:
    from firedoor.journal import Journal  # noqa: PLC0415
    from firedoor.store import Store  # noqa: PLC0415

    async with Store(f"sqlite:///{acme.folder / 'state' / 'journal.db'}") as store:
        return [dict(event.body) for event in await Journal(store).events(run) if event.kind == "run.noted"]


async def test_prefect_shows_the_run_its_steps_and_both_artifacts(acme: Company, prefect_api: str) -> None:
    await _healthy(prefect_api)
    code, report, said = await _contain(acme, prefect_api)
    assert code == 0, said
    run = report["run"]
    async with aiohttp.ClientSession() as http:

        async def found(what: str, filters: dict[str, Any]) -> list[dict[str, Any]]:
            async with http.post(f"{prefect_api}/{what}/filter", json=filters) as reply:
                rows: list[dict[str, Any]] = await reply.json()
                return rows

        flows = await found("flow_runs", {"flow_runs": {"name": {"like_": run}}})
        assert [(row["name"], row["state_type"]) for row in flows] == [(f"identity-breach {run}", "COMPLETED")]
        assert flows[0]["parameters"] == {"run": run, "playbook": "identity-breach"}
        steps = {"flow_runs": {"id": {"any_": [flows[0]["id"]]}}}
        async with asyncio.timeout(30):  # the server records task runs some seconds after they ended
            while True:
                tasks = await found("task_runs", steps)
                if len(tasks) == len(report["steps"]) and all(row["state_type"] == "COMPLETED" for row in tasks):
                    break
                await asyncio.sleep(0.5)
        assert sorted(row["name"] for row in tasks) == sorted(step["id"] for step in report["steps"])
        assert all(row["state"]["message"].startswith(("CHANGED", "ALREADY")) for row in tasks)
        artifacts = await found("artifacts", {"artifacts": {"key": {"like_": run}}})
        assert sorted(row["key"] for row in artifacts) == [f"plan-{run}", f"report-{run}"]
        assert "Contained" in next(row["data"] for row in artifacts if row["key"].startswith("report"))
    assert {"prefect": "not reported"} not in await _notes(acme, run)


async def test_a_scheduled_drill_is_a_flow_with_the_containment_below_it(tmp_path: Path, prefect_api: str) -> None:
    await _healthy(prefect_api)
    (tmp_path / "firedoor.toml").write_text("")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("FIREDOOR_", "PREFECT_", "AWS_"))}
    own = {"FIREDOOR_STATE_DIR": str(tmp_path / "state"), "FIREDOOR_CONFIG": str(tmp_path / "firedoor.toml")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "flows.drill"),
        cwd=ROOT,
        env={**kept, **own, "PREFECT_API_URL": prefect_api, "PREFECT_HOME": str(tmp_path / "prefect")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    out, _ = await asyncio.wait_for(process.communicate(), 100)
    assert process.returncode == 0, out.decode()
    async with aiohttp.ClientSession() as http, http.post(f"{prefect_api}/flow_runs/filter", json={}) as reply:
        runs = {row["name"].split(" ")[0]: row for row in await reply.json() if row["name"].startswith(("drill", "identity-breach"))}
    assert runs["drill"]["state"]["message"] == "contained; the attacker is locked out"
    assert not _leftovers(tmp_path)


def _leftovers(folder: Path) -> list[str]:
    """Processes of a drill that outlived it."""
    found = []
    for status in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = status.read_bytes()
        except OSError:
            continue
        if str(folder).encode() in command:
            found.append(command.decode())
    return found


async def test_without_a_server_the_run_goes_on_and_says_that_it_was_not_reported(acme: Company) -> None:
    code, report, said = await _contain(acme, f"http://127.0.0.1:{_port()}/api")
    assert code == 0, said
    assert report["outcome"] == "contained"
    assert {"prefect": "not reported"} in await _notes(acme, report["run"])


async def test_a_server_that_accepts_and_never_answers_does_not_hold_it_up(acme: Company) -> None:
    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.read(1024):
                pass
        finally:
            writer.close()

    async with await asyncio.start_server(hang, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        code, report, said = await _contain(acme, f"http://127.0.0.1:{port}/api")
        assert code == 0, said
        assert report["outcome"] == "contained"
        assert {"prefect": "not reported"} in await _notes(acme, report["run"])
