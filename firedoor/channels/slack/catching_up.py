"""What runs still owe to Slack is told once it can be: by whoever listens there, and by each process of its own runs.

What is owed follows from the journal alone. It says of each run where its messages stand, and, once nothing more is to come, that all of it
was told. So it does not matter which process could not tell it, nor whether that is still alive.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, Self

from firedoor.channels.slack.calls import SlackRefused
from firedoor.channels.slack.channel import SlackChannel, has_told_end, is_told
from firedoor.channels.slack.watchposts import WATCHED, is_news
from firedoor.defect import kind_and_place
from firedoor.errors import ChannelError, FiredoorError, JournalBroken
from firedoor.journal import Event, Journal, Kind
from firedoor.model import Mode

LOOK_SECONDS = 10.0
QUIET_SECONDS = 10.0  # for so long, what has happened is for the run's own process to tell
LONGEST_SECONDS: Final = 120.0  # between two looks while Slack cannot be reached
REFUSED_SECONDS: Final = 600.0  # before Slack is asked again for what it has said no to
MOST: Final = 50
BACK: Final = timedelta(days=1)
WATCHED_BACK: Final = timedelta(days=7)

log = logging.getLogger(__name__)


class CatchingUp:
    """An async context manager. While inside, what the ``runs`` owe is told as soon as Slack lets us."""

    def __init__(self, channel: SlackChannel, journal: Journal, runs: Callable[[], Awaitable[Sequence[str]]]) -> None:
        self._channel = channel
        self._journal = journal
        self._runs = runs
        self._known: dict[str, int] = {}  # up to which of its events a run was told
        self._not_before: dict[str, float] = {}

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._go_on())
        return self

    async def __aexit__(self, *trouble: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _go_on(self) -> None:
        wait = LOOK_SECONDS
        while True:
            wait = LOOK_SECONDS if await self.once() else min(2 * wait, LONGEST_SECONDS)
            await asyncio.sleep(wait)

    async def once(self) -> bool:
        """Look at each run, and tell what it owes. Whether Slack could be reached."""
        try:
            for run in await self._runs():
                try:
                    await self._look_at(run)
                except (SlackRefused, JournalBroken) as refused:
                    self._not_before[run] = time.monotonic() + REFUSED_SECONDS
                    log.warning("run %s could not be told in Slack: %s", run, refused.what)
        except ChannelError as silent:
            log.info("what runs owe to Slack is told later: %s", silent.what)
            return False
        except FiredoorError as error:
            log.warning("what runs owe to Slack could not be looked up: %s", error)
        except Exception as defect:  # noqa: BLE001 - it is tried again, whatever it was
            log.error("a defect where Slack is caught up: %s", kind_and_place(defect))  # noqa: TRY400 - a traceback may quote a secret
        return True

    async def _look_at(self, run: str) -> None:
        grown = await self._journal.events(run, after=self._known.get(run, 0))
        if not grown or time.monotonic() < self._not_before.get(run, 0.0):
            return
        if any(map(_is_news, grown)) and not is_told(events := await self._journal.events(run)):
            if datetime.now(UTC) - grown[-1].at < timedelta(seconds=QUIET_SECONDS):
                return
            await self._channel.tell(run, whole=not has_told_end(events))
        self._known[run] = grown[-1].n


def recent(journal: Journal, mode: Mode) -> Callable[[], Awaitable[Sequence[str]]]:
    """The runs of the last day, oldest first, and whatever the watch or a closing told of in the last week."""

    async def runs() -> Sequence[str]:
        now = datetime.now(UTC)
        opened = await journal.opened(most=MOST, since=now - BACK, mode=str(mode))
        seen = [event.run for event in await journal.recent(*WATCHED, since=now - WATCHED_BACK) if is_news(event)]
        return list(dict.fromkeys([*(event.run for event in reversed(opened)), *seen[-MOST:]]))

    return runs


def _is_news(event: Event) -> bool:
    """Whether there may be something to tell since; that something was told is none."""
    return event.kind != Kind.NOTED or "unsaid" in event.body
