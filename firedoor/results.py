"""The ends of items for which there is nothing to do, and what the end of one means for another. Pure."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

from firedoor.canonical import plain
from firedoor.catalogue import AnyAction
from firedoor.model import Briefing, Outcome, Target
from firedoor.run import Item, StepResult, revive


def settle(result: StepResult, *futures: asyncio.Future[StepResult]) -> None:
    """Let those know who wait, unless they knew earlier."""
    for future in futures:
        if not future.done():
            future.set_result(result)


def still_open(results: Sequence[StepResult]) -> list[StepResult]:
    """Those that are no success."""
    return [result for result in results if result.outcome.exit_code != 0]


def tells(item: Item) -> bool:
    """Whether it waits for all else: what has nobody to tell ends at once, for others may wait for it."""
    return item.telling and bool(item.target)


def briefed(item: Item, actions: Mapping[str, AnyAction], briefing: Briefing) -> Item:
    """The item with its target told of the run; as it is where it has no target, or no client."""
    if not item.target or item.id not in actions:
        return item
    target: Target = revive(actions[item.id].target, item.target)
    return replace(item, target=plain(target.briefed(briefing)))  # type: ignore[arg-type]


def previewed(item: Item) -> StepResult:
    """The end of an item of which nothing but its plan is known."""
    if item.refused:
        return StepResult(item=item.id, outcome=Outcome.REFUSED, reason=item.refused)
    assert item.plan is not None
    if item.plan.changes:
        return StepResult(item=item.id, outcome=Outcome.PREVIEWED, reason="; ".join(change.says for change in item.plan.changes))
    if item.plan.impossible:
        return StepResult(item=item.id, outcome=Outcome.FAILED, reason=item.plan.impossible)
    if item.plan.waits:
        covered = "; ".join(cover.says for cover in item.plan.covers)
        return StepResult(item=item.id, outcome=Outcome.PREVIEWED, reason=f"{covered or item.id}: {item.plan.waits}")
    return StepResult(item=item.id, outcome=Outcome.ALREADY, reason=item.plan.reason)


def skipped(item: Item, held: Sequence[StepResult]) -> StepResult:
    """The end of an item that was not begun."""
    return StepResult(item=item.id, outcome=Outcome.SKIPPED, reason=f"what it comes after was not done: {_causes(held)}")


def doubted(result: StepResult, still_open: Sequence[StepResult]) -> StepResult:
    """What was closed while its source is open may be minted again: no success, however well it went."""
    if not still_open or result.outcome.exit_code != 0:
        return result
    return replace(result, outcome=Outcome.UNVERIFIED, reason=f"{result.reason}; but its source is still open: {_causes(still_open)}")


def _causes(results: Sequence[StepResult]) -> str:
    return "; ".join(f"{result.item} is {result.outcome}" for result in results)
