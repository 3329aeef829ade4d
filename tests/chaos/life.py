"""One life of Firedoor: a process that begins a run or goes on with one, and dies at the instant that was chosen for it, or at none.

All of it is the product's own, but for three things: waits are short, whoever may approve does so at once, from within the process, and the
lease of a process that died has run out, as it would have by the time that somebody looks.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any
from unittest.mock import patch

from firedoor import inputs, standing, wiring
from firedoor.approval import Answer, Person, Way
from firedoor.channels.slack.catching_up import recent
from firedoor.channels.slack.channel import SlackChannel, is_told
from firedoor.channels.slack.serving import audience_of, connected
from firedoor.clients import AwsStandIn
from firedoor.desk import Desk
from firedoor.errors import BadInput, DecisionRefused, MustBeSigned, UnknownRun
from firedoor.exercise.keys import SecurityKey
from firedoor.journal import Event, Journal, Kind
from firedoor.lease import Leases
from firedoor.model import Mode
from firedoor.orchestrating import farewells, orchestrate
from firedoor.run import Order, Via, fold
from firedoor.settings import Settings
from firedoor.vendors.aws.session import AwsCredentials

Report = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Death:
    """When a life ends: just before its ``event``th entry in the journal, or ``later`` seconds after that one was committed.

    Or so with the first ``entry`` of that kind, and of an item whose name begins so, ``step.intent suspend``; of a note, by what it names:
    ``run.noted slack ts``.
    """

    event: int = 0
    entry: str = ""
    before: bool = False
    later: float = 0.0

    def due(self, event: int, kind: str, body: object) -> bool:
        """Whether that entry is the one."""
        item = " ".join(body) if isinstance(body, Mapping) else getattr(body, "item", "")
        return event == self.event or bool(self.entry and f"{kind} {item}".startswith(self.entry))

    @property
    def words(self) -> str:
        """The instant, for people."""
        after = f"{self.later * 1000:.0f} ms after" if self.later else "after"
        return f"{'before' if self.before else after} {self.entry or f'entry {self.event}'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a life is for. ``street`` is where the vendors are, ``number`` how many lives there were before this one.

    ``run`` is the run to begin or to go on with, ``again`` its name should it have to be begun anew, ``undoes`` the run to be undone.
    """

    folder: str
    street: Mapping[str, Any]
    settings: Mapping[str, Any]
    keys: Mapping[str, str] = field(repr=False)
    asker: str
    playbook: str
    given: Mapping[str, list[str]]
    run: str
    again: str
    undoes: str = ""
    resumes: bool = False
    number: int = 0
    death: Death | None = None
    broken: str = ""

    @classmethod
    def read(cls, text: str) -> Job:
        """The job that `written` wrote down."""
        data = json.loads(text)
        return cls(**{**data, "death": Death(**data["death"]) if data["death"] else None})

    @property
    def written(self) -> str:
        """The job on one line."""
        return json.dumps(asdict(self))

    @property
    def ending(self) -> Path:
        """Where a life that is not cut short tells how it ended."""
        return Path(self.folder) / f"ended-{self.number}.json"


async def live(job: Job) -> None:
    """From the start of the process to the end of the run, or of the process."""
    counted = doom(job.death)
    async with house(job) as it:
        report = await (_resume(it, job) if job.resumes else _begin(it, job, job.run))
        await farewells(it.journal)
    draft = job.ending.with_suffix(".draft")
    draft.write_text(json.dumps({"report": report, "appended": next(counted) - 1}, default=str), encoding="utf-8")
    draft.replace(job.ending)


def doom(death: Death | None) -> Iterator[int]:
    """Count what is appended to any journal of this process, and end it in time. Its next number is that of the next entry."""
    append, counted = Journal._append, count(1)

    async def mortal(self: Journal, run: str, kind: Kind, body: object, **rest: Any) -> Event:
        mine = next(counted)
        due = death is not None and death.due(mine, kind, body)
        if due and death is not None and death.before:
            die()
        event = await append(self, run, kind, body, **rest)
        if due and death is not None:
            if not death.later:
                die()
            asyncio.get_running_loop().call_later(death.later, die)
        return event

    patch.object(Journal, "_append", mortal).start()
    return counted


def die() -> None:
    """At once, and without a word."""
    os.kill(os.getpid(), signal.SIGKILL)


@asynccontextmanager
async def house(job: Job) -> AsyncIterator[wiring.House]:
    """Firedoor with Slack as its channel, at the simulated vendors."""
    aws = job.street["aws"]
    settings = Settings(**{**job.settings, **job.street["settings"], "state_dir": Path(job.folder)})
    vendors = await _vendors(settings, job)
    credentials = AwsCredentials(key_id=aws["key_id"], secret=aws["secret"])
    async with connected(settings) as web:
        audience = await audience_of(settings, web)

        telling: list[SlackChannel] = []

        def channel(journal: Journal, leases: Leases) -> SlackChannel:
            telling.append(SlackChannel(web=web, channel=settings.slack_channel, journal=journal, leases=leases, audience=audience))
            return telling[-1]

        stand_in = AwsStandIn(endpoint=aws["endpoint"], credentials=credentials)
        async with wiring.open_house(settings, vendors=vendors, writes=True, channel=channel, aws=stand_in) as found:
            yield found
            await caught_up(found.journal, telling[-1])


async def caught_up(journal: Journal, slack: SlackChannel) -> None:
    """What the process before could not tell any more is told, as whoever listens in Slack does."""
    for run in await recent(journal, Mode.LIVE)():
        if not is_told(await journal.events(run)):
            await slack.tell(run)


async def _vendors(settings: Settings, job: Job) -> frozenset[str]:
    """Those that the run works with, as far as is known."""
    if job.resumes or job.undoes:
        async with wiring.open_journal(settings) as (_, journal):
            for run in (job.again, job.run, job.undoes):
                with suppress(UnknownRun):
                    if items := fold(run, await journal.events(run)).items:
                        return wiring.vendors_in(items)
    book = wiring.load_playbook(job.playbook, wiring.load_catalogue())
    return wiring.vendors_of(book, inputs.bind(book, job.given))


async def _begin(it: wiring.House, job: Job, run: str) -> Report:
    book = wiring.load_playbook(job.playbook, it.catalogue)
    order = wiring.take_order(book, job.given, mode=Mode.LIVE, requester=job.asker, via=Via.SLACK, run=run)
    if job.undoes:
        original = (await it.desk.record(job.undoes)).order
        order = replace(wiring.undo_order(original, mode=Mode.LIVE, requester=job.asker, via=Via.SLACK), run=run)
        return await _approved(it, job, order, orchestrate(order, lambda stage: it.engine.undo(order, stage), it.journal))
    if job.playbook == "freeze":
        order = replace(order, way=Way.FREEZE, standing=_standing(it.desk, job.keys))
    done = await _approved(it, job, order, orchestrate(order, partial(it.engine.contain, order, book), it.journal))
    return await _followed(it, job, order, done)


async def _resume(it: wiring.House, job: Job) -> Report:
    """Go on with the run, or begin it again where it died before anybody was asked: nothing was changed then."""
    try:
        record = await it.desk.record(job.run)
    except UnknownRun:
        return await _begin(it, job, job.run)
    try:
        resumed = orchestrate(record.order, lambda stage: it.engine.resume(job.run, stage), it.journal)
        done = await _approved(it, job, record.order, resumed)
    except BadInput:
        if record.report is not None:
            return record.report  # it was over when the process died
        if record.intents or record.request is not None:
            raise
        with suppress(UnknownRun):
            await it.desk.record(job.again)
            return await _resume(it, replace(job, run=job.again))
        return await _begin(it, job, job.again)
    return await _followed(it, job, record.order, done)


async def _followed(it: wiring.House, job: Job, order: Order, done: Report) -> Report:
    """What nobody has approved is asked for in a run of its own, as the product does."""
    while (following := wiring.follow_up(order, done)) is not None:
        order, book = following, wiring.load_playbook(following.playbook, it.catalogue)
        done = await _approved(it, job, order, orchestrate(order, partial(it.engine.contain, order, book), it.journal))
    return done


async def _approved(it: wiring.House, job: Job, order: Order, work: Awaitable[Report]) -> Report:
    """The run's report; beside it, all who may approve do so as soon as they are asked."""
    people = asyncio.create_task(_answer(it, job, order.run))
    try:
        return await work
    finally:
        people.cancel()
        await asyncio.gather(people, return_exceptions=True)


async def _answer(it: wiring.House, job: Job, run: str) -> None:
    async for event in it.journal.follow(run):
        if event.kind == Kind.REQUESTED:
            break
    for person in it.desk.roster.people:
        with suppress(DecisionRefused):
            await _decide(it.desk, run, person, job.keys[person.name])


async def _decide(desk: Desk, run: str, person: Person, key: str) -> None:
    """In chat, or by signature where chat has no force."""
    try:
        await desk.decide(run, person, Answer.APPROVE, via="chaos")
    except MustBeSigned:
        decision, document = await desk.draw_up(run, person, Answer.APPROVE, via="terminal")
        await desk.submit(run, replace(decision, proof=SecurityKey.kept(key).sign(document).proof))


def _standing(desk: Desk, keys: Mapping[str, str]) -> standing.Standing:
    drawn = standing.draw_up(roster=desk.roster.hash, now=datetime.now(UTC), days=30)
    for name in list(keys)[:2]:
        drawn = drawn.signed_by(name, SecurityKey.kept(keys[name]).sign(drawn.document).proof)
    return drawn
