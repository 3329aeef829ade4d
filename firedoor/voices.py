"""What is told to people while a run goes on: in order, beside it, and never in its way. What one channel cannot say, the others can."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any, Self, TypeAlias

from firedoor.channel import Channel
from firedoor.errors import FiredoorError, JournalError
from firedoor.journal import Journal, Kind

SAYING_SECONDS = 200.0  # a channel may be told to come back in a minute, three times: a request that nobody sees is one nobody approves
GOODBYE_SECONDS = 5.0

Words: TypeAlias = Coroutine[Any, Any, None]


class Voices:
    """An async context manager; leaving it waits a little for what is still to be said. Each of the ``channels`` has a voice of its own."""

    def __init__(self, journal: Journal, run: str, channels: Sequence[Channel] = ()) -> None:
        self._journal = journal
        self._run = run
        self._aside: asyncio.Queue[Words] = asyncio.Queue()
        self._unsaid: list[tuple[Channel, asyncio.Queue[Words]]] = [(channel, asyncio.Queue()) for channel in channels]

    @property
    def _lines(self) -> list[asyncio.Queue[Words]]:
        return [self._aside, *(line for _, line in self._unsaid)]

    async def __aenter__(self) -> Self:
        self._speakers = [asyncio.create_task(self._speak(line)) for line in self._lines]
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        try:
            if kind is None:
                with suppress(TimeoutError):
                    async with asyncio.timeout(GOODBYE_SECONDS):
                        for line in self._lines:
                            await line.join()
        finally:  # also where the run is called off in its last words
            for speaker in self._speakers:
                speaker.cancel()
            await asyncio.gather(*self._speakers, return_exceptions=True)
            for line in self._lines:
                while not line.empty():
                    line.get_nowait().close()

    def tell(self, words: Callable[[Channel], Words]) -> None:
        """Tell every channel, each after what it was told before, without waiting for any."""
        for channel, line in self._unsaid:
            line.put_nowait(words(channel))

    def say(self, words: Words) -> None:
        """Say it after what was said before, without waiting for it."""
        self._aside.put_nowait(words)

    async def _speak(self, line: asyncio.Queue[Words]) -> None:
        while True:
            words = await line.get()
            try:
                async with asyncio.timeout(SAYING_SECONDS):
                    await words
            except Exception as error:  # noqa: BLE001 - a channel's trouble is noted, whatever it is; a strange one may quote anything
                why = str(error) if isinstance(error, FiredoorError) else type(error).__name__
                with suppress(JournalError):
                    await self._journal.append(self._run, Kind.NOTED, {"unsaid": why})
            finally:
                words.close()  # where we were called off before it could begin
                line.task_done()
