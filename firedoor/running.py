"""What the command line and Slack ask for, each as one function: plan, contain, resume, serve, and the looks at the record."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from firedoor import diagram, inputs, lint, playbook, report, shelf, wiring
from firedoor.canonical import plain
from firedoor.clients import TELLING, AwsStandIn
from firedoor.defect import kind_and_place
from firedoor.engine import RESUMABLE
from firedoor.errors import BadInput, FiredoorError, Misconfigured
from firedoor.journal import Journal, Kind
from firedoor.model import Mode
from firedoor.run import Order, Record, fold
from firedoor.settings import Settings, load
from firedoor.words import headline

if TYPE_CHECKING:
    from firedoor.stage import Stage

# Set before Prefect is imported: it must start no server of its own, nor hold up the end of a run with the minutes of its own patience.
PREFECT = {
    "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",
    "PREFECT_CLIENT_MAX_RETRIES": "1",
    "PREFECT_API_REQUEST_TIMEOUT": "5",
    "PREFECT_LOGGING_INTERNAL_LEVEL": "CRITICAL",
}

FAREWELL_SECONDS = 8.0

log = logging.getLogger(__name__)

Report = Mapping[str, Any]
Say = Callable[[str], None]


async def preview(name: str, given: Sequence[str], *, requester: str) -> Report:
    """The plan of a playbook against the real systems, on read-only clients. Needs no Slack and no roster."""
    settings = load()
    known = wiring.load_catalogue()
    book = wiring.load_playbook(name, known)
    order = wiring.take_order(book, inputs.pairs(given), mode=Mode.PREVIEW, requester=requester)
    async with wiring.open_house(settings, vendors=wiring.vendors_of(book, order.inputs), writes=False) as house:
        return await house.engine.preview(order, book)


async def contain(name: str, given: Sequence[str], *, requester: str, say: Say) -> Report:
    """The whole job, with approval in Slack."""
    settings = load()
    known = wiring.load_catalogue()
    book = wiring.load_playbook(name, known)
    order = wiring.take_order(book, inputs.pairs(given), mode=Mode.LIVE, requester=requester)
    wiring.requester(settings, requester)
    async with AsyncExitStack() as stack:
        house = await with_slack(stack, settings, wiring.vendors_of(book, order.inputs))
        say(f"Run {order.run}: planning {book.title.lower()}; the request will stand in Slack.")
        return await orchestrate(order, lambda stage: house.engine.contain(order, book, stage), house.journal)


async def preview_undo(run: str, *, requester: str) -> Report:
    """What undoing a run would change, on read-only clients."""
    settings = load()
    original = await _recorded(settings, run)
    order = wiring.undo_order(original.order, mode=Mode.PREVIEW, requester=requester)
    async with wiring.open_house(settings, vendors=wiring.vendors_in(original.items), writes=False) as house:
        return await house.engine.preview_undo(order)


async def undo(run: str, *, requester: str, say: Say) -> Report:
    """Undo what a run changed, with approval in Slack."""
    settings = load()
    original = await _recorded(settings, run)
    if original.order.mode is Mode.DRILL:
        raise BadInput(f"run {run} was a drill", advice="Use `firedoor drill --undo` to see a drill undone")
    wiring.requester(settings, requester)
    order = wiring.undo_order(original.order, mode=original.order.mode, requester=requester)
    async with AsyncExitStack() as stack:
        house = await with_slack(stack, settings, wiring.vendors_in(original.items))
        say(f"Run {order.run}: planning the way back from run {run}; the request will stand in Slack.")
        return await orchestrate(order, lambda stage: house.engine.undo(order, stage), house.journal)


async def resume(run: str, *, say: Say) -> Report:
    """Go on with a run. One of a drill goes on in the drill's own world, while that still stands."""
    settings = load()
    record = await _recorded(settings, run)
    if record.report is not None and record.report["outcome"] not in RESUMABLE:
        raise BadInput(f"run {run} is over: {record.report['outcome']}", advice=f"See `firedoor show {run}`")
    order = record.order
    if order.mode is Mode.DRILL:
        from firedoor.drilling import resume as resume_drill

        return await resume_drill(settings, order, say=say)
    async with AsyncExitStack() as stack:
        house = await with_slack(stack, settings, wiring.vendors_in(record.items))
        say(f"Run {run}: reading the world before anything else.")
        return await orchestrate(order, lambda stage: house.engine.resume(run, stage), house.journal)


async def serve(*, say: Say) -> None:
    """Listen in Slack until the process is stopped."""
    settings = load()
    vendors = frozenset(name for name, there in (("okta", settings.okta_org_url), ("aws", settings.aws_accounts)) if there)
    if not vendors:
        raise Misconfigured("no vendor is set up", advice="Set FIREDOOR_OKTA_ORG_URL, or list aws_accounts in firedoor.toml")
    async with AsyncExitStack() as stack:
        house = await with_slack(stack, settings, vendors | TELLING)
        for vendor in vendors & house.missing.keys():
            raise house.missing[vendor]  # by daylight, when this is started, it is mended before it is needed
        say("Listening in Slack. Stop with Ctrl-C; runs can be resumed.")
        await asyncio.Event().wait()


class Starts:
    """Runs that people start with a command. They go on in this process beside each other; leaving the block ends none of them silently."""

    def __init__(self, house: wiring.House, mode: Mode) -> None:
        self._house = house
        self._mode = mode
        self._tasks: dict[str, asyncio.Task[Report]] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *trouble: object) -> None:
        over = [task for run, task in self._tasks.items() if await self._is_over(run)]
        if over:
            await asyncio.wait(over, timeout=FAREWELL_SECONDS)  # their last words are on their way
        for task in self._tasks.values():
            task.cancel()  # its intents are on record; `firedoor resume` goes on from there
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _is_over(self, run: str) -> bool:
        return any(event.kind == Kind.FINISHED for event in await self._house.journal.events(run))

    @property
    def commands(self) -> Mapping[str, Callable[[str, str], Awaitable[str]]]:
        """Words after /firedoor, each a function of the person's name and the rest of the line."""
        return {"contain": self.contain, "undo": self.undo, "stop": self.stop, "status": self.status}

    async def contain(self, person: str, words: str) -> str:
        """Start a run and answer once it is planned. Raises `BadInput` where the words, or what they name, cannot be used."""
        name, *given = words.split() or [""]
        if not name:
            known = ", ".join(shelf.shelf())
            raise BadInput("no playbook is named", advice=f"There are: {known}. For example: /firedoor contain session-hijack users=...")
        book = wiring.load_playbook(name, self._house.catalogue)
        order = wiring.take_order(book, inputs.pairs(given), mode=self._mode, requester=person)
        engine = self._house.engine
        return await self._start(order, lambda stage: engine.contain(order, book, stage))

    async def undo(self, person: str, words: str) -> str:
        """Undo a run, and answer once the way back is planned. Raises `BadInput` where it cannot be undone."""
        run = words.strip()
        original = fold(run, await self._house.journal.events(run)).order
        order = wiring.undo_order(original, mode=self._mode, requester=person)
        engine = self._house.engine
        return await self._start(order, lambda stage: engine.undo(order, stage))

    async def _start(self, order: Order, job: Callable[[Stage], Awaitable[Report]]) -> str:
        run = orchestrate(order, job, self._house.journal)
        task = self._tasks[order.run] = asyncio.create_task(self._told(order.run, run))
        planned = asyncio.create_task(self._planned(order.run))
        await asyncio.wait({task, planned}, return_when=asyncio.FIRST_COMPLETED)
        planned.cancel()
        if task.done():
            return headline(await task)
        what = f"the undo of run {order.undoes}" if order.undoes else order.playbook
        return f"Run {order.run} of {what} is planned; the request stands in the channel."

    async def _told(self, run: str, job: Awaitable[Report]) -> Report:
        """The run's report. One that dies leaves a word on record, so that nobody waits for it in vain."""
        try:
            return await job
        except Exception as error:  # whatever it died of, it is raised again, and those who wait are told
            words = str(error) if isinstance(error, FiredoorError) else kind_and_place(error)
            if await self._house.journal.events(run):
                await self._house.journal.append(run, Kind.NOTED, {"died": words})
            log.error("run %s ended: %s", run, words)  # noqa: TRY400 - a traceback may quote a secret
            raise

    async def _planned(self, run: str) -> None:
        async for event in self._house.journal.follow(run):
            if event.kind == Kind.PLANNED:
                return

    async def stop(self, person: str, words: str) -> str:
        """Stop a run before its next write."""
        await self._house.engine.stop(words.strip(), by=person)
        return f"Run {words.strip()} begins no further write."

    async def status(self, person: str, words: str) -> str:
        """A run's headline."""
        del person
        return headline(await _reported(self._house.journal, words.strip()))


async def runs() -> list[Report]:
    """A line a run, newest first."""
    async with wiring.open_journal(load()) as (_, journal):
        found = [await _reported(journal, name) for name in await journal.runs()]
    return [{key: one[key] for key in ("run", "incident", "playbook", "mode", "requester", "outcome")} for one in found]


async def show(run: str) -> Report:
    """One run as it stands."""
    async with wiring.open_journal(load()) as (_, journal):
        return await _reported(journal, run)


async def audit() -> Report:
    """Whether the journal is whole."""
    async with wiring.open_journal(load()) as (_, journal):
        return plain(await journal.audit())  # type: ignore[return-value]


def lint_all(names: Sequence[str]) -> Mapping[str, Sequence[str]]:
    """The faults of each playbook, by name; all playbooks where none is named. A name may be a file."""
    known = wiring.load_catalogue()
    return {name: _faults(name, known) for name in names or list(shelf.shelf())}


def book_card(name: str) -> Report:
    """One playbook, as people ask for it."""
    known = wiring.load_catalogue()
    return diagram.card(wiring.load_playbook(name, known), known)


def book_graph(name: str) -> str:
    """One playbook as a Mermaid flowchart."""
    known = wiring.load_catalogue()
    return diagram.graph(wiring.load_playbook(name, known), known)


def book_schema() -> Report:
    """The JSON Schema of playbook files, with every action and query there is."""
    known = wiring.load_catalogue()
    return playbook.schema(known.actions, known.queries)


def actions() -> Report:
    """All actions and queries with what they declare."""
    known = wiring.load_catalogue()
    return {
        "actions": [
            {
                "id": name,
                "title": unit.spec.title,
                "approvers": int(unit.spec.approvals),
                "reversal": str(unit.spec.reversal),
                "reads": sorted(unit.spec.reads),
                "writes": sorted(unit.spec.writes),
                "limit": unit.spec.limit,
            }
            for name, unit in known.actions.items()
        ],
        "queries": [{"id": name, "title": unit.spec.title, "reads": sorted(unit.spec.reads)} for name, unit in known.queries.items()],
    }


async def orchestrate(order: Order, job: Callable[[Stage], Awaitable[Report]], journal: Journal) -> Report:
    """Do the job, shown in Prefect where a server is named (PREFECT_API_URL), plainly otherwise."""
    if not os.environ.get("PREFECT_API_URL"):
        from firedoor.stage import Plainly

        return await job(Plainly())
    for variable, value in PREFECT.items():
        os.environ.setdefault(variable, value)
    from flows.contain import contain as contain_flow
    from flows.shown import through_prefect
    from flows.undo import undo as undo_flow

    def shown() -> Awaitable[object]:
        if order.undoes:
            return undo_flow(order.run, order.undoes, return_state=True)
        return contain_flow(order.run, order.playbook, return_state=True)

    async def unreported() -> None:
        await journal.append(order.run, Kind.NOTED, {"prefect": "not reported"})

    return await through_prefect(order.run, shown, job, unreported=unreported)


async def with_slack(
    stack: AsyncExitStack, settings: Settings, vendors: frozenset[str], *, mode: Mode = Mode.LIVE, aws: AwsStandIn | None = None
) -> wiring.House:
    """The whole house with Slack as its channel, listening. Raises `BadInput` with nothing touched."""
    from firedoor.channels.slack.channel import SlackChannel
    from firedoor.channels.slack.serving import connected, listening

    if not any(person.may_approve for person in settings.roster.people):
        raise Misconfigured("the roster has no approver, so nothing could be approved", advice="List them as [[people]] in firedoor.toml")
    web = await stack.enter_async_context(connected(settings))

    def channel(journal: Journal) -> SlackChannel:
        return SlackChannel(web=web, channel=settings.slack_channel, journal=journal)

    house = await stack.enter_async_context(wiring.open_house(settings, vendors=vendors, writes=True, channel=channel, aws=aws))
    starts = await stack.enter_async_context(Starts(house, mode))
    await stack.enter_async_context(listening(settings, web, house.desk, starts.commands, house.seen))
    return house


async def _recorded(settings: Settings, run: str) -> Record:
    async with wiring.open_journal(settings) as (_, journal):
        return fold(run, await journal.events(run))


async def _reported(journal: Journal, run: str) -> Report:
    record = fold(run, await journal.events(run))
    return record.report or report.compose(record, head=await journal.head())


def _faults(name: str, known: Any) -> Sequence[str]:
    try:
        if name.endswith((".yaml", ".yml")):
            book = playbook.parse(Path(name).read_text(encoding="utf-8"), source=name)
        else:
            book = playbook.find(name)
    except BadInput as error:
        return [error.what]
    except (OSError, UnicodeDecodeError) as error:
        return [f"it cannot be read ({type(error).__name__})"]
    return lint.lint(book, known)
