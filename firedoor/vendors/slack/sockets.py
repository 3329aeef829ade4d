"""Socket Mode: envelopes on the sockets that the app has opened, and the acks that come back on them."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from typing import Literal

from aiohttp import WSMsgType, web

from firedoor.vendors.slack.delivery import Ack, Delivering, Delivery
from firedoor.vendors.slack.directory import Directory
from firedoor.vendors.slack.grants import Lag, Rules
from firedoor.vendors.slack.raw import Raw, mapping, text

Reason = Literal["warning", "refresh_requested", "link_disabled", "too_many_websockets"]


class _Socket:
    def __init__(self, channel: web.WebSocketResponse) -> None:
        self.channel = channel
        self.leaving = False

    async def send(self, frame: Raw) -> bool:
        if self.channel.closed:
            return False
        try:
            await self.channel.send_str(json.dumps(frame))
        except ConnectionError:
            return False
        return True


class Sockets(Delivering):
    """The app's open sockets. An envelope goes to one of them, in turn."""

    def __init__(self, *, directory: Directory, rules: Rules, lag: Lag) -> None:
        super().__init__(directory=directory, rules=rules, lag=lag)
        self._tickets: dict[str, float] = {}
        self._sockets: list[_Socket] = []
        self._turn = 0
        self._waiting: dict[str, asyncio.Future[Raw]] = {}

    def __repr__(self) -> str:
        return f"Sockets(connected={self.connected})"

    @property
    def connected(self) -> int:
        """How many sockets are open."""
        return sum(not socket.channel.closed for socket in self._sockets)

    def ticket(self) -> str:
        """The right to open one socket, once and soon."""
        ticket = secrets.token_urlsafe(24)
        self._tickets[ticket] = time.monotonic() + self._rules.ticket_seconds
        return ticket

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Speak with one socket until it closes."""
        until = self._tickets.pop(request.query.get("ticket", ""), 0.0)
        if time.monotonic() > until:
            return web.json_response({"ok": False, "error": "invalid_ticket"}, status=401)
        channel = web.WebSocketResponse(heartbeat=None)
        await channel.prepare(request)
        if self.connected >= self._rules.most_sockets:
            await channel.send_str(json.dumps({"type": "disconnect", "reason": "too_many_websockets", "debug_info": {}}))
            await channel.close()
            return channel
        socket = _Socket(channel)
        self._sockets.append(socket)
        await socket.send(
            {
                "type": "hello",
                "num_connections": self.connected,
                "connection_info": {"app_id": self._directory.app.id},
                "debug_info": {"host": "simulator", "build_number": 1, "approximate_connection_time": 3600},
            }
        )
        try:
            async for frame in channel:
                if frame.type is WSMsgType.TEXT:
                    self._take(frame.data)
        finally:
            self._sockets.remove(socket)
        return channel

    async def disconnect(self, reason: Reason = "warning") -> None:
        """Ask every open socket to go: `warning` closes it in a while, the other reasons give it no more envelopes and close it soon."""
        for socket in [socket for socket in self._sockets if not socket.leaving]:
            socket.leaving = reason != "warning"
            await socket.send({"type": "disconnect", "reason": reason, "debug_info": {"host": "simulator"}})
            self._spawn(self._close_later(socket, self._rules.warning_seconds if reason == "warning" else 1.0))

    async def close(self) -> None:
        """End all sockets and everything still to be delivered."""
        await super().close()
        for socket in list(self._sockets):
            await socket.channel.close()

    async def _close_later(self, socket: _Socket, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await socket.channel.close()

    async def _attempt(self, delivery: Delivery, payload: Raw, *, attempt: int = 0, missed: str = "") -> Ack:
        del missed  # Slack's word for why is "timeout", whatever it was
        envelope: Raw = {
            "type": delivery.kind,
            "envelope_id": delivery.envelope_id,
            "payload": payload,
            "accepts_response_payload": delivery.kind != "events_api",
        }
        if delivery.kind == "events_api":
            envelope |= {"retry_attempt": attempt, "retry_reason": "timeout" if attempt else ""}
        answer = self._waiting[delivery.envelope_id] = asyncio.get_running_loop().create_future()
        try:
            if not await self._send(envelope):
                return Ack(payload={}, error="dispatch_failed")
            delivery.attempts += 1
            answered = await asyncio.wait_for(answer, self._rules.ack_seconds)
        except TimeoutError:
            return Ack(payload={}, error="operation_timeout")
        finally:
            del self._waiting[delivery.envelope_id]
        delivery.acked = True
        return Ack(payload=answered)

    async def _send(self, envelope: Raw) -> bool:
        willing = [socket for socket in self._sockets if not socket.leaving and not socket.channel.closed]
        for offset in range(len(willing)):
            socket = willing[(self._turn + offset) % len(willing)]
            if await socket.send(envelope):
                self._turn += offset + 1
                return True
        return False

    def _take(self, data: str) -> None:
        try:
            frame = mapping(json.loads(data))
        except ValueError:
            return
        waiting = self._waiting.get(text(frame.get("envelope_id")))
        if waiting is not None and not waiting.done():
            waiting.set_result(mapping(frame.get("payload")))
