"""Socket Mode on slack-sdk's client, with more patience than it has. Loaded only where a socket is opened: it brings Slack's SDK along."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Final

import aiohttp
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.web.async_client import AsyncWebClient

from firedoor import observing
from firedoor.channels.slack.calls import told
from firedoor.errors import ChannelError

PING_SECONDS: Final = 3.0  # a socket that broke without a word is noticed after one of them, one that fell silent after four
STEADY_SECONDS: Final = 5.0
LONGEST_WAIT: Final = 30.0

log = logging.getLogger(__name__)
pause = asyncio.sleep


class PatientSockets(SocketModeClient):
    """Left to itself, the SDK's client tries an address again whose ticket is used up, without end and with the ticket in the log; and
    where Slack turns a socket away (too many are open), it asks for the next one at once, again and again.

    This one asks for a new address at each try, and waits from try to try, longer each time.
    """

    def __init__(self, *, app_token: str, web: AsyncWebClient, address: str) -> None:
        super().__init__(app_token=app_token, web_client=web, ping_interval=PING_SECONDS, logger=logging.getLogger("slack_bolt"))
        self.wss_uri = address
        self._opened = 0.0
        self._wait = 0.0

    async def connect_to_new_endpoint(self, force: bool = False) -> None:  # noqa: FBT001, FBT002 - the SDK's signature
        """Open the next socket; at once, if the last one held for a while."""
        known = self._opened
        observing.connected(up=await self.is_connected())
        if time.monotonic() - known < STEADY_SECONDS:
            await self._pause()
        async with self.connect_operation_lock:
            replaced = self._opened != known
            if (replaced or not force) and await self.is_connected():
                return  # somebody else did, meanwhile
            await self.connect()

    async def issue_new_wss_url(self) -> str:
        """The address of the next socket, with a ticket in it. Raises `ChannelError`."""
        return str((await told(self.web_client.apps_connections_open(app_token=self.app_token)))["url"])

    async def connect(self) -> None:
        """Open a socket in place of the one there was, however often it takes."""
        while not self.closed:
            try:
                await self._open(self.wss_uri or await self.issue_new_wss_url())
            except (ChannelError, aiohttp.ClientError, TimeoutError, OSError) as failed:
                why = failed.what if isinstance(failed, ChannelError) else type(failed).__name__
                log.warning("the socket to Slack did not open (%s); it is tried again", why)
                await self._pause()
            else:
                return
            finally:
                self.wss_uri = None  # its ticket is used up

    async def _open(self, address: str) -> None:
        if self.current_session is not None:
            await self.current_session.close()  # first, so that there is one less
        session = await self.aiohttp_client_session.ws_connect(
            address, autoping=False, heartbeat=self.ping_interval, proxy=self.proxy, ssl=self.web_client.ssl or True
        )
        if time.monotonic() - self._opened > STEADY_SECONDS:
            self._wait = 0.0
        self.current_session, self._opened, self.stale, self.last_ping_pong_time = session, time.monotonic(), False, None
        for old in (self.current_session_monitor, self.message_receiver):
            if old is not None:
                old.cancel()
        log.info("a socket to Slack is open")
        observing.connected(up=True)
        self.current_session_monitor = asyncio.ensure_future(self.monitor_current_session())
        self.message_receiver = asyncio.ensure_future(self.receive_messages())

    async def _pause(self) -> None:
        self._wait = min(LONGEST_WAIT, self._wait * 2 or 0.5)
        await pause(self._wait)
