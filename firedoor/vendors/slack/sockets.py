"""Socket Mode: how what people do reaches the app, and what becomes of it when the app does not answer."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
import uuid
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Literal

from aiohttp import WSMsgType, web

from firedoor.vendors.slack.directory import Directory
from firedoor.vendors.slack.grants import Lag, Rules
from firedoor.vendors.slack.raw import Raw, mapping, text

Kind = Literal["slash_commands", "interactive", "events_api"]
Reason = Literal["warning", "refresh_requested", "link_disabled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ack:
    """The app's answer to an envelope.

    ``error`` is what the person sees where none came: dispatch_failed (no socket is open) or operation_timeout.
    """

    payload: Raw
    error: str = ""

    @property
    def came(self) -> bool:
        """Whether the app answered in time."""
        return not self.error


@dataclass(slots=True, kw_only=True)
class Delivery:
    """The record of one envelope. ``attempts`` counts the times that it was put on a socket."""

    kind: Kind
    type: str
    envelope_id: str
    attempts: int = 0
    acked: bool = False


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


class Sockets:
    """The app's open sockets. An envelope goes to one of them, in turn."""

    def __init__(self, *, directory: Directory, rules: Rules, lag: Lag) -> None:
        self._directory = directory
        self._rules = rules
        self._lag = lag
        self._tickets: dict[str, float] = {}
        self._sockets: list[_Socket] = []
        self._turn = 0
        self._waiting: dict[str, asyncio.Future[Raw]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.deliveries: list[Delivery] = []

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

    async def ask(self, kind: Kind, payload: Raw) -> Ack:
        """Deliver what a person did and wait for the app's answer; Slack does not repeat it."""
        delivery = self._delivery(kind, payload)
        await asyncio.sleep(self._lag.delivery)
        return await self._attempt(delivery, self._envelope(delivery, payload))

    def tell(self, subscription: str, event: Raw) -> None:
        """Deliver an event that the app has subscribed to, again and again until it is acked or Slack gives up."""
        if subscription not in self._directory.app.events:
            return
        payload: Raw = {
            "type": "event_callback",
            "team_id": self._directory.team_id,
            "context_team_id": self._directory.team_id,
            "api_app_id": self._directory.app.id,
            "event": event,
            "event_id": f"Ev{secrets.token_hex(5).upper()}",
            "event_time": int(time.time()),
            "is_ext_shared_channel": False,
            "authorizations": [
                {
                    "enterprise_id": None,
                    "team_id": self._directory.team_id,
                    "user_id": self._directory.app.bot_user,
                    "is_bot": True,
                    "is_enterprise_install": False,
                }
            ],
        }
        self._spawn(self._repeat(self._delivery("events_api", payload), payload))

    async def disconnect(self, reason: Reason = "warning") -> None:
        """Ask every open socket to go: `warning` closes it in a while, the other reasons give it no more envelopes and close it soon."""
        for socket in [socket for socket in self._sockets if not socket.leaving]:
            socket.leaving = reason != "warning"
            await socket.send({"type": "disconnect", "reason": reason, "debug_info": {"host": "simulator"}})
            self._spawn(self._close_later(socket, self._rules.warning_seconds if reason == "warning" else 1.0))

    async def close(self) -> None:
        """End all sockets and everything still to be delivered."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for socket in list(self._sockets):
            await socket.channel.close()

    async def _close_later(self, socket: _Socket, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await socket.channel.close()

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _delivery(self, kind: Kind, payload: Raw) -> Delivery:
        event = text(mapping(payload.get("event")).get("type"))
        delivery = Delivery(
            kind=kind, type=event or text(payload.get("type")) or text(payload.get("command")), envelope_id=str(uuid.uuid4())
        )
        self.deliveries.append(delivery)
        return delivery

    def _envelope(self, delivery: Delivery, payload: Raw) -> Raw:
        return {
            "type": delivery.kind,
            "envelope_id": delivery.envelope_id,
            "payload": payload,
            "accepts_response_payload": delivery.kind != "events_api",
        }

    async def _repeat(self, delivery: Delivery, payload: Raw) -> None:
        await asyncio.sleep(self._lag.delivery)
        for attempt, wait in enumerate((0.0, *self._rules.redelivery_seconds)):
            await asyncio.sleep(wait)
            retry: Raw = {"retry_attempt": attempt, "retry_reason": "timeout" if attempt else ""}
            if (await self._attempt(delivery, self._envelope(delivery, payload) | retry)).came:
                return

    async def _attempt(self, delivery: Delivery, envelope: Raw) -> Ack:
        answer = self._waiting[delivery.envelope_id] = asyncio.get_running_loop().create_future()
        try:
            if not await self._send(envelope):
                return Ack(payload={}, error="dispatch_failed")
            delivery.attempts += 1
            payload = await asyncio.wait_for(answer, self._rules.ack_seconds)
        except TimeoutError:
            return Ack(payload={}, error="operation_timeout")
        finally:
            del self._waiting[delivery.envelope_id]
        delivery.acked = True
        return Ack(payload=payload)

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
