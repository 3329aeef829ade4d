"""The only place that knows the order of things: plan, guard, one approval, then every approved step as soon as its sources are closed.

The engine does not know Prefect, Slack or a terminal. Where steps are carried out is a `Stage` it is handed; where people are asked is a
`Channel`. Neither can hold up containment: an error of theirs is noted, and the run goes on.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeAlias

from firedoor import asking, observing, ordering, planning, renewing, report, requesting, results, resuming, undo, withholding
from firedoor.alone import alone
from firedoor.applying import Applying
from firedoor.approval import Ruling, Way
from firedoor.catalogue import AnyAction
from firedoor.channel import Channel, Together, each
from firedoor.desk import Desk
from firedoor.drafting import Units
from firedoor.errors import (
    ApprovalInvalid,
    BadInput,
    FiredoorError,
    JournalError,
    Misconfigured,
    Overtaken,
)
from firedoor.guard import Guard
from firedoor.journal import Journal, Kind
from firedoor.lease import Lease, Leases
from firedoor.model import Mode, Outcome
from firedoor.planning import Planned
from firedoor.playbook import Approval, Playbook
from firedoor.run import ITSELF, Item, Order, Record, Resumption, StepResult, Via, resumed
from firedoor.stage import Stage
from firedoor.step import Bench, perform
from firedoor.stops import Stops
from firedoor.voices import Voices

EXERCISE = "Use `firedoor drill --against live`"

Show: TypeAlias = Callable[[Order, Planned], None]

log = logging.getLogger(__name__)


def unshown(order: Order, planned: Planned) -> None:
    """Nobody looks at the plan but in the report."""
    del order, planned


async def _nobody() -> str:
    return ""


class Engine:
    """Runs playbooks. ``look`` are units on read-only clients, ``act`` on writing ones (None in a process that only previews).

    ``drills``: all of them are of a drill's simulated vendors.
    """

    def __init__(
        self,
        *,
        journal: Journal,
        leases: Leases,
        desk: Desk,
        guard: Guard,
        channel: Channel | Together,
        look: Units,
        act: Units | None,
        drills: bool = False,
    ) -> None:
        self._journal = journal
        self._leases = leases
        self._desk = desk
        self._guard = guard
        self._channels = each(channel)
        self._look = look
        self._act = act
        self._drills = drills

    async def preview(self, order: Order, book: Playbook, *, show: Show = unshown) -> Mapping[str, Any]:
        """Plan only: what would be changed; ``show`` is shown it. Nothing is written, to a vendor or to the journal."""
        return await self._previewed(order, await planning.make(book, order, units=self._look, guard=self._guard), show)

    async def preview_undo(self, order: Order, *, show: Show = unshown) -> Mapping[str, Any]:
        """What undoing a run would change. Raises as `undo`."""
        return await self._previewed(order, await self._plan_undo(order, await self._to_be_undone(order)), show)

    async def contain(self, order: Order, book: Playbook, stage: Stage) -> Mapping[str, Any]:
        """The whole job, from a playbook to a verified report. Raises `BadInput` before anything is touched, `JournalError` at any time."""
        await self._check_may_begin(order)
        async with self._explaining(order.run), alone(self._leases, order.run) as hold:
            planned = await planning.make(book, order, units=self._look, guard=self._guard)
            return await self._begin(order, planned, book.approval, stage, hold)

    async def undo(self, order: Order, stage: Stage) -> Mapping[str, Any]:
        """Undo what another run changed (``order.undoes``), by its receipts, with an approval of its own.

        Raises `UnknownRun`, `BadInput` where it changed nothing, is still under way, or is an undo itself.
        """
        await self._check_may_begin(order)
        async with self._explaining(order.run), alone(self._leases, order.undoes) as theirs, alone(self._leases, order.run) as ours:
            original, hold = await self._to_be_undone(order), replace(ours, within=theirs)
            return await self._begin(order, await self._plan_undo(order, original), Approval(), stage, hold)

    async def resume(self, run: str, stage: Stage, by: Resumption = ITSELF) -> Mapping[str, Any]:
        """Go on with a run that a dead process left, or whose steps failed, on whose order ``by`` says.

        Where the roster has changed since, what is left is asked for anew. Raises `RunHeld`, `UnknownRun`, `BadInput` where it is over,
        or is not to go on by that order.
        """
        order = (await self._desk.record(run)).order
        self._check_acts(order)
        if order.sweep:
            raise BadInput(f"run {run} is a sweep", advice=f"Use `firedoor sweep resume {run}`")
        undoes = order.undoes
        async with self._explaining(run), AsyncExitStack() as held:
            theirs = await held.enter_async_context(alone(self._leases, undoes)) if undoes else None
            hold = replace(await held.enter_async_context(alone(self._leases, run)), within=theirs)
            while not await self._resumed(run, by, hold):
                pass  # something came in meanwhile, a stop for instance: judge again
            return await self._carry_on(run, stage, hold)

    async def _resumed(self, run: str, by: Resumption, hold: Lease) -> bool:
        """Put on record that the run goes on, and whether that was on all that is on record of it. Raises as `resume`."""
        record, seen = await self._desk.read(run)
        resuming.check_is_left(record)
        if record.order.undoes:
            await resuming.check_contained_since(self._journal, self._desk, record)
        await resuming.check(self._desk, record, by)
        with suppress(Overtaken):
            if ordering.outlived(record, self._desk.roster) and not self._desk.refused(record):
                await self._renew(record, by, hold, seen)
            else:
                await self._journal.append(run, Kind.RESUMED, resumed(by, len(record.results)), seen=seen, under=hold)
            return True
        return False

    async def _renew(self, record: Record, by: Resumption, hold: Lease, seen: int) -> None:
        """Put on record what is left, and ask those who are on the roster now. Raises `Overtaken` where the run has gone on meanwhile."""
        run, actions = record.order.run, await self._looking(record)
        planned = await renewing.plan(record, actions, units=self._look, guard=self._guard)
        order, now = renewing.asking(record.order, by), datetime.now(UTC)
        request = requesting.request(order, planned, approval=Approval(), roster=self._desk.roster, now=now)
        if by.by in {person.name for person in self._desk.roster.among(planned.names)}:
            raise BadInput("an account of yours is in this plan; somebody else must go on with it", advice="Ask somebody else")
        await self._journal.append(run, Kind.RESUMED, resumed(by, len(record.results)), seen=seen, under=hold)
        await self._journal.append(run, Kind.PLANNED, {"items": planned.items, "fingerprint": planned.fingerprint}, under=hold)
        if request is not None:
            await self._desk.ask(request)

    async def _looking(self, record: Record) -> Mapping[str, AnyAction]:
        """The actions that a run's items are planned with, by their names, and by the item's id where it has one of its own."""
        if not record.order.undoes:
            return self._look.actions
        return {**self._look.actions, **undo.actions(await self._desk.record(record.order.undoes), self._look.actions)}

    async def _check_may_begin(self, order: Order) -> None:
        self._check_acts(order)
        await self._desk.check_order(order, fresh=True)

    def _check_acts(self, order: Order) -> None:
        """Raise `Misconfigured` where this process cannot do what the mode wants, or could do what the mode must not.

        A drill's orders nobody signs. They say themselves that they are one's, and count where nothing but its vendors can be reached.
        """
        if (order.via is Via.DRILL or order.mode is Mode.DRILL) and not self._drills:
            raise Misconfigured(f"run {order.run} is a drill's, and this process is not in a drill", advice="Use `firedoor drill`")
        if order.mode is Mode.EXERCISE:
            if self._act is not None:
                raise Misconfigured("this process can write, and whoever holds an exercise must not", advice=EXERCISE)
            return
        if self._act is None or order.mode is Mode.PREVIEW:
            raise Misconfigured("this process only previews, so it can contain nothing", advice="Use `firedoor contain`")

    async def _previewed(self, order: Order, planned: Planned, show: Show) -> Mapping[str, Any]:
        show(order, planned)
        record = Record(order=order, items=planned.items, fingerprint=planned.fingerprint)
        record.results = {item.id: results.previewed(item) for item in planned.items}
        return report.compose(record, head=await self._journal.head(), finished=datetime.now(UTC))

    async def _begin(self, order: Order, planned: Planned, approval: Approval, stage: Stage, hold: Lease) -> Mapping[str, Any]:
        """Put a plan on record, ask for its approval, and go on from there."""
        planned = requesting.alone(order, planned) if order.way is Way.BREAK_GLASS else planned
        request = requesting.request(order, planned, approval=approval, roster=self._desk.roster, now=datetime.now(UTC))
        self._desk.begin(order.run)
        await self._desk.open(order)
        await self._journal.append(order.run, Kind.PLANNED, {"items": planned.items, "fingerprint": planned.fingerprint})
        if request is not None:
            await self._desk.ask(request)
        return await self._carry_on(order.run, stage, hold)

    async def _to_be_undone(self, order: Order) -> Record:
        original = await self._desk.record(order.undoes)
        if original.report is None:
            raise BadInput(f"run {order.undoes} is not over", advice=f"Stop or resume it first; see `firedoor show {order.undoes}`")
        if Mode.PREVIEW not in (order.mode, original.order.mode) and order.mode is not original.order.mode:
            was = original.order.mode
            one = "an" if was is Mode.EXERCISE else "a"
            raise BadInput(f"run {order.undoes} was {one} {was} run, and this would be a {order.mode} one", advice="Nothing was changed")
        if original.order.sweep:
            raise BadInput(
                f"run {order.undoes} is a sweep, and is not undone as a whole",
                advice="Activate single credentials at their vendor, by hand",
            )
        if original.order.undoes:
            raise BadInput(
                f"run {order.undoes} is an undo itself", advice="To contain again, start the playbook again: it plans what is left"
            )
        if not undo.actions(original, self._look.actions):
            raise BadInput(f"run {order.undoes} changed nothing, so there is nothing to undo", advice=f"See `firedoor show {order.undoes}`")
        return original

    async def _plan_undo(self, order: Order, original: Record) -> Planned:
        drafts = undo.draft(original, self._look.actions, self._guard)
        turned = {**self._look.actions, **undo.actions(original, self._look.actions)}
        return await planning.read_and_plan(drafts, order, self._look, turned, at_least=original.required)

    async def _acting(self, record: Record) -> Mapping[str, AnyAction]:
        """The action of each item, a writing one but for an exercise, by the item's id; those without a client are left out."""
        units = self._look if record.order.mode is Mode.EXERCISE else self._act
        assert units is not None, "a process that only previews cannot apply"
        known = units.actions
        if record.order.undoes:
            return undo.actions(await self._desk.record(record.order.undoes), known)
        return {item.id: known[item.action] for item in record.items if item.action in known}

    async def _carry_on(self, run: str, stage: Stage, hold: Lease) -> Mapping[str, Any]:
        """From a recorded plan to the report; the same for a fresh run and for one that is resumed."""
        record = await self._desk.record(run)
        async with Voices(self._journal, run, self._channels) as voices:
            voices.say(stage.note("plan", report.compose(record, head=await self._journal.head())))
            ruling = await asking.ruling(self._desk, record, voices)
            record = await self._desk.record(run)
            if ruling is Ruling.GRANTED:
                self._confirm(record)
                if record.order.undoes:
                    await self._journal.append(record.order.undoes, Kind.UNDONE, {"by": run}, under=hold)
                await self._apply(record, stage, voices, hold)
            else:
                await self._close(record, ruling, hold)
            record = await self._desk.record(run)
            final = report.compose(record, head=await self._journal.head(), finished=datetime.now(UTC))
            event = await self._journal.append(run, Kind.FINISHED, final, under=hold)
            final = {**final, "journal_head": event.hash}
            voices.tell(lambda channel: channel.finished(record.order, final))
            voices.say(stage.note("report", final))
        return final

    def _confirm(self, record: Record) -> None:
        """What is about to be applied is what was approved, whoever wrote to the journal's database meanwhile. Raises `ApprovalInvalid`."""
        request, order = record.request, record.order
        if request is None:
            return
        same = request.fingerprint == planning.fingerprint(record.items, mode=order.mode, playbook=order.playbook)
        same = same and request.lines == planning.lines(record.items)
        if not same or request.run != order.run or self._desk.grant(record) is None:
            raise ApprovalInvalid(
                "the approval on record has no valid proof, or is one of another plan",
                advice="Run `firedoor audit verify`, then start the run again",
            )

    async def _close(self, record: Record, ruling: Ruling, hold: Lease) -> None:
        """A run that was not approved: nothing more is done, and every item says so. What it had begun before is settled by reading."""
        outcome = {Ruling.DENIED: Outcome.DENIED, Ruling.EXPIRED: Outcome.EXPIRED}.get(ruling, Outcome.STOPPED)
        denied = ", ".join(decision.by for decision in record.decisions if decision.answer == "deny")
        by = {Ruling.DENIED: denied, Ruling.EXPIRED: "nobody answered in time"}.get(ruling, record.stopped_by)
        left = [item for item in record.items if not renewing.is_done(record, item.id)]
        seen = {item.id: await self._settled(record, item, hold) for item in left if record.unsettled(item.id)}
        record = await self._desk.record(record.order.run) if seen else record
        for item in left:
            ended = renewing.unapproved(record, item, outcome, f"{ruling} ({by})")
            if (settled := seen.get(item.id)) is not None and settled.outcome.exit_code == 0:
                ended = settled
            await self._journal.append(record.order.run, Kind.ENDED, ended, under=hold)

    async def _settled(self, record: Record, item: Item, hold: Lease) -> StepResult | None:
        """How an item stands whose writes are of unknown fate, without an approval to write any more; None where that cannot be told."""
        action = (await self._acting(record)).get(item.id)
        if action is None or not action.spec.approvals:
            return None
        bench = Bench(journal=self._journal, leases=self._leases, grant=None, stopped=_nobody, hold=hold)
        return await perform(item, action, record=record.as_it_counts(item, anew=record.sources_open(item)), bench=bench)

    async def _apply(self, record: Record, stage: Stage, voices: Voices, hold: Lease) -> None:
        stops = Stops(self._journal, record, self._desk.stopped_by, halted=self._desk.halted)
        bench = Bench(journal=self._journal, leases=self._leases, grant=self._desk.grant(record), stopped=stops.by, hold=hold)
        actions = await self._acting(record)
        work = withholding.perform if record.order.mode is Mode.EXERCISE else perform
        await Applying(record, actions, perform=work, bench=bench, stage=stage, voices=voices).everything()

    @asynccontextmanager
    async def _explaining(self, run: str) -> AsyncIterator[None]:
        """Where the journal fails in mid-run, whoever started it is told what became of the run, and what to do once that is mended."""
        try:
            with observing.run(run):
                yield
        except JournalError as error:
            try:
                record = await self._desk.record(run)
            except FiredoorError:
                raise error from None  # nothing is on record, or nobody can tell
            changed = True if record.receipts else None if record.intents else False
            resumable = record.items and (record.request or not any(item.asks for item in record.items))
            then = f"go on with it: firedoor resume {run}" if resumable else "start it again"
            advice = f"{error.advice or 'Repair it'}; then {then}"
            raise type(error)(f"run {run} broke off: {error.what}", changed=changed, advice=advice) from error
