"""Messages that stand in Slack once each: posted, found again after a crash or a lost reply, edited where they stand."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from firedoor.channels.slack import blocks
from firedoor.channels.slack.audience import Audience
from firedoor.channels.slack.calls import VERBATIM, SlackRefused, told
from firedoor.errors import ChannelError, LeaseLost
from firedoor.journal import Journal, Kind
from firedoor.lease import TTL_SECONDS, Lease, Leases
from firedoor.run import Record
from firedoor.vendors.slack.text import Block

if TYPE_CHECKING:
    from slack_sdk.web.async_client import AsyncWebClient

AGAIN_SECONDS: Final = 1.0
TRIES: Final = 2
SKEW_SECONDS: Final = 600  # by how much this machine's clock may be ahead of Slack's

pause = asyncio.sleep


@dataclass(frozen=True, slots=True, kw_only=True)
class _Message:
    """One to be posted."""

    run: str
    what: str
    text: str
    shown: Sequence[Block]
    thread: str | None

    @property
    def payload(self) -> Mapping[str, str]:
        """What it carries, to be found again by."""
        return {"run": self.run, "what": self.what}


class Posts:
    """The messages of each run, by kind: ``request``, ``progress``, ``report``. Where they stand is journaled."""

    def __init__(self, *, web: AsyncWebClient, channel: str, journal: Journal, leases: Leases) -> None:
        self._web = web
        self._channel = channel
        self._journal = journal
        self._leases = leases

    async def put(self, run: str, what: str, text: str, shown: Sequence[Block], *, thread: str | None = None) -> None:
        """Bring the run's message of that kind up to date; post it where there is none yet. Raises `ChannelError`."""
        place = await self.place(run, what)
        if place is None:
            try:
                place = await self._found_or_posted(_Message(run=run, what=what, text=text, shown=shown, thread=thread))
            except LeaseLost as elsewhere:
                raise ChannelError(f"another process is posting the {what}", changed=False, advice="Run `firedoor show`") from elsewhere
        if place is not None:
            await self._edit(place, text, shown)

    async def place(self, run: str, what: str) -> str | None:
        """The timestamp of the run's message of that kind, if it was posted."""
        return (await self._noted(run, what))[0]

    async def link(self, run: str, what: str) -> str:
        """A link to the run's message of that kind; empty where there is none. Raises `ChannelError`."""
        if (place := await self.place(run, what)) is None:
            return ""
        return str((await told(self._web.chat_getPermalink(channel=self._channel, message_ts=place)))["permalink"])

    async def _found_or_posted(self, message: _Message) -> str | None:
        """Where the message turns out to stand; None where it has just been posted. One process at a time does this. Raises `LeaseLost`."""
        run, what = message.run, message.what
        async with self._leases.holding(f"slack:{run}:{what}", patience=TTL_SECONDS + 1.0) as lease:
            place, begun = await self._noted(run, what)
            if place is None and begun is not None:
                place = await self._find(message, begun)
                if place is not None:
                    await self._note(run, what, place)
            if place is None:
                await self._post(message, lease)
            return place

    async def _post(self, message: _Message, lease: Lease) -> None:
        """Post under a journaled intent: a reply that is lost, or a process that dies, must not make a second message.

        One that is not there after a failure is posted once more: few things are said again by themselves.
        """
        run, what = message.run, message.what
        begun = (await self._journal.append(run, Kind.NOTED, {"slack": what, "posting": True}, under=lease)).at
        said: Any = {"channel": self._channel, "text": message.text, "blocks": message.shown, "thread_ts": message.thread, **VERBATIM}
        said["metadata"] = {"event_type": "firedoor", "event_payload": message.payload}
        place: str | None = None
        tries = 0
        while place is None:
            tries += 1
            try:
                place = str((await told(self._web.chat_postMessage(**said, unfurl_links=False, unfurl_media=False)))["ts"])
            except SlackRefused:
                raise
            except ChannelError:
                await pause(AGAIN_SECONDS)  # what was sent may show a moment later only
                place = await self._find(message, begun)
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

    async def _noted(self, run: str, what: str) -> tuple[str | None, datetime | None]:
        """Where the journal says that the message stands; and since when one may stand that it does not know of."""
        noted = [event for event in await self._journal.events(run) if event.kind == Kind.NOTED and event.body.get("slack") == what]
        return next((str(one.body["ts"]) for one in noted if "ts" in one.body), None), noted[0].at if noted else None

    async def _find(self, message: _Message, begun: datetime) -> str | None:
        """Our message in Slack's own history since ``begun``, by the metadata that it carries; however much was said there since."""
        thread = message.thread
        asked: dict[str, Any] = {"channel": await self._conversation(), "include_all_metadata": True, "limit": 200}
        asked |= {"ts": thread} if thread else {"oldest": f"{begun.timestamp() - SKEW_SECONDS:.6f}"}
        while True:
            try:
                page = await told(self._web.conversations_replies(**asked) if thread else self._web.conversations_history(**asked))
            except SlackRefused:
                return None  # without the scope to look, a request is rather shown twice than not at all
            for one in page["messages"]:
                if one.get("metadata", {}).get("event_payload") == message.payload:
                    return str(one["ts"])
            asked["cursor"] = (page.get("response_metadata") or {}).get("next_cursor")
            if not asked["cursor"]:
                return None

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
