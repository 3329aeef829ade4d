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

SOON = timedelta(seconds=8)
CRONS = {
    "monthly-drill": "0 10 1 * *",
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
        with cluster(postgres, tmp_path, lent) as here:
            run = await contained(acme)
            await healthy(here)
            here.prefect("work-pool", "create", "firedoor", "--type", "process")
            here.start_worker("only")
            here.prefect("--no-prompt", "deploy", "--all")
            await as_written(here)
            flow_run = await scheduled(here, "hourly-watch", datetime.now(UTC) + SOON)
            ended = await here.ended(flow_run)
            assert (ended["state_type"], ended["auto_scheduled"]) == ("COMPLETED", True), ended["state"]
        async with Store(database) as store:
            journal = Journal(store)
            [look] = await journal.events(WATCH)
            assert look.body == {"runs": {run: {"open": 0, "unread": 0}}}
            assert look.at > datetime.fromisoformat(ended["expected_start_time"])
            assert [event.kind for event in await journal.events(run)].count(Kind.WATCHED) == 1
        assert ended["state"]["message"].startswith("0 open again; "), ended["state"]["message"]
        assert (await incidents.watch())["open"] == 0


async def contained(acme: Company) -> str:
    """The name of a run that has suspended somebody."""
    users = [f"users={acme.estate.victims[0]}"]
    job = running.contain("session-hijack", users, requester=acme.asker, say=lambda _: None)
    report, _ = await asyncio.gather(job, acme.approve())
    assert report["outcome"] == "contained"
    return str(report["run"])


async def as_written(here: Cluster) -> None:
    """The server has all of prefect.yaml: names, schedules, pool and limits, and nothing that contains."""
    found = {one["name"]: one for one in await here.asked("deployments/filter", {})}
    crons = {name: "".join(one["schedule"]["cron"] for one in row["schedules"]) for name, row in found.items()}
    assert crons == CRONS
    assert {row["work_pool_name"] for row in found.values()} == {"firedoor"}
    assert not [row["entrypoint"] for row in found.values() if "contain" in row["entrypoint"]]
    for name, row in found.items():
        if CRONS[name]:
            assert row["concurrency_options"]["collision_strategy"] == "CANCEL_NEW"
            assert row["global_concurrency_limit"]["limit"] == 1
            assert all(one["active"] for one in row["schedules"])


async def scheduled(here: Cluster, deployment: str, at: datetime) -> str:
    """The flow run that the server's scheduler makes for that moment, once a schedule says so; its id."""
    row = await here.deployment(deployment)
    soon: Mapping[str, Any] = {"interval": timedelta(days=365).total_seconds(), "anchor_date": at.isoformat(), "timezone": "UTC"}
    await here.asked(f"deployments/{row['id']}/schedules", [{"schedule": soon, "active": True}])
    due = {"before_": (at + timedelta(seconds=1)).isoformat(), "after_": (at - timedelta(seconds=1)).isoformat()}
    async with asyncio.timeout(PATIENCE):
        while True:
            wanted = {"deployments": {"id": {"any_": [row["id"]]}}, "flow_runs": {"expected_start_time": due}}
            if made := await here.asked("flow_runs/filter", wanted):
                return str(made[0]["id"])
            await asyncio.sleep(0.5)
