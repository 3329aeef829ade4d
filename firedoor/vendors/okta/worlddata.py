"""A simulated org from plain data. A key that nothing reads is refused: a misspelt one would make a test or a drill mean something else.

    users:        [{id: 00u1, login: jane@acme.example, name: Jane Doe, status: ACTIVE, password: ..., roles: [SUPER_ADMIN]}]
    sessions:     [{id: leaked-sid, user: jane@acme.example}]
    oauth_tokens: [{id: oar1, client: 0oa1, user: jane@acme.example, refresh: ..., access: ...}]
    api_tokens:   [{token: ..., owner: ops@acme.example, role: READ_ONLY_ADMIN, id: 00T1, name: deploy, network: [nzo1]}]
    zones:        [{id: nzo1, name: Firedoor, usage: BLOCKLIST, gateways: [203.0.113.0/24, 198.51.100.1-198.51.100.9], extra: {...}}]
    factors:      [{id: opf1, user: jane@acme.example, type: push, provider: OKTA, created: 2023-10-01T08:00:00Z}]
    grants:       [{id: oag1, user: jane@acme.example, client: 0oa1, scope: okta.users.read}]
    apps:         [{id: 0oa1, label: Deploy bot, type: service, status: ACTIVE, secret: ..., access: [...]}]
    client_secrets: [{id: ocs1, app: 0oa1, secret: ..., status: INACTIVE}]
    client_keys:  [{id: pks1, app: 0oa1, kid: deploy-2023, use: sig, status: ACTIVE}]
    groups:       [{id: 00g1, name: Programs, members: [jane@acme.example]}]
    log:          [{type: user.session.start, published: 2023-11-23T15:59:00Z, actor: jane@acme.example, targets: [...], outcome: SUCCESS}]

Times (created, last_updated, status_changed, last_login, expires, published) are ISO 8601, UTC where no zone is given. A user is named by
id or login. A zone is ACTIVE, of type IP, and not the system's, where it does not say otherwise; ``extra`` are fields that nobody knows.
An app's ``secret`` is its first client secret, under an id that is made of the app's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from firedoor.errors import BadInput, nearest
from firedoor.vendors.okta.enrolments import EnrolledFactor
from firedoor.vendors.okta.services import App, ClientKey, ClientSecret, Grant
from firedoor.vendors.okta.systemlog import Party
from firedoor.vendors.okta.world import FIRST_DAY, ApiToken, Group, OAuthToken, OktaWorld, Session, User
from firedoor.vendors.okta.zoneworld import NetworkZone, entry_of

_KEYS: Final = {
    "users": {"id", "login", "name", "status", "status_changed", "created", "last_login", "password", "roles"},
    "sessions": {"id", "user", "created", "expires", "live"},
    "oauth_tokens": {"id", "client", "user", "refresh", "access", "created", "expires", "status"},
    "api_tokens": {"token", "owner", "role", "id", "name", "client_name", "created", "last_updated", "expires", "network"},
    "zones": {"id", "name", "type", "status", "usage", "system", "gateways", "proxies", "extra"},
    "factors": {"id", "user", "type", "provider", "status", "created"},
    "grants": {"id", "user", "client", "scope", "created"},
    "apps": {"id", "label", "name", "type", "status", "secret", "access", "created"},
    "client_secrets": {"id", "app", "secret", "status", "created"},
    "client_keys": {"id", "app", "kid", "use", "status", "created"},
    "groups": {"id", "name", "members"},
    "log": {"type", "published", "actor", "targets", "outcome", "reason", "ip", "session"},
}


def world_of(data: Mapping[str, Sequence[Mapping[str, object]]], *, clock: Callable[[], datetime] | None = None) -> OktaWorld:
    """The org that the data describes. Raises `BadInput` for unknown keys, missing ones, and users that are not there."""
    _check(data)
    world = OktaWorld(clock=clock)
    for row in data.get("users", ()):
        user = User(
            id=_text(row, "id"),
            login=_text(row, "login"),
            name=_text(row, "name", "Sim User"),
            status=_text(row, "status", "ACTIVE"),
            status_changed=_moment(row, "status_changed") or FIRST_DAY,
            created=_moment(row, "created") or FIRST_DAY,
            last_login=_moment(row, "last_login"),
            password=_text(row, "password", ""),
            roles=_texts(row, "roles"),
        )
        world.users[user.id] = user
    for row in data.get("sessions", ()):
        session = Session(
            id=_text(row, "id"),
            user=world.user(_text(row, "user")).id,
            created=_moment(row, "created") or FIRST_DAY,
            expires=_moment(row, "expires"),
            live=row.get("live", True) is True,
        )
        world.sessions[session.id] = session
    for row in data.get("oauth_tokens", ()):
        token = OAuthToken(
            id=_text(row, "id"),
            client=_text(row, "client"),
            user=world.user(_text(row, "user")).id,
            refresh=_text(row, "refresh"),
            access=dict.fromkeys(_texts(row, "access")),
            created=_moment(row, "created") or FIRST_DAY,
            expires=_moment(row, "expires"),
            status=_text(row, "status", "ACTIVE"),
        )
        world.oauth_tokens[token.id] = token
    for position, row in enumerate(data.get("api_tokens", ())):
        admin = ApiToken(
            id=_text(row, "id", f"00Tgiven{position}"),
            token=_text(row, "token"),
            owner=world.user(_text(row, "owner")).id,
            role=_text(row, "role", "SUPER_ADMIN"),
            name=_text(row, "name", "token"),
            client_name=_text(row, "client_name", "Okta API"),
            created=_moment(row, "created") or FIRST_DAY,
            last_updated=_moment(row, "last_updated") or FIRST_DAY,
            expires=_moment(row, "expires"),
            network=_texts(row, "network"),
        )
        world.api_tokens[admin.token] = admin
    for row in data.get("zones", ()):
        zone = NetworkZone(
            id=_text(row, "id"),
            name=_text(row, "name"),
            type=_text(row, "type", "IP"),
            status=_text(row, "status", "ACTIVE"),
            usage=_text(row, "usage", "BLOCKLIST"),
            system=row.get("system") is True,
            gateways=[entry_of(text) for text in _texts(row, "gateways")],
            proxies=[entry_of(text) for text in _texts(row, "proxies")] or None,
            extra=dict(row.get("extra") or {}),  # type: ignore[call-overload] # whatever the data has there is JSON
        )
        world.zones[zone.id] = zone
    for row in data.get("factors", ()):
        factor = EnrolledFactor(
            id=_text(row, "id"),
            user=world.user(_text(row, "user")).id,
            type=_text(row, "type"),
            provider=_text(row, "provider", "OKTA"),
            status=_text(row, "status", "ACTIVE"),
            created=_moment(row, "created") or FIRST_DAY,
        )
        world.factors[factor.id] = factor
    for row in data.get("grants", ()):
        grant = Grant(
            id=_text(row, "id"),
            user=world.user(_text(row, "user")).id,
            client=_text(row, "client"),
            scope=_text(row, "scope", "openid"),
            created=_moment(row, "created") or FIRST_DAY,
        )
        world.grants[grant.id] = grant
    _add_apps(world, data)
    for row in data.get("groups", ()):
        members = [world.user(name).id for name in _texts(row, "members")]
        world.groups[_text(row, "id")] = Group(id=_text(row, "id"), name=_text(row, "name"), members=members)
    for row in data.get("log", ()):
        world.log.write(
            _text(row, "type"),
            at=_moment(row, "published") or FIRST_DAY,
            actor=_party(world, _text(row, "actor")),
            targets=[_party(world, name) for name in _texts(row, "targets")],
            outcome=_text(row, "outcome", "SUCCESS"),
            reason=_text(row, "reason", ""),
            ip=_text(row, "ip", ""),
            session=_text(row, "session", ""),
        )
    return world


def _add_apps(world: OktaWorld, data: Mapping[str, Sequence[Mapping[str, object]]]) -> None:
    for row in data.get("apps", ()):
        app = App(
            id=_text(row, "id"),
            label=_text(row, "label"),
            name=_text(row, "name", "oidc_client"),
            type=_text(row, "type", "service"),
            status=_text(row, "status", "ACTIVE"),
            access=dict.fromkeys(_texts(row, "access")),
            created=_moment(row, "created") or FIRST_DAY,
        )
        world.apps[app.id] = app
        if row.get("secret"):
            secret = ClientSecret(id=f"ocs{app.id}", app=app.id, secret=_text(row, "secret"), created=app.created)
            world.client_secrets[secret.id] = secret
    for row in data.get("client_secrets", ()):
        secret = ClientSecret(
            id=_text(row, "id"),
            app=_app(world, row),
            secret=_text(row, "secret"),
            status=_text(row, "status", "ACTIVE"),
            created=_moment(row, "created") or FIRST_DAY,
        )
        world.client_secrets[secret.id] = secret
    for row in data.get("client_keys", ()):
        key = ClientKey(
            id=_text(row, "id"),
            app=_app(world, row),
            kid=_text(row, "kid", _text(row, "id")),
            use=_text(row, "use", "sig"),
            status=_text(row, "status", "ACTIVE"),
            created=_moment(row, "created") or FIRST_DAY,
        )
        world.client_keys[key.id] = key


def _check(data: Mapping[str, Sequence[Mapping[str, object]]]) -> None:
    for kind, rows in data.items():
        if kind not in _KEYS:
            raise BadInput(f"a simulated Okta org has no {kind!r}{nearest(kind, _KEYS)}", advice=f"Use: {', '.join(_KEYS)}")
        for row in rows:
            for key in row.keys() - _KEYS[kind]:
                raise BadInput(f"{kind} have no {key!r}{nearest(key, _KEYS[kind])}", advice=f"Use: {', '.join(sorted(_KEYS[kind]))}")


def _app(world: OktaWorld, row: Mapping[str, object]) -> str:
    name = _text(row, "app")
    if name not in world.apps:
        raise BadInput("the simulated org has no such app", target=name, advice="Name one of its apps by id")
    return name


def _party(world: OktaWorld, name: str) -> Party:
    user = world.find(name)
    return user.party if user else Party(id=name, type="Unknown", name=name)


def _text(row: Mapping[str, object], key: str, default: str | None = None) -> str:
    value = row.get(key, default)
    if not isinstance(value, str):
        raise BadInput(f"{key!r} is missing or not text in the data of the simulated Okta org", advice="Add it, in quotes")
    return value


def _texts(row: Mapping[str, object], key: str) -> tuple[str, ...]:
    value = row.get(key, ())
    return (value,) if isinstance(value, str) else tuple(str(each) for each in value) if isinstance(value, list | tuple) else ()


def _moment(row: Mapping[str, object], key: str) -> datetime | None:
    value = row.get(key)
    if value is None:
        return None
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
