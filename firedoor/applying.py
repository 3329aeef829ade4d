"""Carries out an approved plan: each item as soon as what it comes after is closed, people told at the end of what was really done."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from firedoor import observing, report, results, words
from firedoor.catalogue import AnyAction
from firedoor.defect import kind_and_place
from firedoor.desk import Desk
from firedoor.errors import JournalError, LeaseLost
from firedoor.journal import Kind
from firedoor.model import Briefing, Outcome, Residual, Target
from firedoor.run import Item, Record, StepResult, fold, revive
from firedoor.stage import Stage
from firedoor.step import Bench, perform
from firedoor.voices import Voices

# A source that was tried and failed, or must not be touched, does not keep what another minted alive: an attacker could see to it. What
# comes after it is done, and not called done. Only a source that people held back holds up the rest.
TRIED = (Outcome.FAILED, Outcome.UNVERIFIED, Outcome.STALE, Outcome.REFUSED)

log = logging.getLogger(__name__)


class Applying:
    """One run's items under way. Of each, others wait for two things: that it is seen closed, and word of whether it stayed so."""

    def __init__(
        self,
        record: Record,
        actions: Mapping[str, AnyAction],
        *,
        bench: Bench,
        desk: Desk,
        stage: Stage,
        voices: Voices,
    ) -> None:
        self._record = record
        self._actions = actions
        self._bench = bench
        self._desk = desk
        self._stage = stage
        self._voices = voices
        loop = asyncio.get_running_loop()
        self._closed: dict[str, asyncio.Future[StepResult]] = {item.id: loop.create_future() for item in record.items}
        self._ended: dict[str, asyncio.Future[StepResult]] = {item.id: loop.create_future() for item in record.items}

    async def everything(self) -> None:
        """All items to their ends. Raises `JournalError`: what is not on record must not be done, and the run is resumed later.

        Raises `LeaseLost` where another process works on the run by now: how it ends is that one's to say.
        """
        items = self._record.items
        try:
            await self._bring_all([item for item in items if not results.tells(item)])
            if telling := [item for item in items if results.tells(item)]:
                briefing = await self._briefing()
                await self._bring_all([results.briefed(item, self._actions, briefing) for item in telling])
        except* (JournalError, LeaseLost) as broken:
            raise broken.exceptions[0] from broken

    async def _bring_all(self, items: Sequence[Item]) -> None:
        async with asyncio.TaskGroup() as group:
            for item in items:
                group.create_task(self._bring(item))

    async def _bring(self, item: Item) -> None:
        earlier = self._record.results.get(item.id)
        if earlier is not None and earlier.outcome.exit_code == 0:
            results.settle(earlier, self._closed[item.id], self._ended[item.id])
            return
        held = [one for one in results.still_open([await self._closed[need] for need in item.needs]) if one.outcome not in TRIED]
        if item.refused:
            result = StepResult(item=item.id, outcome=Outcome.REFUSED, reason=item.refused)
        elif held:
            result = results.skipped(item, held)
        elif not item.target:
            result = results.previewed(item)
        else:
            result = await self._close(item)
        await self._bench.journal.append(self._record.order.run, Kind.ENDED, result, under=self._bench.hold)
        results.settle(result, self._closed[item.id], self._ended[item.id])
        self._voices.tell(lambda channel: channel.progressed(self._record.order, result))

    async def _close(self, item: Item) -> StepResult:
        """The item's end, known once its sources have theirs: where one of them was open again meanwhile, it is done once more."""
        early = partial(results.settle, StepResult(item=item.id, outcome=Outcome.CHANGED, reason="seen closed"), self._closed[item.id])
        record, anew = await self._desk.record(self._record.order.run), self._record.sources_open(item)
        while True:
            work = partial(perform, item, record=record.as_it_counts(item, anew=anew), bench=self._bench, closed=early)
            result = await self._carry_out(item, work)
            sources = [await self._ended[need] for need in item.needs]
            seen = record.overtaken.get(item.id)
            record, anew = await self._desk.record(record.order.run), False
            if record.overtaken.get(item.id) == seen or result.outcome.exit_code != 0:
                return results.doubted(self._sourceless(item, result), results.still_open(sources))

    def _sourceless(self, item: Item, result: StepResult) -> StepResult:
        """The result, with a word on what mints what was closed where the run was not told of any such thing."""
        action = self._actions.get(item.id)
        if action is None or not action.spec.sources or any(one.action in action.spec.sources for one in self._record.items):
            return result
        left = Residual(
            what=f"whatever can mint again what was closed for {item.label}: nothing of that kind was named in this run",
            until="it is contained too",
            closes_by=" or ".join(action.spec.sources),
        )
        return replace(result, residual=(*result.residual, left))

    async def _carry_out(self, item: Item, work: Callable[[AnyAction], Awaitable[StepResult]]) -> StepResult:
        """The item on the stage. Whatever the stage does wrong, the other items go on. Raises only `JournalError`."""
        action = self._actions.get(item.id)
        if action is None:
            return StepResult(item=item.id, outcome=Outcome.FAILED, reason=f"this process has no client for {item.action}")
        try:
            with observing.span("step", run=self._record.order.run, step=item.step, action=item.action):
                return await self._stage.step(item, lambda: work(action))
        except JournalError:
            raise
        except Exception as error:  # noqa: BLE001 - the stage is no reason for the others to wait
            log.error("the stage failed at %s: %s", item.id, kind_and_place(error))  # noqa: TRY400 - a traceback may quote a secret
            why = f"where it was carried out failed ({kind_and_place(error)}); resume the run, which reads the world first"
            return StepResult(item=item.id, outcome=Outcome.FAILED, reason=why)

    async def _briefing(self) -> Briefing:
        """What tickets and notices are told: the report so far, and who must not read it.

        The report is one as of the end of the last item that contains: told again after a crash, it is the same, so a ticket holds it once.
        """
        order, actions = self._record.order, self._actions
        events = await self._bench.journal.events(order.run)
        record = fold(order.run, events)
        targets: list[Target] = [
            revive(actions[item.id].target, item.target) for item in record.items if item.id in actions and item.target
        ]
        scope = tuple(dict.fromkeys(name for target in targets for name in target.names))
        telling = {item.id for item in record.items if item.telling}
        ends = [event for event in events if event.kind == Kind.ENDED and event.body["item"] not in telling]
        last = ends[-1] if ends else next(event for event in events if event.kind == Kind.PLANNED)
        so_far = report.compose(record, head=last.hash, finished=last.at, told=False)
        return Briefing(run=order.run, incident=order.incident, title=order.title, text=words.report_markdown(so_far), scope=scope)
