"""Firedoor's voice in Slack: the request, the progress in its thread, the end."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from firedoor.channel import Ask
from firedoor.channels.slack import blocks
from firedoor.channels.slack.serving import told
from firedoor.journal import Journal, Kind
from firedoor.run import Order, Record, StepResult, fold

if TYPE_CHECKING:
    from slack_sdk.web.async_client import AsyncWebClient

EDIT_SECONDS: Final = 1.0


class SlackChannel:
    """A `Channel`. Where the run's message stands is journaled, so that a process that resumes the run finds its thread again."""

    def __init__(self, *, web: AsyncWebClient, channel: str, journal: Journal) -> None:
        self._web = web
        self._channel = channel
        self._journal = journal
        self._edited: dict[str, float] = {}

    async def asked(self, ask: Ask) -> None:
        """The request, with its buttons. On a resume the earlier message stands and is not posted again."""
        if await self._place(ask.order.run, "request") is not None:
            return
        words = f"{ask.order.requester} asks for approval of {ask.title} (run {ask.order.run})"
        await self._post(ask.order.run, "request", words, blocks.request(ask, asker=ask.order.requester))

    async def progressed(self, order: Order, result: StepResult) -> None:
        """The steps so far, in one message of the thread that is edited at most once a second."""
        del result
        if time.monotonic() - self._edited.get(order.run, -EDIT_SECONDS) < EDIT_SECONDS:
            return
        self._edited[order.run] = time.monotonic()
        await self._show_progress(await self._record(order.run))

    async def finished(self, order: Order, report: Mapping[str, Any]) -> None:
        """The buttons go, the progress is brought up to date, and the end is told in the thread and in the channel."""
        record = await self._record(order.run)
        await self._show_progress(record)
        request = await self._place(order.run, "request")
        if request is not None and record.request is not None:
            ask = Ask(title=record.order.playbook, order=order, request=record.request, items=record.items)
            words = f"{report['outcome']}: {record.ruling} by {', '.join(report['approval']['by']) or 'nobody'}"
            await self._edit(request, words, blocks.settled(ask, words))
        if await self._place(order.run, "report") is None:
            await self._post(order.run, "report", f"Run {order.run}: {report['outcome']}", blocks.report(report), thread=request)

    async def _show_progress(self, record: Record) -> None:
        run = record.order.run
        shown = blocks.progress(list(record.results.values()), len(record.items))
        place = await self._place(run, "progress")
        if place is None:
            await self._post(run, "progress", f"Run {run} is under way", shown, thread=await self._place(run, "request"))
        else:
            await self._edit(place, f"Run {run} is under way", shown)

    async def _record(self, run: str) -> Record:
        return fold(run, await self._journal.events(run))

    async def _place(self, run: str, what: str) -> str | None:
        """The timestamp of the run's message of that kind, if it was posted."""
        noted = [event.body for event in await self._journal.events(run) if event.kind == Kind.NOTED]
        return next((str(body["ts"]) for body in noted if body.get("slack") == what), None)

    async def _post(self, run: str, what: str, text: str, shown: Sequence[blocks.Block], *, thread: str | None = None) -> None:
        metadata = {"event_type": "firedoor", "event_payload": {"run": run, "what": what}}
        reply = await told(
            self._web.chat_postMessage(
                channel=self._channel, text=text, blocks=shown, thread_ts=thread, metadata=metadata, unfurl_links=False, unfurl_media=False
            )
        )
        await self._journal.append(run, Kind.NOTED, {"slack": what, "ts": str(reply["ts"])})

    async def _edit(self, place: str, text: str, shown: Sequence[blocks.Block]) -> None:
        await told(self._web.chat_update(channel=self._channel, ts=place, text=text, blocks=shown))
