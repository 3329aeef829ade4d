"""How many requests a second the simulated IAM takes of an account, where it is to count: a token bucket that holds one second's worth.

AWS publishes no rates of IAM; it answers ``Throttling`` with status 400. Left out: rates of single operations, and of other services.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime

from firedoor.vendors.aws.standings import SimClock
from firedoor.vendors.aws.wire import Refused


class Rates:
    """The buckets of all accounts. ``rate`` is in requests per second, 0 for no limit; ``throttled`` counts the refused, by account."""

    def __init__(self, clock: SimClock, rate: Callable[[], float]) -> None:
        self.throttled: Counter[str] = Counter()
        self._clock = clock
        self._rate = rate
        self._left: dict[str, tuple[datetime, float]] = {}

    def spend(self, account: str) -> None:
        """Take one request's worth. Raises `Refused` where there is none."""
        rate, now = self._rate(), self._clock.now()
        if not rate:
            return
        most = max(rate, 1.0)
        since, left = self._left.get(account, (now, most))
        left = min(most, left + rate * (now - since).total_seconds())
        if left < 1:
            self._left[account] = (now, left)
            self.throttled[account] += 1
            raise Refused("Throttling", 400, "Rate exceeded")
        self._left[account] = (now, left - 1)
