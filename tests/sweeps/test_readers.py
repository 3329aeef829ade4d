"""A hygiene sweep beside an open incident: no new key where somebody it concerns can read it, and on with it once it is closed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import tasks
from firedoor import catalogue, wiring
from firedoor.clients import AwsStandIn
from firedoor.drafting import Units
from firedoor.journal import Kind
from firedoor.look import Closing
from firedoor.model import Mode, Plan
from firedoor.run import Item, Order, Via
from firedoor.settings import Settings
from firedoor.sweepbook import Sweep
from firedoor.unclosed import Incidents
from firedoor.vendors.access import Access
from firedoor.vendors.aws.client import AwsClient
from firedoor.vendors.aws.rotation import KeyRotation
from firedoor.vendors.aws.simulator import AwsLag, AwsSimulator
from tasks.aws.list_access_keys import ListAccessKeys
from tasks.aws.renew_access_key import RenewAccessKey
from tests.fakes import ASKER, KEYS, hasten
from tests.sweeps.vault import Hall, Watched, book, hall

ACCOUNT, KEY, OTHER = "111122223333", "AKIAAAAABBBBCCCCDDDD", "AKIAEEEEFFFFGGGGHHHH"
INCIDENT = "251126-ffffff"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/deployer"


def secret(name: str) -> str:
    return f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:{name}-AbCdEf"


READ: dict[str, Any] = {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": secret("ci")}
WORLD: dict[str, Any] = {
    ACCOUNT: {
        "users": {
            name: {"tags": {"firedoor:secret": secret(name)}, "keys": {key: {"created": "2023-01-02T03:04:05Z"}}}
            for name, key in (("ci", KEY), ("app", OTHER))
        },
        "roles": {"deployer": {"policies": {"read": {"Version": "2012-10-17", "Statement": [READ]}}}},
        "secrets": {f"{name}-AbCdEf": {"versions": {}} for name in ("ci", "app")},
    }
}


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    hasten(monkeypatch)
    monkeypatch.setattr("firedoor.batching.POLL_SECONDS", 0.02)
    monkeypatch.setattr(RenewAccessKey, "spec", replace(RenewAccessKey.spec, settle_within=0.3))


@pytest.fixture
async def aws() -> AsyncIterator[AwsSimulator]:
    async with AwsSimulator(WORLD, lag=AwsLag(iam=0.0)) as simulator:
        yield simulator


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Hall]:
    async with hall(tmp_path, {}) as found:
        yield found


@pytest.fixture
async def act(aws: AwsSimulator, here: Hall) -> AsyncIterator[Units]:
    known = Incidents(here.journal, catalogue.load(tasks).actions, here.roster)
    where: dict[str, Any] = {"credentials": aws.credentials, "endpoint": aws.url, "tags": True, "unclosed": known}
    async with AwsClient(aws.roles(Access.WRITE), Access.WRITE, **where) as client:
        units = (RenewAccessKey(client), ListAccessKeys(client))
        yield Units(actions={units[0].spec.id: units[0]}, queries={}, sources={units[1].spec.id: units[1]})


@pytest.mark.parametrize("drill", [False, True])
async def test_the_house_hands_its_clients_the_incidents_of_its_journal_but_in_a_drill(
    drill: bool,  # noqa: FBT001 - a table's column
    here: Hall,
    aws: AwsSimulator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await begin(here)
    for name, value in (
        ("ENDPOINT_URL", aws.url),
        ("ACCESS_KEY_ID", aws.credentials.key_id),
        ("SECRET_ACCESS_KEY", aws.credentials.secret),
    ):
        monkeypatch.setenv(f"AWS_{name}", value)
    roles = {access: dict(aws.roles(access)) for access in Access}
    settings = Settings(
        state_dir=here.folder,
        database_url=f"sqlite:///{here.folder / 'journal.db'}",
        aws_accounts=roles[Access.WRITE],
        aws_preview_accounts=roles[Access.READ],
    )
    stand_in = AwsStandIn(endpoint=aws.url, credentials=aws.credentials) if drill else None
    target = KeyRotation(account=ACCOUNT, user="ci", key=KEY, secret=secret("ci"))
    async with wiring.open_house(settings, vendors=frozenset({"aws"}), writes=False, aws=stand_in) as house:
        for name in ("aws.renew_access_key", "aws.rotate_access_key"):
            action = house.looking.actions[name]
            assert bool(action.plan(target, await action.read(target)).waits) is not drill


def nightly() -> Sweep:
    scope = {"types": ["aws.access_key"], "everything": True}
    return book(aim="hygiene", scope=scope, treat={"aws.access_key": "aws.renew_access_key"}, deadline_days=45)


async def begin(here: Hall) -> None:
    """An incident with the role among its targets."""
    order = Order(
        run=INCIDENT,
        incident="inc",
        playbook="service-account-compromised",
        mode=Mode.LIVE,
        requester=ASKER.name,
        asked=datetime.now(UTC),
        inputs={},
        title="A service account is compromised",
        via=Via.SLACK,
    )
    target = {"account": ACCOUNT, "name": "deployer", "path": "/"}
    item = Item(id="r/deployer", step="r", action="aws.revoke_role_sessions", label="role deployer", target=target, plan=Plan(reason="so"))
    await here.journal.append(INCIDENT, Kind.OPENED, order)
    await here.journal.append(INCIDENT, Kind.PLANNED, {"items": [item], "fingerprint": ""})


async def close(here: Hall) -> None:
    bare = Closing(run=INCIDENT, incident="inc", playbook="p", by=ASKER.name, at=datetime.now(UTC), reason="over", look="", left=())
    await here.journal.append(INCIDENT, Kind.CONCLUDED, replace(bare, proof=KEYS[ASKER.name].sign(bare.document).proof))


def keys(aws: AwsSimulator) -> dict[str, int]:
    """How many keys each user has."""
    state: Any = aws.state()
    return {name: len(user["keys"]) for name, user in state[ACCOUNT]["users"].items()}


async def test_a_key_waits_for_the_end_of_the_incident_and_the_others_do_not(here: Hall, act: Units, aws: AwsSimulator) -> None:
    await begin(here)
    look = await here.sweeping(act=act).preview(nightly())
    assert [one["id"] for one in look["would_be_left_over"]] == [f"access key {KEY} of ci in {ACCOUNT}"]
    assert f"role deployer in {ACCOUNT}, of run {INCIDENT}" in look["would_be_left_over"][0]["reason"]
    assert aws.accepted_writes() == []

    report = await here.sweep(nightly(), act=act)
    (left,) = report["open"]
    assert (left["outcome"], left["until"]) == ("PENDING", None), "nobody knows when it ends, so no deadline covers it"
    assert f"firedoor close {INCIDENT}" in left["reason"]
    assert report["outcome"] != "closed"
    assert keys(aws) == {"ci": 1, "app": 2}

    await close(here)
    assert (await here.sweep(nightly(), run="251126-bbbbbb", act=act))["open"] == []
    assert keys(aws) == {"ci": 2, "app": 2}


async def test_an_incident_that_begins_just_before_the_write_is_in_time(here: Hall, act: Units, aws: AwsSimulator) -> None:
    async def begins() -> None:
        await begin(here)

    report = await here.sweep(nightly(), act=act, journal=Watched(here.store, Kind.INTENTS, begins))
    (left,) = report["open"]
    assert f"of run {INCIDENT}" in left["reason"]
    assert keys(aws) == {"ci": 1, "app": 2}
