"""Bounded retries that respect the vendor's own headers (tenacity)."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt, stop_after_delay, wait_random_exponential

from firedoor.errors import FiredoorError, RateLimited
from firedoor.vendors.access import Operation

T = TypeVar("T")

ATTEMPTS = 4
DEADLINE_SECONDS = 30.0
_BACKOFF = wait_random_exponential(multiplier=0.1, max=3.0)


async def send(operation: Operation, attempt: Callable[[], Awaitable[T]]) -> T:
    """Run ``attempt`` until it succeeds, at most `ATTEMPTS` times within `DEADLINE_SECONDS`.

    A read or an idempotent write is repeated on any retryable error; another write only on `RateLimited`, which the vendor refuses before
    any effect. Raises the last error. A rate limit whose reset lies beyond the deadline is raised at once.
    """
    began = time.monotonic()
    try:
        return await attempt()
    except FiredoorError as error:
        if not _worth_repeating(operation, error):
            raise
        seen = error
    left = DEADLINE_SECONDS - (time.monotonic() - began)
    retrying = AsyncRetrying(
        retry=retry_if_exception(partial(_worth_repeating, operation)),
        stop=stop_after_attempt(ATTEMPTS) | stop_after_delay(left),
        wait=_wait,
        reraise=True,
    )

    async def again() -> T:
        if retrying.statistics["attempt_number"] == 1:  # was made above: a call without trouble does not pay for tenacity
            raise seen
        return await attempt()

    return await retrying(again)


def _worth_repeating(operation: Operation, error: BaseException) -> bool:
    if isinstance(error, RateLimited):
        return (error.retry_after or 0.0) <= DEADLINE_SECONDS
    return isinstance(error, FiredoorError) and error.retryable and (operation.idempotent or not operation.writes)


def _wait(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, RateLimited) and error.retry_after is not None:
        return error.retry_after
    return _BACKOFF(state)
