"""The simulated doors that a person, or an attacker with their credentials, goes through: password, session cookie, OAuth tokens.

Left out: factors at sign-in, policies, rate limits and lockout on these doors, the way out of RECOVERY (nobody is ever given its link), and
every OAuth grant but refresh_token and client_credentials. A refresh token is taken without authentication of its client: a stolen one
works without the client's secret, which is the worst case.

Before each of them stands the gate of ``admin_zones.py``: whoever comes from a blocked address, by X-Forwarded-For or in truth, gets a 403.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from aiohttp import web

from firedoor.canonical import JSON
from firedoor.vendors.okta import services
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
    given = await given_in(request)
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
    session = world.open_session((await given_in(request)).get("sessionToken", ""))
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
    """POST /oauth2/v1/token with grant_type=refresh_token: 400 invalid_grant once it is revoked, or its user or its app is not ACTIVE.

    With grant_type=client_credentials, and the client's id and secret in the form or as HTTP Basic: 401 invalid_client where they are
    wrong, or the app is not ACTIVE.
    """
    form = await request.post()
    if form.get("grant_type") == "client_credentials":
        return _to_service(world, request, form)
    if form.get("grant_type") != "refresh_token":
        return Answer(response=_oauth_error("unsupported_grant_type", "The simulator knows refresh_token and client_credentials only."))
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


async def introspect(world: OktaWorld, request: web.Request) -> Answer:
    """POST /oauth2/v1/introspect of a service app's access token: whether it still works. Whoever asks is not asked who they are."""
    app = services.holder(world, str((await request.post()).get("token", "")))
    body: JSON = {"active": True, "client_id": app.id, "token_type": "Bearer"} if app else {"active": False}
    return Answer(response=web.json_response(body), login=app.id if app else "")


def _to_service(world: OktaWorld, request: web.Request, form: Mapping[str, object]) -> Answer:
    client, secret = str(form.get("client_id", "")), str(form.get("client_secret", ""))
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    if scheme == "Basic":
        with suppress(ValueError):
            client, _, secret = b64decode(given, validate=True).decode().partition(":")
    access = services.client_credentials(world, client, secret)
    if access is None:
        return Answer(response=_oauth_error("invalid_client", "The client is unknown, its secret is wrong, or it is not active.", 401))
    body: JSON = {
        "token_type": "Bearer",
        "expires_in": int(ACCESS_LIFETIME.total_seconds()),
        "access_token": access,
        "scope": str(form.get("scope", "")),
    }
    return Answer(response=web.json_response(body), login=client)


def _oauth_error(error: str, description: str, status: int = 400) -> web.Response:
    return web.json_response({"error": error, "error_description": description}, status=status)


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


async def given_in(request: web.Request) -> dict[str, str]:
    """The texts of a JSON body; empty where there is none."""
    try:
        given = json.loads(await request.read())
    except ValueError:
        return {}
    return {key: value for key, value in given.items() if isinstance(value, str)} if isinstance(given, dict) else {}
