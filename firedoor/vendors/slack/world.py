"""The simulated workspace as it stands: its messages and views, who sees what, and which events that makes."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from decimal import Decimal, InvalidOperation

from firedoor.vendors.slack.directory import Channel, Directory, User
from firedoor.vendors.slack.raw import Raw, Refusal, objects, without_empty

EventSink = Callable[[str, Raw], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message. ``user`` or ``bot_id`` wrote it; ``only_for`` is the one person who sees an ephemeral one. Texts are kept as sent."""

    channel: str
    ts: str
    text: str
    user: str = ""
    bot_id: str = ""
    app_id: str = ""
    username: str = ""
    blocks: tuple[Raw, ...] = ()
    attachments: tuple[Raw, ...] = ()
    thread_ts: str = ""
    metadata: Raw = field(default_factory=dict)
    edited_by: str = ""
    edited_ts: str = ""
    only_for: str = ""
    reactions: tuple[tuple[str, str], ...] = ()

    @property
    def is_reply(self) -> bool:
        """A reply lives in a thread; the thread's first message names its own ts."""
        return self.thread_ts not in ("", self.ts)


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A modal or a home tab as one person has it before them. ``definition`` is what the app sent, with ids filled in."""

    id: str
    user: str
    definition: Raw
    hash: str
    root_id: str
    previous_id: str = ""
    values: Mapping[str, Mapping[str, Raw]] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)


class World:
    """The workspace. All changes go through its methods; nothing here waits, so one event loop needs no lock."""

    def __init__(self, directory: Directory) -> None:
        self.directory = directory
        self.channels: dict[str, Channel] = dict(directory.channels)
        self.messages: dict[str, dict[str, Message]] = {channel: {} for channel in self.channels}
        self.ephemeral: list[Message] = []
        self.modals: dict[str, list[View]] = {}
        self.homes: dict[str, View] = {}
        self.event_sink: EventSink = lambda _subscription, _event: None
        self._last_ts = 0

    def next_ts(self) -> str:
        """Slack's message id: seconds and microseconds, unique and rising over the whole workspace."""
        self._last_ts = max(self._last_ts + 1, time.time_ns() // 1000)
        return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"

    def user(self, user_id: str) -> User:
        """The user of that id. Raises `Refusal`."""
        user = self.directory.users.get(user_id)
        if user is None:
            raise Refusal("user_not_found")
        return user

    def channel(self, channel_id: str) -> Channel:
        """The channel of that id, or the direct conversation with the app. Raises `Refusal`."""
        channel = self.channels.get(channel_id)
        if channel is None:
            raise Refusal("channel_not_found")
        return channel

    def direct(self, user_id: str) -> Channel:
        """The conversation of a person with the app, which begins with its first message."""
        user = self.user(user_id)
        if user.deleted or user.is_bot:
            raise Refusal("channel_not_found")
        channel_id = f"D{user.id[1:]}"
        if channel_id not in self.channels:
            members = (user.id, self.directory.app.bot_user)
            self.channels[channel_id] = Channel(id=channel_id, name="", private=True, members=members, direct=True)
            self.messages[channel_id] = {}
        return self.channels[channel_id]

    def sees(self, user: User, channel: Channel) -> bool:
        """Members see a channel; everybody in the workspace but guests sees a public one."""
        if user.id in channel.members:
            return True
        return not channel.private and not user.is_restricted and user.team_id == self.directory.team_id

    def seen_by(self, user: User, channel: Channel) -> list[Message]:
        """What that person finds in the channel, its threads and what only they are shown included, oldest first."""
        mine = [message for message in self.ephemeral if message.channel == channel.id and message.only_for == user.id]
        return sorted([*self.messages[channel.id].values(), *mine], key=lambda message: message.ts)

    def find(self, channel: Channel, ts: str) -> Message:
        """The message of that ts. Raises `Refusal`; an ephemeral message cannot be found, as on Slack."""
        message = self.messages[channel.id].get(ts)
        if message is None:
            raise Refusal("message_not_found")
        return message

    def post(self, message: Message) -> Message:
        """Put the message up (``ts`` is given here) and tell the subscribed app."""
        message = replace(message, ts=self.next_ts())
        if message.only_for:
            self.ephemeral.append(message)
            return message
        channel = self.channel(message.channel)
        if message.is_reply:
            parent = self.messages[channel.id].get(message.thread_ts)
            if parent is None:
                raise Refusal("thread_not_found")
            # A reply to a reply joins the thread that the reply is in.
            message = replace(message, thread_ts=parent.thread_ts or parent.ts)
            first_ts = message.thread_ts
            self.messages[channel.id][first_ts] = replace(self.messages[channel.id][first_ts], thread_ts=first_ts)
        self.messages[channel.id][message.ts] = message
        self._tell_of(channel, self.wire(message) | {"channel": channel.id, "event_ts": message.ts})
        if f"<@{self.directory.app.bot_user}>" in message.text:
            mention: Raw = {**self.wire(message), "type": "app_mention", "channel": channel.id, "event_ts": message.ts}
            self._tell("app_mention", channel, mention)
        return message

    def signed(self, message: Message) -> Message:
        """The message with the app as its author."""
        app = self.directory.app
        return replace(message, user=app.bot_user, bot_id=app.bot_id, app_id=app.id)

    def edit(self, message: Message) -> None:
        """Replace the message of the same ts (an ephemeral one too, which only a response_url can reach)."""
        if message.only_for:
            self.ephemeral = [message if old.ts == message.ts else old for old in self.ephemeral]
            return
        channel = self.channel(message.channel)
        before = self.messages[channel.id][message.ts]
        self.messages[channel.id][message.ts] = message
        now = self.next_ts()
        changed = {"message": self.wire(message), "previous_message": self.wire(before)}
        self._tell_of(
            channel, {"type": "message", "subtype": "message_changed", "channel": channel.id, "ts": now, "event_ts": now, **changed}
        )

    def remove(self, message: Message) -> None:
        """Delete the message (or the ephemeral one)."""
        self.messages[message.channel].pop(message.ts, None)
        self.ephemeral = [old for old in self.ephemeral if old.ts != message.ts]

    def wire(self, message: Message, *, metadata: bool = False) -> Raw:
        """The message as Slack's JSON. Metadata shows only where it was asked for."""
        replies = [reply for reply in self.messages.get(message.channel, {}).values() if reply.is_reply and reply.thread_ts == message.ts]
        subtype = "bot_message" if message.bot_id and not message.user else ""
        raw: Raw = {
            "type": "message",
            "subtype": subtype,
            "ts": message.ts,
            "text": message.text,
            "user": message.user,
            "team": self.directory.team_id,
            "bot_id": message.bot_id,
            "app_id": message.app_id,
            "username": message.username,
            "blocks": list(message.blocks),
            "attachments": list(message.attachments),
            "thread_ts": message.thread_ts,
            "edited": {"user": message.edited_by, "ts": message.edited_ts} if message.edited_ts else {},
            "metadata": message.metadata if metadata else {},
            "reactions": _reactions(message),
            "reply_count": len(replies) or "",
            "reply_users": sorted({reply.user or reply.bot_id for reply in replies}),
            "latest_reply": replies[-1].ts if replies else "",
        }
        return without_empty(raw, *(set(raw) - {"text"}))

    def view_wire(self, view: View) -> Raw:
        """The view as Slack's JSON, with what the person has filled in so far."""
        definition = view.definition
        raw: Raw = {
            "id": view.id,
            "team_id": self.directory.team_id,
            "callback_id": "",
            "private_metadata": "",
            "external_id": "",
            "clear_on_close": False,
            "notify_on_close": False,
            "close": None,
            "submit": None,
            **definition,
            "state": {"values": {block: dict(actions) for block, actions in view.values.items()}},
            "hash": view.hash,
            "root_view_id": view.root_id,
            "previous_view_id": view.previous_id or None,
            "app_id": self.directory.app.id,
            "app_installed_team_id": self.directory.team_id,
            "bot_id": self.directory.app.bot_id,
        }
        return raw

    def new_view(self, user_id: str, definition: Raw, *, below: View | None = None) -> View:
        """A view that nobody sees yet; ``below`` is the one it will lie on."""
        view_id = f"V{secrets.token_hex(5).upper()}"
        return View(
            id=view_id,
            user=user_id,
            definition=definition,
            hash=f"{self.next_ts()}.{secrets.token_hex(4)}",
            root_id=below.root_id if below else view_id,
            previous_id=below.id if below else "",
        )

    def changed_view(self, view: View, definition: Raw) -> View:
        """The view with a new definition and hash. What was filled in stays where its block stays; the errors go."""
        blocks = {block.get("block_id") for block in objects(definition.get("blocks"))}
        values = {block: actions for block, actions in view.values.items() if block in blocks}
        return replace(view, definition=definition, values=values, hash=f"{self.next_ts()}.{secrets.token_hex(4)}", errors={})

    def put_view(self, view: View) -> None:
        """Replace the open view of the same id."""
        home = self.homes.get(view.user)
        if home is not None and home.id == view.id:
            self.homes[view.user] = view
        stack = self.modals.get(view.user, [])
        self.modals[view.user] = [view if old.id == view.id else old for old in stack]

    def open_views(self) -> list[View]:
        """Every view that somebody has before them."""
        return [*self.homes.values(), *(view for stack in self.modals.values() for view in stack)]

    def state(self) -> Raw:
        """Everything as plain data. It holds no token, ticket, trigger or response_url: those are not part of the world."""
        directory = self.directory
        return {
            "team": {"id": directory.team_id, "name": directory.team_name, "domain": directory.domain},
            "app": {"id": directory.app.id, "name": directory.app.name, "bot_id": directory.app.bot_id, "bot_user": directory.app.bot_user},
            "users": {user.id: asdict(user) for user in directory.users.values()},
            "channels": {channel.id: {**asdict(channel), "members": list(channel.members)} for channel in self.channels.values()},
            "usergroups": {group.id: {**asdict(group), "users": list(group.users)} for group in directory.usergroups.values()},
            "messages": {channel: [self.wire(one, metadata=True) for one in found.values()] for channel, found in self.messages.items()},
            "ephemeral": [{**self.wire(one), "channel": one.channel, "only_for": one.only_for} for one in self.ephemeral],
            "modals": {user: [self.view_wire(view) for view in stack] for user, stack in self.modals.items() if stack},
            "homes": {user: self.view_wire(view) for user, view in self.homes.items()},
        }

    def _tell_of(self, channel: Channel, event: Raw) -> None:
        kind = "im" if channel.direct else "groups" if channel.private else "channels"
        channel_type = {"im": "im", "groups": "group", "channels": "channel"}[kind]
        self._tell(f"message.{kind}", channel, {**event, "channel_type": channel_type})

    def _tell(self, subscription: str, channel: Channel, event: Raw) -> None:
        if self.directory.app.bot_user in channel.members:
            self.event_sink(subscription, event)


def moment(ts: str, code: str) -> Decimal:
    """A ts as a number. Raises `Refusal` with ``code`` where it is none."""
    try:
        return Decimal(ts)
    except InvalidOperation:
        raise Refusal(code) from None


def _reactions(message: Message) -> list[Raw]:
    names = list(dict.fromkeys(name for name, _ in message.reactions))
    users = {name: [user for given, user in message.reactions if given == name] for name in names}
    return [{"name": name, "users": users[name], "count": len(users[name])} for name in names]
