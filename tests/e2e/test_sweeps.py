"""A sweep as people run it: whole processes against simulated vendors, approved by a signature at a terminal while Slack is away."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from firedoor import auditing, running, sweepwords
from firedoor.exercise.estate import CHANNEL, Estate
from firedoor.journal import Kind
from tests.company import Company, company
from tests.e2e.test_slack_down import firedoor, recorded

pytestmark = pytest.mark.e2e

AWAY = {"FIREDOOR_SLACK_BASE_URL": "http://127.0.0.1:9/api/"}
BOOK = """\
sweep: mine
title: Every access key
about: A test
aim: containment
scope:
  types: [aws.access_key]
  everything: true
treat:
  aws.access_key: aws.deactivate_access_key
at_most: 500
"""


def few(scene: Estate) -> None:
    """A company of a few users: each takes the simulators a moment."""
    for account in scene.aws.values():
        for name in [name for name in account["users"] if name not in {"svc-crm-30", "svc-deploy-00", "svc-backup-01"}]:
            del account["users"][name]


@pytest.fixture
async def acme(tmp_path: Path) -> AsyncIterator[Company]:
    async with company(tmp_path, change=few) as found:
        yield found


@pytest.fixture
def book(acme: Company) -> str:
    path = acme.folder / "mine.yaml"
    path.write_text(BOOK)
    return str(path)


@pytest.fixture
def key(acme: Company) -> Path:
    """The second person's own SSH key, on the roster."""
    return acme.key(1)


async def obeyed(acme: Company, *words: str) -> tuple[int, Any, str]:
    """The exit code, what was printed as JSON, and what was said beside it."""
    async with firedoor(acme, *words, "--json", **AWAY) as process:
        out, err = await process.communicate()
    return int(process.returncode or 0), json.loads(out), err.decode()


async def test_a_plan_lists_everything_and_writes_nothing(acme: Company, book: str) -> None:
    code, plan, err = await obeyed(acme, "sweep", "plan", book)
    assert code == 0, err
    assert plan["types"]["aws.access_key"]
    assert plan["changes_in_all"] > 2
    assert not plan["unlisted"]
    assert acme.writes() == 0
    assert not [request for request in acme.aws.requests if request.write]


async def test_a_sweep_is_approved_at_a_terminal_while_slack_is_away(
    acme: Company, book: str, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with firedoor(acme, "sweep", "run", book, "--key", str(acme.key()), "--json", **AWAY) as process:
        run = await recorded(acme, Kind.REQUESTED)
        code, said, _ = await obeyed(acme, "approve", run, "--key", str(key), "--yes")
        assert (code, said["by"]) == (0, acme.estate.people[1]["name"])
        out, err = await process.communicate()
    assert process.returncode == 0, (out, err)
    report = json.loads(out)
    assert (report["outcome"], report["left_over"], report["run"]) == ("closed", 0, run)
    assert report["approval"]["by"] == [acme.estate.people[1]["name"]]
    assert report["changed"] == report["writes"] == len(acme.aws.accepted_writes()) > 2
    for name, value in acme.environment.items():
        monkeypatch.setenv(name, value)
    audit = await auditing.verify()
    assert (audit.faults, audit.unchecked, audit.runs) == ((), (), 1)
    assert sweepwords.shown(await running.show(run)).startswith("# 0 left over: Every access key, closed\n")
    messages: Any = acme.slack.state()["messages"]
    assert messages[CHANNEL] == []
