"""The simulated admin endpoints for API tokens. The list has no pages and heeds no limit, as recorded; a token's value is in no reply.

``current`` in place of an id is the token that the request came with, as Okta has it: whoever lets that word through shuts themselves out.
Whether Okta lists an expired token is not established: it does not here, and refuses it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from aiohttp import web

from firedoor.canonical import JSON
from firedoor.vendors.okta import operations
from firedoor.vendors.okta.admin import Call, Handler, Refused
from firedoor.vendors.okta.systemlog import stamp
from firedoor.vendors.okta.world import ApiToken


def list_api_tokens(call: Call) -> web.Response:
    """All of them, of users in any status."""
    return web.json_response([_shown(call, each) for each in _live(call)])


def get_api_token(call: Call) -> web.Response:
    """One of them."""
    return web.json_response(_shown(call, _token(call)))


def revoke_api_token(call: Call) -> web.Response:
    """Gone. A second time it is unknown."""
    call.world.revoke_api_token(_token(call), by=call.by)
    return web.Response(status=204)


HANDLERS: Final[Mapping[operations.HttpOperation, Handler]] = {
    operations.LIST_API_TOKENS: list_api_tokens,
    operations.GET_API_TOKEN: get_api_token,
    operations.REVOKE_API_TOKEN: revoke_api_token,
}


def _live(call: Call) -> list[ApiToken]:
    return [each for each in call.world.api_tokens.values() if not call.world.over(each.expires)]


def _token(call: Call) -> ApiToken:
    name = call.request.match_info["apiTokenId"]
    given = call.request.headers["Authorization"].partition(" ")[2]
    for each in _live(call):
        if each.id == name or (name == "current" and each.token == given):
            return each
    raise Refused(404, "E0000007", f"Not found: Resource not found: {name} (ApiToken)")


def _shown(call: Call, token: ApiToken) -> JSON:
    """As Okta's ApiToken, with the ``_links`` of the recorded service (the specification calls them ``_link``), and without tokenWindow."""
    return {
        "id": token.id,
        "name": token.name,
        "userId": token.owner,
        "clientName": token.client_name,
        "created": stamp(token.created),
        "lastUpdated": stamp(token.last_updated),
        **({"expiresAt": stamp(token.expires)} if token.expires else {}),
        "network": {"connection": "ZONE", "include": list(token.network)} if token.network else {"connection": "ANYWHERE"},
        "_links": {"self": {"href": f"{call.url}/api/v1/api-tokens/{token.id}", "hints": {"allow": ["GET", "DELETE"]}}},
    }
