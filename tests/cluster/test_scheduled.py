"""The deployments of prefect.yaml, made by Prefect's own command line, and a flow run that its scheduler made, carried out by a worker."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from firedoor import incidents, running
from firedoor.journal import Journal, Kind
from firedoor.look import WATCH
from firedoor.store import Store
from tests.cluster.machines import PATIENCE, Cluster, cluster, healthy
from tests.company import Company, company
from tests.conftest import Postgres

pytestmark = pytest.mark.cluster

EVERY = timedelta(seconds=15)
CRONS = {
    "monthly-drill": "0 10 1 * *",
    "monthly-tabletop": "0 10 15 * *",
    "nightly-hygiene": "0 2 * * *",
    "sweep-helper": "",
    "hourly-watch": "15 * * * *",
}


async def test_a_scheduled_watch_is_carried_out_by_a_worker(postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with company(tmp_path) as acme:
        database = postgres.another("firedoor")
        environment = {**acme.environment, "FIREDOOR_DATABASE_URL": database}
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("PREFECT_API_URL", raising=False)
        # The worker has no credentials but those that only read.
        lent = {name: value for name, value in environment.items() if name != "FIREDOOR_OKTA_API_TOKEN"}
        lent["PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS"] = "2"
        with cluster(postgres, tmp_path, lent) as here:
            run = await contained(acme)
            await healthy(here)
            here.prefect("work-pool", "create", "firedoor", "--type", "process")
            here.prefect("work-pool", "create", "firedoor-exercises", "--type", "process")
            here.start_worker("only")
            here.prefect("--no-prompt", "deploy", "--all")
            await as_written(here)
            ended = await scheduled(here, "hourly-watch")
            assert (ended["state_type"], ended["auto_scheduled"]) == ("COMPLETED", True), ended["state"]
        async with Store(database) as store:
            journal = Journal(store)
            look, *_ = await journal.events(WATCH)
            assert look.body == {"runs": {run: {"open": 0, "unread": 0}}}
            assert look.at > datetime.fromisoformat(ended["start_time"])
            assert [event.kind for event in await journal.events(run)].count(Kind.WATCHED) == 1
        assert ended["state"]["message"].startswith("0 open again; "), ended["state"]["message"]
        assert (await incidents.watch())["open"] == 0


async def contained(acme: Company) -> str:
    """The name of a run that has suspended somebody."""
    users = [f"users={acme.estate.victims[0]}"]
    job = running.contain("session-hijack", users, who=acme.who(), say=lambda _: None)
    report, _ = await asyncio.gather(job, acme.approve())
    assert report["outcome"] == "contained"
    return str(report["run"])


async def as_written(here: Cluster) -> None:
    """The server has all of prefect.yaml: names, schedules, pool and limits, and nothing that contains."""
    found = {one["name"]: one for one in await here.asked("deployments/filter", {})}
    crons = {name: "".join(one["schedule"]["cron"] for one in row["schedules"]) for name, row in found.items()}
    assert crons == CRONS
    assert {name for name, row in found.items() if row["work_pool_name"] != "firedoor"} == {"monthly-tabletop"}
    assert found["monthly-tabletop"]["work_pool_name"] == "firedoor-exercises"
    assert not [row["entrypoint"] for row in found.values() if "contain" in row["entrypoint"]]
    for name, row in found.items():
        if CRONS[name]:
            assert row["concurrency_options"]["collision_strategy"] == "CANCEL_NEW"
            assert row["global_concurrency_limit"]["limit"] == 1
            assert all(one["active"] for one in row["schedules"])


async def scheduled(here: Cluster, deployment: str) -> Mapping[str, Any]:
    """The first flow run that the scheduler makes by one schedule more, of every few seconds, and that a worker has brought to its end."""
    row = await here.deployment(deployment)
    often: Mapping[str, Any] = {"interval": EVERY.total_seconds(), "anchor_date": datetime.now(UTC).isoformat(), "timezone": "UTC"}
    await here.asked(f"deployments/{row['id']}/schedules", [{"schedule": often, "active": True}])
    wanted = {"deployments": {"id": {"any_": [row["id"]]}}, "flow_runs": {"state": {"type": {"any_": ["COMPLETED", "FAILED", "CRASHED"]}}}}
    async with asyncio.timeout(PATIENCE):
        while not (ended := await here.asked("flow_runs/filter", wanted)):  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.5)
    return dict(ended[0])
