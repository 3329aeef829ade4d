"""AWS's clock, told from the Date header of its replies and the time gone by since."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Final

# A Date header is cut to whole seconds: AWS's clock may be up to this much further.
_GRAIN: Final = timedelta(seconds=1)


@dataclass(slots=True, kw_only=True)
class VendorClock:
    """The last Date header seen, and when its request left on this machine's monotonic clock."""

    _date: datetime | None = field(default=None, init=False)
    _asked: float = field(default=0.0, init=False)
    _ahead: timedelta = field(default=timedelta(), init=False)

    def hear(self, date: str, *, asked: float) -> None:
        """Take note of a Date header; ``asked`` is `time.monotonic` when its request left. One that is no date is passed over."""
        moment = _moment(date)
        if moment is None:
            return
        self._date, self._asked = moment, asked
        self._ahead = datetime.now(UTC) - self._date - _GRAIN / 2

    def age(self) -> float:
        """Seconds since AWS was last heard; infinite where never."""
        return time.monotonic() - self._asked if self._date else float("inf")

    def now(self) -> datetime | None:
        """AWS's clock, rounded so that it is never behind the true one; None where AWS was never heard.

        Sessions are stamped in whole seconds and revoked by "issued before T": a T behind AWS's clock would spare the newest of them.
        """
        if self._date is None:
            return None
        return self._date + _GRAIN + timedelta(seconds=self.age())

    def ahead(self) -> timedelta | None:
        """How far this machine's clock was ahead of AWS's at the last reply, to about a second; None where AWS was never heard."""
        return self._ahead if self._date else None


@lru_cache(maxsize=4)
def _moment(date: str) -> datetime | None:
    """What a Date header says, in UTC; None where it is no moment. Hundreds of replies have the same."""
    try:
        moment = parsedate_to_datetime(date)
    except ValueError:
        return None
    return None if moment.tzinfo is None else moment.astimezone(UTC)
