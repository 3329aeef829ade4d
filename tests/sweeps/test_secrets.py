"""A sweep of secrets, over the wire: each is asked for once, waited for, and listed again; what nothing rotates is left over by name."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from firedoor import sweepbook, wiring
from firedoor.approval import Answer
from firedoor.drafting import Units
from firedoor.journal import Kind
from firedoor.model import Tier
from firedoor.source import Sighting
from firedoor.treatment import Aim, Treatment
from tasks.aws.list_secrets import ListSecrets
from tasks.aws.rotate_secret import RotateSecret
from tests.fakes import NO, hasten
from tests.sweeps.vault import Hall, hall
from tests.tasks.rooms import ROOMS
from tests.tasks.rooms.base import Simulated

RUN = "251126-aaaaaa"
HAND = "11111111-2222-4333-8444-555555555555"
CURRENT = {HAND: {"stages": ["AWSCURRENT"], "secret": "canaryvaluecanaryvalue", "created": "2023-01-02T03:04:05+00:00"}}
# A list of what leaked names it, and its name has a slash.
TOLD = Sighting(
    type="aws.secret", id="arn:aws:secretsmanager:us-east-1:111122223333:secret:ci/app-AbCdEf", last=datetime(2023, 10, 18, tzinfo=UTC)
)
WORLD: dict[str, Any] = {
    "111122223333": {
        "secrets": {
            "ci/app-AbCdEf": {"rotates": True, "versions": CURRENT},
            "db-AbCdEf": {"rotates": True, "versions": CURRENT},
            "gone-AbCdEf": {"rotates": True, "deleted": True, "versions": CURRENT},
            "plain-AbCdEf": {"versions": CURRENT},
        }
    }
}


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    hasten(monkeypatch)
    monkeypatch.setattr("firedoor.batching.POLL_SECONDS", 0.05)


@pytest.fixture
async def at() -> AsyncIterator[Simulated]:
    async with ROOMS["aws"].open(WORLD, {"rotation": 0.2}) as found:
        yield found


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Hall]:
    async with hall(tmp_path, {}) as found:
        yield found


async def _second(here: Hall) -> None:
    """What cannot be undone takes a second approver."""
    async for event in here.journal.follow(RUN):
        if event.kind == Kind.REQUESTED:
            await here.desk.decide(RUN, NO, Answer.APPROVE, via="tests")
            return


async def test_every_secret_ends_in_one_disposition(here: Hall, at: Simulated) -> None:
    book = sweepbook.find("incident-secrets", wiring.load_catalogue())
    units = Units(actions={"aws.rotate_secret": RotateSecret(at.client)}, queries={}, sources={"aws.list_secrets": ListSecrets(at.client)})
    async with asyncio.TaskGroup() as both:
        both.create_task(_second(here))
        sweeping = both.create_task(here.sweep(book, run=RUN, act=units, due=(TOLD,)))
    report: Any = sweeping.result()
    assert report["types"] == {"aws.secret": {"ROTATED": 3, "FAILED": 1}}
    ((left, reason),) = [(one["id"], one["reason"]) for one in report["open"]]
    assert "plain-AbCdEf" in left
    assert "nothing is set up that could rotate" in reason
    assert at.writes() == Counter({"RotateSecret": 2}), "each was asked for once, and waited for"
    state: Any = at.state()["111122223333"]
    rotated = {name: [version for version, labels in held.items() if "AWSCURRENT" in labels] for name, held in state["secrets"].items()}
    assert all(version.startswith("firedoor-") for name in ("ci/app", "db") for version in rotated[name])
    assert rotated["plain"] == rotated["gone"] == [HAND]


def test_it_takes_two_to_approve_what_nobody_can_undo() -> None:
    assert RotateSecret.spec.approvals is Tier.TWO


def test_the_sweeps_of_an_incident_treat_every_type_that_something_can_contain_but_grants() -> None:
    known = wiring.load_catalogue()
    units = [unit for unit in known.actions.values() if issubclass(unit, Treatment) and Aim.CONTAINMENT in unit.serves]
    books = [sweepbook.find(name, known) for name in sweepbook.shelf() if name.startswith("incident-")]
    treated = [kind for book in books for kind in book.treat]
    assert sorted(treated) == sorted({unit.treats for unit in units} - {"okta.grant"}), "each once; for grants, sweeps have no right"
    assert {book.aim for book in books} == {Aim.CONTAINMENT}
