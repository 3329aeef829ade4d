"""Firedoor's voice in Slack: the request, the progress in its thread, the end."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from firedoor.approval import Way
from firedoor.channel import Ask
from firedoor.channels.slack import blocks
from firedoor.channels.slack.audience import Audience
from firedoor.channels.slack.calls import SlackRefused
from firedoor.channels.slack.posts import Posts, kept
from firedoor.errors import ChannelError
from firedoor.journal import Journal
from firedoor.run import Order, Record, StepResult, fold

if TYPE_CHECKING:
    from slack_sdk.web.async_client import AsyncWebClient

EDIT_SECONDS: Final = 1.0
RETRY_SECONDS: Final = 4.0
TRIALS: Final = 6

pause = asyncio.sleep

log = logging.getLogger(__name__)


class SlackChannel:
    """A `Channel`. All it knows of a run it reads from the journal, so that a process that resumes the run goes on in the same thread."""

    def __init__(self, *, web: AsyncWebClient, channel: str, journal: Journal, audience: Audience) -> None:
        self._journal = journal
        self._audience = audience
        self._web = web
        self._posts = Posts(web=web, channel=channel, journal=journal)
        self._turn = asyncio.Lock()
        self._edited: dict[str, float] = {}
        self._shown: dict[str, Mapping[str, StepResult]] = {}

    async def asked(self, ask: Ask) -> None:
        """The request with its buttons. While Slack cannot be reached it is tried again: a request nobody sees is a run nobody approves."""
        trials = 0
        while True:
            try:
                await self._show_request(ask.order.run, ask.title)
                return await self._warn(ask.order.run, ask.title)
            except SlackRefused:
                raise
            except ChannelError:
                trials += 1
                if trials == TRIALS:
                    raise
                await pause(RETRY_SECONDS)

    async def reminded(self, ask: Ask, urgency: int) -> None:
        """A word in the request's thread to those who have not decided; the second time, to more of them."""
        thread = await self._posts.place(ask.order.run, "request")
        mention = self._audience.mention(ask.request, urgency=urgency, decided=ask.approved)
        left = max(1, round((ask.request.expires - datetime.now(UTC)).total_seconds() / 60))
        words = blocks.notice(f"Run {ask.order.run} still waits for approval")
        shown = blocks.reminder(ask, mention=mention, left=left)
        await self._posts.put(ask.order.run, f"reminder {urgency}", words, shown, thread=thread)

    async def progressed(self, order: Order, result: StepResult) -> None:
        """The steps so far, in one message of the thread, edited at most once a second; what ended meanwhile shows together."""
        async with self._turn:
            if self._shown.get(order.run, {}).get(result.item) == result:
                return
            await pause(self._edited.get(order.run, 0.0) + EDIT_SECONDS - time.monotonic())
            if order.run not in self._edited:
                await self._show_request(order.run)  # a process that died at the ruling left the buttons standing
                await self._warn(order.run)
            await self._show_progress(order.run)

    async def finished(self, order: Order, report: Mapping[str, Any]) -> None:
        """The progress is brought up to date, the request tells the outcome, the report stands in its thread; each, if another fails."""
        async with self._turn:
            shows: tuple[Callable[[], Awaitable[None]], ...] = (
                lambda: self._show_progress(order.run),
                lambda: self._show_request(order.run),
                lambda: self._warn(order.run),
                lambda: self._show_report(order.run, report),
            )
            failed = [error for show in shows if (error := await _failure(show())) is not None]
            for kept_ in (self._edited, self._shown):
                kept_.pop(order.run, None)
        if failed:
            raise failed[0]

    async def _warn(self, run: str, title: str = "") -> None:
        """Where one person acts alone, each on the roster is told, once, by themselves."""
        record = await self._record(run)
        if record.request is None or record.request.way is Way.ORDINARY:
            return
        ask = blocks.ask_of(record, record.request, title)
        words = blocks.notice(f"{ask.order.requester} acts alone: {ask.title}")
        for person in self._audience.roster.people:
            own, what = Posts(web=self._web, channel=person.slack, journal=self._journal), f"warning to {person.slack}"
            if await own.place(run, what) is not None:
                continue
            failure = await _failure(own.put(run, what, words, blocks.warning(ask)))
            if failure is not None:
                log.warning("%s could not be told of run %s: %s", person.slack, run, failure.what)

    async def where(self, run: str) -> str:
        """The link to the run's request, whose thread holds all the rest. Raises `ChannelError`."""
        return await self._posts.link(run, "request")

    async def _show_request(self, run: str, title: str = "") -> None:
        await kept(lambda: self._record(run), lambda text, shown: self._posts.put(run, "request", text, shown), self._audience, title)

    async def _show_progress(self, run: str) -> None:
        record = await self._record(run)
        if self._shown.get(run) == record.results:
            return
        self._edited[run] = time.monotonic()
        shown = blocks.progress(run, list(record.results.values()), len(record.items))
        thread = await self._posts.place(run, "request")
        await self._posts.put(run, "progress", blocks.notice(f"Run {run} is under way"), shown, thread=thread)
        self._shown[run] = dict(record.results)

    async def _show_report(self, run: str, report: Mapping[str, Any]) -> None:
        thread = await self._posts.place(run, "request")
        words = blocks.notice(f"Run {run}: {report['outcome']}")
        await self._posts.put(run, "report", words, blocks.report(report), thread=thread)

    async def _record(self, run: str) -> Record:
        return fold(run, await self._journal.events(run))


async def _failure(show: Awaitable[None]) -> ChannelError | None:
    try:
        await show
    except ChannelError as error:
        return error
    return None
