"""``python -m bench``: measure, print a table, write build/bench.json; the exit code is 1 where a limit is missed."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from bench import slack
from bench.report import Row, keep, table
from firedoor.settings import ROOT


async def main() -> int:
    """Everything there is to measure, one after the other."""
    folder = Path(tempfile.mkdtemp(prefix="firedoor-bench-"))
    rows: list[Row] = []
    for name, measure in (("writes", slack.first_writes), ("acks", slack.acks)):
        sys.stderr.write(f"measuring {name} in {folder / name}\n")
        rows += await measure(folder / name)
    keep(ROOT / "build" / "bench.json", "slack", rows)
    missed = [one for row in rows for one in row.missed]
    sys.stdout.write(
        "\n".join([table(rows), *(f"Wished for: {one}" for row in rows for one in row.wished), *(f"MISSED: {one}" for one in missed)])
        + "\n"
    )
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
