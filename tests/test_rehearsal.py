"""A drill asked for from afar: its environment opens nothing, and however it ends, it is told and leaves no process behind."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from firedoor.rehearsal import COMMAND, FOLDER, environment, rehearse, told

REPORT: dict[str, Any] = {
    "run": "260304-a1b2c3",
    "outcome": "contained",
    "mode": "drill",
    "undoes": None,
    "steps": [{}, {}],
    "open": [],
    "seconds": {"contain": 4.21},
    "attacker": {"attempts": 233, "locked_out": True, "footholds": [{}] * 10},
}


def runs(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """In the drill's place."""
    monkeypatch.setattr("firedoor.rehearsal.COMMAND", (sys.executable, "-c", code))


def test_what_is_run_is_the_drill_of_the_command_line() -> None:
    assert COMMAND[1:] == ("-m", "firedoor", "drill", "--approve", "auto", "--json")


async def test_the_drill_is_told_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "FIREDOOR_OKTA_API_TOKEN",
        "FIREDOOR_DATABASE_URL",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_PROFILE",
        "PREFECT_API_KEY",
        "ANY_TOKEN",
    ):
        monkeypatch.setenv(name, "hush")
    runs(monkeypatch, "import os, json; json.dump(dict(os.environ), open('told', 'w'))")
    monkeypatch.setattr("firedoor.rehearsal.ROOT", tmp_path)
    await rehearse(tmp_path)
    env = json.loads((tmp_path / "told").read_text())
    assert "hush" not in env.values()
    assert env["PATH"] == os.environ["PATH"]
    assert env["FIREDOOR_STATE_DIR"] == str(tmp_path / FOLDER)
    assert env["FIREDOOR_CONFIG"] == env["AWS_SHARED_CREDENTIALS_FILE"] == env["AWS_CONFIG_FILE"] == os.devnull
    assert not environment(tmp_path).keys() & {"FIREDOOR_SLACK_BOT_TOKEN", "AWS_PROFILE", "PREFECT_API_URL"}
    assert (tmp_path / FOLDER).stat().st_mode & 0o077 == 0


async def test_how_it_ended_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs(monkeypatch, f"print({json.dumps(json.dumps(REPORT))}); raise SystemExit(1)")
    assert (await rehearse(tmp_path)).splitlines() == [
        "The drill is over. Contained: 2 steps done and verified.",
        "The attacker had 10 ways in, made 233 attempts and is locked out.",
        "From the approval to the end of it: 4.2 s.",
        "Nothing real was touched. It was run 260304-a1b2c3, in the folder rehearsals of Firedoor's state.",
    ]
    assert "STILL IN" in told(json.dumps({**REPORT, "attacker": {**REPORT["attacker"], "locked_out": False}}).encode(), 1)
    error = {"error": "FiredoorError", "what": "the simulated vendors did not start", "advice": "Look for another drill"}
    assert told(json.dumps(error).encode(), 1) == "The drill could not be held: the simulated vendors did not start. Look for another drill"


@pytest.mark.parametrize("code", ["raise SystemExit(7)", "print('[]')", "print('{}')", "print('\\udcff')", "import os; os.abort()"])
async def test_one_that_breaks_off_says_where_to_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    runs(monkeypatch, code)
    answer = await rehearse(tmp_path)
    assert answer.startswith("The drill broke off (exit code ")
    assert "drill.log" in answer
    assert (tmp_path / FOLDER / "drill.log").exists()


STUBBORN = """
import pathlib, signal, sys, time
signal.signal(signal.SIGINT, lambda *_: {})
pathlib.Path("there").touch()
time.sleep(600)
"""


@pytest.mark.parametrize("heeds", ["sys.exit(3)", "None"])
async def test_one_that_is_called_off_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, heeds: str) -> None:
    made: list[asyncio.subprocess.Process] = []
    create = asyncio.create_subprocess_exec

    async def remembered(*command: Any, **how: Any) -> asyncio.subprocess.Process:
        made.append(await create(*command, **how))
        return made[-1]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", remembered)
    monkeypatch.setattr("firedoor.rehearsal.ROOT", tmp_path)
    monkeypatch.setattr("firedoor.rehearsal.GRACE_SECONDS", 10.0 if "exit" in heeds else 0.2)
    runs(monkeypatch, STUBBORN.format(heeds))
    drill = asyncio.create_task(rehearse(tmp_path))
    async with asyncio.timeout(20):
        while not (tmp_path / "there").exists():  # noqa: ASYNC110 - another process tells by a file
            await asyncio.sleep(0.02)
    drill.cancel()
    with pytest.raises(asyncio.CancelledError):
        await drill
    assert made[0].returncode == (3 if "exit" in heeds else -9)


async def test_one_that_takes_too_long_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firedoor.rehearsal.LONGEST_SECONDS", 0.2)
    runs(monkeypatch, "import time; time.sleep(600)")
    assert "was ended" in await rehearse(tmp_path)


async def test_one_is_ended_in_good_order_though_whoever_asks_ignores_interrupts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As what a shell has put into the background does, and all that it starts."""
    monkeypatch.setattr("firedoor.rehearsal.LONGEST_SECONDS", 2.0)
    ended = tmp_path / "ended"
    runs(monkeypatch, f"import time\ntry:\n    time.sleep(600)\nexcept KeyboardInterrupt:\n    open({str(ended)!r}, 'w').close()")
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        await rehearse(tmp_path)
    finally:
        signal.signal(signal.SIGINT, before)
    assert ended.exists()
