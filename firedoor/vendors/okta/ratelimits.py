"""What Okta's rate headers say: how many requests a window allows, how many are left, and when the next one begins."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Final

from firedoor.vendors.okta.transport import Reply

_WHOLE: Final = re.compile(r"\d{1,12}")


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """The three headers of one reply. ``reset`` is the moment that Okta names, on its own clock."""

    limit: int
    remaining: int
    reset: datetime

    @property
    def crowded(self) -> bool:
        """Two zeros: it is not the window that is used up, but too many requests are under way at once."""
        return self.limit == self.remaining == 0


def rate_limit(reply: Reply) -> RateLimit | None:
    """What a reply says; None where a header is missing or no number."""
    told = [reply.headers.get(f"X-Rate-Limit-{name}", "") for name in ("Limit", "Remaining", "Reset")]
    if not all(map(_WHOLE.fullmatch, told)):
        return None
    limit, remaining, reset = map(int, told)
    return RateLimit(limit=limit, remaining=remaining, reset=datetime.fromtimestamp(reset, UTC))


def date_of(reply: Reply) -> datetime | None:
    """The Date header, None where it is missing or cannot be read."""
    return _moment(reply.headers.get("Date", ""))


@lru_cache(maxsize=16)  # of a second, all replies have the same
def _moment(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None


def on_our_clock(moment: datetime, reply: Reply) -> datetime:
    """A moment that a reply names, as this machine's clock will show it. By up to a second late, never early: Date is cut to the second."""
    date = date_of(reply)
    return moment if date is None else datetime.now(UTC) + (moment - date)
