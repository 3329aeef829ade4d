"""What stands in the channels of a simulated workspace before anything happens.

    messages: [{channel: C0001, by: U0001, text: hello, ago: 3600, metadata: {event_type: ..., event_payload: {}},
                replies: [{by: U0002, text: hello yourself}]}, ...]

They are listed oldest first; ``by`` is a person, an integration or ``app``, ``ago`` seconds before now. Nobody is told of them.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace

from firedoor.errors import BadInput
from firedoor.vendors.slack.raw import Raw, mapping, objects, text
from firedoor.vendors.slack.world import Message, World


def stand(world: World, described: Mapping[str, object]) -> None:
    """Put the messages that ``described`` names into the world. Raises `BadInput` where a channel or an author does not exist."""
    for raw in objects(described.get("messages")):
        ago = raw.get("ago")
        base = time.time_ns() // 1000 - (int(ago) if isinstance(ago, int | float) else 0) * 1_000_000
        channel = text(raw.get("channel"))
        if channel not in world.channels:
            raise BadInput(f"a message of the world stands in {channel!r}, which is no channel of it")
        first = _put(world, _message(world, channel, raw), base)
        for reply in objects(raw.get("replies")):
            _put(world, replace(_message(world, channel, reply), thread_ts=first.ts), base)
        if raw.get("replies"):
            world.messages[channel][first.ts] = replace(first, thread_ts=first.ts)


def _message(world: World, channel: str, raw: Raw) -> Message:
    message = Message(channel=channel, ts="", text=text(raw.get("text")), metadata=mapping(raw.get("metadata")))
    by = text(raw.get("by"))
    if by == "app":
        return world.signed(message)
    if by in world.directory.integrations:
        return replace(message, bot_id=by, username=world.directory.integrations[by].name)
    if by in world.directory.users:
        return replace(message, user=by)
    raise BadInput(f"a message of the world is by {by!r}, who is nobody in it")


def _put(world: World, message: Message, micros: int) -> Message:
    """Put it up at the first free moment from ``micros`` on."""
    here = world.messages[message.channel]
    while (ts := f"{micros // 1_000_000}.{micros % 1_000_000:06d}") in here:
        micros += 1
    here[ts] = replace(message, ts=ts)
    return here[ts]
