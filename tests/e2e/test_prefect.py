"""Runs and drills shown by a real Prefect server."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from firedoor.journal import Journal
from firedoor.run import Record, fold
from firedoor.store import Store
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


AGAIN = "import asyncio, sys; from flows.contain import contain; print(asyncio.run(contain(*sys.argv[1:], return_state=True)).type)"


async def test_a_flow_that_is_run_again_by_itself_goes_on_with_what_a_dead_process_left(
    acme: Company, prefect_server: PrefectServer
) -> None:
    await prefect_server.healthy()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("FIREDOOR_", "PREFECT_", "AWS_"))}
    ours = {**kept, **acme.environment, "PREFECT_API_URL": prefect_server.api, "PREFECT_HOME": str(acme.folder / "prefect")}
    users = f"users={','.join(acme.estate.victims)}"
    given = ["contain", "identity-breach", "-i", users, "-i", f"access_keys={acme.estate.stolen_key}", "--key", str(acme.key())]
    first = await asyncio.create_subprocess_exec(sys.executable, "-m", "firedoor", *given, cwd=ROOT, env=ours, stdout=subprocess.DEVNULL)
    await acme.approve(seconds=100)
    while not acme.okta.accepted_writes:  # noqa: ASYNC110 - the simulator counts, and tells nobody
        await asyncio.sleep(0.005)
    first.kill()
    await first.wait()
    async with Store(f"sqlite:///{acme.folder / 'state' / 'journal.db'}") as store:
        [run] = await Journal(store).runs()
        assert (await fold_of(store, run)).report is None
        again = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", AGAIN, run, "identity-breach"), cwd=ROOT, env=ours, stdout=subprocess.PIPE
        )
        out, _ = await asyncio.wait_for(again.communicate(), 100)
        assert (again.returncode, out.decode().split()[-1]) == (0, "StateType.COMPLETED")
        report = (await fold_of(store, run)).report
    assert report is not None
    assert report["outcome"] == "contained"
    assert acme.okta.accepted_writes["suspendUser"] == len(acme.estate.victims), "no work is done again"


async def fold_of(store: Store, run: str) -> Record:
    return fold(run, await Journal(store).events(run))


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
    drills = [row for row in rows if row["name"].startswith("drill") and "EXERCISE" not in row["state"]["message"]]
    assert [row["state"]["message"] for row in drills] == ["contained; the attacker is locked out"]
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
