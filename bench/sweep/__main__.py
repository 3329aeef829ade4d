"""``python -m bench.sweep [--keys 5000] [--accounts 20] [--tokens 200]``: a whole sweep at simulated vendors, with traps, and its judge.

It prints what was found, writes build/sweep.json, and exits with 1 where a credential still works, a trap was missed, or a limit overrun.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.sweep.estate import Estate, make
from bench.sweep.runs import Runs
from tests.chaos.killing import helper


async def measure(estate: Estate, folder: Path) -> Mapping[str, Any]:
    """Two runs: one with an account that lets nobody in, one without it."""
    async with helper("bench.sweep.vendors") as vendors:
        street = await vendors.ask(json.dumps({"do": "open", "aws": estate.aws, "okta": estate.okta, "shut": estate.shut}))
        runs = Runs(estate=estate, street=street, folder=folder)
        account = next(iter(estate.aws))
        users = list(estate.aws[account]["users"])  # type: ignore[call-overload,index,arg-type]
        await vendors.ask(json.dumps({"do": "plant", "account": account, "user": users[1], "after": len(estate.aws) * 20}))
        began = time.monotonic()
        first = await runs.sweep("251126-aaaaaa")
        middle = time.monotonic()
        second = await runs.sweep("251126-bbbbbb", without=(estate.shut,))
        ended = time.monotonic()
        counts, working = await vendors.ask('{"do": "counts"}'), await vendors.ask('{"do": "working"}')
    return {"first": first, "second": second, "counts": counts, "working": working, "seconds": [middle - began, ended - middle]}


def main(arguments: Sequence[str]) -> int:
    """The exit code."""
    asked = argparse.ArgumentParser(prog="python -m bench.sweep", description=__doc__)
    asked.add_argument("--keys", type=int, default=5000)
    asked.add_argument("--accounts", type=int, default=20)
    asked.add_argument("--tokens", type=int, default=200)
    wanted = asked.parse_args(arguments)
    estate = make(keys=wanted.keys, accounts=wanted.accounts, tokens=wanted.tokens)
    with tempfile.TemporaryDirectory(prefix="firedoor-sweep-") as folder:
        found = asyncio.run(measure(estate, Path(folder)))
    print(json.dumps({**found, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}, indent=1)[:6000])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
