"""A scripted person in a drill: a small client of the simulator's ``/people/`` side.

It needs no Slack library and loads without aiohttp; it may run in a process of its own.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar
from urllib.parse import quote

from firedoor.errors import BadInput
from firedoor.vendors.slack.raw import Raw, mapping, objects, text

if TYPE_CHECKING:
    import aiohttp

T = TypeVar("T")


class NotOffered(BadInput):
    """Slack's client does not offer that to this person: no such channel, message, button or field before them. ``code`` says which."""

    def __init__(self, code: str, *, target: str) -> None:
        super().__init__(f"Slack does not offer this ({code})", target=target)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """A button before the person's eyes."""

    action_id: str
    block_id: str
    text: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """A message as the person sees it. ``text`` is what Slack shows where there are no blocks."""

    ts: str
    thread_ts: str
    author: str
    author_name: str
    text: str
    blocks: Sequence[Raw]
    ephemeral: bool
    edited: bool

    @property
    def buttons(self) -> list[Button]:
        """Its buttons, from the top."""
        return buttons(self.blocks)

    @property
    def shown(self) -> str:
        """The words on the screen: those of its blocks, or its text where it has none."""
        return words(self.blocks) if self.blocks else self.text


@dataclass(frozen=True, slots=True, kw_only=True)
class Modal:
    """The modal on top. ``errors`` maps a block's id to what the app complained of; ``submit`` is the button's label, empty without one."""

    view_id: str
    title: str
    submit: str
    blocks: Sequence[Raw]
    errors: Mapping[str, str]

    @property
    def buttons(self) -> list[Button]:
        """Its buttons other than submit and close."""
        return buttons(self.blocks)

    @property
    def shown(self) -> str:
        """The words on the screen."""
        return words(self.blocks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What became of an act. ``error`` is what Slack shows the person where the app failed: operation_timeout, dispatch_failed, ..."""

    ok: bool
    error: str


class Person:
    """One person at their Slack client: ``async with Person(slack.url, "U0001") as ada``."""

    def __init__(self, base_url: str, user_id: str) -> None:
        self.user_id = user_id
        self._base = f"{base_url.rstrip('/')}/people/{quote(user_id, safe='')}"
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connection. Needed once, however the person was used."""
        if self._session is not None:
            await self._session.close()

    async def channels(self) -> list[str]:
        """The ids of the channels that the person sees."""
        return [text(channel.get("id")) for channel in objects((await self._get("/channels")).get("channels"))]

    async def messages(self, channel: str) -> list[Post]:
        """What the person finds there, threads included, oldest first. Raises `NotOffered` where they do not see the channel."""
        reply = await self._get(f"/channels/{quote(channel, safe='')}/messages")
        return [_post(raw) for raw in objects(reply.get("messages"))]

    async def say(self, channel: str, said: str, *, thread_ts: str = "") -> str:
        """Post a message; returns its ts."""
        reply = await self._post(f"/channels/{quote(channel, safe='')}/messages", {"text": said, "thread_ts": thread_ts})
        return text(reply.get("ts"))

    async def command(self, channel: str, line: str) -> Shown:
        """Run a slash command, such as ``/firedoor contain ada@acme.example``. Waits for the app's ack."""
        return _outcome(await self._post(f"/channels/{quote(channel, safe='')}/command", {"command": line}))

    async def shortcut(self, callback_id: str, *, channel: str = "", ts: str = "") -> Shown:
        """Use a message's shortcut (``channel`` and ``ts``) or a global one."""
        place = f"/channels/{quote(channel, safe='')}/messages/{quote(ts, safe='')}" if ts else ""
        return _outcome(await self._post(f"{place}/shortcut", {"callback_id": callback_id}))

    async def click(self, channel: str, ts: str, action_id: str, *, block_id: str = "", value: str | list[str] = "") -> Shown:
        """Click a button of a message, or choose ``value`` in a menu. Waits for the app's ack."""
        place = f"/channels/{quote(channel, safe='')}/messages/{quote(ts, safe='')}/click"
        return _outcome(await self._post(place, {"action_id": action_id, "block_id": block_id, "value": value}))

    async def modal(self) -> Modal | None:
        """The modal on top; None where none is open."""
        raw = mapping((await self._get("/modal")).get("modal"))
        return _modal(raw) if raw else None

    async def submit(self, values: Mapping[str, str | list[str]] | None = None) -> Shown:
        """Fill in the modal (by action_id, or ``block_id/action_id``) and submit it. What the app complained of is in `modal`."""
        return _outcome(await self._post("/modal/submit", {"values": dict(values or {})}))

    async def close_modal(self) -> None:
        """Close the modal on top."""
        await self._post("/modal/close", {})

    async def click_in_modal(self, action_id: str, *, value: str | list[str] = "") -> Shown:
        """Click a button inside the modal on top."""
        return _outcome(await self._post("/modal/click", {"action_id": action_id, "value": value}))

    async def home(self) -> Sequence[Raw]:
        """Open the app's home tab; returns its blocks as they stood on opening."""
        return objects(mapping((await self._get("/home")).get("home")).get("blocks"))

    async def click_at_home(self, action_id: str, *, value: str | list[str] = "") -> Shown:
        """Click a button in the home tab."""
        return _outcome(await self._post("/home/click", {"action_id": action_id, "value": value}))

    async def wait_for(self, predicate: Callable[[], Awaitable[T | None]], seconds: float) -> T:
        """Look again and again until ``predicate`` finds something. Raises `TimeoutError` after ``seconds``."""
        until = time.monotonic() + seconds
        while True:
            found = await predicate()
            if found is not None:
                return found
            if time.monotonic() > until:
                raise TimeoutError(f"{self.user_id} did not see it within {seconds} s")
            await asyncio.sleep(0.02)

    async def wait_for_message(self, channel: str, predicate: Callable[[Post], bool], seconds: float) -> Post:
        """The newest message in the channel that satisfies ``predicate``, as soon as there is one. Raises `TimeoutError`."""

        async def look() -> Post | None:
            return next((post for post in reversed(await self.messages(channel)) if predicate(post)), None)

        return await self.wait_for(look, seconds)

    async def wait_for_modal(self, predicate: Callable[[Modal], bool], seconds: float) -> Modal:
        """The modal on top, as soon as it satisfies ``predicate``. Raises `TimeoutError`."""

        async def look() -> Modal | None:
            modal = await self.modal()
            return modal if modal is not None and predicate(modal) else None

        return await self.wait_for(look, seconds)

    async def _get(self, path: str) -> Raw:
        return await self._call("GET", path, None)

    async def _post(self, path: str, body: Raw) -> Raw:
        return await self._call("POST", path, body)

    async def _call(self, verb: str, path: str, body: Raw | None) -> Raw:
        import aiohttp  # noqa: PLC0415 -- the catalogue loads without it

        if self._session is None:
            self._session = aiohttp.ClientSession()
        async with self._session.request(verb, self._base + path, json=body, allow_redirects=False) as reply:
            raw = mapping(await reply.json())
            if reply.status != 200:
                raise NotOffered(text(raw.get("error")), target=self.user_id)
            return raw


def buttons(blocks: Sequence[Raw]) -> list[Button]:
    """The buttons in the blocks, from the top."""
    return [
        Button(
            action_id=text(element.get("action_id")),
            block_id=text(block.get("block_id")),
            text=text(mapping(element.get("text")).get("text")),
            value=text(element.get("value")),
        )
        for block in blocks
        for element in [*objects(block.get("elements")), mapping(block.get("accessory"))]
        if element.get("type") == "button"
    ]


def words(blocks: Sequence[Raw]) -> str:
    """The words that the blocks show, one text a line. Rich text, tables and images have none here."""
    found: list[str] = []
    for block in blocks:
        own = block.get("text")
        found.append(own if isinstance(own, str) else text(mapping(own).get("text")))
        found += [text(mapping(block.get("label")).get("text"))]
        found += [text(field.get("text")) for field in objects(block.get("fields"))]
        found += [text(element.get("text")) for element in objects(block.get("elements")) if isinstance(element.get("text"), str)]
    return "\n".join(line for line in found if line)


def _outcome(raw: Raw) -> Shown:
    return Shown(ok=raw.get("ok") is True, error=text(raw.get("error")))


def _post(raw: Raw) -> Post:
    return Post(
        ts=text(raw.get("ts")),
        thread_ts=text(raw.get("thread_ts")),
        author=text(raw.get("author")),
        author_name=text(raw.get("author_name")),
        text=text(raw.get("text")),
        blocks=tuple(objects(raw.get("blocks"))),
        ephemeral=raw.get("ephemeral") is True,
        edited=raw.get("edited") is True,
    )


def _modal(raw: Raw) -> Modal:
    return Modal(
        view_id=text(raw.get("view_id")),
        title=text(mapping(raw.get("title")).get("text")),
        submit=text(mapping(raw.get("submit")).get("text")),
        blocks=tuple(objects(raw.get("blocks"))),
        errors={block: text(message) for block, message in mapping(raw.get("errors")).items()},
    )
