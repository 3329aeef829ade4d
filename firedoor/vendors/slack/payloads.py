"""The payloads that an app receives when a person does something.

Slack's legacy ``token`` field (the verification token) is left out: Socket Mode apps have no use for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from firedoor.vendors.slack.directory import Channel, User
from firedoor.vendors.slack.grants import Grants, ReplyAddress
from firedoor.vendors.slack.raw import Raw
from firedoor.vendors.slack.world import Message, View, World


@dataclass(frozen=True, slots=True, kw_only=True)
class Payloads:
    """Writes payloads; each carries a trigger and, where there is a channel, a response_url of its own."""

    world: World
    grants: Grants
    url: Callable[[], str]

    def command(self, user: User, channel: Channel, command: str, arguments: str) -> Raw:
        """A slash command. The app learns the channel even where it is not in it."""
        directory = self.world.directory
        return {
            "team_id": directory.team_id,
            "team_domain": directory.domain,
            "channel_id": channel.id,
            "channel_name": channel.name_in_payloads,
            "user_id": user.id,
            "user_name": user.name,
            "command": command,
            "text": arguments,
            "api_app_id": directory.app.id,
            "is_enterprise_install": "false",
            "response_url": self._response_url(ReplyAddress(channel=channel.id, user=user.id)),
            "trigger_id": self.grants.trigger(user.id),
        }

    def message_click(self, user: User, channel: Channel, message: Message, action: Raw) -> Raw:
        """A click in a message. Of an ephemeral message Slack sends the place only, not its content."""
        container: Raw = {
            "type": "message",
            "message_ts": message.ts,
            "channel_id": channel.id,
            "is_ephemeral": bool(message.only_for),
        }
        if message.thread_ts:
            container["thread_ts"] = message.thread_ts
        address = ReplyAddress(channel=channel.id, user=user.id, ts=message.ts, thread_ts=message.thread_ts)
        payload: Raw = {
            **self._base("block_actions", user),
            "container": container,
            "trigger_id": self.grants.trigger(user.id),
            "channel": {"id": channel.id, "name": channel.name_in_payloads},
            "state": {"values": {}},
            "response_url": self._response_url(address),
            "actions": [action],
        }
        return payload if message.only_for else payload | {"message": self.world.wire(message)}

    def view_click(self, user: User, view: View, action: Raw) -> Raw:
        """A click in a modal or the home tab."""
        return {
            **self._base("block_actions", user),
            "container": {"type": "view", "view_id": view.id},
            "trigger_id": self.grants.trigger(user.id, view_id=view.id),
            "view": self.world.view_wire(view),
            "actions": [action],
        }

    def shortcut(self, user: User, callback_id: str) -> Raw:
        """A global shortcut."""
        extra: Raw = {"callback_id": callback_id, "trigger_id": self.grants.trigger(user.id), "action_ts": action_ts()}
        return self._base("shortcut", user) | extra

    def message_shortcut(self, user: User, channel: Channel, message: Message, callback_id: str) -> Raw:
        """A shortcut from a message's menu; the app receives the message even where it is not in the channel."""
        address = ReplyAddress(channel=channel.id, user=user.id, thread_ts=message.thread_ts)
        return {
            **self._base("message_action", user),
            "callback_id": callback_id,
            "trigger_id": self.grants.trigger(user.id),
            "response_url": self._response_url(address),
            "channel": {"id": channel.id, "name": channel.name_in_payloads},
            "message": self.world.wire(message),
            "message_ts": message.ts,
            "action_ts": action_ts(),
        }

    def submission(self, user: User, view: View) -> Raw:
        """A modal's submit button."""
        extra: Raw = {"trigger_id": self.grants.trigger(user.id, view_id=view.id), "view": self.world.view_wire(view), "response_urls": []}
        return self._base("view_submission", user) | extra

    def closed(self, user: User, view: View, *, cleared: bool) -> Raw:
        """A modal that asked to be told when it is closed."""
        return self._base("view_closed", user) | {"view": self.world.view_wire(view), "is_cleared": cleared}

    def _base(self, kind: str, user: User) -> Raw:
        directory = self.world.directory
        return {
            "type": kind,
            "team": {"id": directory.team_id, "domain": directory.domain},
            "user": {"id": user.id, "username": user.name, "name": user.name, "team_id": user.team_id},
            "api_app_id": directory.app.id,
            "enterprise": None,
            "is_enterprise_install": False,
        }

    def _response_url(self, address: ReplyAddress) -> str:
        return self.url() + self.grants.address(address)


def action_ts() -> str:
    """When a person acted, in Slack's form."""
    micros = time.time_ns() // 1000
    return f"{micros // 1_000_000}.{micros % 1_000_000:06d}"
