"""The connection to Slack: a Web API client that has been checked, and the app that listens over Socket Mode."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from firedoor.channels.slack.app import Start, listen
from firedoor.desk import Desk
from firedoor.errors import ChannelError, Misconfigured
from firedoor.settings import Settings

if TYPE_CHECKING:
    from slack_sdk.web.async_client import AsyncWebClient

TIMEOUT_SECONDS: Final = 10
RETRIES: Final = 3


async def told(call: Awaitable[Any]) -> Any:
    """The reply to a call of Slack's Web API. Raises `ChannelError` in words; no token is in them."""
    import aiohttp  # noqa: PLC0415 - loaded with Slack's SDK only
    from slack_sdk.errors import SlackApiError, SlackClientError  # noqa: PLC0415

    try:
        return await call
    except SlackApiError as refused:
        raise ChannelError(f"Slack refused ({refused.response.get('error', 'unknown')})", advice="Run `firedoor show`") from None
    except (SlackClientError, aiohttp.ClientError, TimeoutError) as silent:
        raise ChannelError(f"Slack could not be reached ({type(silent).__name__})", changed=None, advice="Run `firedoor show`") from None


@asynccontextmanager
async def connected(settings: Settings) -> AsyncIterator[AsyncWebClient]:
    """A Web API client that Slack knows and that sees the channel. Raises `Misconfigured` with nothing touched."""
    import aiohttp  # noqa: PLC0415
    from slack_sdk.http_retry.builtin_async_handlers import AsyncConnectionErrorRetryHandler, AsyncRateLimitErrorRetryHandler  # noqa: PLC0415
    from slack_sdk.web.async_client import AsyncWebClient  # noqa: PLC0415

    token = settings.slack_bot_token
    wanted = {
        "FIREDOOR_SLACK_BOT_TOKEN": token,
        "FIREDOOR_SLACK_APP_TOKEN": settings.slack_app_token,
        "slack_channel": settings.slack_channel,
    }
    missing = [name for name, value in wanted.items() if not value]
    if missing or token is None:
        raise Misconfigured(f"approvals are given in Slack, and {', '.join(missing)} is not set", advice="Set it; see README.md")
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)) as session:
        web = AsyncWebClient(
            token=token.get_secret_value(),
            base_url=settings.slack_base_url,
            timeout=TIMEOUT_SECONDS,
            session=session,
            retry_handlers=[AsyncRateLimitErrorRetryHandler(max_retry_count=RETRIES), AsyncConnectionErrorRetryHandler(max_retry_count=1)],
        )
        try:
            await told(web.auth_test())
            await told(web.conversations_info(channel=settings.slack_channel))
        except ChannelError as error:
            advice = "Check FIREDOOR_SLACK_BOT_TOKEN, FIREDOOR_SLACK_BASE_URL and slack_channel"
            raise Misconfigured(error.what, target="Slack", advice=advice) from error
        yield web


@asynccontextmanager
async def listening(settings: Settings, web: AsyncWebClient, desk: Desk, commands: Mapping[str, Start]) -> AsyncIterator[None]:
    """The app on its socket. Raises `Misconfigured` where the app-level token does not open one."""
    from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler  # noqa: PLC0415
    from slack_bolt.async_app import AsyncApp  # noqa: PLC0415
    from slack_sdk.web.async_client import AsyncWebClient  # noqa: PLC0415

    assert settings.slack_app_token is not None
    app_token = settings.slack_app_token.get_secret_value()
    app = AsyncApp(client=web, process_before_response=False)
    listen(app, desk=desk, commands=commands)
    handler = AsyncSocketModeHandler(app, app_token, web_client=AsyncWebClient(token=app_token, base_url=settings.slack_base_url))
    try:
        try:
            await told(handler.connect_async())  # type: ignore[no-untyped-call] # slack-bolt annotates neither
        except ChannelError as error:
            raise Misconfigured(error.what, target="Slack's Socket Mode", advice="Check FIREDOOR_SLACK_APP_TOKEN") from error
        yield
    finally:
        await handler.close_async()  # type: ignore[no-untyped-call]
