"""Prefect sets up logging as it is imported; what it would write to the console stays ours, and without its words."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

pytestmark = pytest.mark.e2e

SECRET = "correct-horse-battery"


def test_prefect_leaves_the_console_to_us_and_its_own_words_do_not_come_out() -> None:
    code = f"""
import logging
from firedoor import logs
logs.begin(); logs.speak("json", "info")
import prefect.main
from prefect.logging import get_logger
get_logger("flow_runs").info("{SECRET}")
get_logger("flow_runs").warning("{SECRET}")
logging.getLogger("firedoor.late").info("ours")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100, check=True)
    assert SECRET not in done.stderr + done.stdout
    assert [json.loads(line)["logger"] for line in done.stderr.splitlines() if "py.warnings" not in line] == [
        "prefect.flow_runs",
        "firedoor.late",
    ]
