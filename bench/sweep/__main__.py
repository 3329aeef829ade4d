"""``python -m bench.sweep [--keys 5000] [--accounts 20] [--tokens 200]``: a whole sweep at simulated vendors, with traps, and its judge.

It prints what was found, writes build/sweep.json, and exits with 1 where a credential still works, a trap was missed, or a limit overrun.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from bench.sweep.estate import Estate, make
from bench.sweep.judge import judged
from bench.sweep.runs import Runs
from firedoor.settings import ROOT
from tests.chaos.killing import helper

IAM_RATE: Final = 20.0  # requests a second that the simulated IAM takes of each account
FIRST, SECOND = "251126-aaaaaa", "251126-bbbbbb"


async def measure(estate: Estate, folder: Path) -> Mapping[str, Any]:
    """Two runs: one with an account that lets nobody in, one without it."""
    async with helper("bench.sweep.vendors") as vendors:
        opening = {"do": "open", "aws": estate.aws, "okta": estate.okta, "shut": estate.shut, "iam_rate": IAM_RATE}
        street = await vendors.ask(json.dumps(opening))
        runs = Runs(estate=estate, street=street, folder=folder)
        victim = estate.victim
        await vendors.ask(json.dumps({"do": "plant", "account": victim[0], "user": victim[1], "after": len(estate.aws) * 5}))
        began = time.monotonic()
        first = await runs.sweep(FIRST)
        middle = time.monotonic()
        second = await runs.sweep(SECOND, without=(estate.shut,))
        seconds = [round(middle - began, 1), round(time.monotonic() - middle, 1)]
        counts, working = await vendors.ask('{"do": "counts"}'), await vendors.ask('{"do": "working"}')
    return {"first": first, "second": second, "counts": counts, "working": working, "seconds": seconds}


def main(arguments: Sequence[str]) -> int:
    """The exit code."""
    asked = argparse.ArgumentParser(prog="python -m bench.sweep", description=__doc__)
    asked.add_argument("--keys", type=int, default=5000)
    asked.add_argument("--accounts", type=int, default=20)
    asked.add_argument("--tokens", type=int, default=200)
    wanted = asked.parse_args(arguments)
    logging.disable(logging.WARNING)  # the account that lets nobody in is told of in the report
    estate = make(keys=wanted.keys, accounts=wanted.accounts, tokens=wanted.tokens)
    with tempfile.TemporaryDirectory(prefix="firedoor-sweep-") as folder:
        found = asyncio.run(measure(estate, Path(folder)))
    figures, wrong = judged(estate, found)
    build = ROOT / "build"
    build.mkdir(exist_ok=True)
    (build / "sweep.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    sys.stdout.write("\n".join([*(f"{name:<28} {value}" for name, value in figures.items()), *(f"WRONG: {one}" for one in wrong)]) + "\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
