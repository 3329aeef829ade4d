"""The simulated admin endpoints for an app's client secrets and keys.

Lists and lifecycle replies show each secret and its hash, as the recorded service does: it is the client that must leave them behind. The
refusals are by the specification's words: a third secret, the only secret, an active one and an encryption key answer 400 E0000001.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from aiohttp import web

from firedoor.canonical import JSON
from firedoor.vendors.okta import operations, services
from firedoor.vendors.okta.admin import Call, Handler, Refused
from firedoor.vendors.okta.admin_apps import app_of
from firedoor.vendors.okta.services import ClientKey, ClientSecret
from firedoor.vendors.okta.systemlog import stamp
from firedoor.vendors.okta.world import WrongState

T = TypeVar("T", ClientSecret, ClientKey)


def list_client_secrets(call: Call) -> web.Response:
    """All of the app, with what they are."""
    return web.json_response([_shown_secret(each) for each in services.secrets_of(call.world, app_of(call))])


def create_client_secret(call: Call) -> web.Response:
    """Another one. A secret of the caller's own bringing is not known here."""
    app = app_of(call)
    status = json.loads(call.body or b"{}").get("status", "ACTIVE")
    made = _unless_wrong(lambda: services.make_secret(call.world, app, by=call.by, status=status))
    return web.json_response(_shown_secret(made), status=201)


def deactivate_client_secret(call: Call) -> web.Response:
    """To INACTIVE."""
    return _switched_secret(call, "INACTIVE")


def activate_client_secret(call: Call) -> web.Response:
    """To ACTIVE."""
    return _switched_secret(call, "ACTIVE")


def delete_client_secret(call: Call) -> web.Response:
    """Gone. A second time it is unknown."""
    secret = _one(call, call.world.client_secrets, "secretId")
    _unless_wrong(lambda: services.delete_secret(call.world, secret, by=call.by))
    return web.Response(status=204)


def list_client_keys(call: Call) -> web.Response:
    """All of the app."""
    app = app_of(call)
    return web.json_response([_shown_key(each) for each in call.world.client_keys.values() if each.app == app.id])


def deactivate_client_key(call: Call) -> web.Response:
    """To INACTIVE."""
    return _switched_key(call, "INACTIVE")


def activate_client_key(call: Call) -> web.Response:
    """To ACTIVE."""
    return _switched_key(call, "ACTIVE")


HANDLERS: Final[Mapping[operations.HttpOperation, Handler]] = {
    operations.LIST_CLIENT_SECRETS: list_client_secrets,
    operations.CREATE_CLIENT_SECRET: create_client_secret,
    operations.DEACTIVATE_CLIENT_SECRET: deactivate_client_secret,
    operations.ACTIVATE_CLIENT_SECRET: activate_client_secret,
    operations.DELETE_CLIENT_SECRET: delete_client_secret,
    operations.LIST_CLIENT_KEYS: list_client_keys,
    operations.DEACTIVATE_CLIENT_KEY: deactivate_client_key,
    operations.ACTIVATE_CLIENT_KEY: activate_client_key,
}


def _switched_secret(call: Call, status: str) -> web.Response:
    secret = _one(call, call.world.client_secrets, "secretId")
    _unless_wrong(lambda: services.switch_secret(call.world, secret, status, by=call.by))
    return web.json_response(_shown_secret(secret))


def _switched_key(call: Call, status: str) -> web.Response:
    key = _one(call, call.world.client_keys, "keyId")
    _unless_wrong(lambda: services.switch_key(call.world, key, status, by=call.by))
    return web.json_response(_shown_key(key))


def _one(call: Call, among: Mapping[str, T], parameter: str) -> T:
    app, name = app_of(call), call.request.match_info[parameter]
    if name not in among or among[name].app != app.id:
        raise Refused(404, "E0000007", f"Not found: Resource not found: {name} (OAuth2ClientCredential)")
    return among[name]


R = TypeVar("R")


def _unless_wrong(change: Callable[[], R]) -> R:
    try:
        return change()
    except WrongState as wrong:
        raise Refused(400, "E0000001", "Api validation failed: credentials", str(wrong)) from None


def _shown_secret(secret: ClientSecret) -> JSON:
    """As Okta's OAuth2ClientSecret."""
    return {
        "id": secret.id,
        "status": secret.status,
        "created": stamp(secret.created),
        "lastUpdated": stamp(secret.created),
        "client_secret": secret.secret,
        "secret_hash": services.hash_of(secret),
    }


def _shown_key(key: ClientKey) -> JSON:
    """As Okta's JSON Web Key of a client, with a modulus that is none."""
    return {
        "id": key.id,
        "kid": key.kid,
        "use": key.use,
        "kty": "RSA",
        "e": "AQAB",
        "n": "mkC6yAJVvFwUlmM9gKjb2d",
        "status": key.status,
        "created": stamp(key.created),
        "lastUpdated": stamp(key.created),
    }
