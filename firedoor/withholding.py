"""One item of an approved plan in an exercise: read again, and each change that is still needed noted in the place of its write.

All that a real run would weigh is weighed here: what has become so meanwhile is dropped, what nobody has approved waits, a stop counts. No
turn at the target is taken, for nobody who writes there may be held up by somebody who does not.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from firedoor.catalogue import AnyAction
from firedoor.defect import kind_and_place
from firedoor.errors import FiredoorError, JournalError, Taken
from firedoor.journal import Kind
from firedoor.model import Change, Outcome, Plan
from firedoor.planning import TRYING
from firedoor.run import Item, Record, StepResult, Withheld, revive
from firedoor.step import Bench

log = logging.getLogger(__name__)


async def perform(item: Item, action: AnyAction, *, record: Record, bench: Bench, closed: Callable[[], None] = lambda: None) -> StepResult:
    """Bring one item to its end without a write. As `firedoor.step.perform`, it raises only `JournalError`."""
    began = time.monotonic()
    try:
        target = revive(action.target, item.target)
        now: Any = await TRYING.wraps(action.read)(target)
        result = await _withhold(item, action, action.plan(target, now), record=record, bench=bench)
        result = replace(result, residual=tuple(action.residuals(target, now)))
    except JournalError:
        raise
    except FiredoorError as error:
        result = StepResult(item=item.id, outcome=Outcome.FAILED, reason=str(error))
    except Exception as defect:  # noqa: BLE001 - one action's defect must not hold the other doors open
        log.error("a defect in %s: %s", item.action, kind_and_place(defect))  # noqa: TRY400 - a traceback may quote a secret
        result = StepResult(item=item.id, outcome=Outcome.FAILED, reason=f"a defect in {item.action} ({kind_and_place(defect)})")
    closed()
    return replace(result, seconds=round(time.monotonic() - began, 3))


async def _withhold(item: Item, action: AnyAction, plan: Plan, *, record: Record, bench: Bench) -> StepResult:
    """Note each write in the place of which this stands. A class of changes that is known only later is told as what would come."""
    noted = {one.effect: one for one in record.withheld if one.item == item.id}
    extras: list[Change] = []
    for change in plan.changes:
        effect = change.effect(item.action)
        if effect in noted:
            continue
        if not _admitted(action, item, change, effect, noted, bench):
            extras.append(change)
            continue
        if who := await bench.stopped():
            return StepResult(item=item.id, outcome=Outcome.STOPPED, reason=f"stopped by {who} before this would have been: {change.says}")
        noted[effect] = Withheld(item=item.id, effect=effect, cover=change.cover, says=change.says, at=datetime.now(UTC))
        with suppress(Taken):  # noted by a process before this one, in the moment when it ended
            await bench.journal.append(
                record.order.run, Kind.WITHHELD, noted[effect], claim=f"withheld:{item.id}:{effect}", under=bench.hold
            )
    return _result(item, plan, [one.says for one in noted.values()], [change.says for change in extras], dropped=_dropped(item, plan))


def _admitted(action: AnyAction, item: Item, change: Change, effect: str, noted: dict[str, Withheld], bench: Bench) -> bool:  # noqa: PLR0917
    """Whether a real run might make the change: by the approval, or because telling people needs nobody's. Raises as `Grant.admits`."""
    if bench.grant is None or not action.spec.approvals:
        return not action.spec.approvals
    used = len([one for one in noted.values() if change.cover and one.cover == change.cover])
    return bench.grant.admits(item=item.id, effect=effect, cover=change.cover, used=used, now=datetime.now(UTC))


def _dropped(item: Item, plan: Plan) -> list[str]:
    """What was approved and is not needed any more."""
    if item.plan is None or item.telling or plan.blocked:
        return []
    needed = {change.effect(item.action) for change in plan.changes}
    return [change.says for change in item.plan.changes if change.effect(item.action) not in needed]


def _result(item: Item, plan: Plan, would: Sequence[str], extras: Sequence[str], *, dropped: Sequence[str]) -> StepResult:
    less = f"; no longer needed: {'; '.join(dropped)}" if dropped else ""
    if extras:
        words = f"not among what was approved, so it would wait for an approval of its own: {'; '.join(extras)}{less}"
        return StepResult(item=item.id, outcome=Outcome.STALE, reason=words, extras=tuple(extras))
    if would:
        return StepResult(item=item.id, outcome=Outcome.PREVIEWED, reason=f"{'; '.join(would)}{less}")
    if plan.waits:
        covered = "; ".join(cover.says for cover in plan.covers)
        return StepResult(item=item.id, outcome=Outcome.PREVIEWED, reason=f"{covered or item.id}: {plan.waits}")
    if plan.impossible:
        return StepResult(item=item.id, outcome=Outcome.FAILED, reason=plan.impossible)
    return StepResult(item=item.id, outcome=Outcome.ALREADY, reason=f"{plan.reason}{less}")
