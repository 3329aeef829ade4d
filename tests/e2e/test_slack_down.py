"""Whole processes, and a Slack that goes away: what they could not tell, the next `firedoor serve` does."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from firedoor.channels.slack.channel import is_told
from firedoor.exercise.estate import CHANNEL
from firedoor.journal import Journal, Kind
from firedoor.store import Store
from firedoor.vendors.faults import Fault
from firedoor.vendors.slack.raw import Raw
from tests.company import Company, company
from tests.e2e.conftest import PATIENCE
from tests.e2e.prefect import ROOT

pytestmark = [pytest.mark.e2e, pytest.mark.chaos]


@pytest.fixture
async def acme(tmp_path: Path) -> AsyncIterator[Company]:
    async with company(tmp_path) as found:
        yield found


@asynccontextmanager
async def firedoor(acme: Company, *words: str, **environment: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """The command, in a process of its own, which is gone at the end."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("FIREDOOR_", "PREFECT_", "AWS_"))}
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "firedoor", *words, cwd=ROOT, env={**kept, **acme.environment, **environment}, stdout=pipe, stderr=pipe
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


def contain(acme: Company) -> list[str]:
    users = f"users={','.join(acme.estate.victims)}"
    return ["contain", "identity-breach", "-i", users, "-i", f"access_keys={acme.estate.stolen_key}", "--key", str(acme.key()), "--json"]


@asynccontextmanager
async def journal(acme: Company) -> AsyncIterator[Journal]:
    async with Store(f"sqlite:///{acme.folder / 'state' / 'journal.db'}") as store:
        yield Journal(store)


async def until(holds: Callable[[], Awaitable[Any]]) -> Any:
    async with asyncio.timeout(PATIENCE):
        while not (found := await holds()):  # noqa: ASYNC110 - other processes are waited for
            await asyncio.sleep(0.02)
        return found


async def recorded(acme: Company, kind: Kind) -> str:
    """The run that has such an event, once one does."""

    async def look() -> str:
        if not (acme.folder / "state" / "journal.db").exists():
            return ""
        async with journal(acme) as record:
            for run in await record.runs():
                if any(event.kind == kind for event in await record.events(run)):
                    return run
        return ""

    found: str = await until(look)
    return found


async def told(acme: Company, run: str) -> bool:
    async with journal(acme) as record:
        return is_told(await record.events(run))


def thread(acme: Company, run: str) -> list[tuple[str, Raw]]:
    """What Firedoor's messages of the run in the channel are, and they themselves."""
    found: Any = acme.slack.state()["messages"]
    ours = [(one["metadata"], one) for one in found[CHANNEL] if one.get("metadata")]
    told_of = [(data, one) for data, one in ours if data["event_payload"]["run"] == run]
    return [(data["event_payload"].get("what", data["event_type"]), one) for data, one in told_of]


async def caught_up(acme: Company, run: str) -> None:
    async with firedoor(acme, "serve"):
        await until(lambda: told(acme, run))


async def test_a_process_that_dies_before_it_tells_the_end_is_told_for(acme: Company) -> None:
    posts = [Fault(operation="chat.postMessage")] * 3 + [Fault(operation="chat.postMessage", delay=8.0)]
    acme.slack.faults._planned += posts  # the request, the progress and the notice go through; the report hangs
    async with firedoor(acme, *contain(acme)) as process:
        await acme.approve(seconds=PATIENCE)
        run = await recorded(acme, Kind.FINISHED)
        process.send_signal(signal.SIGKILL)
        await process.wait()
    assert not await told(acme, run)
    assert sorted(what for what, _ in thread(acme, run)) in (
        ["firedoor_notice", "progress", "request"],
        ["firedoor_notice", "progress", "report", "request"],
    )
    await caught_up(acme, run)
    assert sorted(what for what, _ in thread(acme, run)) == ["firedoor_notice", "progress", "report", "request"]
    assert not [one for _, one in thread(acme, run) if "actions" in json.dumps(one.get("blocks"))]


async def test_a_run_begun_while_slack_is_away_is_told_and_its_notice_given_on_a_resume(acme: Company) -> None:
    async with firedoor(acme, *contain(acme), FIREDOOR_SLACK_BASE_URL="http://127.0.0.1:9/api/") as process:
        run = await recorded(acme, Kind.REQUESTED)
        await acme.sign(run, 1)
        out, _ = await process.communicate()
    report = json.loads(out)
    assert process.returncode == 1
    assert report["outcome"] == "partial", "people were not told"
    assert [step["action"] for step in report["steps"] if step["outcome"] == "FAILED"] == ["slack.notify"]
    assert thread(acme, run) == []
    await caught_up(acme, run)
    assert [what for what, _ in thread(acme, run)] == ["request", "progress", "report"]
    assert "at a terminal" in json.dumps(thread(acme, run)[0][1])
    async with firedoor(acme, "resume", run, "--key", str(acme.key()), "--json") as process:
        out, _ = (await asyncio.gather(process.communicate(), acme.approve(seconds=PATIENCE)))[0]
    assert (process.returncode, json.loads(out)["outcome"]) == (0, "contained"), json.loads(out)["open"]
    assert [what for what, _ in thread(acme, run)] == ["request", "progress", "report"], "edited where they stand"
    following = json.loads(out)["run"]
    assert sorted(what for what, _ in thread(acme, following)) == ["firedoor_notice", "progress", "report", "request"], "a run of its own"
    assert [await told(acme, one) for one in (run, following)] == [True, True]
