"""A drill that somebody asks for from afar: a process of its own on this machine, which is told nothing that opens a real door.

It has a state folder of its own too, with its own journal and approval key: a drill neither waits for real runs nor holds them up.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from firedoor.settings import ROOT
from firedoor.words import headline

COMMAND: Final = (sys.executable, "-m", "firedoor", "drill", "--approve", "auto", "--json")
FOLDER: Final = "rehearsals"
LONGEST_SECONDS: Final = 600.0
GRACE_SECONDS: Final = 15.0
# All that is handed on of the environment: tokens may have any name.
HANDED_ON: Final = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "PYTHONPATH", "VIRTUAL_ENV", "LD_LIBRARY_PATH")


async def rehearse(state: Path) -> str:
    """Hold a drill, and tell how it ended. Cancelled, it ends the drill in good order."""
    folder = state / FOLDER
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (folder / "drill.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *COMMAND,
            cwd=ROOT,
            env=environment(folder),
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=log,
            start_new_session=True,
            preexec_fn=_heeds_interrupts,
        )
    try:
        async with asyncio.timeout(LONGEST_SECONDS):
            output, _ = await process.communicate()
    except TimeoutError:
        return f"The drill was not over after {LONGEST_SECONDS / 60:.0f} minutes, and was ended."
    finally:
        await _end(process)
    return told(output, process.returncode)


def environment(folder: Path) -> Mapping[str, str]:
    """The environment of the drill: no secret of ours, and no way to find one."""
    kept = {name: os.environ[name] for name in HANDED_ON if name in os.environ}
    nowhere = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull, "AWS_EC2_METADATA_DISABLED": "true"}
    return {**kept, **nowhere, "FIREDOOR_CONFIG": os.devnull, "FIREDOOR_STATE_DIR": str(folder)}


def told(output: bytes, code: int | None) -> str:
    """How the drill ended, in words, a line each."""
    try:
        report: Mapping[str, Any] = json.loads(output)
        if "error" in report:
            return f"The drill could not be held: {report['what']}. {report['advice']}"
        attacker = report["attacker"]
        ways, left = len(attacker["footholds"]), "locked out" if attacker["locked_out"] else "STILL IN"
        seconds = report["seconds"]["contain"]
        lines = [
            f"The drill is over. {headline(report)}.",
            f"The attacker had {ways} ways in, made {attacker['attempts']} attempts and is {left}.",
            f"From the approval to the end of it: {seconds:.1f} s." if seconds is not None else "",
            f"Nothing real was touched. It was run {report['run']}, in the folder {FOLDER} of Firedoor's state.",
        ]
        return "\n".join(filter(None, lines))
    except (ValueError, KeyError, TypeError):
        return f"The drill broke off (exit code {code}). See {FOLDER}/drill.log in Firedoor's state folder."


def _heeds_interrupts() -> None:
    """A process that a shell put into the background ignores interrupts, and so would all it starts; a drill must end by one."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


async def _end(process: Process) -> None:
    """As with Ctrl-C, so that the drill ends its own processes; by force where that takes too long."""
    if process.returncode is not None:
        return
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGINT)
    try:
        await asyncio.wait_for(process.wait(), GRACE_SECONDS)
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
