"""A vendor goes away at any moment: its steps fail in words, the others' go on, and once it is back the run is brought to its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from firedoor import running
from firedoor.journal import Journal, Kind
from firedoor.report import RunOutcome
from firedoor.store import Store
from tests.company import Company, company
from tests.line import Line

pytestmark = [pytest.mark.e2e, pytest.mark.chaos]

WHERE = {"okta": "FIREDOOR_OKTA_ORG_URL", "aws": "AWS_ENDPOINT_URL", "jira": "FIREDOOR_JIRA_URL"}
PATIENCE = 150.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A company with a line in front of each vendor."""

    acme: Company
    lines: dict[str, Line]

    async def contain(self) -> Any:
        given = [f"users={','.join(self.acme.estate.victims)}", f"access_keys={self.acme.estate.stolen_key}"]
        return await running.contain("identity-breach", given, who=self.acme.who(), say=_quiet)

    async def decided(self, number: int = 1) -> None:
        """Once somebody has approved the run that asks."""
        await self.acme.approve(number, seconds=PATIENCE)

    def effects(self) -> dict[str, int]:
        """How often each thing was done that is done once in a run: two people suspended, one key off, one ticket."""
        okta, jira = self.acme.okta.accepted_writes, self.acme.jira.accepted_writes
        keys = [one for one in self.acme.aws.accepted_writes() if one.operation == "UpdateAccessKey"]
        return {"suspended": okta["suspendUser"], "keys": len(keys), "tickets": jira["createIssue"]}


@pytest.fixture
async def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.setattr("firedoor.step.PACE", 0.02)
    async with company(tmp_path) as acme, AsyncExitStack() as stack:
        environment, lines = dict(acme.environment), dict[str, Line]()
        for vendor, variable in WHERE.items():
            url = environment[variable].rstrip("/") + "/"
            lines[vendor] = Line(port=int(url.rpartition(":")[2].strip("/")), url=url)
            await lines[vendor].open()
            stack.push_async_callback(lines[vendor].shut)
            environment[variable] = lines[vendor].address.rstrip("/")
        acme.okta.url = environment["FIREDOOR_OKTA_ORG_URL"]  # its links to the next page lead there too
        for variable, value in environment.items():
            monkeypatch.setenv(variable, value)
        yield Scene(acme=acme, lines=lines)


def _quiet(text: str) -> None:
    del text


async def strike(line: Line, how: str) -> None:
    if how == "refused":
        await line.shut()
    line.silent = how == "silent"


async def back(line: Line) -> None:
    line.silent = False
    await line.shut()
    await line.open()


async def recorded(scene: Scene, vendor: str, kind: Kind) -> None:
    """Once an event of that kind is on record; of that vendor's, where it is of a step."""
    async with Store(f"sqlite:///{scene.acme.folder / 'state' / 'journal.db'}") as store:
        journal = Journal(store)
        while True:
            for run in await journal.runs():
                for event in await journal.events(run):
                    if event.kind == kind and (kind == Kind.CLOSED or _of(vendor, event.body)):
                        return
            await asyncio.sleep(0.002)


def _of(vendor: str, body: Any) -> bool:
    steps = {"okta": ("suspend", "revoke_sessions"), "aws": ("quarantine", "deactivate_keys"), "jira": ("ticket",)}
    return str(body.get("item")).partition("/")[0] in steps[vendor]


def vendors(report: Any, *outcomes: str) -> set[str]:
    return {one["action"].partition(".")[0] for one in report["steps"] if one["outcome"] in outcomes}


@pytest.mark.parametrize(
    ("vendor", "moment", "how"),
    [
        ("okta", "planning", "refused"),
        ("aws", "applying", "refused"),
    ],
)
async def test_a_vendor_that_goes_away(scene: Scene, vendor: str, moment: str, how: str) -> None:
    line = scene.lines[vendor]
    if moment == "planning":
        await strike(line, how)
    job = asyncio.create_task(scene.contain())
    approving = asyncio.create_task(scene.decided())
    if moment != "planning":
        await recorded(scene, vendor, Kind.CLOSED if moment == "applying" else Kind.INTENT)
        await strike(line, how)
    report = await job
    await approving
    others = {"okta", "aws"} - {vendor}
    assert not vendors(report, "FAILED", "UNVERIFIED", "SKIPPED") & others
    assert others <= vendors(report, "CHANGED")
    await back(line)
    assert report["outcome"] == "partial"
    assert RunOutcome(report["outcome"]).exit_code == 1
    assert vendors(report, "FAILED", "UNVERIFIED") == {vendor}
    assert all(vendor in one["reason"].casefold() for one in report["open"])
    approving = asyncio.create_task(scene.decided(2))
    again = await running.resume(report["run"], who=scene.acme.who(), say=_quiet)
    approving.cancel()
    await asyncio.gather(approving, return_exceptions=True)
    assert again["outcome"] == "contained", again["open"]
    assert scene.effects() == {"suspended": 2, "keys": 1, "tickets": 1}
