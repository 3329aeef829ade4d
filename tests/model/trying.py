"""How much is tried: so many worlds, each of so many steps."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.machine import Machine

STEPS = 40


def tried(examples: int, *, steps: int = STEPS, shrink: bool = True) -> Counter[str]:
    """Try the same worlds as ever. What was done in them, counted; raises on the first promise broken, in its shortest form."""
    count: Counter[str] = Counter()

    class Counting(Machine):
        def teardown(self) -> None:
            try:
                super().teardown()
            finally:
                if hasattr(self, "house"):
                    count.update(self.house.figures())

    phases = [Phase.generate, *([Phase.shrink] if shrink else [])]
    rules: Any = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        derandomize=True,
        database=None,
        phases=phases,
        print_blob=False,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Counting, settings=rules)
    return count
