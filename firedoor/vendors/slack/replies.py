"""Slack's replies as values. Each field is named here or it does not leave the client; what is not named is dropped unread.

A history is full of what others wrote: of it only the app's own marked messages come out, and of those no text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

from firedoor.vendors.slack.raw import mapping
from firedoor.vendors.slack.values import ChannelRecord, Mark, MessageRecord, PersonRecord

Object: TypeAlias = Mapping[str, object]

EVENT_TYPE: Final = "firedoor_notice"


class WrongShape(ValueError):
    """A reply is not what Slack documents. The message names the field, never its content."""


def bot(body: Object) -> str:
    """The id of the calling app's bot, from auth.test."""
    return _text(body, "bot_id")


def channel(body: Object) -> ChannelRecord:
    """From conversations.info. Who may be in it counts as the worse where it is not said."""
    item = _object(body, "channel")
    return ChannelRecord(
        id=_text(item, "id"),
        name=_text(item, "name"),
        private=item.get("is_private") is True,
        shared=item.get("is_ext_shared") is not False or item.get("is_pending_ext_shared") is True,
        joined=item.get("is_member") is True,
        archived=item.get("is_archived") is True,
    )


def members(body: Object) -> tuple[str, ...]:
    """From conversations.members."""
    found = body.get("members")
    if not isinstance(found, list) or not all(isinstance(each, str) and each for each in found):
        raise WrongShape("members is not a list of ids")
    return tuple(found)


def person(body: Object) -> PersonRecord:
    """From users.info and users.lookupByEmail."""
    item = _object(body, "user")
    email = mapping(item.get("profile")).get("email")
    return PersonRecord(
        id=_text(item, "id"),
        email=email if isinstance(email, str) else "",
        bot=item.get("is_bot") is True,
        deleted=item.get("deleted") is True,
        admin=any(item.get(flag) is True for flag in ("is_admin", "is_owner", "is_primary_owner")),
    )


def own_messages(body: Object, bot_id: str) -> tuple[MessageRecord, ...]:
    """From conversations.history: what this bot itself posted with a mark. A mark on anybody else's message is a forgery."""
    found = body.get("messages")
    if not isinstance(found, list):
        raise WrongShape("messages is not a list")
    marked = [(item, mark) for item in found if isinstance(item, dict) and item.get("bot_id") == bot_id and (mark := _mark(item))]
    return tuple(MessageRecord(ts=_text(item, "ts"), mark=mark, answered=bool(item.get("reply_count"))) for item, mark in marked)


def posted(body: Object) -> str:
    """The timestamp of a message, from chat.postMessage."""
    return _text(body, "ts")


def cursor(body: Object) -> str:
    """Where the next page begins; empty on the last one."""
    following = mapping(body.get("response_metadata")).get("next_cursor")
    return following if isinstance(following, str) else ""


def _mark(item: Object) -> Mark | None:
    metadata = mapping(item.get("metadata"))
    payload = mapping(metadata.get("event_payload"))
    run, incident = payload.get("run"), payload.get("incident")
    if metadata.get("event_type") != EVENT_TYPE or not isinstance(run, str) or not isinstance(incident, str):
        return None
    return Mark(run=run, incident=incident)


def _object(body: Object, name: str) -> Object:
    value = body.get(name)
    if not isinstance(value, dict):
        raise WrongShape(f"{name} is missing or not an object")
    return value


def _text(item: Object, name: str) -> str:
    value = item.get(name)
    if not isinstance(value, str) or not value:
        raise WrongShape(f"{name} is missing or not text")
    return value
