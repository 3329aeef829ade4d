"""How what people do reaches the app, and what Slack does when the app does not answer. The ways are Socket Mode and signed HTTP."""

from __future__ import annotations

import asyncio
import secrets
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Literal, Protocol

from firedoor.vendors.slack.directory import Directory
from firedoor.vendors.slack.grants import Lag, Rules
from firedoor.vendors.slack.raw import Raw, mapping, text

Kind = Literal["slash_commands", "interactive", "events_api"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ack:
    """The app's answer to a delivery.

    ``error`` is what the person sees where none came: dispatch_failed (the app could not be reached) or operation_timeout; over HTTP also
    http_client_error and http_service_error. ``last``: the app asks for no redelivery.
    """

    payload: Raw
    error: str = ""
    last: bool = False

    @property
    def came(self) -> bool:
        """Whether the app answered in time."""
        return not self.error


@dataclass(slots=True, kw_only=True)
class Delivery:
    """The record of one delivery. ``attempts`` counts the times that it was put on a socket, or that an HTTP request was answered or
    timed out; ``at`` is when the last of them began, by the monotonic clock, and ``seconds`` how long its answer took.
    """

    kind: Kind
    type: str
    envelope_id: str
    attempts: int = 0
    acked: bool = False
    at: float = 0.0
    seconds: float = 0.0


class App(Protocol):
    """The app, as Slack reaches it."""

    async def ask(self, kind: Kind, payload: Raw) -> Ack:
        """Deliver what a person did and wait for the app's answer; Slack does not repeat it."""

    def tell(self, subscription: str, event: Raw) -> None:
        """Deliver an event that the app has subscribed to, again and again until it is acked or Slack gives up."""


class Delivering(ABC):
    """What both ways have in common: the record, the event's envelope, and its redelivery."""

    def __init__(self, *, directory: Directory, rules: Rules, lag: Lag) -> None:
        self._directory = directory
        self._rules = rules
        self._lag = lag
        self._tasks: set[asyncio.Task[None]] = set()
        self.deliveries: list[Delivery] = []

    async def ask(self, kind: Kind, payload: Raw) -> Ack:
        """As `App`."""
        delivery = self._delivery(kind, payload)
        await asyncio.sleep(self._lag.delivery)
        return await self._timed(delivery, payload)

    def tell(self, subscription: str, event: Raw) -> None:
        """As `App`."""
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

    async def close(self) -> None:
        """End everything that is still to be delivered."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @abstractmethod
    async def _attempt(self, delivery: Delivery, payload: Raw, *, attempt: int = 0, missed: str = "") -> Ack:
        """Deliver it once. ``attempt`` counts from 0; ``missed`` is the error of the attempt before."""

    async def _timed(self, delivery: Delivery, payload: Raw, *, attempt: int = 0, missed: str = "") -> Ack:
        delivery.at = time.monotonic()
        try:
            return await self._attempt(delivery, payload, attempt=attempt, missed=missed)
        finally:
            delivery.seconds = time.monotonic() - delivery.at

    async def _repeat(self, delivery: Delivery, payload: Raw) -> None:
        await asyncio.sleep(self._lag.delivery)
        missed = ""
        for attempt, wait in enumerate((0.0, *self._rules.redelivery_seconds)):
            await asyncio.sleep(wait)
            ack = await self._timed(delivery, payload, attempt=attempt, missed=missed)
            if ack.came or ack.last:
                return
            missed = ack.error

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
