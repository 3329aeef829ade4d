"""What to do when Slack says that it was asked too often. Loaded only where the client is made: it brings Slack's SDK along."""

from __future__ import annotations

import asyncio
from typing import Final

from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.http_retry.request import HttpRequest
from slack_sdk.http_retry.response import HttpResponse
from slack_sdk.http_retry.state import RetryState

TRIALS: Final = 3
TRIGGERED: Final = ("views.open", "views.push")  # what they need is good for three seconds
TRIGGER_SECONDS: Final = 1

pause = asyncio.sleep


class Waiting(AsyncRateLimitErrorRetryHandler):
    """Wait as long as Slack says, and ask again; but say so at once where it would be too late then, and a person waits for the answer."""

    def __init__(self) -> None:
        super().__init__(max_retry_count=TRIALS)

    async def _can_retry_async(
        self, *, state: RetryState, request: HttpRequest, response: HttpResponse | None = None, error: Exception | None = None
    ) -> bool:
        if not await super()._can_retry_async(state=state, request=request, response=response, error=error):
            return False
        return not request.url.endswith(TRIGGERED) or _seconds(response) <= TRIGGER_SECONDS

    async def prepare_for_next_attempt_async(
        self, *, state: RetryState, request: HttpRequest, response: HttpResponse | None = None, error: Exception | None = None
    ) -> None:
        """Wait."""
        del request, error
        state.next_attempt_requested = True
        await pause(_seconds(response))
        state.increment_current_attempt()


def _seconds(response: HttpResponse | None) -> int:
    headers = response.headers if response is not None else {}
    said = next((value[0] for name, value in headers.items() if name.lower() == "retry-after"), "1")
    return int(said) if said.isdecimal() else 1
