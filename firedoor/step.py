"""One item of an approved plan, from its lease to its verdict: read, write what is approved and still needed, read again until it holds.

The loop never trusts a reply. A write that failed, or whose reply was lost, is settled by the next reading: a change that is no longer
planned was made, whoever made it.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from firedoor.approval import Grant
from firedoor.canonical import plain
from firedoor.catalogue import AnyAction
from firedoor.errors import Conflict, FiredoorError, JournalError, VendorError
from firedoor.journal import Journal, Kind
from firedoor.lease import Lease, Leases
from firedoor.model import Change, Intent, Outcome, Plan, Receipt, Standing, Target, Verdict
from firedoor.run import Done, Item, Record, Started, StepResult, revive

log = logging.getLogger(__name__)

NAMESPACE = uuid.UUID("6f1d0c5e-2f0b-5a52-9f3e-2d6a4c1b7e90")
ATTEMPTS = 3
FIRST_POLL, LONGEST_POLL = 0.05, 1.0
PATIENCE = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What every item of a run works with. ``stopped`` tells, before each write, who stopped the run (empty: nobody)."""

    journal: Journal
    leases: Leases
    grant: Grant | None
    stopped: Callable[[], str]


@dataclass(slots=True, kw_only=True)
class _Work:
    """One item under way."""

    item: Item
    action: AnyAction
    target: Target
    run: str
    lease: Lease
    done: list[Done]
    open: list[Started]
    errors: dict[str, VendorError] = field(default_factory=dict)
    attempts: dict[str, int] = field(default_factory=dict)

    @property
    def effects(self) -> set[str]:
        return {done.effect for done in self.done}

    @property
    def receipts(self) -> list[Receipt]:
        return [done.receipt for done in self.done]

    def given_up(self, effect: str) -> bool:
        """Whether writing it again cannot help, or has not helped often enough."""
        error = self.errors.get(effect)
        return error is not None and (not error.retryable or self.attempts[effect] >= ATTEMPTS)


async def perform(item: Item, action: AnyAction, *, record: Record, bench: Bench) -> StepResult:
    """Bring one item to its end. Raises only `JournalError`: whatever else failed is in the result."""
    began = time.monotonic()
    target = revive(action.target, item.target)
    intents = [intent for intent in record.intents if intent.item == item.id]
    if intents:
        target = target.bound(min(intent.at for intent in intents))
    try:
        async with bench.leases.holding(action.lease(target), patience=PATIENCE) as lease:
            work = _Work(
                item=item,
                action=action,
                target=target,
                run=record.order.run,
                lease=lease,
                done=list(record.done(item.id)),
                open=list(record.unsettled(item.id)),
            )
            result = await _bring_about(work, bench)
    except JournalError:
        raise
    except FiredoorError as error:
        result = StepResult(item=item.id, outcome=Outcome.FAILED, reason=str(error))
    except (
        Exception
    ) as defect:  # one action's defect must not hold the other doors open; its text may quote anything, so only its kind is kept
        log.exception("a defect in %s", item.action)
        words = f"a defect in {item.action} ({type(defect).__name__}); look at its target by hand, then resume the run"
        result = StepResult(item=item.id, outcome=Outcome.FAILED, reason=words)
    return replace(result, seconds=round(time.monotonic() - began, 3))


async def _bring_about(work: _Work, bench: Bench) -> StepResult:
    deadline = time.monotonic() + work.action.spec.settle_within
    pause = FIRST_POLL
    while True:
        now, plan = await _look(work, deadline)
        await _settle(work, plan, bench)
        extras: list[Change] = []
        wrote = False
        for change in plan.changes:
            effect = change.effect(work.item.action)
            if effect in work.effects or work.given_up(effect):
                continue
            if not _admitted(work, change, effect, bench):
                extras.append(change)
                continue
            if who := bench.stopped():
                return _result(work, Outcome.STOPPED, f"stopped by {who} before this was done: {change.says}", now)
            await _write(work, change, effect, now, bench)
            wrote = True
        if wrote:
            deadline, pause = time.monotonic() + work.action.spec.settle_within, FIRST_POLL
            continue
        ended = await _judge(work, plan, extras, now, late=time.monotonic() > deadline)
        if ended is not None:
            return ended
        await asyncio.sleep(pause)
        pause = min(pause * 1.6, LONGEST_POLL)


async def _look(work: _Work, deadline: float) -> tuple[Any, Plan]:
    """Read and plan. Once something was written, a failed reading is tried again until the deadline: the verdict waits for a true one."""
    while True:
        try:
            now = await work.action.read(work.target)
        except VendorError as error:
            if not (error.retryable and (work.done or work.errors)) or time.monotonic() > deadline:
                raise
            await asyncio.sleep(LONGEST_POLL)
        else:
            return now, work.action.plan(work.target, now)


async def _settle(work: _Work, plan: Plan, bench: Bench) -> None:
    """Give a receipt to every write of unknown fate whose change is no longer planned: the world says that it was made."""
    planned = {change.effect(work.item.action) for change in plan.changes}
    if plan.impossible:
        return
    for intent in [intent for intent in work.open if intent.effect not in planned and intent.effect not in work.effects]:
        receipt = Receipt(change=intent.effect, at=intent.at, settled="reading")
        await _keep(work, Done(item=work.item.id, effect=intent.effect, cover=intent.cover, says=intent.says, receipt=receipt), bench)
        work.errors.pop(intent.effect, None)


def _admitted(work: _Work, change: Change, effect: str, bench: Bench) -> bool:
    """Whether the approval admits the change. Without a grant, only what needs nobody's approval may be done."""
    if bench.grant is None:
        return not work.action.spec.approvals
    used = sum(1 for done in work.done if change.cover and done.cover == change.cover)
    return bench.grant.admits(item=work.item.id, effect=effect, cover=change.cover, used=used, now=datetime.now(UTC))


async def _write(work: _Work, change: Change, effect: str, now: object, bench: Bench) -> None:
    at = await work.action.clock(work.target)
    if not work.open and not work.done:
        work.target = work.target.bound(at)
    key = str(uuid.uuid5(NAMESPACE, f"{work.run}/{work.item.id}/{effect}"))
    before = None if work.open or work.done else plain(now)
    started = Started(
        item=work.item.id,
        effect=effect,
        cover=change.cover,
        says=change.says,
        key=key,
        at=at,
        fence=work.lease.fence,
        before=before,  # type: ignore[arg-type]
    )
    await bench.journal.append(work.run, Kind.INTENT, started, under=work.lease)
    work.open.append(started)
    work.attempts[effect] = work.attempts.get(effect, 0) + 1
    try:
        receipt = await work.action.apply(change, Intent(run=work.run, item=work.item.id, key=key, at=at, fence=work.lease.fence))
    except VendorError as error:
        work.errors[effect] = error  # the next reading tells whether it had its effect all the same
        return
    work.errors.pop(effect, None)
    await _keep(work, Done(item=work.item.id, effect=effect, cover=change.cover, says=change.says, receipt=receipt), bench)


async def _keep(work: _Work, done: Done, bench: Bench) -> None:
    await bench.journal.append(work.run, Kind.RECEIPT, done)
    work.done.append(done)


async def _judge(work: _Work, plan: Plan, extras: list[Change], now: Any, *, late: bool) -> StepResult | None:
    """The item's end, or None while there is still something to wait for."""
    pending = {change.effect(work.item.action) for change in plan.changes} - {change.effect(work.item.action) for change in extras}
    if failed := [work.errors[effect] for effect in pending if effect in work.errors]:
        # A refusal "in this state" may be the echo of a change that is made but not yet visible: look again for as long as it may lag.
        echo = all(isinstance(error, Conflict) for error in failed)
        return None if echo and not late else _result(work, Outcome.FAILED, " ".join(map(str, failed)), now)
    if extras and not pending:
        words = "; ".join(change.says for change in extras)
        return _result(work, Outcome.STALE, f"not approved, for it came up since the approval: {words}", now, extras)
    if not work.done and not plan.changes:
        outcome = Outcome.FAILED if plan.impossible else Outcome.ALREADY
        return _result(work, outcome, plan.impossible or plan.reason, now)
    verdict = await _verdict(work)
    if verdict.standing is Standing.HOLDS and not extras:
        return _result(work, Outcome.CHANGED, verdict.says, now)
    if not late:
        return None
    within = f"within {work.action.spec.settle_within:.0f} s"
    return _result(work, Outcome.UNVERIFIED, f"it was done, but could not be seen {within}: {verdict.says}", now, extras)


async def _verdict(work: _Work) -> Verdict:
    try:
        return await work.action.verify(work.target, work.receipts)
    except VendorError as error:
        return Verdict(standing=Standing.UNKNOWN, says=str(error))


def _result(work: _Work, outcome: Outcome, reason: str, now: Any, extras: Sequence[Change] = ()) -> StepResult:
    residuals = work.action.residuals(work.target, now)
    return StepResult(
        item=work.item.id,
        outcome=outcome,
        reason=reason,
        changes=tuple(done.says for done in work.done),
        extras=tuple(change.says for change in extras),
        residual=tuple(residuals),
    )
