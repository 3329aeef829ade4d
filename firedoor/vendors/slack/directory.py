"""Who and what a simulated workspace consists of: team, people, channels, user groups, the app, and its tokens.

A workspace is described by a plain mapping (YAML or JSON):

    team: {id: T0001, name: Acme, domain: acme}
    app: {id: A0001, name: Firedoor, bot_id: B0001, bot_user: U0BOT, commands: [/firedoor], shortcuts: {contain: message},
          shortcut_names: {contain: Contain this}, events: [message.channels],
          tokens: [{token: xoxb-..., kind: bot, scopes: [...]}, {token: xapp-..., kind: app}]}
    users: [{id: U0001, name: ada, real_name: Ada, email: ada@acme.example, is_restricted: false}, ...]
    channels: [{id: C0001, name: incidents, private: true, members: [U0001], archived: false}, ...]
    usergroups: [{id: S0001, handle: oncall, users: [U0001]}]
    integrations: [{bot_id: B0009, name: Alerts}]
    messages: what stands in the channels already; see `firedoor.vendors.slack.history`
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self, TypeVar

from firedoor.errors import BadInput
from firedoor.vendors.slack.raw import Raw, mapping, objects, text, texts

BOT_SCOPES = frozenset(
    {
        "channels:history",
        "channels:read",
        "chat:write",
        "commands",
        "groups:history",
        "groups:read",
        "im:history",
        "im:read",
        "im:write",
        "reactions:write",
        "usergroups:read",
        "users:read",
        "users:read.email",
    }
)
APP_SCOPES = frozenset({"connections:write"})


class TokenKind(StrEnum):
    """Whose token it is."""

    BOT = "bot"
    APP = "app"


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A credential of the app. Its value shows in no repr."""

    value: str = field(repr=False)
    kind: TokenKind
    scopes: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A person or a bot. ``is_restricted`` is Slack's word for a guest; ``team_id`` may be another workspace's (Slack Connect)."""

    id: str
    name: str
    team_id: str
    real_name: str = ""
    email: str = ""
    is_bot: bool = False
    deleted: bool = False
    is_restricted: bool = False
    is_admin: bool = False
    is_owner: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A channel, or (``direct``) the conversation of one person with the app."""

    id: str
    name: str
    private: bool
    members: tuple[str, ...]
    direct: bool = False
    archived: bool = False

    @property
    def name_in_payloads(self) -> str:
        """Slack does not tell an app the name of a private place."""
        if self.direct:
            return "directmessage"
        return "privategroup" if self.private else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class UserGroup:
    """A user group such as @oncall."""

    id: str
    handle: str
    users: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Integration:
    """Another app that posts here, such as the one that raises the alert. Its buttons are its own: nothing of them reaches our app."""

    bot_id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """The app under test. ``shortcuts`` maps a callback id to ``message`` or ``global``, ``names`` to what menus call it.

    ``events`` are its subscriptions.
    """

    id: str
    name: str
    bot_id: str
    bot_user: str
    tokens: tuple[Token, ...]
    commands: frozenset[str]
    shortcuts: Mapping[str, str]
    names: Mapping[str, str]
    events: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """Everything about a workspace that no call of the simulator changes."""

    team_id: str
    team_name: str
    domain: str
    app: App
    users: Mapping[str, User]
    channels: Mapping[str, Channel]
    usergroups: Mapping[str, UserGroup]
    integrations: Mapping[str, Integration]

    @classmethod
    def parse(cls, world: Mapping[str, object]) -> Self:
        """The directory that ``world`` describes. Raises `BadInput` where an id is missing, doubled or points nowhere."""
        team = mapping(world.get("team"))
        team_id = _required(team, "id", "team")
        app = _app(mapping(world.get("app")))
        users = _by_id((_user(raw, team_id) for raw in objects(world.get("users"))), lambda user: user.id)
        if app.bot_user not in users:
            bot = User(id=app.bot_user, name=app.name.lower(), real_name=app.name, team_id=team_id, is_bot=True)
            users[bot.id] = bot
        channels = _by_id((_channel(raw) for raw in objects(world.get("channels"))), lambda channel: channel.id)
        usergroups = _by_id((_usergroup(raw) for raw in objects(world.get("usergroups"))), lambda group: group.id)
        integrations = _by_id((_integration(raw) for raw in objects(world.get("integrations"))), lambda one: one.bot_id)
        named = {user for channel in channels.values() for user in channel.members} | {u for g in usergroups.values() for u in g.users}
        if strangers := sorted(named - users.keys()):
            raise BadInput(f"the world names members that are no users of it: {', '.join(strangers)}")
        return cls(
            team_id=team_id,
            team_name=text(team.get("name")) or team_id,
            domain=text(team.get("domain")) or team_id.lower(),
            app=app,
            users=users,
            channels=channels,
            usergroups=usergroups,
            integrations=integrations,
        )

    def token(self, value: str) -> Token | None:
        """The app's token of that value."""
        return next((token for token in self.app.tokens if token.value == value), None)


Named = TypeVar("Named")


def _by_id(found: Iterable[Named], key: Callable[[Named], str]) -> dict[str, Named]:
    result: dict[str, Named] = {}
    for one in found:
        if key(one) in result:
            raise BadInput(f"the world has {key(one)} twice")
        result[key(one)] = one
    return result


def _required(raw: Raw, key: str, where: str) -> str:
    value = text(raw.get(key))
    if not value:
        raise BadInput(f"the world's {where} lacks {key}")
    return value


def _app(raw: Raw) -> App:
    name = _required(raw, "name", "app")
    return App(
        id=_required(raw, "id", "app"),
        name=name,
        bot_id=_required(raw, "bot_id", "app"),
        bot_user=_required(raw, "bot_user", "app"),
        tokens=tuple(_token(token) for token in objects(raw.get("tokens"))),
        commands=frozenset(texts(raw.get("commands"))),
        shortcuts={key: text(value) for key, value in mapping(raw.get("shortcuts")).items()},
        names={key: text(value) for key, value in mapping(raw.get("shortcut_names")).items()},
        events=frozenset(texts(raw.get("events"))),
    )


def _token(raw: Raw) -> Token:
    kind = TokenKind(_required(raw, "kind", "token"))
    default = APP_SCOPES if kind is TokenKind.APP else BOT_SCOPES
    scopes = frozenset(texts(raw["scopes"])) if "scopes" in raw else default
    return Token(value=_required(raw, "token", "token"), kind=kind, scopes=scopes)


def _user(raw: Raw, team_id: str) -> User:
    return User(
        id=_required(raw, "id", "user"),
        name=_required(raw, "name", "user"),
        team_id=text(raw.get("team_id")) or team_id,
        real_name=text(raw.get("real_name")),
        email=text(raw.get("email")),
        is_bot=raw.get("is_bot") is True,
        deleted=raw.get("deleted") is True,
        is_restricted=raw.get("is_restricted") is True,
        is_admin=raw.get("is_admin") is True,
        is_owner=raw.get("is_owner") is True,
    )


def _channel(raw: Raw) -> Channel:
    return Channel(
        id=_required(raw, "id", "channel"),
        name=_required(raw, "name", "channel"),
        private=raw.get("private") is True,
        members=tuple(texts(raw.get("members"))),
        archived=raw.get("archived") is True,
    )


def _usergroup(raw: Raw) -> UserGroup:
    return UserGroup(
        id=_required(raw, "id", "user group"), handle=_required(raw, "handle", "user group"), users=tuple(texts(raw.get("users")))
    )


def _integration(raw: Raw) -> Integration:
    return Integration(bot_id=_required(raw, "bot_id", "integration"), name=_required(raw, "name", "integration"))
