"""The simulated admin endpoints for what belongs to an account: lock, password, factors, consents, and who administers the org.

Reply bodies follow Okta's specification and its recorded answers: lifecycle calls answer 200 ``{}``, DELETE answers 204, unlocking who is
not locked out 403 E0000032, a second DELETE of the same thing 404 E0000007. That other wrong states answer 403 E0000038, as recorded for
reactivating, is taken over from there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from aiohttp import web

from firedoor.canonical import JSON
from firedoor.vendors.okta import enrolments, operations, services
from firedoor.vendors.okta.admin import Call, Handler, Refused, shown_user
from firedoor.vendors.okta.admin_pages import page, part
from firedoor.vendors.okta.enrolments import EnrolledFactor
from firedoor.vendors.okta.services import Grant
from firedoor.vendors.okta.systemlog import stamp
from firedoor.vendors.okta.world import WrongState


def unlock_user(call: Call) -> web.Response:
    """LOCKED_OUT to ACTIVE."""
    user = call.user
    try:
        call.world.unlock(user, by=call.by)
    except WrongState:
        raise Refused(403, "E0000032", "Unlock is not allowed for this user.") from None
    return web.json_response({})


def reset_password(call: Call) -> web.Response:
    """To RECOVERY, with a one-time link. 400 E0000001 without sendEmail; no e-mail is ever sent here."""
    user, query = call.user, call.request.query
    if query.get("sendEmail") not in {"true", "false"}:
        raise Refused(400, "E0000001", "Api validation failed: sendEmail")
    try:
        token = call.world.reset_password(user, revoke_sessions=query.get("revokeSessions", "false") == "true", by=call.by)
    except WrongState:
        raise _wrong_status() from None
    return web.json_response({} if query["sendEmail"] == "true" else {"resetPasswordUrl": f"{call.url}/signin/reset-password/{token}"})


def list_factors(call: Call) -> web.Response:
    """Every enrolled factor; no policy leaves one out here."""
    return web.json_response([shown_factor(each) for each in enrolments.held_by(call.world, call.user)])


def reset_factors(call: Call) -> web.Response:
    """All factors off."""
    try:
        enrolments.reset(call.world, call.user, by=call.by)
    except WrongState:
        raise _wrong_status() from None
    return web.json_response({})


def unenroll_factor(call: Call) -> web.Response:
    """One factor off, its siblings with it. Recovery by phone is not simulated, so ``removeRecoveryEnrollment`` changes nothing here."""
    user, name = call.user, call.request.match_info["factorId"]
    factor = call.world.factors.get(name)
    if factor is None or factor.user != user.id:
        raise Refused(404, "E0000007", f"Not found: Resource not found: {name} (UserFactor)")
    try:
        enrolments.unenrol(call.world, user, factor, by=call.by)
    except WrongState:
        raise _wrong_status() from None
    return web.Response(status=204)


def list_user_grants(call: Call) -> web.Response:
    """The user's consents, in pages."""
    user = call.user
    mine = [each for each in call.world.grants.values() if each.user == user.id]
    return page(call, [_grant(call, each) for each in mine], default=20, most=200)


def get_user_grant(call: Call) -> web.Response:
    """One of the user's consents."""
    return web.json_response(_grant(call, _one_grant(call)))


def revoke_user_grant(call: Call) -> web.Response:
    """One consent taken back. A second time it is unknown."""
    services.revoke_grant(call.world, _one_grant(call), by=call.by)
    return web.Response(status=204)


def revoke_user_grants(call: Call) -> web.Response:
    """All consents taken back."""
    services.revoke_grants(call.world, call.user, by=call.by)
    return web.Response(status=204)


def revoke_client_tokens(call: Call) -> web.Response:
    """One client's refresh tokens of the user, revoked. None is fine."""
    services.revoke_tokens(call.world, client=call.request.match_info["clientId"], user=call.user.id, by=call.by)
    return web.Response(status=204)


def list_group_users(call: Call) -> web.Response:
    """The members of a group, in any status, in pages."""
    name = call.request.match_info["groupId"]
    group = call.world.groups.get(name)
    if group is None:
        raise Refused(404, "E0000007", f"Not found: Resource not found: {name} (UserGroup)")
    return page(call, [shown_user(call, call.world.users[each]) for each in group.members], default=1000, most=1000)


def list_role_assignees(call: Call) -> web.Response:
    """Everybody with a role. Unlike other lists, the next page's link stands in the body."""
    holders = [user for user in call.world.users.values() if user.roles]
    rows, following = part(call, holders, default=100, most=200)
    body: JSON = {
        "value": [{"id": user.id, "orn": f"orn:okta:directory:00osim0001:users:{user.id}"} for user in rows],
        "_links": {"next": {"href": call.next_url(following)}} if following else {},
    }
    return web.json_response(body)


HANDLERS: Final[Mapping[operations.HttpOperation, Handler]] = {
    operations.UNLOCK_USER: unlock_user,
    operations.RESET_PASSWORD: reset_password,
    operations.LIST_FACTORS: list_factors,
    operations.RESET_FACTORS: reset_factors,
    operations.UNENROLL_FACTOR: unenroll_factor,
    operations.LIST_USER_GRANTS: list_user_grants,
    operations.GET_USER_GRANT: get_user_grant,
    operations.REVOKE_USER_GRANT: revoke_user_grant,
    operations.LIST_GROUP_USERS: list_group_users,
    operations.REVOKE_USER_GRANTS: revoke_user_grants,
    operations.REVOKE_CLIENT_TOKENS: revoke_client_tokens,
    operations.LIST_ROLE_ASSIGNEES: list_role_assignees,
}


def shown_factor(factor: EnrolledFactor) -> JSON:
    """As Okta's UserFactor."""
    return {
        "id": factor.id,
        "factorType": factor.type,
        "provider": factor.provider,
        "vendorName": factor.provider,
        "status": factor.status,
        "created": stamp(factor.created),
        "lastUpdated": stamp(factor.created),
        "profile": {},
    }


def _one_grant(call: Call) -> Grant:
    user, name = call.user, call.request.match_info["grantId"]
    grant = call.world.grants.get(name)
    if grant is None or grant.user != user.id:
        raise Refused(404, "E0000007", f"Not found: Resource not found: {name} (OAuth2ScopeConsentGrant)")
    return grant


def _grant(call: Call, grant: Grant) -> JSON:
    return {
        "id": grant.id,
        "status": "ACTIVE",
        "created": stamp(grant.created),
        "lastUpdated": stamp(grant.created),
        "issuer": call.url,
        "clientId": grant.client,
        "userId": grant.user,
        "scopeId": grant.scope,
        "source": "END_USER",
    }


def _wrong_status() -> Refused:
    return Refused(403, "E0000038", "This operation is not allowed in the user's current status.")
