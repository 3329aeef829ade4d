"""The System Log as a stream: the part of `OktaClient` that hunts read with."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlencode

from firedoor.errors import BadInput
from firedoor.vendors.okta import operations, replies
from firedoor.vendors.okta.calls import Calls
from firedoor.vendors.okta.values import LogEntry

LOG_PAGE: Final = 1000
MOST_STREAMED: Final = 50_000  # pages


class LogCalls(Calls):
    """See `OktaClient` for the errors that every method may raise."""

    async def log_entries(self, *, since: datetime, until: datetime, filter: str = "") -> AsyncIterator[LogEntry]:  # noqa: A002 - Okta's word
        """The System Log's entries from ``since`` until before ``until``, by the time of publishing, oldest first (listLogEvents).

        One page of `LOG_PAGE` is held at a time. ``filter`` is a SCIM filter; empty asks for all. Where the limit of requests per minute is
        used up, the window's end is waited for. Entries may take some 30 s to show, and Okta keeps them for 90 days.
        """
        query = {"since": moment_text(since), "until": moment_text(until), "limit": str(LOG_PAGE), "sortOrder": "ASCENDING"}
        path = f"{operations.LIST_LOG_EVENTS.path}?{urlencode(query | ({'filter': filter} if filter else {}))}"
        pages = self._each_page(
            operations.LIST_LOG_EVENTS, path, replies.log_entry, target="the System Log", most=MOST_STREAMED, patient=True
        )
        async for page in pages:
            for entry in page:
                yield entry


def moment_text(moment: datetime) -> str:
    """A moment as Okta reads it: UTC, to the millisecond. Raises `BadInput` where it has no time zone."""
    if moment.tzinfo is None:
        raise BadInput("a moment for the System Log has no time zone", advice="Give it in UTC")
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
