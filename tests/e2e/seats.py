"""The command as a process of its own, before pipes or at a terminal."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
SECONDS = 100.0
HASTY = "import firedoor.step as step; step.PACE = 0.02; from firedoor.cli import main; main()"
# A session leader that opens a terminal has it as its own: Ctrl-C there becomes a signal, and so does its end.
SEATED = f"import os, sys; os.open(os.ttyname(0), os.O_RDWR); os.execv(sys.executable, [sys.executable, '-c', {HASTY!r}, *sys.argv[1:]])"


PIPED: Mapping[str, Any] = {"stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.PIPE}


@asynccontextmanager
async def started(*words: str, code: str = HASTY, **more: Any) -> AsyncIterator[asyncio.subprocess.Process]:
    """The command as a process; it is ended where it has not by itself."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, *words, cwd=ROOT, limit=2**24, **more)
    try:
        async with asyncio.timeout(SECONDS):
            yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def until(process: asyncio.subprocess.Process, event: str, **said: str) -> dict[str, Any]:
    """The next line of the stream that tells of such a thing."""
    assert process.stdout is not None
    while line := await process.stdout.readline():
        told: dict[str, Any] = json.loads(line)
        if told["event"] == event and said.items() <= told.items():
            return told
    raise AssertionError(f"no {event} was told of")


@asynccontextmanager
async def seated(*words: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, Terminal]]:
    """The command as a process with a terminal of its own."""
    ours, theirs = os.openpty()
    terminal = Terminal(ours)
    try:
        async with started(*words, code=SEATED, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True) as process:
            os.close(theirs)
            yield process, terminal
    finally:
        terminal.close()


class Terminal:
    """The other side of a terminal: what is shown there, and a keyboard."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._seen = bytearray()
        self._open = True
        asyncio.get_running_loop().add_reader(fd, self._read)

    def _read(self) -> None:
        try:
            self._seen += os.read(self._fd, 65536)
        except OSError:  # nobody is at its other side any more
            asyncio.get_running_loop().remove_reader(self._fd)

    @property
    def shown(self) -> str:
        return self._seen.decode(errors="replace")

    def press(self, keys: bytes) -> None:
        os.write(self._fd, keys)

    async def shows(self, text: str, after: int = 0) -> int:
        """Once it shows that, ``after`` so many characters; the place where it ends."""
        while text not in self.shown[after:]:  # noqa: ASYNC110 - a terminal tells nobody
            await asyncio.sleep(0.01)
        return self.shown.index(text, after) + len(text)

    def close(self) -> None:
        """It goes away: whoever sits at it is told by SIGHUP."""
        if self._open:
            self._open = False
            asyncio.get_running_loop().remove_reader(self._fd)
            os.close(self._fd)
