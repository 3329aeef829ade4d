"""What a person has before them in their Slack client, as plain data for whoever draws it.

Private metadata, and what only others are shown, is not in it.
"""

from __future__ import annotations

from firedoor.vendors.slack.directory import Channel, User
from firedoor.vendors.slack.raw import Raw
from firedoor.vendors.slack.world import Message, View, World


def people(world: World) -> Raw:
    """Everybody who can sign in."""
    directory = world.directory
    there = [user for user in directory.users.values() if not (user.deleted or user.is_bot)]
    return {"team": directory.team_name, "people": [{"id": user.id, "name": user.name, "real_name": user.real_name} for user in there]}


def me(world: World, user: User) -> Raw:
    """Who the person is, what the app offers them, and how everybody is called."""
    directory = world.directory
    app, at_home = directory.app, user.team_id == directory.team_id
    shortcuts = [
        {"callback_id": callback, "kind": kind, "name": app.names.get(callback) or _title(callback, app.name)}
        for callback, kind in app.shortcuts.items()
    ]
    return {
        "id": user.id,
        "name": shown_name(user),
        "team": directory.team_name,
        "app": {"name": app.name, "user": app.bot_user},
        # People of another workspace have none of this app's commands and shortcuts.
        "commands": sorted(app.commands) if at_home else [],
        "shortcuts": shortcuts if at_home else [],
        "people": [{"id": one.id, "name": shown_name(one), "bot": one.is_bot} for one in directory.users.values() if not one.deleted],
        "groups": [{"id": group.id, "name": group.handle} for group in directory.usergroups.values()],
    }


def channels(world: World, user: User) -> list[Raw]:
    """The channels that the person sees, each with the ts of the newest thing in it."""
    return [
        {
            "id": one.id,
            "name": one.name,
            "private": one.private,
            "direct": one.direct,
            "member": user.id in one.members,
            "archived": one.archived,
            "latest": max((message.ts for message in world.seen_by(user, one)), default=""),
        }
        for one in world.channels.values()
        if world.sees(user, one)
    ]


def messages(world: World, user: User, channel: Channel) -> list[Raw]:
    """What the person finds in a channel, threads included, oldest first."""
    return [_message(world, message) for message in world.seen_by(user, channel)]


def view(shown: View) -> Raw:
    """A modal or a home tab with what was filled in so far; the app's own ids are left out."""
    visible = {key: shown.definition.get(key) for key in ("title", "submit", "close", "blocks")}
    return {
        **visible,
        "view_id": shown.id,
        "errors": dict(shown.errors),
        "values": {block: dict(found) for block, found in shown.values.items()},
    }


def screen(world: World, user: User, channel: Channel | None) -> Raw:
    """All of it at one moment. ``channel`` is the one that is open, if one is."""
    stack, home = world.modals.get(user.id, []), world.homes.get(user.id)
    return {
        "channels": channels(world, user),
        "messages": messages(world, user, channel) if channel else [],
        "modal": view(stack[-1]) | {"below": len(stack) - 1} if stack else None,
        "home": view(home) if home else None,
    }


def shown_name(user: User) -> str:
    """How the person is called in Slack."""
    return user.real_name or user.name


def _message(world: World, message: Message) -> Raw:
    users = world.directory.users
    author = users[message.user].name if message.user in users else message.username
    return {
        "ts": message.ts,
        "thread_ts": message.thread_ts if message.is_reply else "",
        "author": message.user or message.bot_id,
        "author_name": author,
        "bot": bool(message.bot_id),
        "text": message.text,
        "blocks": list(message.blocks),
        "attachments": list(message.attachments),
        "ephemeral": bool(message.only_for),
        "edited": bool(message.edited_ts),
        "reactions": [name for name, _ in message.reactions],
    }


def _title(callback: str, app: str) -> str:
    """A name for a shortcut that was given none."""
    return callback.removeprefix(f"{app.lower()}_").replace("_", " ").capitalize()
