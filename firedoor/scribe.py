"""Threads that write what people are shown, so that nothing waits for them.

A terminal that is held (Ctrl-S) and a reader who does not read block whoever writes to them. A containment must not be who.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Final

NAME: Final = "scribe"

Words = Callable[[], object]


class Scribe:
    """Writes one thing after the other. What goes wrong in one is no reason not to write the next."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[Words | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def put(self, words: Words) -> None:
        """Have it written, after what came before."""
        self._queue.put(words)
        if self._thread is None:
            self._thread = threading.Thread(target=self._write, name=NAME, daemon=True)
            self._thread.start()

    def flush(self, patience: float) -> bool:
        """Wait until all so far is written, for so many seconds at most; whether it is."""
        written = threading.Event()
        self.put(written.set)
        return written.wait(patience)

    def end(self, patience: float | None = None) -> bool:
        """Wait until all is written, for so many seconds at most, or as long as it takes; whether it is."""
        if self._thread is None:
            return True
        self._queue.put(None)
        self._thread.join(patience)
        return not self._thread.is_alive()

    def _write(self) -> None:
        while (words := self._queue.get()) is not None:
            try:
                words()
            except Exception:  # noqa: BLE001, S112 - there is nobody to tell: it is the telling that failed
                continue


def any_left() -> bool:
    """Whether one still waits for somebody to take what it writes."""
    return any(thread.name == NAME for thread in threading.enumerate())
