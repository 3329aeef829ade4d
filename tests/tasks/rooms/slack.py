from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from firedoor.vendors.access import Access
from firedoor.vendors.slack.client import SlackClient
from firedoor.vendors.slack.grants import Lag
from firedoor.vendors.slack.operations import OPERATIONS
from firedoor.vendors.slack.people import words
from firedoor.vendors.slack.simulator import SlackSimulator
from tests.tasks.rooms.base import Room, Simulated, World

CHANNEL = "C0INC"
TOKEN = "xoxb-canary-of-firedoor"
READ_TOKEN = "xoxb-canary-that-only-reads"
READS: Final = ("channels:read", "groups:read", "channels:history", "groups:history", "users:read", "users:read.email")
READER = {"token": READ_TOKEN, "kind": "bot", "scopes": list(READS)}
TEAM = {"id": "T0001", "name": "Acme"}
APP = {"id": "A0001", "name": "Firedoor", "bot_id": "B0001", "bot_user": "U0BOT", "tokens": [{"token": TOKEN, "kind": "bot"}]}
WRITES: Final = frozenset(operation.name for operation in OPERATIONS if operation.writes)

_ANY: Final = frozenset(
    {
        *("200 missing_scope", "200 invalid_auth", "200 token_revoked", "200 account_inactive", "403", "404", "429 ratelimited"),
        *("500", "500 after", "200 fatal_error", "200 fatal_error after", "drop", "drop after", "200 ok", "200 after"),
    }
)


@asynccontextmanager
async def _open(world: World, lag: Mapping[str, float]) -> AsyncIterator[Simulated]:
    described: dict[str, Any] = {"team": TEAM, "app": APP, **world}
    mine = next(str(token["token"]) for token in described["app"]["tokens"] if token["kind"] == "bot")
    described["app"] = {**described["app"], "tokens": [*described["app"]["tokens"], READER]}
    tokens = {str(token["token"]) for token in described["app"]["tokens"]}

    def connect(access: Access, url: str, *, timeout: float = 5.0) -> SlackClient:
        token = mine if access is Access.WRITE else READ_TOKEN
        return SlackClient(token=token, channel=CHANNEL, access=access, base_url=f"{url.rstrip('/')}/api/", timeout=timeout)

    async with SlackSimulator(described, lag=Lag(**lag)) as slack, connect(Access.WRITE, slack.url) as client:
        yield Simulated(
            url=slack.url,
            connect=connect,
            client=client,
            used=client.policy.used,
            faults=slack.faults,
            state=lambda: _state(slack),
            writes=lambda: Counter(request.method for request in slack.requests if request.ok and request.method in WRITES),
            world=slack.world,
            secrets=tokens,
        )


def _state(slack: SlackSimulator) -> Mapping[str, Any]:
    """The workspace with its messages numbered from the oldest, without the moments at which they were posted."""
    state = slack.state()
    messages: Any = state["messages"]
    return {
        **state,
        "messages": {
            channel: {
                str(number): {
                    "by": message.get("bot_id") or message["user"],
                    "text": message["text"],
                    "shown": words(message.get("blocks", ())),
                    "metadata": message.get("metadata"),
                    "replies": message.get("reply_count", 0),
                }
                for number, message in enumerate(found)
            }
            for channel, found in messages.items()
        },
    }


def _error_body(operation: str, code: str) -> str:
    """``ok`` is Slack's word for "done": with it the simulator lies."""
    del operation
    if code == "ok":
        return json.dumps({"ok": True, "channel": CHANNEL, "ts": "1700000000.000001", "message": {"text": "never posted"}})
    return json.dumps({"ok": False, "error": code})


def _troubles(operations: Collection[str]) -> frozenset[str]:
    return _ANY.union(*(operation.refusals for operation in OPERATIONS if operation.name in operations))


ROOM = Room(operations=OPERATIONS, open=_open, error_body=_error_body, troubles=_troubles)
