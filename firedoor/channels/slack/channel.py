"""Firedoor's voice in Slack: the request, the progress in its thread, the end."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from firedoor.approval import Way
from firedoor.channel import Ask
from firedoor.channels.slack import blocks, watchposts
from firedoor.channels.slack.audience import Audience
from firedoor.channels.slack.calls import SlackRefused
from firedoor.channels.slack.posts import Posts, kept
from firedoor.errors import ChannelError, Taken
from firedoor.journal import Event, Journal, Kind
from firedoor.lease import Leases
from firedoor.run import Order, Record, StepResult, fold
from firedoor.situation import marked

if TYPE_CHECKING:
    from slack_sdk.web.async_client import AsyncWebClient

EDIT_SECONDS: Final = 1.0
RETRY_SECONDS: Final = 4.0
TRIALS: Final = 6
TOLD: Final = "told"

Show: TypeAlias = Callable[[], Awaitable[None]]

pause = asyncio.sleep

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Shown:
    """What this process has last shown of a run's progress, and when."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    edited: float | None = None
    results: Mapping[str, StepResult] | None = None


class SlackChannel:
    """A `Channel`. All it knows of a run it reads from the journal, so that a process that resumes the run goes on in the same thread."""

    def __init__(self, *, web: AsyncWebClient, channel: str, journal: Journal, leases: Leases, audience: Audience) -> None:
        self._journal = journal
        self._audience = audience
        self._posts_in = partial(Posts, web=web, journal=journal, leases=leases)
        self._posts = self._posts_in(channel=channel)
        self._shown: dict[str, _Shown] = {}

    @property
    def runs(self) -> Sequence[str]:
        """Those that this process tells of, and has not told the end of."""
        return list(self._shown)

    async def asked(self, ask: Ask) -> None:
        """The request with its buttons. While Slack cannot be reached it is tried again: a request nobody sees is a run nobody approves."""
        run, trials = ask.order.run, 0
        self._of(run)
        while True:
            try:
                await self._show_request(run, ask.title)
                await self._call_anew(ask)
                return await self._warn(ask)
            except SlackRefused:
                raise
            except ChannelError:
                trials += 1
                if trials == TRIALS:
                    raise
                await pause(RETRY_SECONDS)

    async def _call_anew(self, ask: Ask) -> None:
        """Where a run is asked for anew, its message is edited, which calls nobody: so those who may decide now are called below it."""
        run = ask.order.run
        if (await self._record(run)).renewal is not None:
            words = blocks.notice(f"{marked(ask.request.mode)}Run {run} is asked for anew: the roster has changed")
            shown = blocks.reminder(ask, mention=self._audience.mention(ask.request, urgency=1), left=_left(ask))
            await self._posts.put(run, f"anew {ask.request.nonce}", words, shown, thread=await self._posts.place(run, "request"))

    async def reminded(self, ask: Ask, urgency: int) -> None:
        """A word in the request's thread to those who have not decided; the second time, to more of them."""
        run = ask.order.run
        if await self._posts.place(run, "request") is None:
            await self._show_request(run)
        mention = self._audience.mention(ask.request, urgency=urgency, decided=ask.approved)
        words = blocks.notice(f"{marked(ask.request.mode)}Run {run} still waits for approval")
        shown = blocks.reminder(ask, mention=mention, left=_left(ask))
        await self._posts.put(run, f"reminder {urgency}", words, shown, thread=await self._posts.place(run, "request"))

    async def begun(self, order: Order) -> None:
        """The request tells that it was approved, by whomever and wherever, and how to stop what is under way now."""
        await self._show_request(order.run)

    async def progressed(self, order: Order, result: StepResult) -> None:
        """The steps so far, in one message of the thread, edited at most once a second; what ended meanwhile shows together."""
        shown = self._of(order.run)
        async with shown.turn:
            if (shown.results or {}).get(result.item) == result:
                return
            await pause((shown.edited or 0.0) + EDIT_SECONDS - time.monotonic())
            if shown.edited is None:
                await self._show_request(order.run)  # a process that died at the ruling left the buttons standing
            await self._show_progress(await self._record(order.run))

    async def finished(self, order: Order, report: Mapping[str, Any]) -> None:
        """Everything is brought up to date. The report is the one on record."""
        del report
        await self.tell(order.run)

    async def tell(self, run: str, *, whole: bool = True) -> None:
        """Bring all that stands in Slack of a run up to date with the journal, and record it once nothing more is to be told.

        Not ``whole``: nothing but what the watch has to say.

        Raises `ChannelError` where one thing could not be told; the others were, all the same.
        """
        async with self._of(run).turn:
            events = await self._journal.events(run)
            record = fold(run, events)
            shows, heads = list[Show](), list[str]()
            if whole:
                shows += self._shows(record, final := final_report(events))
                heads += [str(final["journal_head"])] if final else []
            if (seen := untold(events)) is not None:
                shows.append(lambda: self._show_watch(record, seen))
                heads.append(seen.hash)
            failed = [error for show in shows if (error := await _failure(show())) is not None]
            if failed:
                raise failed[0]
        for head in heads:
            with suppress(Taken):  # by another process, which has told the same
                await self._journal.append(run, Kind.NOTED, {"slack": TOLD, "head": head}, claim=f"told {head}")
            self._shown.pop(run, None)

    def _shows(self, record: Record, final: Mapping[str, Any] | None) -> Sequence[Show]:
        """All that there is to be shown of the run itself."""
        shows: list[Show] = [lambda: self._show_request(record.order.run)]
        if record.request is not None:
            ask = blocks.ask_of(record, record.request)
            shows.append(lambda: self._warn(ask))
        if (record.results or record.report) and not record.order.sweep:  # of a sweep, nothing is told but its request and its end
            shows.append(lambda: self._show_progress(record))
        if final:
            shows.append(lambda: self._show_report(record, final))
        return shows

    def _of(self, run: str) -> _Shown:
        return self._shown.setdefault(run, _Shown())

    async def where(self, run: str) -> str:
        """The link to the run's request, whose thread holds all the rest. Raises `ChannelError`."""
        return await self._posts.link(run, "request")

    async def _warn(self, ask: Ask) -> None:
        """Where one person acts alone, each on the roster is told, by themselves. Raises `ChannelError` where one may be told later."""
        if ask.request.way is Way.ORDINARY:
            return
        words, later = blocks.notice(f"{marked(ask.request.mode)}{ask.order.requester} acts alone: {ask.title}"), list[ChannelError]()
        for person in self._audience.roster.in_slack:
            own, what = self._posts_in(channel=person.slack), f"warning to {person.slack}"
            if await own.place(ask.order.run, what) is not None:
                continue
            failure = await _failure(own.put(ask.order.run, what, words, blocks.warning(ask)))
            if failure is not None:
                log.warning("%s could not be told of run %s: %s", person.slack, ask.order.run, failure.what)
                later += [] if isinstance(failure, SlackRefused) else [failure]
        if later:
            raise later[0]

    async def _show_request(self, run: str, title: str = "") -> None:
        await kept(lambda: self._record(run), lambda text, shown: self._posts.put(run, "request", text, shown), self._audience, title)

    async def _show_progress(self, record: Record) -> None:
        run, mode, last = record.order.run, record.order.mode, self._of(record.order.run)
        if last.results == record.results:
            return
        last.edited = time.monotonic()
        shown = blocks.progress(run, list(record.results.values()), len(record.items), mode)
        words = blocks.notice(f"{marked(mode)}Run {run} is under way")
        await self._posts.put(run, "progress", words, shown, thread=await self._thread(record))
        last.results = dict(record.results)

    async def _show_report(self, record: Record, report: Mapping[str, Any]) -> None:
        run = record.order.run
        words = blocks.notice(f"{marked(record.order.mode)}Run {run}: {report['outcome']}")
        await self._posts.put(run, "report", words, blocks.report(report), thread=await self._thread(record))

    async def _show_watch(self, record: Record, seen: Event) -> None:
        """A post of its own for each change: what was said before stays."""
        mention = self._audience.mention(record.request, urgency=1) if record.request is not None else ""
        text, shown = watchposts.post(record, seen, mention)
        await self._posts.put(record.order.run, f"watch {seen.n}", text, shown, thread=await self._thread(record))

    async def _thread(self, record: Record) -> str | None:
        """Where the run's thread begins. Raises `ChannelError` while its request does not stand: what is below it waits for it."""
        place = await self._posts.place(record.order.run, "request")
        if place is None and record.request is not None:
            raise ChannelError("the request does not stand in Slack yet", changed=False, advice="Run `firedoor show`")
        return place

    async def _record(self, run: str) -> Record:
        return fold(run, await self._journal.events(run))


def _left(ask: Ask) -> int:
    """How many minutes a request has left."""
    return max(1, round((ask.request.expires - datetime.now(UTC)).total_seconds() / 60))


def final_report(events: Sequence[Event]) -> Mapping[str, Any] | None:
    """The report that a run has ended with, with the journal's head as of then; None while it is under way."""
    last = next((event for event in reversed(events) if event.kind in (Kind.FINISHED, Kind.RESUMED)), None)
    return {**last.body, "journal_head": last.hash} if last is not None and last.kind == Kind.FINISHED else None


def is_told(events: Sequence[Event]) -> bool:
    """Whether the run is over, and all that there is to tell of it and of the watch stands in Slack."""
    return has_told_end(events) and untold(events) is None


def has_told_end(events: Sequence[Event]) -> bool:
    """Whether the run is over, and its end stands in Slack."""
    final = final_report(events)
    return final is not None and _has_told(events, str(final["journal_head"]))


def untold(events: Sequence[Event]) -> Event | None:
    """What the watch has to say, where that does not stand in Slack yet."""
    seen = watchposts.newest(events)
    return None if seen is None or _has_told(events, seen.hash) else seen


def _has_told(events: Sequence[Event], head: str) -> bool:
    return any(event.kind == Kind.NOTED and event.body.get("slack") == TOLD and event.body.get("head") == head for event in events)


async def _failure(show: Awaitable[None]) -> ChannelError | None:
    try:
        await show
    except ChannelError as error:
        return error
    return None
