"""The simulated doors that a session cookie opens: enrolling a factor, and making an API token in the Admin Console.

Both are reduced to one request. Okta's own pages enrol a factor in several steps and after proof of another one. The Admin Console makes
API tokens over an endpoint of its own that is not documented: its path here is made up, what comes of it is not.
"""

from __future__ import annotations

from typing import Final

from aiohttp import web

from firedoor.canonical import JSON
from firedoor.vendors.okta import enrolments
from firedoor.vendors.okta.admin import Refused
from firedoor.vendors.okta.admin_accounts import shown_factor
from firedoor.vendors.okta.signin import Answer, given_in
from firedoor.vendors.okta.world import ApiToken, OktaWorld, User

PROVIDERS: Final = {
    "push": "OKTA",
    "sms": "OKTA",
    "call": "OKTA",
    "token:software:totp": "OKTA",
    "webauthn": "FIDO",
    "signed_nonce": "OKTA",
}
ADMINISTERS: Final = ("SUPER_ADMIN", "ORG_ADMIN", "READ_ONLY_ADMIN")


async def enrol_factor(world: OktaWorld, request: web.Request) -> Answer:
    """POST /api/v1/users/me/factors with cookie ``sid``: one factor more, at once in force. 400 E0000001 for a type it does not know."""
    user = _user(world, request)
    if user is None:
        return Answer(response=Refused(401, "E0000005", "Invalid session").response())
    given = await given_in(request)
    kind = given.get("factorType", "")
    if kind not in PROVIDERS:
        return Answer(response=Refused(400, "E0000001", "Api validation failed: factorEnrollRequest").response())
    factor = enrolments.enrol(world, user, kind, given.get("provider", PROVIDERS[kind]))
    return Answer(response=web.json_response(shown_factor(factor)), login=user.login)


async def create_api_token(world: OktaWorld, request: web.Request) -> Answer:
    """POST /api/internal/tokens with an administrator's cookie ``sid``: an API token with their role. 403 E0000006 for anybody else."""
    user = _user(world, request)
    if user is None:
        return Answer(response=Refused(401, "E0000005", "Invalid session").response())
    role = next((role for role in ADMINISTERS if role in user.roles), "")
    if not role:
        return Answer(response=Refused(403, "E0000006", "You do not have permission to perform the requested action").response())
    token, now, name = world.mint("00"), world.clock(), (await given_in(request)).get("name", "")
    world.api_tokens[token] = ApiToken(
        id=world.mint("00T"), token=token, owner=user.id, role=role, name=name or "token", created=now, last_updated=now
    )
    world.log.write("system.api_token.create", at=now, actor=user.party, targets=[user.party])
    body: JSON = {"name": name, "token": token}
    return Answer(response=web.json_response(body), login=user.login)


def _user(world: OktaWorld, request: web.Request) -> User | None:
    """Whose live session the cookie is. A deactivated user has none that counts."""
    session = world.session(request.cookies.get("sid", ""))
    user = world.users[session.user] if session else None
    return user if user is not None and user.status != "DEPROVISIONED" else None
