"""What is told to people while a run goes on: in order, beside it, and never in its way."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Self

from firedoor.errors import FiredoorError, JournalError
from firedoor.journal import Journal, Kind

SAYING_SECONDS = 200.0  # a channel may be told to come back in a minute, three times: a request that nobody sees is one nobody approves
GOODBYE_SECONDS = 5.0


class Voices:
    """An async context manager; leaving it waits a little for what is still to be said."""

    def __init__(self, journal: Journal, run: str) -> None:
        self._journal = journal
        self._run = run
        self._unsaid: asyncio.Queue[Coroutine[Any, Any, None]] = asyncio.Queue()

    async def __aenter__(self) -> Self:
        self._speaker = asyncio.create_task(self._speak())
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        try:
            if kind is None:
                with suppress(TimeoutError):
                    async with asyncio.timeout(GOODBYE_SECONDS):
                        await self._unsaid.join()
        finally:  # also where the run is called off in its last words
            self._speaker.cancel()
            await asyncio.gather(self._speaker, return_exceptions=True)
            while not self._unsaid.empty():
                self._unsaid.get_nowait().close()

    def say(self, words: Coroutine[Any, Any, None]) -> None:
        """Say it after what was said before, without waiting for it."""
        self._unsaid.put_nowait(words)

    async def _speak(self) -> None:
        while True:
            words = await self._unsaid.get()
            try:
                async with asyncio.timeout(SAYING_SECONDS):
                    await words
            except Exception as error:  # noqa: BLE001 - a channel's trouble is noted, whatever it is; a strange one may quote anything
                why = str(error) if isinstance(error, FiredoorError) else type(error).__name__
                with suppress(JournalError):
                    await self._journal.append(self._run, Kind.NOTED, {"unsaid": why})
            finally:
                words.close()  # where we were called off before it could begin
                self._unsaid.task_done()
