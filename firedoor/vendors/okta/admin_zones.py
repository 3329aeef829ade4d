"""The simulated endpoints for network zones, and the gate that every request to the org passes before anything else looks at it.

The caller's addresses are those of X-Forwarded-For, the first being the client's, and the address that the request really came from, as
Okta reads them behind a proxy that it trusts. Which body Okta's edge sends to a blocked address is documented nowhere; help pages speak of
"403 (access denied)", so it is played as 403 E0000006. Each refusal is logged as ``security.request.blocked``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from aiohttp import web

from firedoor.canonical import JSON
from firedoor.vendors.okta import operations
from firedoor.vendors.okta.admin import Call, Handler, Refused
from firedoor.vendors.okta.systemlog import Party, stamp
from firedoor.vendors.okta.world import OktaWorld
from firedoor.vendors.okta.zoneworld import BadZone, NetworkZone, shut_out


def turned_away(world: OktaWorld, request: web.Request) -> Refused | None:
    """The refusal of a request from an address that a zone shuts out, None where it may come in."""
    forwarded = request.headers.get("X-Forwarded-For", "").split(",")
    chain = [address.strip() for address in (*forwarded, request.remote or "")]
    if not shut_out(world.zones.values(), chain, now=world.clock(), lag=world.zone_lag):
        return None
    nobody = Party(id="unknown", type="User", name="unknown")
    world.log.write("security.request.blocked", at=world.clock(), actor=nobody, outcome="DENY", reason="Blocked request from IP")
    return Refused(403, "E0000006", "Access denied: the request comes from a blocked network zone")


def get_network_zone(call: Call) -> web.Response:
    """One zone."""
    return web.json_response(_shown(_zone(call), call))


def replace_network_zone(call: Call) -> web.Response:
    """Another version in its place. The reply may still carry the old ``lastUpdated``, and here it does."""
    zone = _zone(call)
    try:
        given = json.loads(call.body)
    except ValueError:
        given = None
    if not isinstance(given, Mapping):
        raise Refused(400, "E0000003", "The request body was not well-formed.")
    updated = zone.updated
    try:
        zone.replace(given, at=call.world.clock(), others=call.world.zones.values())
    except BadZone as bad:
        raise Refused(400, "E0000001", f"Api validation failed: {bad.field}", f"{bad.field}: {bad}") from None
    target = Party(id=zone.id, type="NetworkZone", name=zone.name)
    call.world.log.write("zone.update", at=zone.updated, actor=call.by, targets=[target])
    return web.json_response({**_shown(zone, call), "lastUpdated": stamp(updated)})


HANDLERS: Final[Mapping[operations.HttpOperation, Handler]] = {
    operations.GET_NETWORK_ZONE: get_network_zone,
    operations.REPLACE_NETWORK_ZONE: replace_network_zone,
}


def _zone(call: Call) -> NetworkZone:
    name = call.request.match_info["zoneId"]
    if name not in call.world.zones:
        raise Refused(404, "E0000007", f"Not found: Resource not found: {name} (NetworkZone)")
    return call.world.zones[name]


def _shown(zone: NetworkZone, call: Call) -> dict[str, JSON]:
    here = f"{call.url}/api/v1/zones/{zone.id}"
    hints: JSON = {"allow": ["GET", "PUT", "DELETE"]}
    return {
        "type": zone.type,
        "id": zone.id,
        "name": zone.name,
        "status": zone.status,
        "usage": zone.usage,
        "created": stamp(zone.created),
        "lastUpdated": stamp(zone.updated),
        "system": zone.system,
        **({"gateways": zone.gateways, "proxies": zone.proxies} if zone.type == "IP" else {}),
        **zone.extra,
        "_links": {"self": {"href": here, "hints": hints}},
    }
