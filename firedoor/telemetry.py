"""Metrics and traces, begun where the settings ask for them. What they stand on is an extra that not everybody installs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

from firedoor import observing
from firedoor.defect import in_words
from firedoor.errors import Misconfigured
from firedoor.journal import Journal
from firedoor.settings import Settings

AGAIN_SECONDS = 5.0

Follow = Callable[[Journal], Awaitable[None]]

log = logging.getLogger(__name__)


@contextmanager
def traced(settings: Settings) -> Iterator[None]:
    """Send traces, within the block. Raises `Misconfigured` where they are wanted and the extra is not installed."""
    if settings.traces_endpoint is None:
        yield
        return
    try:
        from firedoor.traces import sent_to
    except ImportError as missing:
        raise _not_installed("traces_endpoint", missing) from None
    traces = sent_to(settings.traces_endpoint)
    try:
        with observing.watched_by(traces):
            yield
    finally:
        traces.close()


@contextmanager
def counted(settings: Settings) -> Iterator[Follow]:
    """Count, and answer Prometheus, within the block. Yields what has a journal followed too, without end. Raises `Misconfigured`."""
    if settings.metrics_listen is None:
        yield _nothing
        return
    try:
        from firedoor import metrics
    except ImportError as missing:
        raise _not_installed("metrics_listen", missing) from None
    made = metrics.Metrics()
    with metrics.served(made, settings.metrics_listen), observing.watched_by(made):
        yield made.follow


@asynccontextmanager
async def following(follow: Follow, journal: Journal) -> AsyncIterator[None]:
    """Have a journal followed, within the block. Where that breaks off, it is begun again."""
    task = asyncio.create_task(_again(follow, journal))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _again(follow: Follow, journal: Journal) -> None:
    while True:
        try:
            await follow(journal)
        except Exception as error:  # noqa: BLE001 - what is counted holds up nothing that is done
            log.warning("the journal could not be followed for the metrics: %s", in_words(error))
        await asyncio.sleep(AGAIN_SECONDS)


async def _nothing(journal: Journal) -> None:
    del journal
    await asyncio.Event().wait()


def _not_installed(setting: str, missing: ImportError) -> Misconfigured:
    return Misconfigured(
        f"{setting} is set, and {missing.name} is not installed",
        advice=f"Install the extra observe, as docs/operations.md says, or leave {setting} out",
    )
