"""A question to whoever is at the terminal, from within an event loop: it holds nothing up, and can be called off like anything else."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Final

from firedoor.errors import BrokenOff

LONGEST: Final = 4096


async def line(question: str) -> str:
    """What they answer, without its end; a thread that reads could not be called off, so the terminal is watched instead.

    Raises `BrokenOff` where they end their input.
    """
    sys.stderr.write(question)
    sys.stderr.flush()
    loop, fd = asyncio.get_running_loop(), sys.stdin.fileno()
    answered: asyncio.Future[None] = loop.create_future()

    def there() -> None:
        if not answered.done():
            answered.set_result(None)

    loop.add_reader(fd, there)
    try:
        await answered
    finally:
        loop.remove_reader(fd)
    answer = os.read(fd, LONGEST).decode(errors="replace")
    if not answer:
        raise BrokenOff("nothing was decided: there is no more input")
    return answer.rstrip("\r\n")
