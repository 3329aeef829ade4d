"""An Okta org in memory: users, sessions, OAuth tokens, API tokens, network zones and the System Log, with Okta's rules for changing them.

The rules for factors are in ``enrolments.py``, those for apps and consents in ``services.py``.

What it leaves out: what members get by a group, assignments, policies, devices and web or native apps' own sessions. What nobody here could
confirm is played at its worst for the defender: suspending a user ends neither sessions nor access tokens already minted. Revoked and
expired OAuth tokens vanish from lists, which is an assumption from their single reads answering 404.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from firedoor.canonical import JSON
from firedoor.errors import BadInput
from firedoor.vendors.okta.systemlog import Party, SystemLog
from firedoor.vendors.okta.zoneworld import NetworkZone

if TYPE_CHECKING:
    from firedoor.vendors.okta.enrolments import EnrolledFactor
    from firedoor.vendors.okta.services import App, ClientKey, ClientSecret, Grant

SESSION_LIFETIME: Final = timedelta(hours=2)
ACCESS_LIFETIME: Final = timedelta(hours=1)
FIRST_DAY: Final = datetime(2023, 1, 1, tzinfo=UTC)


class WrongState(Exception):
    """Okta's E0000001: the thing's present state does not allow it."""


@dataclass(slots=True, kw_only=True)
class User:
    """A user. ``before`` is the status before the last change, which reads may still show for a while."""

    id: str
    login: str
    name: str = "Sim User"
    status: str = "ACTIVE"
    before: str = ""
    status_changed: datetime = FIRST_DAY
    created: datetime = FIRST_DAY
    last_login: datetime | None = None
    password: str = field(default="", repr=False)
    roles: Sequence[str] = ()

    @property
    def party(self) -> Party:
        """The user as the System Log names them."""
        return Party(id=self.id, type="User", name=self.login)


@dataclass(slots=True, kw_only=True)
class Session:
    """A session at Okta; ``id`` is what its cookie holds."""

    id: str = field(repr=False)
    user: str
    created: datetime = FIRST_DAY
    expires: datetime | None = None
    live: bool = True


@dataclass(slots=True, kw_only=True)
class OAuthToken:
    """A refresh token and the access tokens minted with it, each with its expiry."""

    id: str
    client: str
    user: str
    refresh: str = field(repr=False)
    access: dict[str, datetime | None] = field(default_factory=dict, repr=False)
    created: datetime = FIRST_DAY
    expires: datetime | None = None
    status: str = "ACTIVE"


@dataclass(slots=True, kw_only=True)
class ApiToken:
    """A token for administration. It works while its owner is ACTIVE; ``READ_ONLY_ADMIN`` may change nothing.

    ``network`` are the zones that it may be used from, shown and not enforced here; none means anywhere.
    """

    id: str
    token: str = field(repr=False)
    owner: str
    role: str = "SUPER_ADMIN"
    name: str = "token"
    client_name: str = "Okta API"
    created: datetime = FIRST_DAY
    last_updated: datetime = FIRST_DAY
    expires: datetime | None = None
    network: Sequence[str] = ()


@dataclass(slots=True, kw_only=True)
class Group:
    """A group: the ids of its members, and nothing that they get by it."""

    id: str
    name: str
    members: Sequence[str] = ()


class OktaWorld:
    """The org, empty at first; `firedoor.vendors.okta.worlddata.world_of` makes one from plain data.

    ``clock`` is its own time (aware, UTC); give one to play a wrong clock or to jump ahead.
    """

    def __init__(self, *, clock: Callable[[], datetime] | None = None) -> None:
        self.clock = clock or (lambda: datetime.now(UTC))
        self.users: dict[str, User] = {}
        self.sessions: dict[str, Session] = {}
        self.oauth_tokens: dict[str, OAuthToken] = {}
        self.api_tokens: dict[str, ApiToken] = {}
        self.factors: dict[str, EnrolledFactor] = {}
        self.grants: dict[str, Grant] = {}
        self.apps: dict[str, App] = {}
        self.client_secrets: dict[str, ClientSecret] = {}
        self.client_keys: dict[str, ClientKey] = {}
        self.groups: dict[str, Group] = {}
        self.sign_ins: dict[str, str] = {}
        self.zones: dict[str, NetworkZone] = {}
        self.zone_lag = timedelta(0)
        self.handed_out: set[str] = set()  # secrets made here since it was built: no test may find one outside
        self.log = SystemLog()
        self._minted = 0

    def find(self, name: str) -> User | None:
        """A user by id, by login (capitals do not matter), or by the part of a login before the @ where only one user has it."""
        lowered = name.lower()
        if name in self.users:
            return self.users[name]
        by_login = [user for user in self.users.values() if user.login.lower() == lowered]
        short = [user for user in self.users.values() if user.login.lower().partition("@")[0] == lowered]
        return by_login[0] if by_login else short[0] if len(short) == 1 else None

    def user(self, name: str) -> User:
        """The same, for data that must name a user. Raises `BadInput`."""
        found = self.find(name)
        if found is None:
            raise BadInput("the simulated org has no such user", target=name, advice="Name one of its users by id or login")
        return found

    def suspend(self, user: User, *, by: Party) -> None:
        """From ACTIVE to SUSPENDED. Raises `WrongState` from any other status."""
        self._move(user, "ACTIVE", "SUSPENDED", "user.lifecycle.suspend", by)

    def unsuspend(self, user: User, *, by: Party) -> None:
        """From SUSPENDED to ACTIVE. Raises `WrongState` from any other status."""
        self._move(user, "SUSPENDED", "ACTIVE", "user.lifecycle.unsuspend", by)

    def unlock(self, user: User, *, by: Party) -> None:
        """From LOCKED_OUT to ACTIVE. Raises `WrongState` from any other status."""
        self._move(user, "LOCKED_OUT", "ACTIVE", "user.account.unlock", by)

    def reset_password(self, user: User, *, revoke_sessions: bool, by: Party) -> str:
        """To RECOVERY; gives the one-time token, another one on each call.

        Raises `WrongState` for who is SUSPENDED or DEPROVISIONED, or never had a password. Okta documents where it leads and not from
        where it is allowed: that it may be called on who is LOCKED_OUT or in RECOVERY, and then counts as a change of status, is assumed.
        """
        if user.status not in {"ACTIVE", "PASSWORD_EXPIRED", "LOCKED_OUT", "RECOVERY"}:
            raise WrongState(f"from {user.status}")
        self._move(user, user.status, "RECOVERY", "user.account.reset_password", by)
        if revoke_sessions:
            self.clear_sessions(user, oauth_tokens=False, by=by)
        token = self.mint("ott")
        self.handed_out.add(token)
        return token

    def clear_sessions(self, user: User, *, oauth_tokens: bool, by: Party) -> None:
        """End every session of the user, and revoke every OAuth token where asked. Already so is fine."""
        for session in self.sessions.values():
            if session.user == user.id:
                session.live = False
        self.log.write("user.session.clear", at=self.clock(), actor=by, targets=[user.party])
        for token in self.oauth_tokens.values() if oauth_tokens else ():
            if token.user == user.id and token.status == "ACTIVE":
                token.status = "REVOKED"
                client = Party(id=token.client, type="PublicClientApp", name=token.client)
                self.log.write("app.oauth2.token.revoke", at=self.clock(), actor=by, targets=[user.party, client])

    def sign_in(self, login: str, password: str) -> str | None:
        """A one-time token for a session, None where the password is wrong or the user is not ACTIVE. Either way the log has it."""
        user = self.find(login)
        if user is None:
            return None
        if user.status != "ACTIVE" or not user.password or user.password != password:
            reason = "INVALID_CREDENTIALS" if user.status == "ACTIVE" else "VERIFICATION_ERROR"
            self.log.write("user.session.start", at=self.clock(), actor=user.party, outcome="FAILURE", reason=reason)
            return None
        self.log.write("policy.evaluate_sign_on", at=self.clock(), actor=user.party, outcome="ALLOW")
        token = self.mint("20111")
        self.sign_ins[token] = user.id
        return token

    def open_session(self, session_token: str) -> Session | None:
        """A session for a one-time token, once, and only while its user is ACTIVE."""
        user = self.users.get(self.sign_ins.pop(session_token, ""))
        if user is None or user.status != "ACTIVE":
            return None
        now = self.clock()
        session = Session(id=self.mint("102"), user=user.id, created=now, expires=now + SESSION_LIFETIME)
        self.sessions[session.id] = session
        user.last_login = now
        self.log.write("user.session.start", at=now, actor=user.party, targets=[user.party])
        return session

    def session(self, session_id: str) -> Session | None:
        """A session that still lives."""
        found = self.sessions.get(session_id)
        return found if found is not None and found.live and not self.over(found.expires) else None

    def bearer(self, access_token: str) -> User | None:
        """Whose access token this is, while it works: suspension does not end it, revocation and expiry do."""
        for token in self.oauth_tokens.values():
            if token.status == "ACTIVE" and access_token in token.access and not self.over(token.access[access_token]):
                return self.users[token.user]
        return None

    def refresh(self, refresh_token: str) -> tuple[OAuthToken, str] | None:
        """A new access token, None where the refresh token is revoked, expired or unknown, or its user or its app is not ACTIVE.

        It is not rotated.
        """
        for token in self.oauth_tokens.values():
            open_to = self.users[token.user].status == "ACTIVE" and (token.client not in self.apps or self.apps[token.client].works)
            if token.refresh == refresh_token and self.listed(token) and open_to:
                access = self.mint("at")
                token.access[access] = self.clock() + ACCESS_LIFETIME
                user = self.users[token.user].party
                self.log.write("app.oauth2.token.grant.access_token", at=self.clock(), actor=user, targets=[user])
                return token, access
        return None

    def revoke_api_token(self, token: ApiToken, *, by: Party) -> None:
        """For good."""
        del self.api_tokens[token.token]
        self.log.write("system.api_token.revoke", at=self.clock(), actor=by, targets=[Party(id=token.id, type="Token", name=token.name)])

    def listed(self, token: OAuthToken) -> bool:
        """Whether the token still works and so shows in lists."""
        return token.status == "ACTIVE" and not self.over(token.expires)

    def mint(self, prefix: str) -> str:
        """A new id or secret, the same in every run that does the same things."""
        self._minted += 1
        return f"{prefix}sim{self._minted:08d}"

    def state(self) -> dict[str, JSON]:
        """The world as plain data, to compare with what it should be. Sessions and tokens go by the login of their user."""
        return {
            "users": {user.login: {"id": user.id, "status": user.status, "roles": list(user.roles)} for user in self.users.values()},
            "sessions": {each.id: {"user": self.users[each.user].login, "live": each.live} for each in self.sessions.values()},
            "oauth_tokens": {
                each.id: {"user": self.users[each.user].login, "client": each.client, "status": each.status}
                for each in self.oauth_tokens.values()
            },
            "zones": {zone.id: zone.state() for zone in self.zones.values()},
            "factors": {each.id: {"user": self.users[each.user].login, "type": each.type} for each in self.factors.values()},
            "grants": {
                each.id: {"user": self.users[each.user].login, "client": each.client, "scope": each.scope} for each in self.grants.values()
            },
            "apps": {each.id: {"label": each.label, "status": each.status} for each in self.apps.values()},
            "client_secrets": {each.id: {"app": each.app, "status": each.status} for each in self.client_secrets.values()},
            "client_keys": {each.id: {"app": each.app, "status": each.status} for each in self.client_keys.values()},
            "api_tokens": {each.id: {"name": each.name, "owner": self.users[each.owner].login} for each in self.api_tokens.values()},
        }

    def _move(self, user: User, start: str, end: str, event_type: str, by: Party) -> None:
        if user.status != start:
            raise WrongState(f"from {user.status}")
        user.before, user.status, user.status_changed = user.status, end, self.clock()
        self.log.write(event_type, at=user.status_changed, actor=by, targets=[user.party])

    def over(self, expires: datetime | None) -> bool:
        """Whether something has expired; without an expiry it never has."""
        return expires is not None and expires <= self.clock()
