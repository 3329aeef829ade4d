"""The Web API methods that look things up: the caller, people, channels, user groups; and the way to a socket."""

from __future__ import annotations

from collections.abc import Mapping

from firedoor.vendors.slack.directory import Channel, TokenKind, User
from firedoor.vendors.slack.raw import Raw, Refusal
from firedoor.vendors.slack.web_api import Call, Desk, Method


def api_test(desk: Desk, call: Call) -> Raw:
    """api.test: echoes its arguments; ``error`` makes it fail with that code."""
    del desk
    if error := call.text("error"):
        raise Refusal(error, args=call.arguments)
    return {"args": call.arguments}


def auth_test(desk: Desk, call: Call) -> Raw:
    """auth.test, for either kind of token."""
    directory = desk.world.directory
    app = directory.app
    base: Raw = {
        "url": f"https://{directory.domain}.slack.com/",
        "team": directory.team_name,
        "team_id": directory.team_id,
        "is_enterprise_install": False,
    }
    if call.token is not None and call.token.kind is TokenKind.APP:
        return {**base, "app_id": app.id, "app_name": app.name}
    bot = directory.users[app.bot_user]
    return {**base, "user": bot.name, "user_id": bot.id, "bot_id": app.bot_id}


def bots_info(desk: Desk, call: Call) -> Raw:
    """bots.info, of the app's own bot: it tells which app it belongs to."""
    call.need("users:read")
    app = desk.world.directory.app
    if call.text("bot", missing="bot_not_found") != app.bot_id:
        raise Refusal("bot_not_found")
    return {"bot": {"id": app.bot_id, "deleted": False, "name": app.name, "app_id": app.id, "user_id": app.bot_user}}


def connections_open(desk: Desk, call: Call) -> Raw:
    """apps.connections.open: a WebSocket URL that is good once."""
    call.need("connections:write")
    return {"url": f"{desk.link()}?ticket={desk.sockets.ticket()}&app_id={desk.world.directory.app.id}"}


def _user(desk: Desk, call: Call, user: User) -> Raw:
    home = desk.world.directory.team_id
    profile: Raw = {"real_name": user.real_name, "display_name": user.name, "team": user.team_id}
    if call.token is not None and "users:read.email" in call.token.scopes and user.email:
        profile["email"] = user.email
    raw: Raw = {
        "id": user.id,
        "team_id": user.team_id,
        "name": user.name,
        "deleted": user.deleted,
        "real_name": user.real_name,
        "profile": profile,
        "is_bot": user.is_bot,
        "is_app_user": False,
    }
    if user.team_id != home:
        raw["is_stranger"] = not any(user.id in channel.members for channel in desk.world.channels.values())
    if not user.deleted and user.team_id == home:
        raw |= {
            "is_admin": user.is_admin,
            "is_owner": user.is_owner,
            "is_primary_owner": False,
            "is_restricted": user.is_restricted,
            "is_ultra_restricted": False,
        }
    return raw


def users_info(desk: Desk, call: Call) -> Raw:
    """users.info."""
    call.need("users:read")
    return {"user": _user(desk, call, desk.world.user(call.text("user", missing="user_not_found")))}


def users_lookup(desk: Desk, call: Call) -> Raw:
    """users.lookupByEmail: finds nobody who was deactivated or belongs to another workspace."""
    call.need("users:read.email")
    email = call.text("email", missing="users_not_found").lower()
    for user in desk.world.directory.users.values():
        if user.email.lower() == email and not user.deleted and user.team_id == desk.world.directory.team_id:
            return {"user": _user(desk, call, user)}
    raise Refusal("users_not_found")


def users_list(desk: Desk, call: Call) -> Raw:
    """users.list: deactivated people included."""
    call.need("users:read")
    page, metadata = call.page(list(desk.world.directory.users.values()), size=1000)
    return {"members": [_user(desk, call, user) for user in page], "response_metadata": metadata}


def usergroup_users(desk: Desk, call: Call) -> Raw:
    """usergroups.users.list: deactivated people are not in it."""
    call.need("usergroups:read")
    group = desk.world.directory.usergroups.get(call.text("usergroup"))
    if group is None:
        raise Refusal("no_such_subteam")
    return {"users": [user for user in group.users if not desk.world.user(user).deleted]}


def _visible(desk: Desk, call: Call) -> Channel:
    channel = desk.world.channel(call.text("channel", missing="channel_not_found"))
    if channel.private and desk.world.directory.app.bot_user not in channel.members:
        raise Refusal("channel_not_found")
    call.need(_read_scope(channel))
    return channel


def _read_scope(channel: Channel) -> str:
    return "im:read" if channel.direct else "groups:read" if channel.private else "channels:read"


def _channel(desk: Desk, channel: Channel) -> Raw:
    directory = desk.world.directory
    shared = any(directory.users[member].team_id != directory.team_id for member in channel.members)
    if channel.direct:
        return {"id": channel.id, "is_im": True, "is_channel": False, "user": channel.members[0], "is_archived": False}
    return {
        "id": channel.id,
        "name": channel.name,
        "name_normalized": channel.name,
        "is_channel": not channel.private,
        "is_group": False,
        "is_im": False,
        "is_mpim": False,
        "is_private": channel.private,
        "is_archived": channel.archived,
        "is_general": False,
        "is_shared": shared,
        "is_ext_shared": shared,
        "is_org_shared": False,
        "is_member": directory.app.bot_user in channel.members,
        "context_team_id": directory.team_id,
    }


def channel_info(desk: Desk, call: Call) -> Raw:
    """conversations.info."""
    channel = _visible(desk, call)
    raw = _channel(desk, channel)
    if call.flag("include_num_members"):
        raw["num_members"] = len(channel.members)
    return {"channel": raw}


def channel_open(desk: Desk, call: Call) -> Raw:
    """conversations.open, with one person only."""
    call.need("im:write")
    return {"channel": {"id": desk.world.direct(call.text("users", missing="users_list_not_supplied")).id}}


def channel_members(desk: Desk, call: Call) -> Raw:
    """conversations.members."""
    page, metadata = call.page(_visible(desk, call).members, size=100)
    return {"members": page, "response_metadata": metadata}


def channel_list(desk: Desk, call: Call) -> Raw:
    """conversations.list: public channels unless ``types`` says otherwise; private ones only where the app is in them."""
    types = [kind.strip() for kind in (call.text("types") or "public_channel").split(",")]
    scopes = {"public_channel": "channels:read", "private_channel": "groups:read", "im": "im:read"}
    if unknown := [kind for kind in types if kind not in {*scopes, "mpim"}]:
        raise Refusal("invalid_types", types=unknown)
    for kind in types:
        call.need(scopes.get(kind, "mpim:read"))
    bot = desk.world.directory.app.bot_user
    found = [
        channel
        for channel in desk.world.channels.values()
        if ("im" if channel.direct else "private_channel" if channel.private else "public_channel") in types
        and (not channel.private or bot in channel.members)
    ]
    page, metadata = call.page(found, size=100)
    return {"channels": [_channel(desk, channel) for channel in page], "response_metadata": metadata}


METHODS: Mapping[str, Method] = {
    "api.test": Method(run=api_test, kind=None),
    "auth.test": Method(run=auth_test),
    "apps.connections.open": Method(run=connections_open, kind=TokenKind.APP),
    "bots.info": Method(run=bots_info),
    "users.info": Method(run=users_info),
    "users.lookupByEmail": Method(run=users_lookup),
    "users.list": Method(run=users_list),
    "usergroups.users.list": Method(run=usergroup_users),
    "conversations.info": Method(run=channel_info),
    "conversations.members": Method(run=channel_members),
    "conversations.list": Method(run=channel_list),
    "conversations.open": Method(run=channel_open),
}
