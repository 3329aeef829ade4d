"""One item of an approved plan, from its lease to its verdict: read, write what is approved and still needed, read again until it holds.

The loop never trusts a reply. A write that failed, or whose reply was lost, is settled by the next reading: a change that is no longer
planned was made, whoever made it.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from firedoor.approval import Grant
from firedoor.canonical import plain
from firedoor.catalogue import AnyAction
from firedoor.defect import kind_and_place
from firedoor.errors import Conflict, FiredoorError, JournalError, RateLimited, VendorError
from firedoor.journal import Journal, Kind
from firedoor.lease import Lease, Leases
from firedoor.model import Change, Outcome, Plan, Receipt, Standing, Target, Verdict
from firedoor.run import Done, Item, Record, Started, StepResult, revive

log = logging.getLogger(__name__)

NAMESPACE = uuid.UUID("6f1d0c5e-2f0b-5a52-9f3e-2d6a4c1b7e90")
ATTEMPTS = 3
FIRST_POLL, LONGEST_POLL, WATCH_POLL = 0.05, 1.0, 0.25
PACE = 1.0  # how much of the time that an action must be seen to hold is really waited for; only tests hurry
OVERDUE = 1.0  # seconds after which what does not show was taken back, where that must be reckoned with
LONGEST_FIGHT = 100  # times that a change is made again because somebody takes it back
PATIENCE = 60.0  # for a turn at the target
LONGEST_REST = 90.0  # a vendor's window resets within a minute; one that wants more is an error for a person to see


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What every item of a run works with. ``stopped`` tells, before each write, who stopped the run (empty: nobody).

    ``hold`` is the process's turn at the run: once another process has that, nothing more is begun here.
    """

    journal: Journal
    leases: Leases
    grant: Grant | None
    stopped: Callable[[], Awaitable[str]]
    hold: Lease | None = None


@dataclass(slots=True, kw_only=True)
class _Work:
    """One item under way.

    ``open`` are intents without a receipt, ``doubtful`` the effects of which nobody knows whether a write of ours had them. ``again`` are
    effects that were made, and that somebody took back: lag no longer explains why they should be planned. ``shown`` are those that a
    reading has shown to be made, ``written`` when each was last written, on the monotonic clock. ``attempts`` and ``failures`` count the
    writes of each, the latter since one last succeeded. ``spent`` are all writes under a cover that the run ever began here.
    """

    item: Item
    action: AnyAction
    target: Target
    run: str
    lease: Lease
    done: list[Done]
    open: list[Started]
    doubtful: set[str]
    again: set[str] = field(default_factory=set)
    errors: dict[str, VendorError] = field(default_factory=dict)
    spent: tuple[Started, ...] = ()
    attempts: dict[str, int] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)
    written: dict[str, float] = field(default_factory=dict)
    shown: set[str] = field(default_factory=set)

    @property
    def effects(self) -> set[str]:
        return {done.effect for done in self.done}

    @property
    def receipts(self) -> list[Receipt]:
        return [done.receipt for done in self.done]

    def given_up(self, effect: str) -> bool:
        """Whether writing it again cannot help, or has not helped often enough. Who takes it back must not win by being in our way."""
        error = self.errors.get(effect)
        if error is None:
            return False
        if isinstance(error, Conflict) and effect in self.again:
            return self.attempts[effect] >= LONGEST_FIGHT
        return not error.retryable or self.failures[effect] >= ATTEMPTS or _rest(error) > LONGEST_REST

    def failed(self, effect: str, error: VendorError) -> None:
        """Take in that a write failed, or could not even begin."""
        self.errors[effect] = error
        self.failures[effect] = self.failures.get(effect, 0) + 1

    def settled(self, effect: str) -> bool:
        """Whether there is nothing to write, whatever the plan says: it was made and may not show yet, or it was given up."""
        return (effect in self.effects and effect not in self.again) or self.given_up(effect)

    def look_at(self, plan: Plan) -> None:
        """Take in what a reading shows: what was made and shown before and is planned again was taken back by somebody.

        Only an action that must hold for a while is held to it here: elsewhere, a late copy of the world is the likelier cause.
        """
        if plan.blocked or not self.action.spec.hold:
            return
        planned = {change.effect(self.item.action) for change in plan.changes}
        overdue = {effect for effect in planned & self.effects if time.monotonic() - self.written.get(effect, 0.0) > OVERDUE}
        self.again |= {effect for effect in (planned & self.shown) | overdue if self.attempts.get(effect, 0) < LONGEST_FIGHT}
        self.shown = self.effects - planned

    def covered(self, cover: str, *, besides: str) -> int:
        """How many changes of a class were begun in this run; one whose fate is unknown counts too."""
        begun: list[Started | Done] = [*self.spent, *self.open, *self.done]
        return len({one.effect for one in begun if cover and one.cover == cover} - {besides})

    def rest(self) -> float:
        """Seconds that the vendor wants left in peace before what failed is written again."""
        return max((_rest(error) for effect, error in self.errors.items() if not self.given_up(effect)), default=0.0)


async def perform(item: Item, action: AnyAction, *, record: Record, bench: Bench, closed: Callable[[], None] = lambda: None) -> StepResult:
    """Bring one item to its end. Raises only `JournalError`: whatever else failed is in the result.

    ``closed`` is called as soon as it is seen to hold: what comes after need not wait for as long as it must go on holding.
    """
    began = time.monotonic()
    done = list(record.done(item.id))  # grows as the work goes on: however it ends, what was done is told
    try:
        target = revive(action.target, item.target)
        result = await _bring_to_hold(item, action, target, record=record, bench=bench, done=done, closed=closed)
    except JournalError:
        raise
    except FiredoorError as error:
        result = _failed(item, _words(error, done), done)
    except Exception as defect:  # noqa: BLE001 - one action's defect must not hold the other doors open
        log.error("a defect in %s: %s", item.action, kind_and_place(defect))  # noqa: TRY400 - a traceback may quote a secret
        words = f"a defect in {item.action} ({kind_and_place(defect)}); look at its target by hand, then resume the run"
        result = _failed(item, words, done)
    return replace(result, seconds=round(time.monotonic() - began, 3))


async def _bring_to_hold(
    item: Item, action: AnyAction, target: Target, *, record: Record, bench: Bench, done: list[Done], closed: Callable[[], None]
) -> StepResult:
    """Under the lease, as often as it takes, until it holds; the watching in between is without it, so that others get their turn."""
    work: _Work | None = None
    while True:
        async with bench.leases.holding(action.lease(target), patience=PATIENCE) as turn:
            lease = replace(turn, within=bench.hold)
            work = work or await _take_up(item, action, target, lease=lease, record=record, done=done)
            work.lease = lease
            result = await _bring_about(work, bench)
        if result.outcome is not Outcome.CHANGED or not action.spec.hold:
            return result
        closed()
        plan = await _watch(work)
        if plan is not None and plan.changes:
            continue
        if plan is None or plan.blocked:
            why = plan.blocked if plan is not None else "it could not be read"
            return replace(result, outcome=Outcome.UNVERIFIED, reason=f"{result.reason}; whether it goes on holding was not seen: {why}")
        return result


async def _watch(work: _Work) -> Plan | None:
    """What is left to do after as long as what was done must hold, or as soon as it does not; None where the last reading failed.

    Until the vendor enforces a change, it may be taken back. Only looks.
    """
    until = time.monotonic() + work.action.spec.hold * PACE
    plan: Plan | None = None
    while time.monotonic() < until or plan is None:
        late = time.monotonic() >= until + work.action.spec.settle_within
        await asyncio.sleep(min(WATCH_POLL, max(until - time.monotonic(), FIRST_POLL)))
        try:
            plan = work.action.plan(work.target, await work.action.read(work.target))
        except VendorError:  # it is read again in a moment, and must be seen in the end
            plan = None
            if late:
                return None
            continue
        work.look_at(plan)
        if plan.changes:
            break
    return plan


async def _take_up(item: Item, action: AnyAction, target: Target, *, lease: Lease, record: Record, done: list[Done]) -> _Work:
    """The item as earlier processes left it: its T, its receipts, and its writes of unknown fate."""
    spent = tuple(intent for intent in record.forgotten if intent.item == item.id)
    intents = [intent for intent in record.intents if intent.item == item.id]
    unsettled = list(record.unsettled(item.id))
    if intents:
        target = target.bound(min(intent.at for intent in intents))
    doubtful = {intent.effect for intent in unsettled}
    run = record.order.run
    work = _Work(item=item, action=action, target=target, run=run, lease=lease, done=done, open=unsettled, doubtful=doubtful, spent=spent)
    if done:
        with suppress(VendorError):  # without its clock we rather wait than write
            shows = await action.clock(target) - timedelta(seconds=action.spec.settle_within)
            last = {intent.effect: intent.at for intent in intents}
            work.again = {one.effect for one in done if last.get(one.effect, shows) < shows}
    return work


async def _bring_about(work: _Work, bench: Bench) -> StepResult:
    deadline, pause = time.monotonic() + work.action.spec.settle_within, FIRST_POLL
    now: Any = None
    while True:
        try:
            now, plan = await _look(work, deadline)
        except VendorError as error:
            if not (work.open or work.done):
                raise
            return _result(work, Outcome.UNVERIFIED, f"it could not be read back: {error}", now)
        await _settle(work, plan, bench)
        work.look_at(plan)
        extras: list[Change] = []
        wrote = False
        for change in plan.changes:
            effect = change.effect(work.item.action)
            if work.settled(effect):
                continue
            if not _admitted(work, change, effect, bench):
                extras.append(change)
                continue
            if who := await _write(work, change, effect, now, bench):
                return _result(work, Outcome.STOPPED, f"stopped by {who} before this was done: {change.says}", now)
            wrote = True
        if wrote:
            await asyncio.sleep(work.rest())
            deadline, pause = time.monotonic() + work.action.spec.settle_within, FIRST_POLL
            continue
        ended = await _judge(work, plan, extras, now, late=time.monotonic() > deadline)
        if ended is not None:
            return ended
        await asyncio.sleep(pause)
        pause = min(pause * 1.6, LONGEST_POLL)


async def _look(work: _Work, deadline: float) -> tuple[Any, Plan]:
    """Read and plan. A reading that failed for the moment is tried again until the deadline, or for as long as the vendor's limit wants."""
    while True:
        try:
            now = await work.action.read(work.target)
        except VendorError as error:
            limited = isinstance(error, RateLimited)
            rest = max(_rest(error), LONGEST_POLL)
            if not error.retryable or rest > LONGEST_REST or time.monotonic() > deadline + (LONGEST_REST if limited else 0.0):
                raise
            await asyncio.sleep(rest)
        else:
            return now, work.action.plan(work.target, now)


async def _settle(work: _Work, plan: Plan, bench: Bench) -> None:
    """Give a receipt to every write without a reply whose change is no longer planned: the world says that it was made.

    Where the vendor refused each of our writes, somebody else made it. That settles it too, but is nothing for us to undo. A plan that is
    blocked shows nothing; one that waits for a time does.
    """
    if plan.blocked and plan.until is None:
        return
    planned = {change.effect(work.item.action) for change in plan.changes}
    for intent in work.open:
        if intent.effect in planned or intent.effect in work.effects:
            continue
        ours = intent.effect in work.doubtful
        receipt = replace(work.action.receipt(intent.change, intent.right(work.run)), settled="reading")
        if not ours:
            receipt = Receipt(change=intent.change.key, at=intent.at, settled="refusal")
        await _keep(work, intent.done(receipt), bench)
        work.errors.pop(intent.effect, None)


def _admitted(work: _Work, change: Change, effect: str, bench: Bench) -> bool:
    """Whether the change may be made: by the approval, or because telling people needs nobody's."""
    if bench.grant is None or not work.action.spec.approvals:
        return not work.action.spec.approvals
    used = work.covered(change.cover, besides=effect)
    return bench.grant.admits(item=work.item.id, effect=effect, cover=change.cover, used=used, now=datetime.now(UTC))


async def _write(work: _Work, change: Change, effect: str, now: object, bench: Bench) -> str:
    """Begin the write, and take in what becomes of it. Who stopped the run before it was begun, if anybody did."""
    work.attempts[effect] = work.attempts.get(effect, 0) + 1
    work.written[effect] = time.monotonic()
    try:
        at = await work.action.clock(work.target)
    except VendorError as error:
        work.failed(effect, error)
        return ""
    if who := await bench.stopped():  # only now: the vendor may have been slow to tell its time
        return who
    first = not (work.open or work.done)
    if first:
        work.target = work.target.bound(at)
    started = Started(
        item=work.item.id,
        effect=effect,
        cover=change.cover,
        says=change.says,
        change=change,
        key=str(uuid.uuid5(NAMESPACE, f"{work.run}/{work.item.id}/{effect}")),
        at=at,
        fence=work.lease.fence,
        before=plain(now) if first else None,  # type: ignore[arg-type]
    )
    await bench.journal.append(work.run, Kind.INTENT, started, under=work.lease)
    work.open.append(started)
    try:
        receipt = await work.action.apply(change, started.right(work.run))
    except VendorError as error:
        work.failed(effect, error)  # the next reading tells whether it had its effect all the same
        if error.changed is not False or not isinstance(error, Conflict):
            work.doubtful.add(effect)  # the client may have tried more than once: only a plain "not in this state" is sure to be a no
        return ""
    work.errors.pop(effect, None)
    work.failures.pop(effect, None)
    work.again.discard(effect)
    await _keep(work, started.done(receipt), bench)
    return ""


async def _keep(work: _Work, done: Done, bench: Bench) -> None:
    await bench.journal.append(work.run, Kind.RECEIPT, done)
    work.done.append(done)


async def _judge(work: _Work, plan: Plan, extras: list[Change], now: Any, *, late: bool) -> StepResult | None:
    """The item's end, or None while there is still something to wait for."""
    pending = {change.effect(work.item.action): change for change in plan.changes if change not in extras}
    if failed := [work.errors[effect] for effect in pending if effect in work.errors]:
        # A refusal "in this state" may be the echo of a change that is made but not yet visible: look again for as long as it may lag.
        echo = all(isinstance(error, Conflict) for error in failed)
        return None if echo and not late else _result(work, Outcome.FAILED, " ".join(map(str, failed)), now, extras)
    if extras and not pending:
        words = "; ".join(change.says for change in extras)
        return _result(work, Outcome.STALE, f"not among what was approved, so it waits for an approval of its own: {words}", now, extras)
    if plan.waits and plan.until is None and not late:
        return None  # what it waits for is closed by now, and may not show yet
    if not work.done and not plan.changes:
        outcome = Outcome.FAILED if plan.blocked else Outcome.ALREADY
        return _result(work, outcome, plan.blocked or plan.reason, now)
    still = "; ".join(change.says for change in pending.values())
    verdict = Verdict(standing=Standing.NOT_YET, says=f"still to see: {still}") if pending else await _verdict(work)
    if verdict.standing is not Standing.HOLDS:
        within = f"within {work.action.spec.settle_within:.0f} s"
        words = f"it was done, but could not be seen {within}: {verdict.says}"
        return _result(work, Outcome.UNVERIFIED, words, now, extras) if late else None
    return _result(work, Outcome.CHANGED if _made(work.done) else Outcome.ALREADY, verdict.says, now)


async def _verdict(work: _Work) -> Verdict:
    try:
        return await work.action.verify(work.target, work.receipts)
    except VendorError as error:
        return Verdict(standing=Standing.UNKNOWN, says=str(error))


def _result(work: _Work, outcome: Outcome, reason: str, now: Any, extras: Sequence[Change] = ()) -> StepResult:
    return StepResult(
        item=work.item.id,
        outcome=outcome,
        reason=reason,
        changes=_made(work.done),
        extras=tuple(change.says for change in extras),
        residual=() if now is None else tuple(work.action.residuals(work.target, now)),
    )


def _failed(item: Item, reason: str, done: Sequence[Done]) -> StepResult:
    return StepResult(item=item.id, outcome=Outcome.FAILED, reason=reason, changes=_made(done))


def _made(done: Sequence[Done]) -> tuple[str, ...]:
    """The changes that are this run's, in words, each once."""
    return tuple(dict.fromkeys(one.says for one in done if one.receipt.settled != "refusal"))


def _words(error: FiredoorError, done: Sequence[Done]) -> str:
    """What went wrong. "Nothing was changed" is true of the last call only, so it is not said where something was done before."""
    if done and error.changed is False:
        return ". ".join(part for part in (error.what, "What was done before stays done", error.advice) if part)
    return str(error)


def _rest(error: VendorError) -> float:
    """Seconds to wait before trying again: what the vendor names, or a breath."""
    return error.retry_after if isinstance(error, RateLimited) and error.retry_after is not None else FIRST_POLL
