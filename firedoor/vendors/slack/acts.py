"""What people do in Slack, within what Slack's own client lets them do.

A person acts only on what they see: a channel they may read, a message in it, a button in its current blocks, a modal that is open for
them. Whatever the client would not offer is a `Refusal` and reaches nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from firedoor.vendors.slack.blocks import Surface, check_blocks, check_view
from firedoor.vendors.slack.delivery import Ack, App
from firedoor.vendors.slack.directory import Channel, User
from firedoor.vendors.slack.forms import Entry, action, fill, find_element, missing
from firedoor.vendors.slack.payloads import Payloads
from firedoor.vendors.slack.raw import Raw, Refusal, items, mapping, objects, text
from firedoor.vendors.slack.web_views import lay
from firedoor.vendors.slack.world import Message, View, World


@dataclass(frozen=True, slots=True, kw_only=True)
class Acts:
    """The people's hands. Each returns the error that the person is shown, empty where all went well. ``app`` is reached in the way of
    the moment.
    """

    world: World
    app: Callable[[], App]
    payloads: Payloads

    def person(self, user_id: str) -> User:
        """The person of that id, who can still sign in. Raises `Refusal`."""
        user = self.world.user(user_id)
        if user.deleted or user.is_bot:
            raise Refusal("account_inactive")
        return user

    def channel(self, user: User, channel_id: str) -> Channel:
        """A channel that the person sees. Raises `Refusal`; what one does not see does not exist."""
        channel = self.world.channel(channel_id)
        if not self.world.sees(user, channel):
            raise Refusal("channel_not_found")
        return channel

    def message(self, user: User, channel: Channel, ts: str) -> Message:
        """A message that the person sees there."""
        for message in self.world.seen_by(user, channel):
            if message.ts == ts:
                return message
        raise Refusal("message_not_found")

    def say(self, user: User, channel_id: str, said: str, thread_ts: str) -> Message:
        """Post a message as the person."""
        channel = self._composer(user, channel_id)
        if not said:
            raise Refusal("no_text")
        return self.world.post(Message(channel=channel.id, ts="", text=said, user=user.id, thread_ts=thread_ts))

    def integrate(self, bot_id: str, raw: Raw) -> Message:
        """Post a message as another integration, which the simulator lets into every channel."""
        integration = self.world.directory.integrations.get(bot_id)
        if integration is None:
            raise Refusal("no_such_integration")
        channel = self.world.channel(text(raw.get("channel")))
        message = Message(
            channel=channel.id,
            ts="",
            text=text(raw.get("text")),
            bot_id=integration.bot_id,
            username=integration.name,
            blocks=check_blocks(items(raw.get("blocks"))),
            attachments=tuple(objects(raw.get("attachments"))),
            thread_ts=text(raw.get("thread_ts")),
        )
        if not (message.text or message.blocks or message.attachments):
            raise Refusal("no_text")
        return self.world.post(message)

    async def command(self, user: User, channel_id: str, line: str) -> str:
        """Run a slash command. People of another workspace do not have this app's commands."""
        channel = self._composer(user, channel_id)
        command, _, arguments = line.strip().partition(" ")
        if command not in self.world.directory.app.commands or user.team_id != self.world.directory.team_id:
            raise Refusal("unknown_command")
        ack = await self.app().ask("slash_commands", self.payloads.command(user, channel, command, arguments.strip()))
        return self._say_back(user, channel, ack)

    async def shortcut(self, user: User, callback_id: str, channel_id: str, ts: str) -> str:
        """Use a shortcut: a message's where ``ts`` is given, a global one otherwise."""
        kind = self.world.directory.app.shortcuts.get(callback_id)
        if kind != ("message" if ts else "global") or user.team_id != self.world.directory.team_id:
            raise Refusal("no_such_shortcut")
        if not ts:
            return (await self.app().ask("interactive", self.payloads.shortcut(user, callback_id))).error
        channel = self.channel(user, channel_id)
        message = self.message(user, channel, ts)
        if message.only_for:
            raise Refusal("no_such_shortcut")
        return (await self.app().ask("interactive", self.payloads.message_shortcut(user, channel, message, callback_id))).error

    async def click(self, user: User, channel_id: str, ts: str, action_id: str, *, block_id: str = "", entry: Entry = "") -> str:
        """Click a button (or choose ``entry``) in a message. Another integration's buttons are not ours to deliver."""
        channel = self.channel(user, channel_id)
        message = self.message(user, channel, ts)
        found, element = find_element(message.blocks, action_id, block_id)
        if message.app_id != self.world.directory.app.id:
            raise Refusal("not_this_apps_element")
        payload = self.payloads.message_click(user, channel, message, action(found, element, entry))
        return (await self.app().ask("interactive", payload)).error

    async def click_view(
        self,
        user: User,
        where: Literal["modal", "home"],
        action_id: str,
        *,
        block_id: str = "",
        entry: Entry = "",
        entries: Mapping[str, Entry],
    ) -> str:
        """Click in the modal on top or in the home tab, after filling in ``entries``."""
        view = self.modal(user) if where == "modal" else self.world.homes.get(user.id)
        if view is None:
            raise Refusal("no_view")
        blocks = objects(view.definition.get("blocks"))
        found, element = find_element(blocks, action_id, block_id)
        silent = [block["block_id"] for block in blocks if block.get("type") == "input" and block.get("dispatch_action") is not True]
        if found in silent:
            raise Refusal("not_dispatched")  # the app learns of it at the submission only
        chosen = {} if element.get("type") in ("button", "overflow") else {f"{found}/{action_id}": entry}
        view = replace(view, values=fill(blocks, view.values, {**entries, **chosen}))
        self.world.put_view(view)
        payload = self.payloads.view_click(user, view, action(found, element, entry))
        return (await self.app().ask("interactive", payload)).error

    def modal(self, user: User) -> View | None:
        """The modal on top of the person's stack."""
        stack = self.world.modals.get(user.id)
        return stack[-1] if stack else None

    async def submit(self, user: User, entries: Mapping[str, Entry]) -> str:
        """Fill in the modal on top and press its submit button. Slack's client sends nothing while a required field is empty."""
        view = self.modal(user)
        if view is None:
            raise Refusal("no_view")
        if view.definition.get("submit") is None:
            raise Refusal("no_submit_button")
        blocks = objects(view.definition.get("blocks"))
        view = replace(view, values=fill(blocks, view.values, entries), errors={})
        self.world.put_view(view)
        if empty := missing(blocks, view.values):
            raise Refusal("required_field_empty", blocks=empty)
        ack = await self.app().ask("interactive", self.payloads.submission(user, view))
        if not ack.came:
            return ack.error
        return self._follow(user, view, ack.payload)

    async def close(self, user: User) -> None:
        """Close the modal on top (all of them where it says so); those that asked for it are told."""
        view = self.modal(user)
        if view is None:
            raise Refusal("no_view")
        cleared = view.definition.get("clear_on_close") is True
        stack = self.world.modals[user.id]
        gone, self.world.modals[user.id] = (stack, []) if cleared else (stack[-1:], stack[:-1])
        for one in reversed(gone):
            if one.definition.get("notify_on_close") is True:
                await self.app().ask("interactive", self.payloads.closed(user, one, cleared=cleared))

    def open_home(self, user: User) -> None:
        """Look at the app's home tab; an app that has subscribed is told."""
        event: Raw = {"type": "app_home_opened", "user": user.id, "channel": self.world.direct(user.id).id, "tab": "home"}
        home = self.world.homes.get(user.id)
        if home is not None:
            event["view"] = self.world.view_wire(home)
        self.app().tell("app_home_opened", event | {"event_ts": self.world.next_ts()})

    def _composer(self, user: User, channel_id: str) -> Channel:
        channel = self.channel(user, channel_id)
        if user.id not in channel.members:
            raise Refusal("not_in_channel")
        return channel

    def _say_back(self, user: User, channel: Channel, ack: Ack) -> str:
        said = text(ack.payload.get("text"))
        try:
            blocks = check_blocks(items(ack.payload.get("blocks")))
        except Refusal as refusal:
            return refusal.code
        if said or blocks:
            only_for = "" if ack.payload.get("response_type") == "in_channel" else user.id
            message = Message(channel=channel.id, ts="", text=said, blocks=blocks, only_for=only_for)
            self.world.post(self.world.signed(message))
        return ack.error

    def _follow(self, user: User, view: View, answer: Raw) -> str:
        """Do what the app's answer to a submission says. An answer that Slack would not take leaves the modal as it was."""
        stack = self.world.modals.get(user.id, [])
        match text(answer.get("response_action")):
            case "":
                self.world.modals[user.id] = [one for one in stack if one.id != view.id]
            case "clear":
                self.world.modals[user.id] = []
            case "errors":
                return self._show_errors(view, mapping(answer.get("errors")))
            case "update" | "push" as verb:
                try:
                    definition = check_view(mapping(answer.get("view")), Surface.MODAL)
                    if verb == "push":
                        lay(self.world, user.id, definition)
                    else:
                        self.world.put_view(self.world.changed_view(view, definition))
                except Refusal as refusal:
                    return refusal.code
            case _:
                return "invalid_response_action"
        return ""

    def _show_errors(self, view: View, errors: Raw) -> str:
        inputs = {text(block.get("block_id")) for block in objects(view.definition.get("blocks")) if block.get("type") == "input"}
        if not errors or not errors.keys() <= inputs:
            return "invalid_response_action"
        self.world.put_view(replace(view, errors={block: text(message) for block, message in errors.items()}))
        return ""
