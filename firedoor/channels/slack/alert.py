"""From an alert to a form: the shortcut in every message's menu, and all that can be read in a message."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from firedoor.channels.slack import blocks, prefill
from firedoor.channels.slack.audience import Audience
from firedoor.channels.slack.ordering import Ordering
from firedoor.channels.slack.people import Payload, allowed, answer, defect_words, presser
from firedoor.errors import FiredoorError
from firedoor.indicators import MOST_TEXT, find

if TYPE_CHECKING:
    from slack_bolt.async_app import AsyncApp
    from slack_sdk.web.async_client import AsyncWebClient

CONTAIN_FROM_ALERT: Final = "contain_from_alert"
WORDS: Final = frozenset(
    ("text", "value", "title", "fallback", "pretext", "footer", "author_name", "author_subname", "alt_text", "description", "name")
)
LINKS: Final = frozenset(("url", "title_link", "author_link", "from_url", "original_url"))
LINES: Final = frozenset(("rich_text_section", "rich_text_preformatted", "rich_text_quote"))
MARKUP: Final = re.compile(r"<([^<>|]{1,4000})(?:\|([^<>]*))?>")


def listen(app: AsyncApp, ordering: Ordering, *, audience: Audience) -> None:
    """Register the shortcut."""

    @app.message_shortcut(CONTAIN_FROM_ALERT)
    async def contain_from_alert(ack: Any, body: Payload, client: AsyncWebClient, respond: Any) -> None:
        await ack()
        try:
            allowed(await presser(body, client, audience), asks=True)
            await ordering.open(client, str(body["trigger_id"]), respond=respond, found=prefill.fitting(find(words_of(body["message"]))))
        except FiredoorError as error:
            await answer(respond, blocks.answer(str(error)))
        except Exception as defect:  # noqa: BLE001 - the person is answered, whatever happens
            await answer(respond, blocks.answer(defect_words(defect)))


def words_of(message: Mapping[str, Any]) -> str:
    """Everything that can be read in a message: its text, its blocks and attachments, and what is inside those."""
    lines: list[str] = []
    size = 0
    for line in _lines(message):
        lines.append(line)
        size += len(line)
        if size > MOST_TEXT:
            break
    return "\n".join(lines)


def _lines(message: Mapping[str, Any]) -> Iterator[str]:
    """Without recursion: a message may be nested as deep as its sender likes."""
    left: list[object] = [message.get("attachments"), message.get("blocks"), message.get("text")]
    while left:
        match left.pop():
            case str() as text:
                yield from _unmarked(text)
            case list() as several:
                left += reversed(several)
            case {"type": str(kind), "elements": list(elements)} if kind in LINES:
                yield "".join(_inline(one) for one in elements)
                left += [one["url"] for one in elements if isinstance(one, dict) and "://" in str(one.get("url"))]
            case dict() as one:
                told = (value for key, value in one.items() if not isinstance(value, str) or key in WORDS | LINKS)
                left += reversed(list(told))


def _inline(element: object) -> str:
    """A part of a line, with nothing put between it and its neighbours: Slack makes links of parts of names too."""
    match element:
        case {"type": "date", "timestamp": int(seconds)}:
            return _moment(seconds)
        case {"type": "text" | "link", "text": str(text)}:
            return text
        case {"type": "link", "url": str(url)}:
            return url.removeprefix("mailto:")
        case _:
            return " "


def _unmarked(text: str) -> Iterator[str]:
    """The text as it is read; then where its links lead, which may be somewhere else."""
    links: list[str] = []

    def shown(match: re.Match[str]) -> str:
        target, label = match[1], match[2] or ""
        if target.startswith("mailto:"):
            return label or target.removeprefix("mailto:")
        if target.startswith("!date^"):
            return _moment(target.split("^")[1])
        if target.startswith(("@", "#", "!")):
            return " "
        if "://" not in target:
            return match[0]
        links.append(target)
        return label

    yield MARKUP.sub(shown, text)
    yield from links


def _moment(seconds: object) -> str:
    try:
        return f" {datetime.fromtimestamp(int(str(seconds)), UTC):%Y-%m-%dT%H:%M:%SZ} "
    except (ValueError, OverflowError, OSError):
        return " "
