"""Runs a command of Firedoor as a process of its own, and measures it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
# By VmHWM: ru_maxrss would go on from the size of the process that this one was forked from.
CODE = (
    "import sys\nfrom firedoor.cli import obey\ncode = obey(sys.argv[1:])\nsys.stdout.flush()\n"
    "peak = next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM'))\n"
    "print(f'peak {peak}', file=sys.stderr)\nsys.exit(code)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """How a command ended. ``peak`` is the most memory it held, in MiB; ``seconds`` includes its start."""

    code: int
    out: str
    err: str
    seconds: float
    peak: float

    @property
    def data(self) -> Any:
        """What it printed as JSON."""
        return json.loads(self.out)


async def measured(folder: Path, *words: str, environment: Mapping[str, str] | None = None) -> Measured:
    """Run it, in a state folder of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("FIREDOOR_", "PREFECT_", "AWS_"))}
    (folder / "firedoor.toml").write_text("")
    own = {"FIREDOOR_STATE_DIR": str(folder / "state"), "FIREDOOR_CONFIG": str(folder / "firedoor.toml")}
    start = monotonic()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        CODE,
        *words,
        cwd=ROOT,
        env={**kept, **own, **(environment or {})},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    seconds, said = monotonic() - start, err.decode()
    peak = float(said.rpartition("peak ")[2]) / 1024
    return Measured(code=process.returncode or 0, out=out.decode(), err=said, seconds=seconds, peak=peak)
