"""Where a run is carried out: plainly, or as tasks that an orchestrator shows. The engine is handed a stage and knows no more of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from firedoor.run import Item, StepResult

Work = Callable[[], Awaitable[StepResult]]


class Stage(Protocol):
    """Carries out items, and shows plans and reports."""

    async def step(self, item: Item, work: Work) -> StepResult:
        """Carry out the work of one item exactly once and return its result."""

    async def note(self, key: str, record: Mapping[str, Any]) -> None:
        """Show a plan (``plan``) or a report (``report``)."""


class Plainly:
    """A stage with nobody watching."""

    async def step(self, item: Item, work: Work) -> StepResult:
        """Do the work."""
        del item
        return await work()

    async def note(self, key: str, record: Mapping[str, Any]) -> None:
        """Nothing is shown."""
