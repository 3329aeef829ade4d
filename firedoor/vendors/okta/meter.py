"""The simulated org's rate limits: how many requests each part of the API takes in a window, and a count of what came.

Okta counts by the part of the API that a path belongs to (its first word: users, apps, logs), in windows of a minute. Its limits differ by
plan and, within a part, by endpoint: the numbers here are of their kind and not its own. A window begins with the first request in it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class OktaLimits:
    """Requests that a window takes, by the part of the API; ``others`` for each part that is not named.

    ``window`` is in seconds, ``at_once`` how many requests may be under way in the whole org.
    """

    users: int = 600
    apps: int = 600
    logs: int = 120
    api_tokens: int = 600
    others: int = 600
    window: float = 60.0
    at_once: int = 75

    def limit(self, family: str) -> int:
        """How many requests a window takes."""
        named = {"users": self.users, "apps": self.apps, "logs": self.logs, "api-tokens": self.api_tokens}
        return named.get(family, self.others)


@dataclass(slots=True, kw_only=True)
class Window:
    """One window of one part of the API: the ``requests`` in it, how many of them were ``over`` its limit, how many ``refused`` with 429.

    ``start`` is on the org's clock. What is refused for being too many at once need not be ``over``, and what was over and met a planned
    fault in place of its true reply is not ``refused``.
    """

    start: datetime
    limit: int
    requests: int = 0
    over: int = 0
    refused: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """One request counted: what the reply's headers say, and whether it is too many."""

    window: Window
    headers: Mapping[str, str]
    over: bool


@dataclass(slots=True, kw_only=True)
class _Open:
    window: Window
    until: float


@dataclass(slots=True)
class Meter:
    """Counts requests. ``windows`` holds every window since the org was made, by the part of the API, the oldest first."""

    limits: OktaLimits
    clock: Callable[[], datetime]
    windows: dict[str, list[Window]] = field(default_factory=dict)
    _open: dict[str, _Open] = field(default_factory=dict)

    def spend(self, family: str, *, crowded: bool) -> Spent:
        """Take one request from the window. ``crowded``: too many are under way, which Okta tells by two zeros."""
        now = time.monotonic()
        found = self._open.get(family)
        if found is None or now >= found.until:
            window = Window(start=self.clock(), limit=self.limits.limit(family))
            found = self._open[family] = _Open(window=window, until=now + self.limits.window)
            self.windows.setdefault(family, []).append(window)
        window = found.window
        window.requests += 1
        over = window.requests > window.limit
        window.over += over
        reset = self.clock() + timedelta(seconds=found.until - now)
        headers = {
            "X-Rate-Limit-Limit": "0" if crowded else str(window.limit),
            "X-Rate-Limit-Remaining": "0" if crowded else str(max(window.limit - window.requests, 0)),
            "X-Rate-Limit-Reset": str(int(reset.timestamp())),
        }
        return Spent(window=window, headers=headers, over=crowded or over)

    def close(self) -> None:
        """End every window now: the next request begins another, as if the time had passed."""
        self._open.clear()
