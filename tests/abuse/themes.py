"""Every theme there is, and all attempts of one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from tests.abuse import alone, crowds, journals, lines, messages, signatures, strangers, tainted, views, wire
from tests.abuse.attempt import Theme, Verdict
from tests.abuse.running import verdicts
from tests.channels.slack.scene import SlackMode

# Those that take longest come first: two processes share them.
THEMES: Final[Sequence[Theme]] = tuple(
    room.THEME for room in (journals, crowds, views, signatures, strangers, lines, messages, wire, tainted, alone)
)


def every(part: tuple[int, SlackMode, int | None]) -> list[Verdict]:
    """The verdicts on a theme's attempts, by its number and the way in which Slack reaches the app; on at most so many of each kind."""

    async def made() -> list[Verdict]:
        number, way, most = part
        return [verdict async for verdict in verdicts(THEMES[number], way, most=most)]

    return asyncio.run(made())
