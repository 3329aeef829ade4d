"""The drill that people ask for from Slack, whole."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

import pytest

from firedoor.rehearsal import FOLDER, rehearse

pytestmark = pytest.mark.e2e


def children(folder: Path) -> list[str]:
    """What still runs for a drill in that folder."""
    processes = subprocess.run(["/bin/ps", "-axww", "-o", "args"], check=True, capture_output=True, text=True).stdout.splitlines()
    return [line for line in processes if str(folder) in line]


@pytest.mark.timeout(180)
async def test_a_drill_is_held_and_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIREDOOR_OKTA_ORG_URL", "http://127.0.0.1:9/")
    answer = await rehearse(tmp_path)
    assert answer.startswith("The drill is over. Contained"), answer
    assert "is locked out" in answer
    assert (tmp_path / FOLDER / "journal.db").exists()
    assert children(tmp_path) == []


@pytest.mark.timeout(180)
async def test_a_drill_that_is_called_off_leaves_no_process(tmp_path: Path) -> None:
    drill = asyncio.create_task(rehearse(tmp_path))
    async with asyncio.timeout(90):
        while not list((tmp_path / FOLDER / "drills").glob("*/ready")):  # noqa: ASYNC110 - another process tells by a file
            await asyncio.sleep(0.1)
    assert children(tmp_path), "the simulated company at least"
    drill.cancel()
    await asyncio.gather(drill, return_exceptions=True)
    async with asyncio.timeout(30):
        while children(tmp_path):  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.1)
