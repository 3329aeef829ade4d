"""How much each action was tried: ``python -m tests.laws`` runs every case, world and fault, and prints a line an action.

With ``FIREDOOR_LAWS_SAMPLE=3`` in the environment it runs one test in three, the same ones each time.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from pathlib import Path

import pytest

ACTION = re.compile(r"\[(?:.*[-/])?([a-z]+\.[a-z_]+)")
BUILD = Path(__file__).resolve().parent.parent.parent / "build"


class _Count:
    """Counts, for each action, the tests that held, those that did not, and those that were left out."""

    def __init__(self) -> None:
        self.held: Counter[str] = Counter()
        self.broken: Counter[str] = Counter()
        self.skipped: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """One test's end."""
        found = ACTION.search(report.nodeid)
        if found and (report.when == "call" or not report.passed):
            by = self.held if report.passed else self.skipped if report.skipped else self.broken
            by[found[1]] += 1


def main(arguments: list[str]) -> int:
    """Run them and print the table. Returns pytest's exit code, or 1 where anything was skipped."""
    count = _Count()
    for old in BUILD.glob("preview-*.json"):
        old.unlink()
    options = ["-m", "laws", "--numprocesses", "2", "--dist", "loadgroup", "--no-header"]
    code = pytest.main([*options, "tests/laws", "tests/tasks", "tests/preview", *arguments], plugins=[count])
    from tests.laws.test_faults import LASTING, PASSING  # noqa: PLC0415 - pytest must be the first to import tests
    from tests.laws.test_worlds import PURE_EXAMPLES, WIRE_EXAMPLES  # noqa: PLC0415
    from tests.tasks.harness import CATALOGUE, cases  # noqa: PLC0415

    faults = len(PASSING) + len(LASTING)
    heads = ("cases", "faults", "worlds", "snapshots", "laws held", "broken", "skipped")
    lines = [f"{'action':<30}" + "".join(f"{head:>11}" for head in heads)]
    for name in sorted(CATALOGUE.actions):
        mine = sum(case.action == name for case in cases())
        row = (mine, faults, mine + WIRE_EXAMPLES + 4, PURE_EXAMPLES, count.held[name], count.broken[name], count.skipped[name])
        lines.append(f"{name:<30}" + "".join(f"{figure:>11}" for figure in row))
    proof: Counter[str] = Counter()
    for part in BUILD.glob("preview-*.json"):
        proof.update(json.loads(part.read_text(encoding="utf-8")))
    if proof:
        lines += ["", "The proof that a preview cannot write:"]
        lines += [f"  {figure:>6}  {what}" for what, figure in sorted(proof.items())]
    sys.stdout.write("\n".join(lines) + "\n")
    return int(code) or (1 if count.skipped.total() else 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
