"""``python -m bench.compare``: sweeps measured beside a bare script and Cloud Custodian, for their growth, and at a vendor's limit.

It prints a table, writes build/bench-sweep.json, and exits with 1 where a required limit is missed. Each side is a process of its own, and
its clock starts with its work: what it imports is not counted.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence

from bench.compare.growth import SIZES, SMALL, growth
from bench.compare.limited import limited
from bench.compare.race import race
from bench.figures import Figure, keep, table
from firedoor.settings import ROOT


async def main(arguments: Sequence[str]) -> int:
    """The exit code."""
    asked = argparse.ArgumentParser(prog="python -m bench.compare", description=__doc__)
    asked.add_argument("--keys", type=int, default=5000, help="of the race at moto")
    asked.add_argument("--rounds", type=int, default=3, help="of the race; the median counts")
    asked.add_argument("--latency", type=float, default=0.02, help="of each call of the race away, in seconds")
    asked.add_argument("--away-keys", type=int, default=5000, help="of the race at a moto that is so far away; it has one round")
    asked.add_argument("--limited-keys", type=int, default=400, help="of the sweep at a vendor's limit")
    asked.add_argument("--accounts", type=int, default=0, help="of the growth; 0 is as many as AWS's quota of users asks for")
    asked.add_argument("--small", action="store_true", help="leave out the sweep of 50,000 keys")
    asked.add_argument("--only", choices=("race", "away", "growth", "limit"), action="append", help="this part; again for another")
    wanted = asked.parse_args(arguments)
    parts: Mapping[str, Callable[[], Awaitable[Sequence[Figure]]]] = {
        "race": lambda: race(keys=wanted.keys, rounds=wanted.rounds),
        "away": lambda: race(keys=wanted.away_keys, rounds=1, latency=wanted.latency),
        "growth": lambda: growth(SMALL if wanted.small else SIZES, accounts=wanted.accounts),
        "limit": lambda: limited(keys=wanted.limited_keys),
    }
    figures: list[Figure] = []
    for name in wanted.only or parts:
        found = await parts[name]()
        keep(ROOT / "build" / "bench-sweep.json", name, found)
        figures += found
    sys.stdout.write(f"{table(figures)}\n")
    return int(any(one.missed for one in figures))


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
