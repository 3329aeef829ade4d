"""A world whose time stands still until it is moved on, and in which one thing happens at a time: what is tried here can be tried again.

Nothing waits in earnest. SQLite, on a real file, answers in the caller's own thread; whoever comes to a `Gate` stands there until let
through; when all stand, or wait for a moment that has not come, the world is quiet and somebody outside decides how it goes on.
"""

from __future__ import annotations

import asyncio
import heapq
import selectors
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

DAWN = datetime(2026, 1, 1, tzinfo=UTC)
TOLD_TIME = ("engine", "desk", "journal", "step")  # rooms of the house that look at the calendar
TIMED = ("step", "lease", "journal", "unit")  # and those that look at the clock


class Patience(selectors.SelectSelector):
    """Never sleeps: where nothing is left to do at once, it says so, and for how long."""

    def __init__(self, quiet: Callable[[float | None], None]) -> None:
        super().__init__()
        self._quiet = quiet

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout > 0:
            self._quiet(timeout)
        return super().select(0)


@dataclass(order=True)
class Waiter:
    """Somebody at a gate. ``who`` is a process's number, ``what`` it is about to do or has just done."""

    number: int
    who: int = field(compare=False)
    what: str = field(compare=False)
    gate: asyncio.Future[None] = field(compare=False)


class Clockwork(asyncio.SelectorEventLoop):
    """The event loop of such a world."""

    def __init__(self) -> None:
        self.seconds, self.ticks = 0.0, 0
        self.due: float | None = None
        self._line: list[Waiter] = []
        self._came = 0
        super().__init__(Patience(self._pause))
        self.set_exception_handler(lambda *_: None)  # what a process came to is judged by whoever started it

    def time(self) -> float:
        """What `asyncio` goes by."""
        return self.seconds

    def now(self) -> datetime:
        """The calendar. No two looks at it see the same."""
        self.ticks += 1
        return DAWN + timedelta(seconds=self.seconds, microseconds=self.ticks)

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]
        """At once, by the caller."""
        del executor
        line = _Line()
        line.put_nowait((done := self.create_future(), partial(func, *args)))
        return done

    def _pause(self, left: float | None) -> None:
        self.due = None if left is None else self.seconds + left
        self.stop()

    def settle(self) -> None:
        """Let everything happen that can happen now."""
        self.run_forever()

    def wait(self, seconds: float) -> None:
        """Time passes, and everybody who waits for a moment in it finds it come."""
        end = self.seconds + seconds
        while self.due is not None and self.due <= end:
            self.seconds = self.due + 1e-6
            self.settle()
        self.seconds = max(end, self.seconds)
        self.settle()

    async def gate(self, who: int, what: str) -> None:
        """Stand here until let through."""
        self._came += 1
        waiter = Waiter(self._came, who, what, self.create_future())
        heapq.heappush(self._line, waiter)
        await waiter.gate

    def waiting(self) -> list[Waiter]:
        """Those who stand at a gate, in the order in which they came. Who was called off stands there no more."""
        self._line = sorted(waiter for waiter in self._line if not waiter.gate.done())
        return self._line

    def go(self, pick: int) -> None:
        """Let one through; or, by one pick in eight and where nobody stands at a gate, let time pass until something is due."""
        line = self.waiting()
        if line and pick % 8 != 7:
            line[pick % len(line)].gate.set_result(None)
            self.settle()
        elif self.due is not None:
            self.wait(max(self.due - self.seconds, 0.0))

    def begin(self, job: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Start it, and let it come to its first gate."""
        task = self.create_task(job)
        self.settle()
        return task

    def complete(self, job: Coroutine[Any, Any, Any]) -> Any:
        """All of a job that comes to no gate."""
        task = self.begin(job)
        for _ in range(100):
            if task.done():
                return task.result()
            self.wait(0.05)
        raise AssertionError("it never ends")

    def end(self) -> None:
        """Call off whatever is left, and close."""
        left = asyncio.all_tasks(self)
        for task in left:
            task.cancel()
        self.settle()
        assert all(task.done() for task in left), [task for task in left if not task.done()]
        self.run_until_complete(self.shutdown_asyncgens())
        self.close()


class _Line:
    """In aiosqlite's place for the queue of its thread: what is put in is done at once, by the caller."""

    def put_nowait(self, job: tuple[asyncio.Future[Any] | None, Callable[[], Any]]) -> None:
        future, work = job
        try:
            done = work()
        except BaseException as error:  # noqa: BLE001 - handed on, whatever it is
            if future is not None:
                future.set_exception(error)
        else:
            if future is not None and not future.done():
                future.set_result(done)


class _Nobody:
    """In a thread's place."""

    def __init__(self, **_: object) -> None:
        self.daemon = True

    def start(self) -> None: ...


@contextmanager
def patched(loop: Clockwork) -> Iterator[None]:
    """The house by this world's clock and calendar."""

    class Calendar(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
            del tz
            return loop.now()

    clock = SimpleNamespace(monotonic=loop.time, time=lambda: DAWN.timestamp() + loop.seconds)
    changes: Mapping[str, object] = {
        "aiosqlite.core.SimpleQueue": _Subscripted,
        "aiosqlite.core.Thread": _Nobody,
        **{f"firedoor.{room}.datetime": Calendar for room in TOLD_TIME},
        **{f"firedoor.{room}.time": clock for room in TIMED},
    }
    patches = [patch(where, what) for where, what in changes.items()]
    for one in patches:
        one.start()
    try:
        yield
    finally:
        for one in patches[::-1]:
            one.stop()


_Subscripted = _Line
