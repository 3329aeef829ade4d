from __future__ import annotations

import asyncio
import gc
from pathlib import Path

from firedoor.journal import Journal
from firedoor.store import Store
from firedoor.voices import Voices


async def test_who_is_cancelled_while_the_last_words_are_said_leaves_nobody_speaking(tmp_path: Path) -> None:
    said: list[str] = []
    begun = asyncio.Event()

    async def words(text: str) -> None:
        begun.set()
        await asyncio.sleep(0.05)
        said.append(text)

    async def run(journal: Journal) -> None:
        async with Voices(journal, "r1") as voices:
            for text in ("first", "second", "third"):
                voices.say(words(text))

    async with Store(f"sqlite:///{tmp_path / 'journal.db'}") as store:
        before = asyncio.all_tasks()
        task = asyncio.create_task(run(Journal(store)))
        await begun.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert asyncio.all_tasks() == before
        assert said == []
    gc.collect()  # a coroutine that was never awaited would complain here
