"""Messages that stand in Slack once each: posted, found again after a crash or a lost reply, edited where they stand."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from firedoor.channels.slack import blocks
from firedoor.channels.slack.audience import Audience
from firedoor.channels.slack.calls import VERBATIM, SlackRefused, told
from firedoor.errors import ChannelError
from firedoor.journal import Journal, Kind
from firedoor.run import Record
from firedoor.vendors.slack.text import Block

if TYPE_CHECKING:
    from slack_sdk.web.async_client import AsyncWebClient

AGAIN_SECONDS: Final = 1.0
TRIES: Final = 2

pause = asyncio.sleep


class Posts:
    """The messages of each run, by kind: ``request``, ``progress``, ``report``. Where they stand is journaled."""

    def __init__(self, *, web: AsyncWebClient, channel: str, journal: Journal) -> None:
        self._web = web
        self._channel = channel
        self._journal = journal

    async def put(self, run: str, what: str, text: str, shown: Sequence[Block], *, thread: str | None = None) -> None:
        """Bring the run's message of that kind up to date; post it where there is none yet. Raises `ChannelError`."""
        place, doubt = await self._noted(run, what)
        if place is None and doubt:
            place = await self._find(run, what, thread)
            if place is not None:
                await self._note(run, what, place)
        if place is None:
            await self._post(run, what, text, shown, thread)
        else:
            await self._edit(place, text, shown)

    async def place(self, run: str, what: str) -> str | None:
        """The timestamp of the run's message of that kind, if it was posted."""
        return (await self._noted(run, what))[0]

    async def link(self, run: str, what: str) -> str:
        """A link to the run's message of that kind; empty where there is none. Raises `ChannelError`."""
        if (place := await self.place(run, what)) is None:
            return ""
        return str((await told(self._web.chat_getPermalink(channel=self._channel, message_ts=place)))["permalink"])

    async def _post(self, run: str, what: str, text: str, shown: Sequence[Block], thread: str | None) -> None:
        """Post under a journaled intent: a reply that is lost, or a process that dies, must not make a second message.

        One that is not there after a failure is posted once more: few things are said again by themselves.
        """
        metadata = {"event_type": "firedoor", "event_payload": {"run": run, "what": what}}
        await self._journal.append(run, Kind.NOTED, {"slack": what, "posting": True})
        message: Any = {"channel": self._channel, "text": text, "blocks": shown, "thread_ts": thread, "metadata": metadata, **VERBATIM}
        place: str | None = None
        tries = 0
        while place is None:
            tries += 1
            try:
                place = str((await told(self._web.chat_postMessage(**message, unfurl_links=False, unfurl_media=False)))["ts"])
            except SlackRefused:
                raise
            except ChannelError:
                await pause(AGAIN_SECONDS)  # what was sent may show a moment later only
                place = await self._find(run, what, thread)
                if place is None and tries == TRIES:
                    raise
        await self._note(run, what, place)

    async def _note(self, run: str, what: str, place: str) -> None:
        await self._journal.append(run, Kind.NOTED, {"slack": what, "ts": place})

    async def _edit(self, place: str, text: str, shown: Sequence[Block]) -> None:
        """Edit; twice is once, so a reply that was lost is asked for again."""
        change = {"channel": await self._conversation(), "ts": place, "text": text, "blocks": shown, **VERBATIM}
        try:
            await told(self._web.chat_update(**change))
        except SlackRefused:
            raise
        except ChannelError:
            await told(self._web.chat_update(**change))

    async def _noted(self, run: str, what: str) -> tuple[str | None, bool]:
        """Where the journal says that the message stands, and whether one may stand that it does not know of."""
        noted = [event.body for event in await self._journal.events(run) if event.kind == Kind.NOTED and event.body.get("slack") == what]
        return next((str(body["ts"]) for body in noted if "ts" in body), None), bool(noted)

    async def _find(self, run: str, what: str, thread: str | None) -> str | None:
        """Our message in Slack's own history, by the metadata that it carries."""
        wanted: Any = {"run": run, "what": what}
        try:
            place = {"channel": await self._conversation(), "include_all_metadata": True, "limit": 200}
            found = await told(
                self._web.conversations_replies(ts=thread, **place)  # type: ignore[arg-type]
                if thread
                else self._web.conversations_history(**place)  # type: ignore[arg-type]
            )
        except SlackRefused:
            return None  # without the scope to look, a request is rather shown twice than not at all
        return next((str(one["ts"]) for one in found["messages"] if one.get("metadata", {}).get("event_payload") == wanted), None)

    async def _conversation(self) -> str:
        """The channel; of a person, to whom one posts by their own id, the conversation that they have with the app."""
        if not self._channel.startswith(("U", "W")):
            return self._channel
        return str((await told(self._web.conversations_open(users=self._channel)))["channel"]["id"])


async def kept(
    read: Callable[[], Awaitable[Record]], show: Callable[[str, Sequence[Block]], Awaitable[None]], audience: Audience, title: str = ""
) -> None:
    """Show the request as the record has it, again and again until nothing changed meanwhile.

    Several may edit the message at once, in different processes too: whoever is last has shown the newest.
    """
    shown = None
    while (record := await read()).request is not None:
        mention = audience.mention(record.request, urgency=0)
        if (now := blocks.standing(record, record.request, title, mention)) == shown:
            return
        await show(*now)
        shown = now
