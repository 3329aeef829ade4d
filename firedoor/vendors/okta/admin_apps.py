"""The simulated admin endpoints for applications. Switching one to what it is already answers 200, as the recorded service does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from aiohttp import web

from firedoor.canonical import JSON
from firedoor.vendors.okta import operations, services
from firedoor.vendors.okta.admin import Call, Handler, Refused, shown_token
from firedoor.vendors.okta.admin_pages import page
from firedoor.vendors.okta.services import App
from firedoor.vendors.okta.systemlog import stamp


def list_applications(call: Call) -> web.Response:
    """Every app, in pages; a deleted one is not shown."""
    rows = [_shown(each) for each in call.world.apps.values() if each.status != "DELETED"]
    return page(call, rows, default=20, most=200, code="E0000029")


def get_application(call: Call) -> web.Response:
    """An app."""
    return web.json_response(_shown(app_of(call)))


def _shown(app: App) -> JSON:
    """As Okta's Application. Its client secret is not in it: Okta shows that only where it was just made."""
    return {
        "id": app.id,
        "name": app.name,
        "label": app.label,
        "status": app.status,
        "created": stamp(app.created),
        "lastUpdated": stamp(app.created),
        "signOnMode": "OPENID_CONNECT",
        "credentials": {"oauthClient": {"client_id": app.id, "autoKeyRotation": True, "token_endpoint_auth_method": "client_secret_basic"}},
        "settings": {
            "oauthClient": {
                "application_type": app.type,
                "grant_types": ["client_credentials" if app.type == "service" else "authorization_code"],
                "response_types": ["token" if app.type == "service" else "code"],
            }
        },
    }


def deactivate_application(call: Call) -> web.Response:
    """To INACTIVE."""
    services.switch(call.world, app_of(call), "INACTIVE", by=call.by)
    return web.json_response({})


def activate_application(call: Call) -> web.Response:
    """To ACTIVE."""
    services.switch(call.world, app_of(call), "ACTIVE", by=call.by)
    return web.json_response({})


def list_app_tokens(call: Call) -> web.Response:
    """The working refresh tokens of an app, in pages; its own access tokens are in no list."""
    rows = [shown_token(call, each) for each in services.tokens(call.world, client=app_of(call).id)]
    return page(call, rows, default=20, most=200)


def revoke_app_tokens(call: Call) -> web.Response:
    """The refresh tokens of an app, revoked. None is fine."""
    services.revoke_tokens(call.world, client=app_of(call).id, by=call.by)
    return web.Response(status=204)


HANDLERS: Final[Mapping[operations.HttpOperation, Handler]] = {
    operations.LIST_APPLICATIONS: list_applications,
    operations.GET_APPLICATION: get_application,
    operations.DEACTIVATE_APPLICATION: deactivate_application,
    operations.ACTIVATE_APPLICATION: activate_application,
    operations.LIST_APP_TOKENS: list_app_tokens,
    operations.REVOKE_APP_TOKENS: revoke_app_tokens,
}


def app_of(call: Call) -> App:
    """The app that the path names. Raises `Refused` (404 E0000007)."""
    name = call.request.match_info["appId"]
    if name not in call.world.apps:
        raise Refused(404, "E0000007", f"Not found: Resource not found: {name} (AppInstance)")
    return call.world.apps[name]
