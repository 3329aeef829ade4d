"""How long a person waits for the command line to start."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence
from typing import Final

from bench.figures import Figure, percentile
from firedoor.settings import ROOT

COMMANDS: Final = (("--help",), ("playbooks", "list"))


async def start(*, times: int) -> Sequence[Figure]:
    """The median of each command, from its call to its end."""
    figures = []
    for command in COMMANDS:
        taken = [await _once(command) for _ in range(times)]
        of = {"n": times, "longest": round(max(taken), 1)}
        figures.append(Figure(name=f"firedoor {' '.join(command)}", value=percentile(taken, 50), unit="ms", of=of))
    return figures


async def _once(command: Sequence[str]) -> float:
    began = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "firedoor", *command), cwd=ROOT, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    if await process.wait():
        raise RuntimeError(f"firedoor {' '.join(command)} failed")
    return (time.monotonic() - began) * 1000
