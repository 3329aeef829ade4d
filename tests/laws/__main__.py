"""How much each action was tried: ``python -m tests.laws`` runs the laws and prints a line an action."""

from __future__ import annotations

import re
import sys
from collections import Counter

import pytest


class _Count:
    """Counts, for each action, the tests that held and those that did not."""

    def __init__(self) -> None:
        self.held: Counter[str] = Counter()
        self.broken: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """One test's end."""
        found = re.search(r"\[(?:.*-)?([a-z]+\.[a-z_]+)", report.nodeid)
        if report.when == "call" and found:
            (self.held if report.passed else self.broken)[found[1]] += 1


def main() -> int:
    """Run the laws and the cases; print the table. Returns pytest's exit code."""
    count = _Count()
    code = pytest.main(["-q", "--no-header", "--durations=0", "tests/laws", "tests/tasks"], plugins=[count])
    from tests.laws.test_worlds import PURE_EXAMPLES, WIRE_EXAMPLES  # noqa: PLC0415 - pytest must be the first to import tests
    from tests.tasks.harness import CATALOGUE, cases  # noqa: PLC0415

    lines = [f"{'action':<30}{'cases':>7}{'worlds':>8}{'snapshots':>11}{'laws held':>11}{'broken':>8}"]
    for name in sorted(CATALOGUE.actions):
        mine = sum(case.action == name for case in cases())
        worlds = mine + WIRE_EXAMPLES + 4
        lines.append(f"{name:<30}{mine:>7}{worlds:>8}{PURE_EXAMPLES:>11}{count.held[name]:>11}{count.broken[name]:>8}")
    sys.stdout.write("\n".join(lines) + "\n")
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
