"""Runs a command that must not outlive whoever started it: ``python -m firedoor.exercise.leash MODULE ARGUMENT...``.

A drill that is killed with SIGKILL can end none of its processes. This one looks at its parent, and ends the command, and whatever that
started, once the parent is gone. It must be started as the leader of a session of its own.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

EVERY_SECONDS = 0.5
GRACE_SECONDS = 5.0


def run(command: list[str]) -> int:
    """Run the Python module and its arguments until it ends, we are told to end, or the parent is gone. Returns its exit code."""
    parent = os.getppid()
    process = subprocess.Popen([sys.executable, "-m", *command])  # noqa: S603 - what our own drill starts
    signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    while process.poll() is None:
        if os.getppid() != parent:
            _end(process)
        time.sleep(EVERY_SECONDS)
    return process.returncode


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask the command to end, then make sure of it: everything in our session goes, ourselves included."""
    process.terminate()
    try:
        process.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(os.getpgrp(), signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
