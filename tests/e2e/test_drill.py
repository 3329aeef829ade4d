from __future__ import annotations

import json
import os
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Estate

pytestmark = pytest.mark.e2e
LAG = 0.1 * 4  # the drill's default is a tenth of IAM's four seconds


def _assert_contained(report: dict[str, Any]) -> None:
    assert report["outcome"] == "contained"
    assert {step["outcome"] for step in report["steps"]} <= {"CHANGED", "ALREADY"}
    assert report["attacker"]["locked_out"]
    assert len(report["attacker"]["footholds"]) == 10
    assert report["attacker"]["interference"]["heeded"] == 0
    assert all(left["told"] for left in report["attacker"]["leftovers"])
    assert report["residual"]
    assert report["ticket"] == "SEC-1"
    assert len(report["clocks"]) == 3


def _assert_nothing_doubled(estate: Estate) -> None:
    state = estate.drill_state()
    writes = Counter(state["writes"])
    once = {what: count for what, count in writes.items() if "suspendUser" in what or "deactivateApplication" in what}
    assert set(once.values()) == {1}, once
    suspended = [user for user in state["okta"]["users"].values() if user["status"] == "SUSPENDED"]
    assert len(suspended) == sum("suspendUser" in what for what in once) == 2
    users = [user for account in state["aws"].values() for user in account["users"].values()]
    inactive = [key for user in users for key in user["keys"].values() if "Inactive" in str(key)]
    assert len(inactive) == 2, "the stolen key, and the one that the attacker added"
    updates = {what: count for what, count in writes.items() if "UpdateAccessKey" in what}
    ours = sum(count for what, count in updates.items() if "firedoor" in what)
    assert ours == 2 + sum(updates.values()) - ours, "each was deactivated once, and again for each time that the attacker took it back"
    assert len(state["jira"]) == 1
    notices = [one for messages in state["slack"]["messages"].values() for one in messages if one.get("metadata")]
    assert len([one for one in notices if one["metadata"].get("event_type") == "firedoor_notice"]) == 1


def _secrets(folder: Path) -> set[str]:
    """Everything that was stolen from the company, given to Firedoor or kept by its responders, in this drill."""
    world, loot, keys = (json.loads(next(folder.glob(f"drills/*/{name}.json")).read_text()) for name in ("world", "loot", "keys"))
    settings = world["settings"]
    tokens = ("okta_api_token", "okta_preview_api_token", "slack_bot_token", "slack_app_token", "jira_api_token")
    found = {settings[name] for name in tokens}
    found |= {world["aws"]["secret"], loot["aws"]["secret"], loot["oauth"]["refresh"], loot["oauth"]["access"]}
    found |= {loot["app"]["secret"], loot["guessed"]["password"], *keys.values()}
    return found | set(loot["sessions"].values()) | set(loot["passwords"].values())


def _assert_no_secret(estate: Estate, *texts: str) -> None:
    secrets = _secrets(estate.folder)
    assert len(secrets) == 19
    own = {"world.json", "loot.json", "keys.json"}  # the simulation's own, for their owner's eyes only
    files = [path for path in estate.folder.rglob("*") if path.is_file() and path.name not in own]
    assert any(path.name == "journal.db" for path in files)
    assert any(path.suffix == ".db" and "prefect" in path.name for path in files)
    for path in files:
        held = path.read_bytes()
        assert not [secret for secret in secrets if secret.encode() in held], path
    assert not [secret for secret in secrets for text in texts if secret in text]
    for path in estate.folder.glob("drills/*/*.json"):
        assert path.stat().st_mode & 0o077 == 0


def test_a_drill_ends_with_the_attacker_locked_out(estate: Estate) -> None:
    code, report, said = estate.run("drill", "--approve", "auto")
    assert code == 0, said
    _assert_contained(report)
    for foothold in report["attacker"]["footholds"]:
        seconds = foothold["last_success_seconds"]
        assert seconds is None or seconds < 5 + LAG, foothold
    wanted = {"run", "incident", "playbook", "mode", "outcome", "plan", "approval", "steps", "seconds", "writes", "residual", "ticket"}
    assert wanted <= report.keys()
    assert set(report["seconds"]) == {"plan", "approval", "contain", "total"}
    _assert_nothing_doubled(estate)
    _assert_no_secret(estate, json.dumps(report), said)
    assert estate.run("audit", "verify")[0] == 0


def test_a_drill_is_undone_and_the_estate_is_as_it_was(estate: Estate) -> None:
    code, report, said = estate.run("drill", "--approve", "auto", "--undo")
    assert code == 0, said
    _assert_contained(report)
    undone = report["undone"]
    assert undone["outcome"] == "contained"
    assert undone["undoes"] == report["run"]
    assert {step["outcome"] for step in undone["steps"]} <= {"CHANGED", "ALREADY"}
    assert len(undone["approval"]["by"]) == 2, "people are let in again: that takes two"
    assert set(report["approval"]["by"]) < set(undone["approval"]["by"])
    after = estate.drill_state()
    before = json.loads(next(estate.folder.glob("drills/*/before.json")).read_text())
    for part in ("users", "apps", "zones"):
        assert after["okta"][part] == before["okta"][part]
    for account, was in before["aws"].items():
        now = after["aws"][account]
        for name, user in was["users"].items():
            assert user["keys"].items() <= now["users"][name]["keys"].items(), "and the key that the attacker added, as they left it"
            assert {**user, "keys": 0} == {**now["users"][name], "keys": 0}
        assert {**was, "users": 0} == {**now, "users": 0}
    gone = {name for name in before["okta"]["oauth_tokens"] if after["okta"]["oauth_tokens"][name]["status"] != "ACTIVE"}
    assert gone, "what cannot be undone stays as it is"


def test_an_attacker_left_alone_is_still_in(estate: Estate) -> None:
    code, report, _ = estate.run("drill", "--no-contain")
    assert code == 1
    assert not report["attacker"]["locked_out"]
    assert all(clock["seconds"] is None for clock in report["clocks"])


@pytest.mark.parametrize(
    "moment", ["step.intent", *(pytest.param(one, marks=pytest.mark.chaos) for one in ("approval.closed", "step.receipt"))]
)
def test_a_drill_killed_in_the_middle_is_resumed(estate: Estate, moment: str) -> None:
    drill = estate.start("drill", "--approve", "auto", "--json")
    estate.wait_for(lambda: [kind for _, kind, _ in estate.events() if kind == moment])
    drill.send_signal(signal.SIGKILL)
    drill.wait()
    kinds = [kind for _, kind, _ in estate.events()]
    assert "run.finished" not in kinds
    estate.wait_for(lambda: not _prefect_processes(estate.folder))
    run = next(run for run, kind, _ in estate.events() if kind == "run.opened")
    code, report, said = estate.run("resume", run)
    assert code == 0, said
    _assert_contained(report)
    _assert_nothing_doubled(estate)
    assert estate.run("audit", "verify")[0] == 0
    code, fault, _ = estate.run("resume", run)
    assert code == 2
    assert "over" in fault["what"]


def test_prefect_killed_in_mid_run_does_not_matter(estate: Estate) -> None:
    drill = estate.start("drill", "--approve", "auto", "--json")
    estate.wait_for(lambda: [kind for _, kind, _ in estate.events() if kind == "approval.closed"])
    _kill_prefect(estate.folder)
    out, said = drill.communicate(timeout=100)
    assert drill.returncode == 0, said
    assert '"contained"' in out


def _kill_prefect(folder: Path) -> None:
    processes = _prefect_processes(folder)
    assert processes
    for pid in processes:
        os.kill(pid, signal.SIGKILL)


def _prefect_processes(folder: Path) -> list[int]:
    """The drill's own Prefect server: the processes whose command line names it and whose home is in this folder."""
    found = []
    for status in Path("/proc").glob("[0-9]*/environ"):
        try:
            ours = f"PREFECT_HOME={folder}".encode() in status.read_bytes()
            command = (status.parent / "cmdline").read_bytes()
        except OSError:
            continue
        if ours and (b"uvicorn" in command or b"prefect\0server" in command):
            found.append(int(status.parent.name))
    return found
