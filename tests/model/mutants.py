"""What the model must see: the product without one of its defences, each in turn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from firedoor import step
from firedoor.approval import Grant
from firedoor.journal import Kind
from firedoor.model import Change, Receipt
from firedoor.run import Done, Item, Record, Started

Work = Any
Patches = Mapping[str, object]
_write, _take_up, _look = step._write, step._take_up, step._look


async def _intent_after_effect(work: Work, change: Change, effect: str, now: object, bench: step.Bench) -> str:
    del now
    at = await work.action.clock(work.target)
    if who := await bench.stopped():
        return who
    started = Started(
        item=work.item.id, effect=effect, cover=change.cover, says=change.says, change=change, key="k", at=at, fence=work.lease.fence
    )
    receipt = await work.action.apply(change, started.right(work.run))
    await bench.journal.append(work.run, Kind.INTENT, started, under=work.lease)
    await step._keep(work, started.done(receipt), bench)
    return ""


async def _no_look_before(work: Work, deadline: float) -> Any:
    """The first reading is the plan's, from before the approval."""
    if not hasattr(work.action, "looked") and work.item.plan is not None and work.item.plan.changes:
        work.action.looked = True
        return None, work.item.plan
    return await _look(work, deadline)


async def _deaf(work: Work, change: Change, effect: str, now: object, bench: step.Bench) -> str:
    async def nobody() -> str:
        return ""

    return await _write(
        work, change, effect, now, step.Bench(journal=bench.journal, leases=bench.leases, grant=bench.grant, stopped=nobody)
    )


async def _deaf_for_a_moment(work: Work, change: Change, effect: str, now: object, bench: step.Bench) -> str:
    """Looks for a stop before it asks the vendor for the time."""
    if who := await bench.stopped():
        return who
    return await _deaf(work, change, effect, now, bench)


def _unfenced(*_: object) -> None: ...


async def _forgetful(work: Work, done: Done, bench: step.Bench) -> None:
    del bench
    work.done.append(done)


async def _unsettled(*_: object) -> None: ...


def _all_of_it(record: Record, item: Item) -> Sequence[Any]:
    """Whatever was planned, whether this run did it or not."""
    changes = item.plan.changes if item.plan is not None else ()
    return [Receipt(change=change.key, at=record.order.asked, facts={"before": change.before["status"]}) for change in changes]


def _admits_all(self: Grant, **_: object) -> bool:
    del self
    return True


def _covered_none(self: object, cover: str, *, besides: str) -> int:
    del self, cover, besides
    return 0


def _believes(work: Work, effect: str) -> bool:
    """Takes a write for done whatever came of it."""
    return effect in work.attempts or effect in work.effects


MUTANTS: Mapping[str, Patches] = {
    "the intent comes after the effect": {"firedoor.step._write": _intent_after_effect},
    "nobody looks again before the write": {"firedoor.step._look": _no_look_before},
    "a stop is not looked at": {"firedoor.step._write": _deaf},
    "a stop is looked at too early": {"firedoor.step._write": _deaf_for_a_moment},
    "a lost turn is not noticed": {"firedoor.journal.hold": _unfenced},
    "receipts are forgotten": {"firedoor.step._keep": _forgetful},
    "writes of unknown fate are not settled": {"firedoor.step._settle": _unsettled},
    "a resumed run knows nothing of its open intents": {"firedoor.run.Record.unsettled": lambda *_: ()},
    "undo goes by the plan": {"firedoor.undo._receipts": _all_of_it},
    "extras are done too": {"firedoor.approval.Grant.admits": _admits_all},
    "what a cover was used for is not counted": {"firedoor.step._Work.covered": _covered_none},
    "a write is taken for done": {"firedoor.step._Work.settled": _believes},
}


@contextmanager
def mutated(name: str) -> Iterator[None]:
    """The product without that defence."""
    with ExitStack() as stack:
        for where, what in MUTANTS[name].items():
            stack.enter_context(patch(where, what))
        yield
