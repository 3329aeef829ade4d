"""`firedoor contain` as its own process while Prefect is in trouble: it goes on, loses no more than two seconds, and is reported later."""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.company import Company, company
from tests.e2e.prefect import PrefectServer, contain, notes
from tests.troubled import TROUBLES, Server

pytestmark = pytest.mark.e2e

BUDGET = 2.0
NOISE = 1.5  # of a machine that does other things as well


def _print(what: str) -> None:
    sys.stderr.write(f"\n{what}")


@pytest.mark.chaos
async def test_no_trouble_of_prefects_adds_more_than_two_seconds(tmp_path: Path) -> None:
    seconds: dict[str, float] = {}
    for name in ("without Prefect", *TROUBLES, "once more without"):
        folder = tmp_path / name
        folder.mkdir()
        async with company(folder) as acme, AsyncExitStack() as stack:
            prefect = await stack.enter_async_context(TROUBLES[name]()) if name in TROUBLES else Server()
            done = await contain(acme, prefect.url)
            assert done.code == 0, done.said
            assert done.report["outcome"] == "contained"
            assert await notes(acme, done.run) == (["expected", "not reported"] if name in TROUBLES else [])
            assert bool(prefect.asked) == prefect.listens, "it was really asked"
        seconds[name] = done.seconds
        _print(f"{name}: asked after {done.asked:.2f} s, report {done.reported:.2f} s after the approval, exit {done.left:.2f} s later")
    without = min(seconds["without Prefect"], seconds["once more without"])
    for name in TROUBLES:
        _print(f"{name}: {seconds[name] - without:+.2f} s in all")
        assert seconds[name] - without < BUDGET + max(NOISE, without / 2), name


@pytest.mark.chaos
@pytest.mark.timeout(400)
async def test_a_server_killed_in_mid_run_is_told_once_it_is_back_and_once(acme: Company, prefect_server: PrefectServer) -> None:
    await prefect_server.healthy()

    async def kill() -> None:
        while not sum(acme.okta.accepted_writes.values()):  # noqa: ASYNC110 - the simulator counts, and tells nobody
            await asyncio.sleep(0.005)
        prefect_server.kill()

    missed, _ = await asyncio.gather(contain(acme, prefect_server.api), kill())
    prefect_server.start()
    assert missed.code == 0, missed.said
    assert missed.report["outcome"] == "contained"
    assert await notes(acme, missed.run) == ["expected", "not reported"]
    _print(f"killed: asked after {missed.asked:.2f} s, report {missed.reported:.2f} s after the approval, exit {missed.left:.2f} s later")
    await prefect_server.healthy()

    spared = {*acme.estate.victims, "firedoor@acme.example"}
    one, two = [str(user["login"]) for user in acme.estate.okta["users"] if user["login"] not in spared][5:7]
    again = await contain(acme, prefect_server.api, users=one, playbook="session-hijack")
    assert again.code == 0, again.said
    assert acme.okta.accepted_writes["suspendUser"] == len(acme.estate.victims) + 1, "no work is done again"
    assert await notes(acme, again.run) == ["expected", "reported"]
    assert await notes(acme, missed.run) == ["expected", "not reported", "reported"]
    flows = await prefect_server.flow_runs(missed.run)
    assert {row["name"] for row in flows} == {f"identity-breach {missed.run}"}
    late = [row for row in flows if "late" in row["tags"]]
    assert [row["state_type"] for row in late] == ["COMPLETED"]
    assert late[0]["parameters"] == {"run": missed.run, "playbook": "identity-breach"}
    assert late[0]["state"]["message"].startswith("Reported late (it ended ")
    tasks = await prefect_server.task_runs(late[0]["id"], most=len(missed.report["steps"]))
    ends = {row["name"]: row["state"]["message"].partition(":")[0] for row in tasks}
    assert ends == {step["id"]: step["outcome"] for step in missed.report["steps"]}
    artifacts = [row for row in await prefect_server.artifacts(missed.run) if row["flow_run_id"] == late[0]["id"]]
    assert sorted((row["key"], row["description"]) for row in artifacts) == [
        (f"plan-{missed.run}", f"plan of run {missed.run}, reported late"),
        (f"report-{missed.run}", f"report of run {missed.run}, reported late"),
    ]

    once_more = await contain(acme, prefect_server.api, users=two, playbook="session-hijack")
    assert once_more.code == 0, once_more.said
    assert len([row for row in await prefect_server.flow_runs(missed.run) if "late" in row["tags"]]) == 1
