"""Runs and drills shown by a real Prefect server."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.company import Company
from tests.e2e.prefect import ROOT, PrefectServer, contain, notes

pytestmark = pytest.mark.e2e


async def test_prefect_shows_the_run_its_steps_and_both_artifacts(acme: Company, prefect_server: PrefectServer) -> None:
    await prefect_server.healthy()
    done = await contain(acme, prefect_server.api)
    assert done.code == 0, done.said
    flows = await prefect_server.flow_runs(done.run)
    assert [(row["name"], row["state_type"], row["tags"]) for row in flows] == [(f"identity-breach {done.run}", "COMPLETED", [])]
    assert flows[0]["parameters"] == {"run": done.run, "playbook": "identity-breach"}
    tasks = await prefect_server.task_runs(flows[0]["id"], most=len(done.report["steps"]))
    assert sorted(row["name"] for row in tasks) == sorted(step["id"] for step in done.report["steps"])
    assert all(row["state"]["message"].startswith(("CHANGED", "ALREADY")) for row in tasks)
    artifacts = await prefect_server.artifacts(done.run)
    assert sorted(row["key"] for row in artifacts) == [f"plan-{done.run}", f"report-{done.run}"]
    assert "Contained" in next(row["data"] for row in artifacts if row["key"].startswith("report"))
    assert await notes(acme, done.run) == ["expected", "reported"]


async def test_a_scheduled_drill_is_a_flow_with_the_containment_below_it(tmp_path: Path, prefect_server: PrefectServer) -> None:
    await prefect_server.healthy()
    (tmp_path / "firedoor.toml").write_text("")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("FIREDOOR_", "PREFECT_", "AWS_"))}
    own = {"FIREDOOR_STATE_DIR": str(tmp_path / "state"), "FIREDOOR_CONFIG": str(tmp_path / "firedoor.toml")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "flows.drill"),
        cwd=ROOT,
        env={**kept, **own, "PREFECT_API_URL": prefect_server.api, "PREFECT_HOME": str(tmp_path / "prefect")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    out, _ = await asyncio.wait_for(process.communicate(), 100)
    assert process.returncode == 0, out.decode()
    rows = await prefect_server.found("flow_runs", {})
    runs = {row["name"].split(" ")[0]: row for row in rows if row["name"].startswith(("drill", "identity-breach"))}
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
