"""Exercises on the real estate: one whose process is killed, one without Slack, and a real containment in the middle of one."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from typing import Any, cast

import pytest

from firedoor import running
from firedoor.approval import Ruling
from firedoor.exercise import estate
from firedoor.journal import Kind
from firedoor.run import fold
from firedoor.vendors.faults import Fault
from firedoor.vendors.slack.people import Person
from tests.company import Company
from tests.e2e.conftest import PATIENCE
from tests.e2e.prefect import ROOT, PrefectServer
from tests.e2e.seats import PIPED, seated, started, until
from tests.preview.rehearsing import QUIET, Scene, hold, journal, messages, recorded, scene

__all__ = ["scene"]  # a fixture

pytestmark = [pytest.mark.e2e, *QUIET]


async def test_where_slack_is_away_people_sign(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    acme, proxies = scene
    monkeypatch.setenv("FIREDOOR_SLACK_BASE_URL", "http://127.0.0.1:9/api/")
    said: list[str] = []
    task = hold(acme, said=said)
    asked = await recorded(acme, Kind.REQUESTED)
    await acme.sign(asked.run, 1)
    report = await task
    assert report["approval"]["ruling"] == "granted"
    assert (report["clocks"]["posted"], report["people"][0]["answer"]) == (None, "approve")
    assert any("EXERCISE: Run" in line and "Nothing will be changed" in line for line in said)
    assert [proxy.writes for proxy in proxies.values()] == [[]] * 4


async def test_a_real_containment_is_asked_for_and_done_while_an_exercise_waits(scene: Scene) -> None:
    acme, _ = scene
    users = tuple(acme.estate.victims[:1])
    listens = asyncio.Event()
    serving = asyncio.create_task(running.serve(say=lambda text: listens.set() if text.startswith("Listening") else None))
    try:
        async with Person(acme.slack.url, acme.member(0)) as asker:
            await asyncio.wait_for(listens.wait(), 20)
            rehearsal = hold(acme, {"users": users})
            exercise = (await recorded(acme, Kind.REQUESTED)).run
            assert sum(one.method == "apps.connections.open" for one in acme.slack.requests) == 1, "who could contain hears what people do"
            await asker.command(estate.CHANNEL, f"/firedoor contain identity-breach users={users[0]}")
            real = (await recorded(acme, Kind.REQUESTED, mode="live")).run
            await acme.sign(real, 1)
            ended = await recorded(acme, Kind.FINISHED, mode="live")
            assert cast("Any", ended.body)["outcome"] == "contained"
            assert acme.okta.world.user(users[0]).status == "SUSPENDED"
            await acme.sign(exercise, 1)
            report = await rehearsal
        assert report["outcome"] == "previewed"
        assert {one["action"] for one in report["withheld"]} == {"jira.open_ticket", "slack.notify"}, (
            "all else was done in earnest meanwhile"
        )
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


async def firedoor(*words: str) -> asyncio.subprocess.Process:
    """The command, in a process of its own, with the environment that points at the proxies."""
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "firedoor", *words, "--json", cwd=ROOT, env=dict(os.environ), stdout=pipe, stderr=pipe
    )


def drill(acme: Company) -> list[str]:
    """An exercise on all who are hit, in words."""
    users = f"users={','.join(acme.estate.victims)}"
    return ["drill", "--against", "live", "--key", str(acme.key()), "-i", users, "-i", f"access_keys={acme.estate.stolen_key}"]


async def test_killed_it_is_resumed_as_an_exercise(scene: Scene) -> None:
    acme, proxies = scene
    first = await firedoor(*drill(acme))
    run = (await recorded(acme, Kind.REQUESTED, seconds=PATIENCE)).run
    first.send_signal(signal.SIGKILL)
    await first.communicate()
    assert first.returncode
    await acme.sign(run, 1)
    again = await firedoor("resume", run, "--key", str(acme.key()))
    out, said = await again.communicate()
    assert again.returncode == 0, said
    report = json.loads(out)
    assert (report["mode"], report["against"], report["outcome"]) == ("exercise", "live", "previewed")
    assert report["withheld"]
    assert [proxies[vendor].writes for vendor in ("okta", "aws", "jira")] == [[]] * 3


async def test_ctrl_c_takes_back_what_was_asked_and_says_so(scene: Scene) -> None:
    acme, _ = scene
    async with seated(*drill(acme)) as (process, terminal):
        await terminal.shows("Ctrl-C here takes the request back.")
        assert "Plan: " in terminal.shown, "the plan is drawn, as that of a containment"
        terminal.press(b"\x03")
        assert await process.wait() == 3
        await terminal.shows("was stopped before it was approved, so it is over. Nothing was changed; start it again.")
    assert "EXERCISE, nothing was changed" in terminal.shown, "the report is printed"
    assert terminal.shown.count("Ctrl-C: nothing more is begun") == 1
    assert "Traceback" not in terminal.shown
    run = (await recorded(acme, Kind.CLOSED)).run
    async with journal(acme) as record:
        stands = fold(run, await record.events(run))
    assert (stands.ruling, stands.stopped_by) == (Ruling.STOPPED, "Ctrl-C at the terminal that runs it")
    [request] = [one for one in messages(acme) if one["metadata"]["event_payload"]["what"] == "request"]
    assert "stopped" in json.dumps(request["blocks"]), "nor does it stand open in Slack"
    assert "approve" not in {one.get("action_id") for block in request["blocks"] for one in block.get("elements", ())}


async def test_ctrl_c_in_its_middle_lets_nothing_more_be_withheld_and_it_is_gone_on_with(scene: Scene) -> None:
    acme, proxies = scene
    async with started(*drill(acme), "--json-stream", **PIPED) as process:
        asked = await until(process, "asked")
        acme.okta.faults.plan(Fault(operation="getUser", delay=1.0), times=50)
        await acme.sign(asked["run"], 1)
        await until(process, "ruled", ruling="granted")
        process.send_signal(signal.SIGINT)
        report = await until(process, "report")
        out, err = await process.communicate()
    assert (process.returncode, out, err) == (3, b"", b"")
    assert (report["outcome"], report["against"]) == ("stopped", "live")
    ends = {step["action"]: step for step in report["steps"]}
    hand = "stopped by Ctrl-C at the terminal that runs it before this would have been: "
    assert ends["okta.suspend_user"]["reason"].startswith(hand)
    assert "okta.suspend_user" not in {one["action"] for one in report["withheld"]}
    async with seated("resume", asked["run"], "--key", str(acme.key())) as (process, terminal):
        assert await process.wait() == 0
        await terminal.shows("] would change: okta.suspend_user on ")
        await terminal.shows("It would have been contained")
    assert [proxies[vendor].writes for vendor in ("okta", "aws", "jira")] == [[]] * 3


FLOW = "import asyncio; from flows.drill import drill; asyncio.run(drill(against='live', requester={!r}))"


async def test_on_a_schedule_it_is_about_what_is_designated(scene: Scene, prefect_server: PrefectServer) -> None:
    acme, proxies = scene
    await prefect_server.healthy()
    toml = acme.folder / "firedoor.toml"
    toml.write_text(
        f'exercise_inputs = {{ access_keys = ["{acme.estate.stolen_key}"], users = "{acme.estate.victims[0]}" }}\n{toml.read_text()}'
    )
    ours = {**os.environ, "PREFECT_API_URL": prefect_server.api, "PREFECT_HOME": str(acme.folder / "prefect")}
    flow = await asyncio.create_subprocess_exec(sys.executable, "-c", FLOW.format(acme.asker), cwd=ROOT, env=ours)
    run = (await recorded(acme, Kind.REQUESTED, seconds=PATIENCE)).run
    await acme.sign(run, 1)
    assert await asyncio.wait_for(flow.wait(), 100) == 0
    rows = await prefect_server.found("flow_runs", {})
    [drill] = [row for row in rows if row["name"].startswith("drill") and "EXERCISE" in str(row["state"]["message"])]
    [below] = [row for row in rows if row["name"] == f"identity-breach {run}"]
    assert drill["state"]["type"] == "COMPLETED"
    assert "It would have been contained" in drill["state"]["message"]
    assert (below["tags"], below["state_type"]) == (["exercise"], "COMPLETED")
    [report] = [row for row in await prefect_server.found("artifacts", {}) if row["key"] == "exercise"]
    assert "## How long it took, from the order" in report["data"]
    assert [proxies[vendor].writes for vendor in ("okta", "aws", "jira")] == [[]] * 3
