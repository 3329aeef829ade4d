"""The Web API methods that write and read messages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from firedoor.vendors.slack.blocks import check_blocks
from firedoor.vendors.slack.directory import Channel
from firedoor.vendors.slack.raw import Raw, Refusal, mapping, objects, text
from firedoor.vendors.slack.web_api import Call, Desk, Method
from firedoor.vendors.slack.world import Message, moment

# What Slack truncates at this length when posting is refused here, so that nobody loses a text's end unseen.
MOST_TEXT_POSTED = 40_000
MOST_TEXT_UPDATED = 4_000


def content(raw: Mapping[str, object], call: Call, *, most: int) -> Message:
    """Text, blocks, attachments and metadata of what the app sends, checked. Raises `Refusal`."""
    said = call.text("text")
    if len(said) > most:
        raise Refusal("msg_too_long")
    blocks = call.json("blocks", invalid="invalid_blocks_format") if raw.get("blocks") is not None else []
    attachments = call.json("attachments", invalid="invalid_attachments") if raw.get("attachments") is not None else []
    if not isinstance(blocks, list):
        raise Refusal("invalid_blocks_format")
    if not isinstance(attachments, list):
        raise Refusal("invalid_attachments")
    return Message(
        channel="",
        ts="",
        text=said,
        blocks=check_blocks(blocks),
        attachments=tuple(objects(attachments)),
        metadata=_metadata(call),
    )


def _metadata(call: Call) -> Raw:
    raw = call.json("metadata", invalid="invalid_metadata_format")
    if raw is None:
        return {}
    metadata = mapping(raw)
    if not text(metadata.get("event_type")) or not isinstance(metadata.get("event_payload"), dict):
        raise Refusal("invalid_metadata_format")
    return metadata


def _target(desk: Desk, call: Call) -> Channel:
    name = call.text("channel", missing="channel_not_found")
    if name.startswith("U"):
        try:
            return desk.world.direct(name)
        except Refusal:
            raise Refusal("channel_not_found") from None
    return joined(desk, name)


def joined(desk: Desk, channel_id: str) -> Channel:
    """The channel, where the app is in it. A private one that it is not in does not exist for it."""
    channel = desk.world.channel(channel_id)
    if desk.world.directory.app.bot_user not in channel.members:
        raise Refusal("channel_not_found" if channel.private else "not_in_channel")
    return channel


def post_message(desk: Desk, call: Call) -> Raw:
    """chat.postMessage, into a channel or (a user's id) the direct conversation with that person."""
    call.need("chat:write")
    channel = _target(desk, call)
    if channel.archived:
        raise Refusal("is_archived")
    message = content(call.arguments, call, most=MOST_TEXT_POSTED)
    if not (message.text or message.blocks or message.attachments):
        raise Refusal("no_text")
    message = replace(desk.world.signed(message), channel=channel.id, thread_ts=call.text("thread_ts"))
    posted = desk.world.post(message)
    return {"channel": channel.id, "ts": posted.ts, "message": desk.world.wire(posted, metadata=True)}


def post_ephemeral(desk: Desk, call: Call) -> Raw:
    """chat.postEphemeral."""
    call.need("chat:write")
    channel = joined(desk, call.text("channel", missing="channel_not_found"))
    user = call.text("user", missing="user_not_in_channel")
    if user not in channel.members:
        raise Refusal("user_not_in_channel")
    message = content(call.arguments, call, most=MOST_TEXT_POSTED)
    if not (message.text or message.blocks or message.attachments):
        raise Refusal("no_text")
    message = replace(desk.world.signed(message), channel=channel.id, thread_ts=call.text("thread_ts"), only_for=user)
    return {"message_ts": desk.world.post(message).ts}


def update(desk: Desk, call: Call) -> Raw:
    """chat.update. Text without blocks removes the blocks; what is not named at all stays; only text makes it show as edited."""
    call.need("chat:write")
    channel = joined(desk, call.text("channel", missing="channel_not_found"))
    old = desk.world.find(channel, call.text("ts", missing="message_not_found"))
    if old.bot_id != desk.world.directory.app.bot_id:
        raise Refusal("cant_update_message")
    new = content(call.arguments, call, most=MOST_TEXT_UPDATED)
    gave_text, gave_blocks = "text" in call.arguments, "blocks" in call.arguments
    gave_attachments = "attachments" in call.arguments
    if not (gave_text or gave_blocks or gave_attachments or new.metadata):
        raise Refusal("no_text")
    message = replace(
        old,
        text=new.text if gave_text else old.text,
        blocks=new.blocks if gave_blocks or gave_text else old.blocks,
        attachments=new.attachments if gave_attachments or gave_text else old.attachments,
        metadata=new.metadata or old.metadata,
    )
    if gave_text and not new.blocks:
        message = replace(message, edited_by=old.user, edited_ts=desk.world.next_ts())
    desk.world.edit(message)
    return {"channel": channel.id, "ts": message.ts, "text": message.text, "message": desk.world.wire(message, metadata=True)}


def delete(desk: Desk, call: Call) -> Raw:
    """chat.delete, of the app's own messages. Slack leaves a tombstone where a message had replies; here it is gone and they stay."""
    call.need("chat:write")
    channel = joined(desk, call.text("channel", missing="channel_not_found"))
    message = desk.world.find(channel, call.text("ts", missing="message_not_found"))
    if message.bot_id != desk.world.directory.app.bot_id:
        raise Refusal("cant_delete_message")
    desk.world.remove(message)
    return {"channel": channel.id, "ts": message.ts}


def permalink(desk: Desk, call: Call) -> Raw:
    """chat.getPermalink."""
    channel = joined(desk, call.text("channel", missing="channel_not_found"))
    message = desk.world.find(channel, call.text("message_ts", missing="message_not_found"))
    thread = f"?thread_ts={message.thread_ts}&cid={channel.id}" if message.is_reply else ""
    path = f"archives/{channel.id}/p{message.ts.replace('.', '')}{thread}"
    return {"channel": channel.id, "permalink": f"https://{desk.world.directory.domain}.slack.com/{path}"}


def history(desk: Desk, call: Call) -> Raw:
    """conversations.history: newest first, without replies and without what only one person sees."""
    channel = _readable(desk, call)
    found = [message for message in desk.world.messages[channel.id].values() if not message.is_reply]
    page, metadata = call.page(_within(found, call)[::-1], size=100)
    messages = [desk.world.wire(message, metadata=call.flag("include_all_metadata")) for message in page]
    return {"messages": messages, "has_more": bool(metadata["next_cursor"]), "pin_count": 0, "response_metadata": metadata}


def replies(desk: Desk, call: Call) -> Raw:
    """conversations.replies: the thread that ``ts`` is in, oldest first."""
    channel = _readable(desk, call)
    asked = desk.world.messages[channel.id].get(call.text("ts"))
    if asked is None:
        raise Refusal("thread_not_found")
    root = asked.thread_ts or asked.ts
    found = [message for message in desk.world.messages[channel.id].values() if root in (message.ts, message.thread_ts)]
    page, metadata = call.page(_within(found, call), size=1000)
    messages = [desk.world.wire(message, metadata=call.flag("include_all_metadata")) for message in page]
    return {"messages": messages, "has_more": bool(metadata["next_cursor"]), "response_metadata": metadata}


def _readable(desk: Desk, call: Call) -> Channel:
    channel = joined(desk, call.text("channel", missing="channel_not_found"))
    call.need("im:history" if channel.direct else "groups:history" if channel.private else "channels:history")
    return channel


def _within(found: list[Message], call: Call) -> list[Message]:
    oldest = moment(call.text("oldest") or "0", "invalid_ts_oldest")
    latest = moment(call.text("latest") or "99999999999", "invalid_ts_latest")
    inclusive = call.flag("inclusive")
    return [
        message for message in found if oldest < Decimal(message.ts) < latest or (inclusive and Decimal(message.ts) in (oldest, latest))
    ]


def react(desk: Desk, call: Call) -> Raw:
    """reactions.add."""
    call.need("reactions:write")
    channel = joined(desk, call.text("channel", missing="channel_not_found"))
    name = call.text("name", missing="invalid_name").strip(":")
    message = desk.world.find(channel, call.text("timestamp", missing="no_item_specified"))
    mine = (name, desk.world.directory.app.bot_user)
    if mine in message.reactions:
        raise Refusal("already_reacted")
    desk.world.messages[channel.id][message.ts] = replace(message, reactions=(*message.reactions, mine))
    return {}


METHODS: Mapping[str, Method] = {
    "chat.postMessage": Method(run=post_message),
    "chat.postEphemeral": Method(run=post_ephemeral),
    "chat.update": Method(run=update),
    "chat.delete": Method(run=delete),
    "chat.getPermalink": Method(run=permalink),
    "conversations.history": Method(run=history),
    "conversations.replies": Method(run=replies),
    "reactions.add": Method(run=react),
}
