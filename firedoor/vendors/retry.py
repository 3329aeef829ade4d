"""Bounded retries that respect the vendor's own headers."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from firedoor.errors import FiredoorError, RateLimited
from firedoor.vendors.access import Operation

T = TypeVar("T")

ATTEMPTS = 4
DEADLINE_SECONDS = 30.0


async def send(operation: Operation, attempt: Callable[[], Awaitable[T]]) -> T:
    """Run ``attempt`` until it succeeds, at most `ATTEMPTS` times within `DEADLINE_SECONDS`.

    A read or an idempotent write is repeated on any retryable error; another write only on `RateLimited`, which the vendor refuses before
    any effect. Raises the last error. A rate limit whose reset lies beyond the deadline is raised at once.
    """
    began, tried = time.monotonic(), 0
    while True:
        try:
            return await attempt()
        except FiredoorError as error:
            tried += 1
            if tried == ATTEMPTS or time.monotonic() - began >= DEADLINE_SECONDS or not _worth_repeating(operation, error):
                raise
            told = error.retry_after if isinstance(error, RateLimited) else None
        await asyncio.sleep(_BACKOFF(tried) if told is None else told)


def _worth_repeating(operation: Operation, error: FiredoorError) -> bool:
    if isinstance(error, RateLimited):
        return (error.retry_after or 0.0) <= DEADLINE_SECONDS
    return error.retryable and (operation.idempotent or not operation.writes)


def _backoff(tried: int) -> float:
    """Seconds to wait after so many attempts: any time up to a bound that doubles, so that many who failed at once do not come at once."""
    return random.uniform(0.0, min(3.0, 0.1 * 2 ** (tried - 1)))  # noqa: S311 - no secret comes of it


_BACKOFF: Callable[[int], float] = _backoff
