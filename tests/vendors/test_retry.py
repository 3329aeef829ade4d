"""How often a call is made, and when tenacity is asked at all."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from firedoor.errors import FiredoorError, NotFound, RateLimited, Unavailable
from firedoor.vendors import retry
from firedoor.vendors.access import Operation
from firedoor.vendors.retry import ATTEMPTS, DEADLINE_SECONDS, send

READ = Operation(name="read", permission="", writes=False)
WRITE = Operation(name="write", permission="", writes=True, idempotent=False)


def down() -> Unavailable:
    return Unavailable("it is down", vendor="acme", operation="read")


def busy(seconds: float) -> RateLimited:
    return RateLimited("too much", vendor="acme", operation="read", retry_after=seconds)


def failing(*errors: FiredoorError) -> tuple[Callable[[], Awaitable[str]], list[FiredoorError]]:
    """A call that fails with each of these in turn and then does not, and those that it has failed with."""
    left, met = list(errors), list[FiredoorError]()

    async def attempt() -> str:
        if left:
            met.append(left.pop(0))
            raise met[-1]
        return "done"

    return attempt, met


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "_BACKOFF", lambda _: 0.0)


@pytest.mark.parametrize("troubles", range(ATTEMPTS))
async def test_the_first_attempt_is_one_of_all(troubles: int) -> None:
    attempt, met = failing(*(down() for _ in range(troubles)))
    assert await send(READ, attempt) == "done"
    assert len(met) == troubles


async def test_after_the_last_attempt_its_own_error_is_raised() -> None:
    attempt, met = failing(*(down() for _ in range(ATTEMPTS + 1)))
    with pytest.raises(Unavailable) as caught:
        await send(READ, attempt)
    assert len(met) == ATTEMPTS
    assert caught.value is met[-1]


async def test_the_time_of_the_first_attempt_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "DEADLINE_SECONDS", 0.02)
    made = 0

    async def attempt() -> None:
        nonlocal made
        made += 1
        await asyncio.sleep(0.04)
        raise down()

    with pytest.raises(Unavailable):
        await send(READ, attempt)
    assert made == 1


async def test_a_vendor_is_waited_for_as_long_as_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr("asyncio.sleep", sleep)
    attempt, _ = failing(busy(7.0), busy(3.0))
    assert await send(WRITE, attempt) == "done"
    assert waited == [7.0, 3.0]


@pytest.mark.parametrize(
    ("operation", "error"),
    [
        (READ, NotFound("nothing there", vendor="acme", operation="read")),
        (READ, busy(DEADLINE_SECONDS + 1.0)),
        (WRITE, down()),
    ],
    ids=["no use", "too long", "a write that may have been made"],
)
async def test_what_is_not_to_be_repeated_is_raised_at_once(
    operation: Operation, error: FiredoorError, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(retry, "AsyncRetrying")
    attempt, met = failing(error)
    with pytest.raises(type(error)):
        await send(operation, attempt)
    assert met == [error]


async def test_a_call_without_trouble_does_not_pay_for_tenacity(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(retry, "AsyncRetrying")
    attempt, _ = failing()
    assert await send(WRITE, attempt) == "done"
