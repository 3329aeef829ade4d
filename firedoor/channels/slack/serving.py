"""The connection to Slack: a Web API client that has been checked, and the app that listens, in Socket Mode or at a request URL."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from pydantic import SecretStr

from firedoor import observing
from firedoor.channel import Office
from firedoor.channels.slack.app import listen
from firedoor.channels.slack.audience import Audience
from firedoor.channels.slack.calls import SlackRefused, told
from firedoor.channels.slack.door import Door
from firedoor.channels.slack.envelope import Workspace
from firedoor.defect import kind_and_place
from firedoor.desk import Desk
from firedoor.errors import ChannelError, SlackMissing
from firedoor.seen import Seen
from firedoor.settings import Settings

if TYPE_CHECKING:
    from slack_sdk.socket_mode.request import SocketModeRequest
    from slack_sdk.web.async_client import AsyncWebClient

TIMEOUT_SECONDS: Final = 10
UNREACHED: Final = "Check the network, and FIREDOOR_SLACK_BASE_URL if it is set"

log = logging.getLogger(__name__)


@asynccontextmanager
async def connected(settings: Settings) -> AsyncIterator[AsyncWebClient]:
    """A Web API client that Slack knows and that is in the channel. Raises `SlackMissing` with nothing touched."""
    import aiohttp  # noqa: PLC0415 - loaded with Slack's SDK only
    from slack_sdk.http_retry.builtin_async_handlers import AsyncConnectionErrorRetryHandler  # noqa: PLC0415
    from slack_sdk.web.async_client import AsyncWebClient  # noqa: PLC0415

    from firedoor.channels.slack.limits import Waiting  # noqa: PLC0415
    from firedoor.channels.slack.observed import observed  # noqa: PLC0415

    token = settings.slack_bot_token
    wanted = {"FIREDOOR_SLACK_BOT_TOKEN": token, **_way_in(settings), "slack_channel": settings.slack_channel}
    missing = [name for name, value in wanted.items() if not _text(value).strip()]
    if missing or token is None:
        what = f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set"
        raise SlackMissing(f"approvals are given in Slack, and {what}", advice="Set it; see README.md")
    _hush()
    # Repeated only where nothing was sent: a post or a view whose reply was lost may be there already.
    unsent = AsyncConnectionErrorRetryHandler(max_retry_count=1, error_types=[aiohttp.ClientConnectorError])
    bounded = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
    async with aiohttp.ClientSession(timeout=bounded, trace_configs=[observed()]) as session:
        web = AsyncWebClient(
            token=token.get_secret_value(),
            base_url=settings.slack_base_url,
            timeout=TIMEOUT_SECONDS,
            session=session,
            retry_handlers=[Waiting(), unsent],
        )
        await _check_token(web)
        await _check_channel(web, settings.slack_channel)
        yield web


async def audience_of(settings: Settings, web: AsyncWebClient) -> Audience:
    """Whom requests are put to, in the workspace that the token is of."""
    team = str((await told(web.auth_test()))["team_id"])
    return Audience(roster=settings.roster, team=team, groups=settings.slack_groups)


@asynccontextmanager
async def listening(
    settings: Settings, web: AsyncWebClient, *, desk: Desk, office: Office, audience: Audience, seen: Seen
) -> AsyncIterator[str]:
    """The app, listening; yields its request URL on this machine, empty in Socket Mode.

    Raises `SlackMissing` where the app-level token opens no socket, or the address cannot be listened on.
    """
    from slack_bolt.async_app import AsyncApp  # noqa: PLC0415 - loaded with Slack's SDK only
    from slack_bolt.authorization import AuthorizeResult  # noqa: PLC0415

    here = await _whereabouts(web)
    us = AuthorizeResult(enterprise_id=here.enterprise, team_id=here.team, bot_id=here.bot, bot_user_id=here.member, bot_token=web.token)

    async def authorize() -> AuthorizeResult:
        """Known since the start: asked for at the first click, Slack might not answer just then."""
        return us

    # The signature is checked at the request URL, before anything is read.
    app = AsyncApp(client=_nameless(web), authorize=authorize, request_verification_enabled=False, logger=logging.getLogger("slack_bolt"))
    listen(app, desk=desk, office=office, audience=audience)
    door = Door(app.async_dispatch, here=here, seen=seen, web=web, channel=settings.slack_channel)
    way = _at_url(settings, door) if settings.slack_mode == "http" else _by_socket(settings, door)
    try:
        async with way as url:
            observing.connected(up=True)
            yield url
    finally:
        observing.connected(up=False)
        await door.close()


@asynccontextmanager
async def _by_socket(settings: Settings, door: Door) -> AsyncIterator[str]:
    from slack_bolt.adapter.socket_mode.async_internals import send_async_response  # noqa: PLC0415 - loaded with Slack's SDK only
    from slack_bolt.adapter.socket_mode.internals import build_headers  # noqa: PLC0415
    from slack_bolt.request.async_request import AsyncBoltRequest  # noqa: PLC0415

    from firedoor.channels.slack.sockets import PatientSockets  # noqa: PLC0415

    async def heard(client: Any, envelope: SocketModeRequest) -> None:
        try:
            request = AsyncBoltRequest(mode="socket_mode", body=envelope.payload, headers=build_headers(envelope))
        except Exception as defect:  # noqa: BLE001 - bolt reads ids out of whatever shape there is
            log.warning("what Slack delivered could not be read: %s", kind_and_place(defect))
            return  # not acked, so Slack delivers it again, and in the end tells the person
        await send_async_response(client, envelope, await door.take(request), time.time())

    app_token, opener = _opener(settings)
    address = await _check_app_token(opener, app_token)
    sockets = PatientSockets(app_token=app_token, web=opener, address=address)
    sockets.socket_mode_request_listeners.append(heard)
    try:
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                await sockets.connect()
        except TimeoutError:
            raise SlackMissing("the socket that Slack named does not open", target="Slack's Socket Mode", advice=UNREACHED) from None
        yield ""
    finally:
        await sockets.close()  # type: ignore[no-untyped-call]


def _at_url(settings: Settings, door: Door) -> AbstractAsyncContextManager[str]:
    from firedoor.channels.slack.request_url import served  # noqa: PLC0415 - loaded with Slack's SDK only

    assert settings.slack_signing_secret is not None
    return served(door, settings.slack_signing_secret.get_secret_value(), settings.slack_listen)


def _text(value: SecretStr | str | None) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else value or ""


def _way_in(settings: Settings) -> Mapping[str, SecretStr | None]:
    """The secret without which nothing comes in."""
    if settings.slack_mode == "http":
        return {"FIREDOOR_SLACK_SIGNING_SECRET": settings.slack_signing_secret}
    return {"FIREDOOR_SLACK_APP_TOKEN": settings.slack_app_token}


def _nameless(web: AsyncWebClient) -> AsyncWebClient:
    """The same client without its token, which each request is given by the app's authorization."""
    from slack_sdk.web.async_client import AsyncWebClient  # noqa: PLC0415

    return AsyncWebClient(base_url=web.base_url, timeout=web.timeout, session=web.session, retry_handlers=web.retry_handlers)


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


async def _whereabouts(web: AsyncWebClient) -> Workspace:
    """Where the app is installed. Raises `SlackMissing`."""
    try:
        me = await told(web.auth_test())
        bot = (await told(web.bots_info(bot=str(me["bot_id"]))))["bot"]
    except SlackRefused as refused:
        raise _wrong(
            f"Slack does not tell which app the bot belongs to ({refused.code})", "Give it users:read, and install it again"
        ) from refused
    except ChannelError as silent:
        raise _wrong(silent.what, UNREACHED) from silent
    return Workspace(
        team=str(me["team_id"]),
        enterprise=str(me.get("enterprise_id") or ""),
        app=str(bot["app_id"]),
        bot=str(me["bot_id"]),
        member=str(me["user_id"]),
    )


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


async def check_app_token(settings: Settings) -> None:
    """Raises `SlackMissing` where Slack names no socket for the app-level token. None is opened."""
    _hush()
    app_token, opener = _opener(settings)
    await _check_app_token(opener, app_token)


def _opener(settings: Settings) -> tuple[str, AsyncWebClient]:
    from slack_sdk.web.async_client import AsyncWebClient  # noqa: PLC0415 - loaded with Slack's SDK only

    from firedoor.channels.slack.limits import Waiting  # noqa: PLC0415

    assert settings.slack_app_token is not None
    token = settings.slack_app_token.get_secret_value()
    return token, AsyncWebClient(token=token, base_url=settings.slack_base_url, timeout=TIMEOUT_SECONDS, retry_handlers=[Waiting()])


async def _check_app_token(opener: AsyncWebClient, token: str) -> str:
    """The address of a socket."""
    try:
        return str((await told(opener.apps_connections_open(app_token=token)))["url"])
    except SlackRefused as refused:
        advice = "Set FIREDOOR_SLACK_APP_TOKEN to an app-level token (xapp-...) with connections:write"
        raise _wrong(f"Slack does not take the app-level token ({refused.code})", advice) from refused
    except ChannelError as silent:
        raise _wrong(silent.what, UNREACHED) from silent


def _wrong(what: str, advice: str) -> SlackMissing:
    return SlackMissing(what, target="Slack", advice=advice)
