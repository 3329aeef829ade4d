"""The simulated admin endpoints: what each operation of the table does to the world and what it answers.

Reply bodies follow Okta's specification and its recorded answers: suspend and unsuspend answer 200 ``{}``, clearing sessions 204.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias

from aiohttp import web

from firedoor.canonical import JSON
from firedoor.vendors.okta import operations
from firedoor.vendors.okta.systemlog import BadFilter, Party, parse, stamp
from firedoor.vendors.okta.world import OAuthToken, OktaWorld, User, WrongState

_PROVIDER: Final = {"type": "OKTA", "name": "OKTA"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request that passed authentication: the world, who asks, how long status changes stay hidden from reads, the org's URL, and what
    was sent along.
    """

    world: OktaWorld
    request: web.Request
    actor: User
    status_lag: timedelta
    url: str
    body: bytes = b""

    @property
    def user(self) -> User:
        """The user whom the path names. Raises `Refused` (404 E0000007)."""
        values = self.request.match_info
        name = values.get("id") or values["userId"]
        found = self.actor if name == "me" else self.world.find(name)
        if found is None:
            raise Refused(404, "E0000007", f"Not found: Resource not found: {name} (User)")
        return found

    @property
    def by(self) -> Party:
        """The actor as the System Log names them."""
        return self.actor.party

    def limit(self, *, default: int, most: int) -> int:
        """The page size asked for. Raises `Refused` (400 E0000001)."""
        text = self.request.query.get("limit", str(default))
        if not text.isascii() or not text.isdigit() or int(text) > most:
            raise Refused(400, "E0000001", "Api validation failed: limit")
        return int(text)

    def next_url(self, after: str) -> str:
        """The URL of the page that begins at ``after``."""
        return f"{self.url}{self.request.rel_url.raw_path}?{self.request.rel_url.update_query(after=after).raw_query_string}"

    def next_link(self, after: str) -> str:
        """The Link header's value for that page."""
        return f'<{self.next_url(after)}>; rel="next"'


class Refused(Exception):
    """Okta says no, with its error body."""

    def __init__(self, status: int, code: str, summary: str, *causes: str) -> None:
        super().__init__(summary)
        self.status = status
        self.body: JSON = {
            "errorCode": code,
            "errorSummary": summary,
            "errorLink": code,
            "errorId": f"oae{code}",
            "errorCauses": [{"errorSummary": cause} for cause in causes],
        }

    def response(self) -> web.Response:
        """As a reply."""
        return web.json_response(self.body, status=self.status)


def get_user(call: Call) -> web.Response:
    """A user."""
    return web.json_response(shown_user(call, call.user))


def shown_user(call: Call, user: User) -> JSON:
    """As Okta's User; a status younger than the lag does not show yet."""
    fresh = bool(user.before) and call.world.clock() < user.status_changed + call.status_lag
    first, _, last = user.name.partition(" ")
    return {
        "id": user.id,
        "status": user.before if fresh else user.status,
        "created": stamp(user.created),
        "activated": stamp(user.created),
        "statusChanged": stamp(user.status_changed),
        "lastLogin": stamp(user.last_login) if user.last_login else None,
        "lastUpdated": stamp(user.status_changed),
        "passwordChanged": stamp(user.created),
        "type": {"id": "otysim0001"},
        "profile": {"firstName": first, "lastName": last, "login": user.login, "email": user.login, "mobilePhone": None},
        "credentials": {"provider": _PROVIDER},
        "_links": {"self": {"href": f"{call.url}/api/v1/users/{user.id}"}},
    }


def suspend_user(call: Call) -> web.Response:
    """ACTIVE to SUSPENDED."""
    user = call.user
    try:
        call.world.suspend(user, by=call.by)
    except WrongState:
        raise Refused(400, "E0000001", "Api validation failed: suspendUser", "Cannot suspend a user that is not active") from None
    return web.json_response({})


def unsuspend_user(call: Call) -> web.Response:
    """SUSPENDED to ACTIVE."""
    user = call.user
    try:
        call.world.unsuspend(user, by=call.by)
    except WrongState:
        raise Refused(400, "E0000001", "Api validation failed: unsuspendUser", "Cannot unsuspend a user that is not suspended") from None
    return web.json_response({})


def revoke_user_sessions(call: Call) -> web.Response:
    """End the sessions; OAuth tokens only where ``oauthTokens=true``. No device is remembered here."""
    call.world.clear_sessions(call.user, oauth_tokens=call.request.query.get("oauthTokens", "false") == "true", by=call.by)
    return web.Response(status=204)


def list_user_clients(call: Call) -> web.Response:
    """The clients that hold a working refresh token of the user."""
    user = call.user
    clients = sorted({token.client for token in _tokens(call.world, user)})
    return web.json_response([{"client_id": each, "client_name": each} for each in clients])


def list_refresh_tokens(call: Call) -> web.Response:
    """One client's working refresh tokens, without the secrets, in pages."""
    user, client = call.user, call.request.match_info["clientId"]
    tokens = [token for token in _tokens(call.world, user) if token.client == client]
    start = cursor(call.request.query.get("after", "0"), "E0000031")
    end = start + call.limit(default=20, most=200)
    response = web.json_response([shown_token(call, token) for token in tokens[start:end]])
    if end < len(tokens):
        response.headers.add("Link", call.next_link(str(end)))
    return response


def list_log_events(call: Call) -> web.Response:
    """A page of the System Log."""
    query = call.request.query
    if query.get("q") or query.get("sortOrder", "ASCENDING") != "ASCENDING":
        raise Refused(400, "E0000031", "Invalid search criteria: the simulator knows neither q nor a descending order")
    try:
        wanted = parse(query["filter"]) if query.get("filter") else lambda _: True
    except BadFilter as bad:
        raise Refused(400, "E0000031", f"Invalid search criteria: {bad}") from None
    page, following = call.world.log.page(
        now=call.world.clock(),
        wanted=wanted,
        since=_moment(query.get("since")),
        until=_moment(query.get("until")),
        after=cursor(query.get("after", "0"), "E0000031"),
        limit=call.limit(default=100, most=1000),
    )
    response = web.json_response([entry.shown() for entry in page])
    response.headers.add("Link", f'<{call.url}{call.request.path_qs}>; rel="self"')
    if following is not None:
        response.headers.add("Link", call.next_link(str(following)))
    return response


def list_admin_roles(call: Call) -> web.Response:
    """The user's roles, each assigned to them directly (there are no groups here)."""
    user = call.user
    body: JSON = [
        {
            "id": f"ra1sim{role.lower()}",
            "label": role.replace("_", " ").title(),
            "type": role,
            "status": "ACTIVE",
            "created": stamp(user.created),
            "lastUpdated": stamp(user.created),
            "assignmentType": "USER",
            "_links": {"assignee": {"href": f"{call.url}/api/v1/users/{user.id}"}},
        }
        for role in user.roles
    ]
    return web.json_response(body)


Handler: TypeAlias = Callable[[Call], web.Response]

HANDLERS: Final[Mapping[operations.HttpOperation, Handler]] = {
    operations.GET_USER: get_user,
    operations.SUSPEND_USER: suspend_user,
    operations.UNSUSPEND_USER: unsuspend_user,
    operations.REVOKE_USER_SESSIONS: revoke_user_sessions,
    operations.LIST_USER_CLIENTS: list_user_clients,
    operations.LIST_REFRESH_TOKENS: list_refresh_tokens,
    operations.LIST_LOG_EVENTS: list_log_events,
    operations.LIST_ADMIN_ROLES: list_admin_roles,
}


def _tokens(world: OktaWorld, user: User) -> list[OAuthToken]:
    return [token for token in world.oauth_tokens.values() if token.user == user.id and world.listed(token)]


def shown_token(call: Call, token: OAuthToken) -> JSON:
    """As Okta's OAuth2RefreshToken."""
    return {
        "id": token.id,
        "clientId": token.client,
        "userId": token.user,
        "status": token.status,
        "issuer": call.url,
        "scopes": ["openid", "offline_access"],
        "created": stamp(token.created),
        "lastUpdated": stamp(token.created),
        **({"expiresAt": stamp(token.expires)} if token.expires else {}),
    }


def cursor(text: str, code: str) -> int:
    """Where a page begins. Raises `Refused` (400) for what no page of ours was linked with."""
    if not text.isascii() or not text.isdigit():
        raise Refused(400, code, "Invalid search criteria: after")
    return int(text)


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Refused(400, "E0000031", "Invalid search criteria: since or until") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
