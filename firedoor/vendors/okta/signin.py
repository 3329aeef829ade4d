"""The simulated doors that a person, or an attacker with their credentials, goes through: password, session cookie, OAuth tokens.

Left out: factors, policies, rate limits and lockout on these doors, client authentication on the token endpoint, and every OAuth grant but
refresh_token. A stolen refresh token therefore works without its client's secret, which is the worst case.

Before each of them stands the gate of ``admin_zones.py``: whoever comes from a blocked address, by X-Forwarded-For or in truth, gets a 403.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from aiohttp import web

from firedoor.canonical import JSON
from firedoor.vendors.okta.admin import Refused
from firedoor.vendors.okta.systemlog import stamp
from firedoor.vendors.okta.world import ACCESS_LIFETIME, OktaWorld, Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a door answers, and to whom (a login; empty where nobody was let in)."""

    response: web.Response
    login: str = ""


async def authn(world: OktaWorld, request: web.Request) -> Answer:
    """POST /api/v1/authn: username and password for a one-time sessionToken. 401 E0000004 for a wrong one and for who is not ACTIVE."""
    given = await _given(request)
    login = given.get("username", "")
    token = world.sign_in(login, given.get("password", ""))
    if token is None:
        return Answer(response=Refused(401, "E0000004", "Authentication failed").response())
    user = world.user(login)
    body: JSON = {
        "status": "SUCCESS",
        "sessionToken": token,
        "_embedded": {"user": {"id": user.id, "profile": {"login": user.login}}},
    }
    return Answer(response=web.json_response(body), login=user.login)


async def create_session(world: OktaWorld, request: web.Request) -> Answer:
    """POST /api/v1/sessions: a session for a sessionToken. Its id is what the ``sid`` cookie holds."""
    session = world.open_session((await _given(request)).get("sessionToken", ""))
    if session is None:
        return Answer(response=Refused(401, "E0000004", "Authentication failed").response())
    return _session(world, session)


async def current_session(world: OktaWorld, request: web.Request) -> Answer:
    """GET /api/v1/sessions/me with cookie ``sid``: 404 E0000007 once the session is over."""
    session = world.session(request.cookies.get("sid", ""))
    if session is None:
        return Answer(response=Refused(404, "E0000007", "Not found: Resource not found: me (Session)").response())
    return _session(world, session)


async def userinfo(world: OktaWorld, request: web.Request) -> Answer:
    """GET /oauth2/v1/userinfo with a Bearer access token: 401 with WWW-Authenticate once it is revoked or over."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    user = world.bearer(token) if scheme == "Bearer" else None
    if user is None:
        challenge = 'Bearer error="invalid_token", error_description="The access token is invalid."'
        return Answer(response=web.Response(status=401, headers={"WWW-Authenticate": challenge}))
    return Answer(response=web.json_response({"sub": user.id, "preferred_username": user.login, "name": user.name}), login=user.login)


async def token(world: OktaWorld, request: web.Request) -> Answer:
    """POST /oauth2/v1/token with grant_type=refresh_token: 400 invalid_grant once it is revoked, or its user is not ACTIVE."""
    form = await request.post()
    if form.get("grant_type") != "refresh_token":
        return Answer(response=_oauth_error("unsupported_grant_type", "The simulator knows grant_type refresh_token only."))
    fresh = world.refresh(str(form.get("refresh_token", "")))
    if fresh is None:
        return Answer(response=_oauth_error("invalid_grant", "The refresh token is invalid or expired."))
    grant, access = fresh
    body: JSON = {
        "token_type": "Bearer",
        "expires_in": int(ACCESS_LIFETIME.total_seconds()),
        "access_token": access,
        "refresh_token": grant.refresh,
        "scope": "openid offline_access",
    }
    return Answer(response=web.json_response(body), login=world.users[grant.user].login)


def _oauth_error(error: str, description: str) -> web.Response:
    return web.json_response({"error": error, "error_description": description}, status=400)


def _session(world: OktaWorld, session: Session) -> Answer:
    user = world.users[session.user]
    body: JSON = {
        "id": session.id,
        "userId": user.id,
        "login": user.login,
        "createdAt": stamp(session.created),
        **({"expiresAt": stamp(session.expires)} if session.expires else {}),
        "status": "ACTIVE",
        "amr": ["pwd"],
        "idp": {"id": "00osim0001", "type": "OKTA"},
    }
    return Answer(response=web.json_response(body), login=user.login)


async def _given(request: web.Request) -> dict[str, str]:
    try:
        given = json.loads(await request.read())
    except ValueError:
        return {}
    return {key: value for key, value in given.items() if isinstance(value, str)} if isinstance(given, dict) else {}
