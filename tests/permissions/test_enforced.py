"""The generated policies are enough: the simulated AWS enforces them while everything that they are for is done."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from firedoor import permissions, running, scoping, shelf, sweepbook, sweeps
from firedoor.action import NotUndoable
from firedoor.exercise.estate import Estate
from firedoor.model import Intent, Outcome
from firedoor.permissions import OWN_READS, Purpose
from firedoor.run import revive
from firedoor.scope import Scope
from firedoor.settings import load
from firedoor.vendors.access import Access, CallPolicy
from firedoor.vendors.aws.operations import ASSUME_ROLE, KEY_INFO
from firedoor.vendors.aws.rolepolicy import role_policy
from firedoor.vendors.aws.simulator import AwsSimulator
from tests.company import Company, company
from tests.permissions.enforced import actions_of, put_in_force, refused
from tests.permissions.shelves import ON, needed_for
from tests.preview.test_preview import asked_of, ordinary
from tests.tasks.harness import CATALOGUE, SETTLES, bout, room
from tests.vendors.aws.test_trail import OTHER, SESSION, deliver, file_name, record

pytestmark = pytest.mark.identities

# What `incident-credentials` does with keys, alone: with what it does in Okta, two would have to approve.
KEYS = """\
sweep: mine
title: Every access key
about: A test
aim: containment
scope: {types: [aws.access_key], everything: true}
treat: {aws.access_key: aws.deactivate_access_key}
at_most: 500
"""
ACTIONS = pytest.mark.parametrize("name", [name for name in sorted(CATALOGUE.actions) if name.startswith("aws.")])


@ACTIONS
async def test_an_action_does_its_work_under_its_own_policy(name: str, tmp_path: Path) -> None:
    case = ordinary(name)
    async with room(name, case.data["world"], lag=case.data.get("lag", {}), settle=SETTLES) as found:
        aws: AwsSimulator = found.at.world
        policy = role_policy(needed_for(name), aws.prepared)
        put_in_force(aws, {Access.WRITE: policy})
        target = revive(found.action.target, case.data["target"])
        plan = found.action.plan(target, await found.action.read(target))
        went = await bout(found.action, target, plan, tmp_path)
        assert went.result.outcome is Outcome.CHANGED, went.result.reason
        await _undone(found.action, target, went)
        assert refused(aws) == []
        written = {record.name for record in aws.requests if record.write}
        assert written
        assert written <= set(actions_of(policy))


async def _undone(action: Any, target: Any, went: Any) -> None:
    try:
        undo = action.plan_undo(target, [done.receipt for done in went.done], await action.read(went.target))
    except NotUndoable:
        return
    for change in undo.changes:
        await action.apply(change, Intent(run="r2", item="s", key="k", at=await action.clock(target), fence=1))


@ACTIONS
async def test_it_reads_under_the_policy_of_previews(name: str) -> None:
    case, unit = ordinary(name), CATALOGUE.action(name)
    async with room(name, case.data["world"], lag={}, settle=SETTLES) as found:
        aws: AwsSimulator = found.at.world
        put_in_force(aws, {Access.READ: role_policy(permissions.needed("aws", Purpose.PREVIEW, ON), aws.prepared)})
        async with found.at.connect(Access.READ, aws.url) as client:
            action: Any = unit(client)  # type: ignore[call-arg]
            target = revive(unit.target, case.data["target"])
            assert action.plan(target, await action.read(target)).changes
        assert refused(aws) == []


@ACTIONS
async def test_with_one_permission_less_it_fails(name: str, tmp_path: Path) -> None:
    """So what a policy does not allow is really refused here."""
    case, spec = ordinary(name), CATALOGUE.action(name).spec
    async with room(name, case.data["world"], lag={}, settle=SETTLES) as found:
        aws: AwsSimulator = found.at.world
        target = revive(found.action.target, case.data["target"])
        plan = found.action.plan(target, await found.action.read(target))
        aws.requests.clear()
        put_in_force(aws, {Access.WRITE: role_policy(needed_for(name).keys() - spec.writes, aws.prepared)})
        went = await bout(found.action, target, plan, tmp_path)
        assert went.result.outcome is not Outcome.CHANGED
        assert {record.name for record in refused(aws)} & spec.writes


def few(scene: Estate) -> None:
    """A company of a few users, so that a sweep through it takes a moment, with a secret that Secrets Manager rotates, and each with a
    password and a service-specific credential.
    """
    version = {"11111111-2222-4333-8444-555555555555": {"stages": ["AWSCURRENT"]}}
    for account in scene.aws.values():
        account.setdefault("secrets", {})["db-AbCdEf"] = {"rotates": True, "versions": version}
        for name in [name for name in account["users"] if name not in {"svc-crm-30", "svc-deploy-00", "svc-backup-01"}]:
            del account["users"][name]
        for number, user in enumerate(account["users"].values()):
            user |= {"password": {}, "service_credentials": {f"ACCAZZZZYYYYXXXXWWW{number}": {}}}


@dataclass(slots=True)
class Used:
    """The permissions that every client of a vendor has used so far, by access."""

    policies: list[CallPolicy] = field(default_factory=list)

    def of(self, vendor: str, access: Access) -> set[str]:
        return set[str]().union(*(one.used for one in self.policies if (one.vendor, one.access) == (vendor, access)))


@pytest.fixture
def used(monkeypatch: pytest.MonkeyPatch) -> Used:
    found, make = Used(), CallPolicy.__init__

    def made(self: CallPolicy, **how: Any) -> None:
        make(self, **how)
        found.policies.append(self)

    monkeypatch.setattr(CallPolicy, "__init__", made)
    monkeypatch.setattr("firedoor.step.PACE", 0.02)
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    return found


@asynccontextmanager
async def under_policies(
    folder: Path, patch: pytest.MonkeyPatch, purpose: Purpose, change: Callable[[Estate], None] = lambda _: None
) -> AsyncIterator[Company]:
    """A company whose AWS lets Firedoor do what the generated policies say, and no more."""
    async with company(folder, change=change) as acme:
        for name, value in acme.environment.items():
            patch.setenv(name, value)
        both, settings = {Access.READ: Purpose.PREVIEW, Access.WRITE: purpose}, load()
        put_in_force(acme.aws, {access: permissions.aws_policy(one, ON, settings) for access, one in both.items()})
        yield acme


def covered(used: Used, purpose: Purpose) -> None:
    """Whatever was used at Okta and AWS is in what the command prints: for who looked, and for who acted."""
    home = {ASSUME_ROLE}  # of the base policy, which is in force beside
    for access, one in ((Access.READ, Purpose.PREVIEW), (Access.WRITE, purpose)):
        for vendor in ("aws", "okta"):
            assert used.of(vendor, access) - home <= permissions.needed(vendor, one, ON).keys(), (vendor, access)


@pytest.mark.parametrize("book", sorted(shelf.shelf()))
async def test_every_playbook_is_previewed_under_the_policy_of_previews(
    book: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, used: Used
) -> None:
    async with under_policies(tmp_path, monkeypatch, Purpose.CONTAIN) as acme:
        given = [f"{key}={value}" for key, value in asked_of(acme)[book].items()]
        assert (await running.preview(book, given))["outcome"] == "previewed"
        assert refused(acme.aws) == []
        assert used.of("aws", Access.READ) | used.of("okta", Access.READ)
        covered(used, Purpose.CONTAIN)


async def test_a_breach_is_contained_under_the_policy_of_containment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, used: Used) -> None:
    async with under_policies(tmp_path, monkeypatch, Purpose.CONTAIN) as acme:
        given = [f"{key}={value}" for key, value in asked_of(acme)["identity-breach"].items()]
        contain = running.contain("identity-breach", given, who=acme.who(), say=lambda _: None)
        report, _ = await asyncio.gather(contain, acme.approve())
        assert report["outcome"] == "contained", report["open"]
        assert refused(acme.aws) == []
        assert acme.aws.accepted_writes()
        assert used.of("okta", Access.READ) >= OWN_READS["okta"].always, "who administers is asked whatever is contained"
        covered(used, Purpose.CONTAIN)


async def test_a_sweep_is_done_under_the_policy_of_sweeps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, used: Used) -> None:
    async with under_policies(tmp_path, monkeypatch, Purpose.SWEEP, few) as acme:
        for name in sweepbook.shelf():
            assert (await sweeps.preview(name, before=None))["changes_in_all"]
        deliver(tmp_path, file_name(0), record(key=OTHER), record(key=SESSION))  # AWS is asked of a key that no listing shows
        toml = tmp_path / "firedoor.toml"
        toml.write_text(f'aws_trail = ["{tmp_path / "AWSLogs"}"]\n{toml.read_text()}')
        book = tmp_path / "mine.yaml"
        book.write_text(KEYS)
        sweep = sweeps.sweep(str(book), who=acme.who(), say=lambda _: None, watch=lambda _: None)
        report, _ = await asyncio.gather(sweep, acme.approve())
        assert report["left_over"] == 0, report
        assert report["changed"] > 2
        assert refused(acme.aws) == []
        assert used.of("aws", Access.WRITE) >= {KEY_INFO}
        covered(used, Purpose.SWEEP)


async def test_an_inventory_and_hunts_only_need_what_previews_have(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, used: Used) -> None:
    async with under_policies(tmp_path, monkeypatch, Purpose.CONTAIN, few) as acme:
        await scoping.hunt_okta(datetime.now(UTC) - timedelta(days=1))
        file = tmp_path / "leak.har"
        request = {"method": "GET", "url": f"https://x.example/?k={acme.estate.stolen_key}", "headers": [], "cookies": []}
        file.write_text(json.dumps({"log": {"version": "1.2", "entries": [{"request": request, "response": {"headers": []}}]}}))
        found: Any = await scoping.scan_har(file, ask_aws=True)
        assert [leak["owner"] for leak in found["leaks"] if leak["kind"] == "access_key"] != [""]
        assert used.of("okta", Access.READ) == OWN_READS["okta"].always | OWN_READS["okta"].hunts
        assert used.of("aws", Access.READ) - {ASSUME_ROLE} == OWN_READS["aws"].hunts
        (unlisted,) = (await sweeps.inventory(Scope()))["unlisted"]
        assert "nobody said which users of Okta are programs" in unlisted
        assert refused(acme.aws) == []
        covered(used, Purpose.CONTAIN)
