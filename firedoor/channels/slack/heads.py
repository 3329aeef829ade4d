"""The heads of the journal that Firedoor's own messages in the channel tell: of its requests, its reports and their threads."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from firedoor import heads
from firedoor.channels.slack.calls import SlackRefused, told
from firedoor.errors import Misconfigured

if TYPE_CHECKING:
    from slack_sdk.web.async_client import AsyncWebClient

PAGE: Final = 200


async def told_in(web: AsyncWebClient, channel: str) -> Mapping[str, str]:
    """Each head with where it was told. What others posted tells nothing: anybody can write a hash. Raises `BadInput`, `ChannelError`."""
    try:
        us = str((await told(web.auth_test()))["bot_id"])
        found: dict[str, str] = {}
        async for message in _pages(lambda cursor: web.conversations_history(channel=channel, limit=PAGE, cursor=cursor)):
            _note(found, message, us)
            if message.get("reply_count"):
                ts = str(message["ts"])
                async for reply in _pages(
                    lambda cursor, ts=ts: web.conversations_replies(channel=channel, ts=ts, limit=PAGE, cursor=cursor)  # type: ignore[misc]
                ):
                    _note(found, reply, us)
    except SlackRefused as refused:
        advice = "Give the app groups:history (channels:history for a public channel), or save the thread and use --heads FILE"
        raise Misconfigured(f"Slack does not let Firedoor read the channel ({refused.code})", advice=advice) from refused
    return found


def _note(found: dict[str, str], message: Mapping[str, Any], us: str) -> None:
    if message.get("bot_id") == us:
        for head in heads.in_data([message.get("text"), message.get("blocks")]):
            found.setdefault(head, f"in Slack, message {message['ts']}")


async def _pages(ask: Callable[[str], Awaitable[Any]]) -> AsyncIterator[Mapping[str, Any]]:
    cursor = ""
    while True:
        page = await told(ask(cursor))
        for message in page["messages"]:
            yield message
        cursor = str((page.get("response_metadata") or {}).get("next_cursor") or "")
        if not cursor:
            return
