"""``python -m bench``: measure, print a table, write build/bench.json and docs/benchmarks.md; the exit code is 1 where a limit is missed.

With sizes other than the full ones, or not all parts, the page goes to build/ instead of docs/.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from bench import page, slack
from bench.commit import commits
from bench.contain.measure import FAR, PEOPLE, containment
from bench.figures import Figure, keep, table
from bench.start import start
from firedoor.settings import ROOT


async def main(arguments: Sequence[str]) -> int:
    """Everything there is to measure, one after the other."""
    asked = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    asked.add_argument("--people", type=int, default=PEOPLE, help="of a containment")
    asked.add_argument("--rounds", type=int, default=5, help="of a containment; the median counts")
    asked.add_argument("--slow-rounds", type=int, default=5, help="those of them that the script and Ansible take part in")
    asked.add_argument("--without-ansible", action="store_true")
    asked.add_argument("--only", choices=page.TITLES, action="append", help="this part; again for another")
    wanted = asked.parse_args(arguments)
    folder = Path(tempfile.mkdtemp(prefix="firedoor-bench-"))

    def contained(latency: float) -> Awaitable[Sequence[Figure]]:
        ansible = not wanted.without_ansible
        return containment(people=wanted.people, rounds=wanted.rounds, slow=wanted.slow_rounds, latency=latency, ansible=ansible)

    parts: Mapping[str, Callable[[], Awaitable[Sequence[Figure]]]] = {
        "far": lambda: contained(FAR),
        "near": lambda: contained(0.0),
        "writes": lambda: slack.first_writes(folder / "writes"),
        "acks": lambda: slack.acks(folder / "acks"),
        "start": lambda: start(times=10),
        "journal": lambda: commits(folder / "journal", steps=PEOPLE),
    }
    found: dict[str, Sequence[Figure]] = {}
    for name in wanted.only or parts:
        sys.stderr.write(f"measuring {name} in {folder}\n")
        found[name] = await parts[name]()
        keep(ROOT / "build" / "bench.json", name, found[name])
    page.write(ROOT / ("build" if arguments else "docs"), found)
    figures = [one for some in found.values() for one in some]
    sys.stdout.write(f"{table(figures)}\n")
    return int(any(one.missed for one in figures))


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
