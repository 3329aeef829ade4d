"""What the command line and Slack ask for, each as one function: plan, contain, resume, serve, and the looks at the record."""

from __future__ import annotations

import asyncio
import shlex
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

from firedoor import (
    ears,
    incidents,
    inputs,
    late,
    orchestrating,
    ordering,
    report,
    resuming,
    staffed,
    sweepreport,
    telemetry,
    watching,
    wiring,
)
from firedoor.alone import held_as
from firedoor.approval import Answer, Way
from firedoor.clients import TELLING
from firedoor.desk import Desk
from firedoor.engine import Show, unshown
from firedoor.errors import BadInput, FiredoorError, Misconfigured, RunHeld, RunUnreadable
from firedoor.journal import Journal
from firedoor.lease import Leases
from firedoor.model import Mode
from firedoor.orchestrating import Report, orchestrate
from firedoor.planview import Line
from firedoor.run import ITSELF, Order, Record, fold, looking, readable
from firedoor.settings import Settings, load
from firedoor.sweep import Progress
from firedoor.terminal import Signer, Who, give, go_on, newest_standing, sign_once_asked

LATE_SECONDS = 5.0
UNSIGNED = "the want of a signature"
LOOKING = "nobody yet"  # asks for what is only looked at

Say = Callable[[str], None]
Tell = Callable[[Report], None]


class Watch(Protocol):
    """Whoever is at the terminal while runs go on (`firedoor.attending`)."""

    def show(self, lines: Sequence[Line]) -> None:
        """Show them a plan that is to be decided on."""

    def over(self, run: str, desk: Desk, journal: Journal) -> AbstractAsyncContextManager[None]:
        """While that run goes on, they see it, and may break it off."""


async def preview(name: str, given: Sequence[str], *, show: Show = unshown) -> Report:
    """The plan of a playbook against the real systems, on read-only clients. Needs no Slack, no roster and no key: nothing is recorded.

    ``show`` shows it to people.
    """
    settings = load()
    known = wiring.load_catalogue()
    book = wiring.load_playbook(name, known)
    order = wiring.take_order(book, inputs.pairs(given), mode=Mode.PREVIEW, requester=LOOKING)
    async with wiring.open_house(settings, vendors=wiring.vendors_of(book, order.inputs), writes=False) as house:
        return await house.engine.preview(order, book, show=show)


def untold(report: Report) -> None:
    """Whoever asked looks at what is returned."""


async def contain(
    name: str,
    given: Sequence[str],
    *,
    who: Who,
    say: Say,
    tell: Tell = untold,
    protected: bool = False,
    alone: bool = False,
    watch: Watch | None = None,
) -> Report:
    """The whole job, ordered by ``who`` signs for it, with approval in Slack or by signature. ``alone``: they break the glass, and
    sign for that as soon as the plan is there.

    ``tell`` is told the report as soon as it is there, here and below; what is left to do then holds no person up. ``watch`` looks on.

    Where the world has changed since the approval, what nobody has approved is asked for again, in a run of its own.
    """
    settings = load()
    known = wiring.load_catalogue()
    book = wiring.load_playbook(name, known)
    order = wiring.take_order(book, inputs.pairs(given), mode=Mode.LIVE)
    order = replace(order, protected=protected, way=Way.BREAK_GLASS if alone else Way.ORDINARY)
    vendors = wiring.vendors_of(book, order.inputs)
    await wiring.check_ready(settings, vendors)
    signer = who()
    order = give(order, signer, settings.roster, say=say)
    async with AsyncExitStack() as stack:
        house = await staffed.with_people(stack, settings, vendors, order, say=say, show=watch.show if watch else None)
        say(f"Run {order.run}: planning {book.title.lower()}.")
        job = orchestrate(order, partial(house.asked.contain, order, book), house.journal)
        done = await watched(watch, house, order.run, _signed(house.desk, order, _again(order, signer, say) if alone else None, job))
        return await _out(house, await _followed(house, order, done, say=say, watch=watch), tell)


async def freeze(
    users: Sequence[str], keys: Sequence[str], *, who: Who, say: Say, tell: Tell = untold, watch: Watch | None = None
) -> Report:
    """Freeze a few accounts on the standing approval, signed by whoever begins it: the order, and the changes once they are known."""
    settings = load()
    known = wiring.load_catalogue()
    book = wiring.load_playbook("freeze", known)
    given = {name: tuple(values) for name, values in (("users", users), ("access_keys", keys)) if values}
    if not given:
        raise BadInput("nobody is named who is to be frozen", advice="Name Okta logins, or --access-key ID")
    order = wiring.take_order(book, given, mode=Mode.LIVE)
    vendors = wiring.vendors_of(book, order.inputs)
    await wiring.check_ready(settings, vendors)
    async with wiring.open_journal(settings, begins=True) as (_, journal):
        order = replace(order, way=Way.FREEZE, standing=await newest_standing(journal))
    signer = who()
    order = give(order, signer, settings.roster, say=say)
    async with AsyncExitStack() as stack:
        house = await staffed.with_people(stack, settings, vendors, order, say=say, show=watch.show if watch else None)
        job = orchestrate(order, partial(house.asked.contain, order, book), house.journal)
        return await _out(house, await watched(watch, house, order.run, _signed(house.desk, order, _again(order, signer, say), job)), tell)


def _again(order: Order, signer: Signer, say: Say) -> Signer | None:
    """Who signs the changes too, as soon as they are known; None where their key is not here, and they do that elsewhere as well."""
    if signer.document is None:
        return signer
    say(f"Once the changes are known, sign them too: firedoor approve {order.run} --as {shlex.quote(order.requester)} --print")
    return None


async def watched(watch: Watch | None, house: wiring.House, run: str, job: Coroutine[Any, Any, Report]) -> Report:
    """The job on that run, with whoever is at the terminal looking on."""
    if watch is None:
        return await job
    async with watch.over(run, house.desk, house.journal):
        return await job


async def _out(house: wiring.House, done: Report, tell: Tell) -> Report:
    """The report is out. After that Prefect has its short time; where it took this run, it is told what it has missed before."""
    tell(done)
    if await orchestrating.farewells(house.journal):
        with suppress(FiredoorError):  # others tell it later
            await late.catch_up(house.journal, house.leases, within=LATE_SECONDS)
    return done


async def _followed(house: wiring.House, order: Order, done: Report, *, say: Say, anew: bool = False, watch: Watch | None = None) -> Report:
    """What a run found to do and nobody had approved is asked for in a run of its own, until there is no more; the last one's report.

    ``anew``: the run could not find all of its targets when it was planned, so that there may be more.
    """
    while (following := wiring.follow_up(order, done, anew=anew)) is not None:
        order, book, anew = following, wiring.load_playbook(following.playbook, house.catalogue), False
        say(f"More is to be done than was approved; run {order.run} asks for that.")
        done = await watched(watch, house, order.run, orchestrate(order, partial(house.asked.contain, order, book), house.journal))
    return done


async def _signed(desk: Desk, order: Order, signer: Signer | None, job: Awaitable[Report]) -> Report:
    """The run's report; beside it, whoever began the run signs its request as soon as it stands. Where they do not, the run is stopped."""
    if signer is None:
        return await job
    work = asyncio.ensure_future(job)
    signing = asyncio.create_task(sign_once_asked(order.run, Answer.APPROVE, signer))
    try:
        await asyncio.wait({work, signing}, return_when=asyncio.FIRST_COMPLETED)
        if signing.done() and (trouble := signing.exception()) is not None:
            await desk.halt(order.run, UNSIGNED)
            with suppress(FiredoorError):
                await work
            raise trouble
        return await work
    finally:
        for task in (signing, work):
            task.cancel()
        await asyncio.gather(signing, work, return_exceptions=True)


async def preview_undo(run: str, *, show: Show = unshown) -> Report:
    """What undoing a run would change, on read-only clients."""
    settings = load()
    original = await _recorded(settings, run)
    order = wiring.undo_order(original.order, mode=Mode.PREVIEW, requester=LOOKING)
    async with wiring.open_house(settings, vendors=wiring.vendors_in(original.items), writes=False) as house:
        return await house.engine.preview_undo(order, show=show)


async def undo(run: str, *, who: Who, say: Say, tell: Tell = untold, watch: Watch | None = None) -> Report:
    """Undo what a run changed, ordered by ``who`` signs for it, with an approval of its own."""
    settings = load()
    original = await _recorded(settings, run)
    order = wiring.undo_order(original.order, mode=original.order.mode)
    await _check_free(settings, run)
    if original.order.mode is Mode.DRILL:
        raise BadInput(f"run {run} was a drill", advice="Use `firedoor drill --undo` to see a drill undone")
    if original.report is None:
        raise BadInput(f"run {run} is not over", advice=f"Stop or resume it first; see `firedoor show {run}`")
    vendors = wiring.vendors_in(original.items)
    await wiring.check_ready(settings, vendors)
    order = give(order, who(), settings.roster, say=say)
    async with AsyncExitStack() as stack:
        house = await staffed.with_people(stack, settings, vendors, order, say=say, show=watch.show if watch else None)
        say(f"Run {order.run}: planning the way back from run {run}.")
        job = orchestrate(order, lambda stage: house.engine.undo(order, stage), house.journal)
        return await _out(house, await watched(watch, house, order.run, job), tell)


async def resume(
    run: str, *, who: Who | None, say: Say, tell: Tell = untold, watch: Watch | None = None, elsewhere: bool = False
) -> Report:
    """Go on with a run, ordered by ``who`` signs for it; without anybody, Firedoor does so by itself.

    One of a drill goes on in the drill's own world, while that still stands, and nobody signs for it: not ``elsewhere`` either.
    """
    settings = load()
    record = await _recorded(settings, run)
    if record.order.sweep:
        raise BadInput(f"run {run} is a sweep", advice=f"Use `firedoor sweep resume {run}`")
    order = record.order
    if order.mode is Mode.DRILL and elsewhere:
        advice = "Leave out --print, --document and --signature"
        raise BadInput(f"run {run} is a drill's, and nobody signs for one, so there is nothing to sign", advice=advice)
    resuming.check_is_left(record)
    for name in filter(None, (order.undoes, run)):
        await _check_free(settings, name)
    if order.mode is Mode.DRILL:
        from firedoor.drilling import resume as resume_drill

        done = await resume_drill(settings, order, say=say, watched=partial(watched, watch))
        tell(done)
        return done
    vendors = wiring.vendors_in(record.items)
    if order.mode is not Mode.EXERCISE:
        await wiring.check_ready(settings, vendors)
    by = go_on(record, who(), settings.roster, say=say) if who else ITSELF
    if order.mode is Mode.EXERCISE:
        from firedoor.exercising import resume as resume_exercise

        return await resume_exercise(settings, record, by, say=say, tell=tell, watch=watch)
    async with AsyncExitStack() as stack:
        house = await staffed.with_people(stack, settings, vendors, order, say=say, show=watch.show if watch else None)
        say(f"Run {run}: reading the world before anything else.")
        done = await watched(watch, house, run, orchestrate(order, lambda stage: house.engine.resume(run, stage, by), house.journal))
        anew = any(not item.target for item in record.items)
        if not (ordering.outlived(record, settings.roster) or record.renewal is not None):
            done = await _followed(house, order, done, say=say, anew=anew, watch=watch)
        elif wiring.follow_up(order, done, anew=anew) is not None:
            say(f"More may be to be done than was approved; order that anew: {watching.command(record)}")
        return await _out(house, done, tell)


async def serve(*, say: Say) -> None:
    """Listen in Slack until the process is stopped."""
    settings = load()
    vendors = frozenset(name for name, there in (("okta", settings.okta_org_url), ("aws", settings.aws_accounts)) if there)
    if not vendors:
        raise Misconfigured("no vendor is set up", advice="Set FIREDOOR_OKTA_ORG_URL, or list aws_accounts in firedoor.toml")
    async with AsyncExitStack() as stack:
        follow = stack.enter_context(telemetry.counted(settings))
        house, starts = await staffed.with_slack(stack, settings, vendors | TELLING)
        await stack.enter_async_context(telemetry.following(follow, house.journal))
        for vendor in vendors & house.missing.keys():
            raise house.missing[vendor]  # by daylight, when this is started, it is mended before it is needed
        if taken := await starts.take_over():
            say(f"Going on with what was under way: {', '.join(taken)}")
        for run in await starts.left_to_people():
            what = f"The run {run} was open in a journal that was put back"
            say(f"{what}. See what was done since, then go on with it: firedoor resume {run} --key FILE")
        for run in await starts.sweeps_left():
            what = f"The sweep {run} is not over, and nobody works on it"
            say(f"{what}. See `firedoor show {run}`, then go on with it: firedoor sweep resume {run} --key FILE")
        await stack.enter_async_context(ears.ours(house.leases))
        say("Listening in Slack. Stop with Ctrl-C; runs go on when it is started again.")
        async with _until_told_to_end():
            await late.keep_up(house.journal, house.leases)
            await asyncio.Event().wait()


@asynccontextmanager
async def _until_told_to_end() -> AsyncIterator[None]:
    """Leave the block where it stands once whoever started the process wants it to end (SIGTERM), and go on after it."""
    loop = asyncio.get_running_loop()
    with suppress(TimeoutError):
        async with asyncio.timeout(None) as until:
            loop.add_signal_handler(signal.SIGTERM, until.reschedule, 0.0)
            try:
                yield
            finally:
                loop.remove_signal_handler(signal.SIGTERM)


async def runs() -> list[Report]:
    """A line a run, newest first; of one that cannot be read, what is wrong with it."""
    async with wiring.open_journal(load()) as (_, journal):
        with looking():
            return [await _line(journal, name) for name in await journal.runs()]


async def _line(journal: Journal, run: str) -> Report:
    try:
        found = await _reported(journal, run)
    except RunUnreadable as broken:
        return {"run": run, "outcome": "unreadable", "why": broken.what}
    keys = ("run", "incident", "playbook", "mode", "requester", "outcome")
    return {**{key: found[key] for key in keys}, "undoes": found.get("undoes")}


async def show(run: str) -> Report:
    """One run as it stands, and what the watch has seen of it; an exercise with its own side of it."""
    settings = load()
    async with wiring.open_journal(settings) as (_, journal):
        found = await _reported(journal, run)
        if found["mode"] == Mode.EXERCISE:
            from firedoor.exercising import told

            return await told(journal, settings.roster, run, found)
        return {**found, **await incidents.shown_of(journal, run, settings.roster)}


async def _recorded(settings: Settings, run: str) -> Record:
    """What is on record of a run. Raises `UnknownRun`, `RunUnreadable`."""
    async with wiring.open_journal(settings) as (_, journal):
        with readable(run):
            return fold(run, await journal.events(run))


async def _check_free(settings: Settings, run: str) -> None:
    """Raise `RunHeld` where a living process works on the run, before anything else is opened. A dead one's hold runs out by itself."""
    async with wiring.open_journal(settings) as (store, _):
        with looking():
            holder = await Leases(store, wiring.holder()).living(held_as(run))
    if holder:
        host, pid, *_ = holder.split(":")
        raise RunHeld(
            f"run {run} is being worked on by a process that is alive, {pid} on {host}",
            advice=f"Follow it with `firedoor show {run}`, or stop it: firedoor stop {run} --key FILE",
        )


async def _reported(journal: Journal, run: str) -> Report:
    with readable(run):
        events = await journal.events(run)
        record = fold(run, events)
        progress = Progress()
        if record.order.sweep and record.report is None:
            progress.take(events)
    if record.order.sweep:
        return record.report or sweepreport.so_far(record, progress, head=await journal.head())
    return record.report or report.compose(record, head=await journal.head())
