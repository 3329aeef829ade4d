"""The only place that knows the order of things: plan, guard, one approval, then every approved step as soon as its sources are closed.

The engine does not know Prefect, Slack or a terminal. Where steps are carried out is a `Stage` it is handed; where people are asked is a
`Channel`. Neither can hold up containment: an error of theirs is noted, and the run goes on.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, Self

from firedoor import planning, report
from firedoor.approval import Request, Ruling, eligible
from firedoor.channel import Ask, Channel
from firedoor.defect import kind_and_place
from firedoor.desk import Desk
from firedoor.errors import ApprovalInvalid, BadInput, FiredoorError, JournalError, LeaseLost, Misconfigured, RunHeld
from firedoor.guard import Guard
from firedoor.journal import Journal, Kind
from firedoor.lease import TTL_SECONDS, Leases
from firedoor.model import Mode, Outcome, Tier
from firedoor.planning import Planned, Units
from firedoor.playbook import Playbook
from firedoor.run import Item, Order, Record, StepResult
from firedoor.step import Bench, perform

LAPSES_AFTER = timedelta(hours=4)
SAYING_SECONDS = 30.0
GOODBYE_SECONDS = 5.0
# A source that was tried and failed does not keep what it minted alive: an attacker could make it fail. One that people held back does.
TRIED = (Outcome.FAILED, Outcome.UNVERIFIED, Outcome.STALE)
RESUMABLE = ("partial", "failed", "stopped")

log = logging.getLogger(__name__)

Work = Callable[[], Awaitable[StepResult]]


class Stage(Protocol):
    """Where a run is carried out: plainly, or as tasks that an orchestrator shows."""

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


class Engine:
    """Runs playbooks. ``look`` are units on read-only clients, ``act`` on writing ones (None in a process that only previews)."""

    def __init__(
        self, *, journal: Journal, leases: Leases, desk: Desk, guard: Guard, channel: Channel, look: Units, act: Units | None
    ) -> None:
        self._journal = journal
        self._leases = leases
        self._desk = desk
        self._guard = guard
        self._channel = channel
        self._look = look
        self._act = act

    async def preview(self, order: Order, book: Playbook) -> Mapping[str, Any]:
        """Plan only: what would be changed. Nothing is written, to a vendor or to the journal."""
        planned = await planning.make(book, order.inputs, mode=order.mode, units=self._look, guard=self._guard)
        record = Record(order=order, items=planned.items, fingerprint=planned.fingerprint)
        record.results = {item.id: _previewed(item) for item in planned.items}
        return report.compose(record, head=await self._journal.head(), finished=datetime.now(UTC))

    async def contain(self, order: Order, book: Playbook, stage: Stage) -> Mapping[str, Any]:
        """The whole job, from a playbook to a verified report. Raises `BadInput` before anything is touched, `JournalError` at any time."""
        if self._act is None or order.mode is Mode.PREVIEW:
            raise Misconfigured("this process only previews, so it can contain nothing", advice="Use `firedoor contain`")
        async with self._alone(order.run):
            planned = await planning.make(book, order.inputs, mode=order.mode, units=self._look, guard=self._guard)
            request = self._request(order, book, planned)
            await self._journal.append(order.run, Kind.OPENED, order)
            await self._journal.append(order.run, Kind.PLANNED, {"items": planned.items, "fingerprint": planned.fingerprint})
            if request is not None:
                await self._desk.ask(request)
            return await self._carry_on(order.run, book.title, stage)

    async def resume(self, run: str, title: str, stage: Stage) -> Mapping[str, Any]:
        """Go on with a run that a dead process left, or whose steps failed. Raises `RunHeld`, `UnknownRun`, `BadInput` where it is over."""
        await self._desk.record(run)
        async with self._alone(run):
            record = await self._desk.record(run)
            if record.report is not None and record.report["outcome"] not in RESUMABLE:
                raise BadInput(f"run {run} is over: {record.report['outcome']}", advice=f"See `firedoor show {run}`")
            if not record.items:
                raise BadInput(f"run {run} ended before its plan was made", advice="Start it again")
            if record.request is None and any(self._wants_approval(item) for item in record.items):
                raise BadInput(f"run {run} ended before its approval was asked for", advice="Start it again; nothing was changed")
            if record.report is not None and record.request is not None and record.ruling is not Ruling.GRANTED:
                raise BadInput(f"run {run} is over: it was never approved", advice="Start it again; nothing was changed")
            await self._journal.append(run, Kind.RESUMED, {"from": len(record.results)})
            return await self._carry_on(run, title, stage)

    async def stop(self, run: str, *, by: str) -> None:
        """Let the run begin no further write. Raises `UnknownRun`, `BadInput` where it is over."""
        if (await self._desk.record(run)).report is not None:
            raise BadInput(f"run {run} is over", advice=f"See `firedoor show {run}`")
        await self._journal.append(run, Kind.STOP, {"by": by})

    def _wants_approval(self, item: Item) -> bool:
        action = self._look.actions.get(item.action)
        return item.plan is not None and bool(item.plan.changes) and (action is None or action.spec.approvals > Tier.AUTO)

    def _request(self, order: Order, book: Playbook, planned: Planned) -> Request | None:
        if planned.tier is Tier.AUTO:
            return None
        roster = self._desk.roster
        now = datetime.now(UTC)
        request = Request(
            run=order.run,
            mode=order.mode,
            playbook=order.playbook,
            fingerprint=planned.fingerprint,
            effects={item.id: tuple(change.effect(item.action) for change in item.plan.changes) for item in planned.items if item.plan},
            covers={item.id: item.plan.covers for item in planned.items if item.plan and item.plan.covers},
            required=planned.tier,
            requester=order.requester,
            roster=roster.hash,
            barred=tuple(person.name for person in roster.among(planned.names)),
            requested=now,
            expires=now + timedelta(minutes=book.approval.expires_minutes),
            lapses=now + timedelta(minutes=book.approval.expires_minutes) + LAPSES_AFTER,
            nonce=secrets.token_hex(16),
        )
        if (able := len(eligible(request, roster))) < request.required:
            raise BadInput(
                f"this plan needs {request.required} approval(s), and {able} on the roster may give one: "
                "not the requester, and nobody who is in the plan",
                advice="Let somebody else request it, or add approvers to firedoor.toml",
            )
        return request

    async def _carry_on(self, run: str, title: str, stage: Stage) -> Mapping[str, Any]:
        """From a recorded plan to the report; the same for a fresh run and for one that is resumed."""
        record = await self._desk.record(run)
        async with _Voices(self._journal, run) as voices:
            voices.say(stage.note("plan", report.compose(record, head=await self._journal.head())))
            ruling = await self._ruling(record, title, voices)
            record = await self._desk.record(run)
            if ruling is Ruling.GRANTED:
                self._confirm(record)
                await self._apply(record, stage, voices)
            else:
                await self._close(record, ruling)
            record = await self._desk.record(run)
            final = report.compose(record, head=await self._journal.head(), finished=datetime.now(UTC))
            event = await self._journal.append(run, Kind.FINISHED, final)
            final = {**final, "journal_head": event.hash}
            voices.say(self._channel.finished(record.order, final))
            voices.say(stage.note("report", final))
        return final

    async def _ruling(self, record: Record, title: str, voices: _Voices) -> Ruling:
        if record.request is None:
            return Ruling.GRANTED
        if record.ruling is None:
            voices.say(self._channel.asked(Ask(title=title, order=record.order, request=record.request, items=record.items)))
            return await self._desk.wait(record.request)
        return record.ruling

    def _confirm(self, record: Record) -> None:
        """What is about to be applied is what was approved, whoever wrote to the journal's database meanwhile. Raises `ApprovalInvalid`."""
        request, order = record.request, record.order
        if request is None:
            return
        same = request.fingerprint == planning.fingerprint(record.items, mode=order.mode, playbook=order.playbook)
        if not same or request.run != order.run or self._desk.grant(record) is None:
            raise ApprovalInvalid(
                "the approval on record has no valid proof, or is one of another plan",
                advice="Run `firedoor audit verify`, then start the run again",
            )

    async def _close(self, record: Record, ruling: Ruling) -> None:
        """A run that was not approved: nothing is done, and every item says so."""
        outcome = {Ruling.DENIED: Outcome.DENIED, Ruling.EXPIRED: Outcome.EXPIRED}.get(ruling, Outcome.STOPPED)
        denied = ", ".join(decision.by for decision in record.decisions if decision.answer == "deny")
        by = {Ruling.DENIED: denied, Ruling.EXPIRED: "nobody answered in time"}.get(ruling, record.stopped_by)
        for item in record.items:
            settled = _previewed(item)
            if item.plan is not None and item.plan.changes:
                settled = StepResult(item=item.id, outcome=outcome, reason=f"{ruling} ({by}); nothing was changed")
            await self._journal.append(record.order.run, Kind.ENDED, settled)

    async def _apply(self, record: Record, stage: Stage, voices: _Voices) -> None:
        """Every item at once, each as soon as what it needs is closed."""
        assert self._act is not None, "a process that only previews cannot apply"
        actions = self._act.actions
        stops = _Stops(self._journal, record.order.run)
        bench = Bench(journal=self._journal, leases=self._leases, grant=self._desk.grant(record), stopped=stops.by)
        ended: dict[str, asyncio.Future[StepResult]] = {item.id: asyncio.get_running_loop().create_future() for item in record.items}

        async def bring(item: Item) -> None:
            earlier = record.results.get(item.id)
            if earlier is not None and earlier.outcome.exit_code == 0:
                ended[item.id].set_result(earlier)
                return
            needed = [await ended[need] for need in item.needs]
            still_open = [result for result in needed if result.outcome.exit_code != 0]
            if item.refused:
                result = StepResult(item=item.id, outcome=Outcome.REFUSED, reason=item.refused)
            elif held := [result for result in still_open if result.outcome not in TRIED]:
                result = _skipped(item, held)
            else:
                past = record.anew(item)
                result = await self._carry_out(item, stage, lambda: perform(item, actions[item.action], record=past, bench=bench))
                result = _doubted(result, still_open)
            await self._journal.append(record.order.run, Kind.ENDED, result)
            ended[item.id].set_result(result)
            voices.say(self._channel.progressed(record.order, result))

        try:
            async with asyncio.TaskGroup() as group:
                for item in record.items:
                    group.create_task(bring(item))
        except* JournalError as broken:
            raise broken.exceptions[0] from broken  # what is not on record must not be done: the run is resumed once the journal is back

    async def _carry_out(self, item: Item, stage: Stage, work: Work) -> StepResult:
        """The item on the stage. Whatever the stage does wrong, the other items go on. Raises only `JournalError`."""
        assert self._act is not None
        if item.action not in self._act.actions:
            return StepResult(item=item.id, outcome=Outcome.FAILED, reason=f"this process has no client for {item.action}")
        try:
            return await stage.step(item, work)
        except JournalError:
            raise
        except Exception as error:  # noqa: BLE001 - see above
            log.error("the stage failed at %s: %s", item.id, kind_and_place(error))  # noqa: TRY400 - a traceback may quote a secret
            words = f"where it was carried out failed ({kind_and_place(error)}); resume the run, which reads the world first"
            return StepResult(item=item.id, outcome=Outcome.FAILED, reason=words)

    @asynccontextmanager
    async def _alone(self, run: str) -> AsyncIterator[None]:
        """One process at a time works on a run; a dead one's hold ends by itself within `TTL_SECONDS`. Raises `RunHeld`."""
        async with AsyncExitStack() as stack:
            try:
                await stack.enter_async_context(self._leases.holding(f"run:{run}", patience=TTL_SECONDS + 1.0))
            except LeaseLost as busy:
                raise RunHeld(f"run {run} is being worked on by another process", advice="Follow it with `firedoor show`") from busy
            yield


class _Stops:
    """Who stopped the run: asked before each write, told from the record, so that a stop counts from the moment it is durable."""

    def __init__(self, journal: Journal, run: str) -> None:
        self._journal = journal
        self._run = run
        self._read = 0
        self._by = ""
        self._turn = asyncio.Lock()

    async def by(self) -> str:
        """The person's name; empty where nobody did, or the run was resumed since."""
        async with self._turn:
            for event in await self._journal.events(self._run, after=self._read):
                self._read = event.n
                if event.kind == Kind.STOP:
                    self._by = str(event.body["by"])
                elif event.kind == Kind.RESUMED:
                    self._by = ""
            return self._by


class _Voices:
    """What is told to people, in order, beside the run and never in its way. An async context manager; leaving it waits a little."""

    def __init__(self, journal: Journal, run: str) -> None:
        self._journal = journal
        self._run = run
        self._unsaid: asyncio.Queue[Coroutine[Any, Any, None]] = asyncio.Queue()

    async def __aenter__(self) -> Self:
        self._speaker = asyncio.create_task(self._speak())
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if kind is None:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._unsaid.join(), GOODBYE_SECONDS)
        self._speaker.cancel()
        await asyncio.gather(self._speaker, return_exceptions=True)
        while not self._unsaid.empty():
            self._unsaid.get_nowait().close()

    def say(self, words: Coroutine[Any, Any, None]) -> None:
        """Say it after what was said before, without waiting for it."""
        self._unsaid.put_nowait(words)

    async def _speak(self) -> None:
        while True:
            words = await self._unsaid.get()
            try:
                async with asyncio.timeout(SAYING_SECONDS):
                    await words
            except Exception as error:  # noqa: BLE001 - a channel's trouble is noted, whatever it is; a strange one may quote anything
                why = str(error) if isinstance(error, FiredoorError) else type(error).__name__
                with suppress(JournalError):
                    await self._journal.append(self._run, Kind.NOTED, {"unsaid": why})
            finally:
                self._unsaid.task_done()


def _previewed(item: Item) -> StepResult:
    if item.refused:
        return StepResult(item=item.id, outcome=Outcome.REFUSED, reason=item.refused)
    assert item.plan is not None
    if item.plan.changes:
        return StepResult(item=item.id, outcome=Outcome.PREVIEWED, reason="; ".join(change.says for change in item.plan.changes))
    if item.plan.impossible:
        return StepResult(item=item.id, outcome=Outcome.FAILED, reason=item.plan.impossible)
    return StepResult(item=item.id, outcome=Outcome.ALREADY, reason=item.plan.reason)


def _skipped(item: Item, held: Sequence[StepResult]) -> StepResult:
    return StepResult(item=item.id, outcome=Outcome.SKIPPED, reason=f"what it comes after was not done: {_causes(held)}")


def _doubted(result: StepResult, still_open: Sequence[StepResult]) -> StepResult:
    """What was closed while its source is open may be minted again: no success, however well it went."""
    if not still_open or result.outcome.exit_code != 0:
        return result
    return replace(result, outcome=Outcome.UNVERIFIED, reason=f"{result.reason}; but its source is still open: {_causes(still_open)}")


def _causes(results: Sequence[StepResult]) -> str:
    return "; ".join(f"{result.item} is {result.outcome}" for result in results)
