"""Calls of Slack's Web API with their failures in our own words."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Any, Final

from firedoor.errors import ChannelError

# Not even a name typed as plain text becomes a mention. chat.update would otherwise parse more than chat.postMessage does.
VERBATIM: Final[Mapping[str, Any]] = {"parse": "none", "link_names": False}
# Slack's words for a failure of its own. Some of it may have been done all the same, and asking again later helps.
FAILED: Final = frozenset({"fatal_error", "internal_error", "request_timeout", "service_unavailable"})
BUSY: Final = "ratelimited"


class SlackRefused(ChannelError):
    """Slack answered, and said no: ``code`` is its own word for why. Nothing was posted or changed."""

    def __init__(self, code: str) -> None:
        super().__init__(f"Slack refused ({code})", advice="Run `firedoor show`")
        self.code = code


async def told(call: Awaitable[Any]) -> Any:
    """The reply to a call. Raises `SlackRefused`, or `ChannelError` where nobody knows whether it had its effect.

    No token is in them.
    """
    import aiohttp  # noqa: PLC0415 - loaded with Slack's SDK only
    from slack_sdk.errors import SlackApiError, SlackClientError  # noqa: PLC0415

    try:
        return await call
    except SlackApiError as refused:
        code = _code(refused.response)
        if code == BUSY:
            raise ChannelError(f"Slack was asked too often ({code})", changed=False, advice="Run `firedoor show`") from None
        if code and code not in FAILED:
            raise SlackRefused(code) from None
        raise _lost(code or "no answer that can be read") from None
    except (SlackClientError, aiohttp.ClientError, TimeoutError, OSError) as silent:
        raise _lost(type(silent).__name__) from None


def _lost(why: str) -> ChannelError:
    return ChannelError(f"Slack could not be reached ({why})", changed=None, advice="Run `firedoor show`")


def _code(response: Any) -> str:
    """Slack's error code; empty where a proxy or a failing server answered in Slack's place."""
    try:
        return str(response.get("error") or "")
    except (AttributeError, ValueError):
        return ""
