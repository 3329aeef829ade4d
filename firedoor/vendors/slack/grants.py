"""What Slack hands out for a short while: trigger ids and response URLs; and how often a method may be called."""

from __future__ import annotations

import math
import secrets
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from firedoor.vendors.slack.raw import Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Slack's clocks, in seconds. Tests shorten them.

    ``ack_seconds``: how long an app has for its ack. ``redelivery_seconds``: the wait before each repetition of an event.
    ``warning_seconds``: how long a socket lives after its `disconnect` frame of type warning.
    """

    ack_seconds: float = 3.0
    trigger_seconds: float = 3.0
    redelivery_seconds: tuple[float, ...] = (0.0, 60.0, 300.0)
    response_url_seconds: float = 1800.0
    response_url_uses: int = 5
    ticket_seconds: float = 30.0
    warning_seconds: float = 10.0
    most_sockets: int = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Lag:
    """How slow Slack is, in seconds: ``reply`` before each Web API reply, ``delivery`` before each envelope on a socket."""

    reply: float = 0.0
    delivery: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """What a person did that lets the app open a view for them; ``view_id`` where they did it in a modal."""

    user: str
    view_id: str
    until: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyAddress:
    """Where a response_url leads: a channel, the person who acted, and the message they acted on (``ts``), if any."""

    channel: str
    user: str
    ts: str = ""
    thread_ts: str = ""


@dataclass(slots=True, kw_only=True)
class _Granted:
    address: ReplyAddress
    until: float
    left: int


class Grants:
    """The trigger ids and response URLs that are out. They are secrets: nothing here is printed or listed."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._triggers: dict[str, Trigger] = {}
        self._exchanged: set[str] = set()
        self._addresses: dict[str, _Granted] = {}

    def __repr__(self) -> str:
        return f"Grants(triggers={len(self._triggers)}, addresses={len(self._addresses)})"

    def trigger(self, user: str, *, view_id: str = "") -> str:
        """A new trigger id, good once and for three seconds."""
        trigger_id = f"{secrets.randbelow(10**13)}.{secrets.randbelow(10**11)}.{secrets.token_hex(16)}"
        self._triggers[trigger_id] = Trigger(user=user, view_id=view_id, until=time.monotonic() + self._rules.trigger_seconds)
        return trigger_id

    def exchange(self, trigger_id: str) -> Trigger:
        """What the trigger id stands for; it is used up. Raises `Refusal`."""
        if trigger_id in self._exchanged:
            raise Refusal("exchanged_trigger_id")
        trigger = self._triggers.pop(trigger_id, None)
        if trigger is None:
            raise Refusal("invalid_trigger_id")
        self._exchanged.add(trigger_id)
        if time.monotonic() > trigger.until:
            raise Refusal("expired_trigger_id")
        return trigger

    def address(self, address: ReplyAddress) -> str:
        """The path of a new response URL."""
        secret = secrets.token_urlsafe(24)
        until = time.monotonic() + self._rules.response_url_seconds
        self._addresses[secret] = _Granted(address=address, until=until, left=self._rules.response_url_uses)
        return f"response/{secret}"

    def use(self, secret: str) -> ReplyAddress:
        """Where the response URL leads; one use is spent. Raises `Refusal`."""
        granted = self._addresses.get(secret)
        if granted is None:
            raise Refusal("invalid_url")
        if time.monotonic() > granted.until:
            raise Refusal("expired_url")
        if granted.left < 1:
            raise Refusal("used_url")
        granted.left -= 1
        return granted.address


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """At most ``calls`` in any ``seconds``, counted for each channel by itself where ``per_channel``."""

    calls: int
    seconds: float = 60.0
    per_channel: bool = False


# Slack publishes its tiers as what an app may count on, and allows bursts that it does not quantify. chat.postMessage is documented as
# about one a second in each channel, written here as 60 in a minute. `apps.connections.open` (tier 1, one a minute) is left free, since
# reconnecting at once is what Slack itself asks for.
DEFAULT_RATES: Mapping[str, Rate] = {
    "chat.postMessage": Rate(calls=60, per_channel=True),
    "chat.update": Rate(calls=50),
    "chat.delete": Rate(calls=50),
    "chat.postEphemeral": Rate(calls=100),
    "conversations.history": Rate(calls=50),
    "conversations.replies": Rate(calls=50),
    "conversations.info": Rate(calls=50),
    "conversations.members": Rate(calls=100),
    "conversations.list": Rate(calls=20),
    "conversations.open": Rate(calls=50),
    "bots.info": Rate(calls=50),
    "users.info": Rate(calls=100),
    "users.lookupByEmail": Rate(calls=50),
    "users.list": Rate(calls=20),
    "usergroups.users.list": Rate(calls=20),
    "views.open": Rate(calls=100),
    "views.update": Rate(calls=100),
    "views.push": Rate(calls=100),
    "views.publish": Rate(calls=100),
    "reactions.add": Rate(calls=50),
}


@dataclass(slots=True)
class Rates:
    """The accounting behind `ratelimited`. ``limits`` may be changed at any time; a method without one is free."""

    limits: dict[str, Rate] = field(default_factory=lambda: dict(DEFAULT_RATES))
    _calls: dict[tuple[str, str], deque[float]] = field(default_factory=dict)

    def wait(self, method: str, channel: str) -> int:
        """Count a call: 0 where it may pass, otherwise Slack's Retry-After in whole seconds."""
        rate = self.limits.get(method)
        if rate is None:
            return 0
        calls = self._calls.setdefault((method, channel if rate.per_channel else ""), deque())
        now = time.monotonic()
        while calls and calls[0] <= now - rate.seconds:
            calls.popleft()
        if len(calls) < rate.calls:
            calls.append(now)
            return 0
        oldest = calls[0] if calls else now
        return max(1, math.ceil(oldest + rate.seconds - now))
