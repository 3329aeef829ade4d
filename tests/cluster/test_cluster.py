"""A nightly sweep on several machines: real PostgreSQL, a real Prefect server with a password, two real workers, one of them killed."""

from __future__ import annotations

import asyncio
import json
import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from firedoor.exercise.keys import SecurityKey
from firedoor.journal import Journal, Kind
from firedoor.run import fold
from firedoor.settings import Settings
from firedoor.store import Store
from firedoor.sweep import PLACES_AT_ONCE
from firedoor.vendors.aws.world import new_key_id, new_secret
from tests.chaos.killing import Helper, helper
from tests.cluster.machines import Cluster, cluster, end, healthy
from tests.conftest import Postgres
from tests.sweeps.mandates import sign_mandate

pytestmark = pytest.mark.cluster

KEYS = int(os.environ.get("FIREDOOR_CLUSTER_KEYS", "2000"))
ACCOUNTS = 10
BATCH = max(KEYS // 100, 5)
PLAYBOOK = """
sweep: rotation
title: Every access key rotated
about: Every key is replaced by a new one in the secret that its user's tag names.
aim: containment
scope: {types: [aws.access_key], everything: true}
treat: {aws.access_key: aws.rotate_access_key}
"""


def estate() -> tuple[dict[str, Any], set[str]]:
    """The accounts, each user with one key and a secret for the next, and the keys."""
    worlds: dict[str, Any] = {}
    old = set()
    for number in range(ACCOUNTS):
        account = f"{200000000000 + number}"
        names = [f"svc-{number}-{n:04d}" for n in range(KEYS // ACCOUNTS)]
        arns = {name: f"arn:aws:secretsmanager:us-east-1:{account}:secret:{name}-AbCdEf" for name in names}
        keys = {name: new_key_id() for name in names}
        old |= set(keys.values())
        users = {
            name: {
                "tags": {"firedoor:secret": arns[name]},
                "keys": {keys[name]: {"secret": new_secret(), "created": "2023-01-01T00:00:00Z"}},
            }
            for name in names
        }
        worlds[account] = {"users": users, "secrets": {f"{name}-AbCdEf": {} for name in names}}
    return worlds, old


def written(config: Mapping[str, Any]) -> str:
    """The settings as TOML: JSON's strings, numbers and lists are TOML's too."""
    people = "\n".join(
        "[[people]]\n" + "\n".join(f"{name} = {json.dumps(value)}" for name, value in one.items()) for one in config["people"]
    )
    accounts = "\n".join(f"{json.dumps(account)} = {json.dumps(role)}" for account, role in config["aws_accounts"].items())
    return f"aws_requests_per_second = 0.0\n{people}\n[aws_accounts]\n{accounts}\n"


@pytest.mark.parametrize("killed", ["helper", "coordinator"])
async def test_a_worker_killed_in_mid_batch_loses_and_doubles_nothing(killed: str, postgres: Postgres, tmp_path: Path) -> None:
    worlds, old = estate()
    async with helper("bench.sweep.vendors") as vendors:
        opening = {"do": "open", "aws": worlds, "okta": {"users": []}, "shut": "", "iam_rate": 0}
        street = await vendors.ask(json.dumps(opening))
        keys = {name: SecurityKey() for name in ("Ada", "Ben")}
        people = [{"name": name, "slack": f"U1{n}", "keys": [key.public]} for n, (name, key) in enumerate(keys.items())]
        roles = {account: role for account, role in street["settings"]["aws_accounts"].items() if account}
        config = {"people": people, "aws_accounts": roles}
        (tmp_path / "firedoor.toml").write_text(written(config))
        playbook = tmp_path / "rotation.yaml"
        playbook.write_text(f"{PLAYBOOK}at_most: {KEYS + 50}\nbatch: {BATCH}\n")
        database = postgres.another("firedoor")
        await sign_mandate(database, Settings(people=people).roster, playbook, keys)
        environment = {
            "FIREDOOR_CONFIG": str(tmp_path / "firedoor.toml"),
            "FIREDOOR_DATABASE_URL": database,
            "FIREDOOR_STATE_DIR": str(tmp_path / "state"),
            "AWS_ENDPOINT_URL": street["aws"]["endpoint"],
            "AWS_ACCESS_KEY_ID": street["aws"]["key_id"],
            "AWS_SECRET_ACCESS_KEY": street["aws"]["secret"],
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        with cluster(postgres, tmp_path, environment) as here:
            await healthy(here)
            here.prefect("work-pool", "create", "firedoor", "--type", "process")
            here.prefect("work-pool", "create", "firedoor-exercises", "--type", "process")
            here.prefect("--no-prompt", "deploy", "--all")
            report = await swept(here, database, playbook, killed, vendors)
        await rightly(vendors, report, old)


async def swept(here: Cluster, database: str, playbook: Path, killed: str, vendors: Helper) -> Mapping[str, Any]:
    """The sweep's report; one of its two workers was killed while keys were being made."""
    here.start_worker("first")
    flow_run = await here.run("nightly-hygiene", {"sweep": str(playbook), "helpers": 1})
    async with Store(database) as store:
        journal = Journal(store)
        run = await begun(journal)
        here.start_worker("second")  # the first is busy with the sweep itself: this one helps
        async with asyncio.timeout(200.0):
            while True:
                made = (await vendors.ask('{"do": "counts"}'))["aws"].get("iam:CreateAccessKey 200", 0)
                helps = any(
                    flow["state_type"] == "RUNNING"
                    for flow in await here.asked("flow_runs/filter", {"flow_runs": {"name": {"like_": "help"}}})
                )
                if helps and made > KEYS // 4:
                    break
                assert made < KEYS, "it was over before anybody helped"
                await asyncio.sleep(0.2)
        end(here.workers.pop("second" if killed == "helper" else "first"))
        async with asyncio.timeout(400.0):
            async for event in journal.follow(run):
                if event.kind == Kind.FINISHED:
                    break
        record = fold(run, await journal.events(run))
    if killed == "helper":
        assert (await here.ended(flow_run))["state_type"] == "COMPLETED"
    assert record.report is not None
    return record.report


async def begun(journal: Journal) -> str:
    """The sweep's run, once its first listing is there."""
    async with asyncio.timeout(120.0):
        while True:
            for run in await journal.runs():
                if any(event.kind == Kind.ROUND for event in await journal.events(run)):
                    return run
            await asyncio.sleep(0.2)


async def rightly(vendors: Helper, report: Mapping[str, Any], old: set[str]) -> None:
    """Closed; and at the vendor each user has two keys, the old one off and one new one on."""
    assert (report["outcome"], report["left_over"]) == ("closed", 0), report["open"][:5]
    cut_short = report["types"]["aws.access_key"].pop(
        "GONE", 0
    )  # keys that were not delivered when the worker died, and were taken away again
    assert cut_short < BATCH * PLACES_AT_ONCE
    assert report["types"] == {"aws.access_key": {"ROTATED": KEYS}}
    state = await vendors.ask('{"do": "state"}')
    found: Counter[str] = Counter()
    for account in state["aws"].values():
        for user in account["users"].values():
            statuses = sorted((key in old, status) for key, status in user["keys"].items())
            found[str(statuses)] += 1
    assert found == {str([(False, "Active"), (True, "Inactive")]): KEYS}, found
    counts = (await vendors.ask('{"do": "counts"}'))["aws"]
    assert counts["iam:CreateAccessKey 200"] - counts.get("iam:DeleteAccessKey 200", 0) == KEYS
