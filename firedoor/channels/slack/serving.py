"""The connection to Slack: a Web API client that has been checked, and the app that listens over Socket Mode."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from firedoor.channel import Office
from firedoor.channels.slack.app import listen
from firedoor.channels.slack.audience import Audience
from firedoor.channels.slack.calls import SlackRefused, told
from firedoor.desk import Desk
from firedoor.errors import ChannelError, Misconfigured
from firedoor.settings import Settings

if TYPE_CHECKING:
    from slack_sdk.web.async_client import AsyncWebClient

TIMEOUT_SECONDS: Final = 10
RETRIES: Final = 3
UNREACHED: Final = "Check the network, and FIREDOOR_SLACK_BASE_URL if it is set"


@asynccontextmanager
async def connected(settings: Settings) -> AsyncIterator[AsyncWebClient]:
    """A Web API client that Slack knows and that is in the channel. Raises `Misconfigured` with nothing touched."""
    import aiohttp  # noqa: PLC0415 - loaded with Slack's SDK only
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
    _hush()
    # Repeated only where nothing was sent: a post or a view whose reply was lost may be there already.
    unsent = AsyncConnectionErrorRetryHandler(max_retry_count=1, error_types=[aiohttp.ClientConnectorError])
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)) as session:
        web = AsyncWebClient(
            token=token.get_secret_value(),
            base_url=settings.slack_base_url,
            timeout=TIMEOUT_SECONDS,
            session=session,
            retry_handlers=[AsyncRateLimitErrorRetryHandler(max_retry_count=RETRIES), unsent],
        )
        await _check_token(web)
        await _check_channel(web, settings.slack_channel)
        yield web


async def audience_of(settings: Settings, web: AsyncWebClient) -> Audience:
    """Whom requests are put to, in the workspace that the token is of."""
    team = str((await told(web.auth_test()))["team_id"])
    return Audience(roster=settings.roster, team=team, groups=settings.slack_groups)


@asynccontextmanager
async def listening(settings: Settings, web: AsyncWebClient, desk: Desk, office: Office, audience: Audience) -> AsyncIterator[None]:
    """The app on its socket. Raises `Misconfigured` where the app-level token does not open one."""
    from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler  # noqa: PLC0415
    from slack_bolt.async_app import AsyncApp  # noqa: PLC0415
    from slack_sdk.web.async_client import AsyncWebClient  # noqa: PLC0415

    assert settings.slack_app_token is not None
    app_token = settings.slack_app_token.get_secret_value()
    app = AsyncApp(client=web, process_before_response=False, logger=logging.getLogger("slack_bolt"))
    listen(app, desk=desk, office=office, audience=audience)
    opener = AsyncWebClient(token=app_token, base_url=settings.slack_base_url, timeout=TIMEOUT_SECONDS)
    address = await _check_app_token(opener, app_token)
    handler = AsyncSocketModeHandler(app, app_token, web_client=opener)
    try:
        handler.client.wss_uri = address  # left to itself, the handler would try a bad token again and again
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                await handler.connect_async()  # type: ignore[no-untyped-call] # slack-bolt annotates neither
        except TimeoutError:
            raise Misconfigured("the socket that Slack named does not open", target="Slack's Socket Mode", advice=UNREACHED) from None
        yield
    finally:
        await handler.close_async()  # type: ignore[no-untyped-call]


def _hush() -> None:
    """Slack's libraries write requests, response addresses and socket tickets into the log at DEBUG. Those are as good as keys."""
    for name in ("slack_sdk", "slack_bolt"):
        logging.getLogger(name).setLevel(logging.INFO)


async def _check_token(web: AsyncWebClient) -> None:
    try:
        me = await told(web.auth_test())
    except SlackRefused as refused:
        raise _wrong(
            f"Slack does not take the bot token ({refused.code})", "Set FIREDOOR_SLACK_BOT_TOKEN to the app's bot token (xoxb-...)"
        ) from refused
    except ChannelError as silent:
        raise _wrong(silent.what, UNREACHED) from silent
    if not me.get("bot_id"):
        raise _wrong("FIREDOOR_SLACK_BOT_TOKEN is not a bot token", "Set it to the app's bot token (xoxb-...)")


async def _check_channel(web: AsyncWebClient, channel: str) -> None:
    try:
        found: Mapping[str, Any] = (await told(web.conversations_info(channel=channel)))["channel"]
    except SlackRefused as refused:
        if refused.code == "missing_scope":
            raise _wrong(
                "the bot token may not read channels", "Give the app channels:read and groups:read, and install it again"
            ) from refused
        raise _wrong(
            f"Slack shows the app no channel {channel} ({refused.code})", "Set slack_channel to the channel's id, and invite the app to it"
        ) from refused
    except ChannelError as silent:
        raise _wrong(silent.what, UNREACHED) from silent
    if not (found.get("is_member") or found.get("is_im")):
        raise _wrong(f"the app is not in the channel {channel}", "Invite it there, or set slack_channel to another")
    if found.get("is_archived"):
        raise _wrong(f"the channel {channel} is archived", "Set slack_channel to another")


async def _check_app_token(opener: AsyncWebClient, token: str) -> str:
    """The address of a socket."""
    try:
        return str((await told(opener.apps_connections_open(app_token=token)))["url"])
    except SlackRefused as refused:
        advice = "Set FIREDOOR_SLACK_APP_TOKEN to an app-level token (xapp-...) with connections:write"
        raise _wrong(f"Slack does not take the app-level token ({refused.code})", advice) from refused
    except ChannelError as silent:
        raise _wrong(silent.what, UNREACHED) from silent


def _wrong(what: str, advice: str) -> Misconfigured:
    return Misconfigured(what, target="Slack", advice=advice)
