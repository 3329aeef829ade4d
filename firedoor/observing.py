"""What goes on, told to whoever watches: nobody, unless metrics or traces are set up. Names of people and targets are never told.

Watching holds nothing up and breaks nothing: what goes wrong in a watcher is left out, and the work goes on.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

current_run: ContextVar[str] = ContextVar("current_run", default="")


@dataclass(slots=True, kw_only=True)
class Call:
    """One request to a vendor, by the vendor's own name for it. ``status`` is the HTTP status (0: no answer came)."""

    vendor: str
    operation: str
    status: int = 0
    throttled: bool = False
    seconds: float = 0.0

    def answered(self, status: int, *, throttled: bool = False) -> None:
        """The vendor's answer came. Whether it said that it was too much, where another status than 429 says so."""
        self.status, self.throttled = status, throttled or status == 429


class Watcher:
    """Whoever watches. Each overrides what it wants to know."""

    def called(self, call: Call) -> None:
        """A request to a vendor is over."""

    def appended(self, seconds: float) -> None:
        """An event is durable in the journal, after so long."""

    def lost_lease(self) -> None:
        """A turn at something was lost, so that no write was begun there."""

    def connected(self, *, up: bool) -> None:
        """Whether Slack reaches this process."""

    def span(self, name: str, **ids: str) -> AbstractContextManager[object]:
        """Something that takes its time: a run, a step, a call. ``ids`` tell which."""
        del name, ids
        return nullcontext()


_watchers: Final[list[Watcher]] = []


@contextmanager
def watched_by(watcher: Watcher) -> Iterator[None]:
    """One watches more, within the block."""
    _watchers.append(watcher)
    try:
        yield
    finally:
        _watchers.remove(watcher)


@contextmanager
def run(name: str) -> Iterator[None]:
    """A run is under way here: what is logged meanwhile is of it."""
    token = current_run.set(name)
    try:
        with span("run", run=name):
            yield
    finally:
        current_run.reset(token)


@contextmanager
def span(name: str, **ids: str) -> Iterator[None]:
    """Something that takes its time, and what goes on within it."""
    spans = ExitStack()
    for watcher in _watchers:
        with suppress(Exception):
            spans.enter_context(watcher.span(name, **ids))
    try:
        yield
    except BaseException as error:
        with suppress(Exception):
            spans.__exit__(type(error), error, error.__traceback__)
        raise
    else:
        with suppress(Exception):
            spans.close()


@contextmanager
def call(vendor: str, operation: str) -> Iterator[Call]:
    """A request to a vendor, as it leaves the process; whoever sends it says what was answered."""
    made, began = Call(vendor=vendor, operation=operation), time.perf_counter()
    try:
        with span("call", vendor=vendor, operation=operation):
            yield made
    finally:
        made.seconds = time.perf_counter() - began
        for watcher in _watchers:
            with suppress(Exception):
                watcher.called(made)


@contextmanager
def append() -> Iterator[None]:
    """An event on its way into the journal; one that fails is not told."""
    began = time.perf_counter()
    yield
    for watcher in _watchers:
        with suppress(Exception):
            watcher.appended(time.perf_counter() - began)


def lost_lease() -> None:
    """A turn at something was lost."""
    for watcher in _watchers:
        with suppress(Exception):
            watcher.lost_lease()


def connected(*, up: bool) -> None:
    """Whether Slack reaches this process."""
    for watcher in _watchers:
        with suppress(Exception):
            watcher.connected(up=up)
