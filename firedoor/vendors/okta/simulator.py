"""Okta on loopback, over the wire: for drills and tests, with the lags, limits and faults that the real one has.

The rules are in `firedoor.vendors.okta.world`, the admin endpoints in ``admin.py`` and its kin, the doors for people in ``signin.py`` and
``selfservice.py``. Here is what surrounds them: authentication by API token, rate limits, planned faults, and the record of every request.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from email.utils import format_datetime
from types import TracebackType
from typing import Final, Self

from aiohttp import web

from firedoor.vendors.faults import Effect, Fault, Faults
from firedoor.vendors.okta import admin, admin_accounts, admin_apps, admin_clients, admin_tokens, admin_zones, selfservice, signin
from firedoor.vendors.okta.admin import Call, Handler, Refused
from firedoor.vendors.okta.meter import Meter, OktaLimits
from firedoor.vendors.okta.operations import HttpOperation
from firedoor.vendors.okta.world import ApiToken, OktaWorld

HANDLERS: Final = {
    **admin.HANDLERS,
    **admin_accounts.HANDLERS,
    **admin_apps.HANDLERS,
    **admin_clients.HANDLERS,
    **admin_tokens.HANDLERS,
    **admin_zones.HANDLERS,
}
READ_ONLY: Final = "READ_ONLY_ADMIN"
TOO_MANY: Final = 429


@dataclass(frozen=True, slots=True, kw_only=True)
class OktaLag:
    """Seconds by which Okta is late. ``system_log``: an entry shows; ``user_status``: reads show a changed status; ``network_zone``: a
    changed zone is enforced (about a minute by Okta's help, up to half an hour at some of its edges).
    """

    system_log: float = 30.0
    user_status: float = 0.0
    network_zone: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One request, put on record when it is answered.

    ``by`` is a login, empty where nobody was recognised; ``status`` is 0 where no reply was sent.
    ``accepted``: it had its effect on the world, whatever reply was sent then.
    """

    method: str
    path: str
    query: str
    operation: str
    by: str
    writes: bool
    accepted: bool
    status: int


class OktaSimulator:
    """An async context manager; inside it ``url`` is where it listens. ``faults`` are played on admin operations by their names, and
    ``meter`` counts requests as Okta does.

    A fault that only delays comes before the effect with `Effect.NONE` (a write that arrives after its caller gave up), and after it with
    `Effect.FIRST`.
    """

    def __init__(self, world: OktaWorld, *, lag: OktaLag | None = None, limits: OktaLimits | None = None) -> None:
        self.world = world
        self.lag = lag or OktaLag()
        self.limits = limits or OktaLimits()
        self.faults = Faults()
        self.requests: list[Seen] = []
        self.url = ""
        self._runner: web.AppRunner | None = None
        self.meter = Meter(self.limits, world.clock)
        self._under_way = 0

    @property
    def accepted_writes(self) -> Counter[str]:
        """How often each writing admin operation had its effect. Doors for people do not count."""
        return Counter(seen.operation for seen in self.requests if seen.writes and seen.accepted)

    async def __aenter__(self) -> Self:
        self.world.log.lag = timedelta(seconds=self.lag.system_log)
        self.world.zone_lag = timedelta(seconds=self.lag.network_zone)
        app = web.Application()
        app.router.add_post("/api/v1/authn", self._door("authn", signin.authn))
        app.router.add_post("/api/v1/sessions", self._door("createSession", signin.create_session))
        app.router.add_get("/api/v1/sessions/me", self._door("getCurrentSession", signin.current_session))
        app.router.add_post("/api/v1/users/me/factors", self._door("enrolFactor", selfservice.enrol_factor))
        app.router.add_post("/api/internal/tokens", self._door("createApiToken", selfservice.create_api_token))
        app.router.add_post("/oauth2/v1/introspect", self._door("introspect", signin.introspect))
        app.router.add_get("/oauth2/v1/userinfo", self._door("userinfo", signin.userinfo))
        app.router.add_post("/oauth2/v1/token", self._door("token", signin.token))
        for operation, handler in HANDLERS.items():
            app.router.add_route(operation.method, operation.path, self._administration(operation, handler))
        app.router.add_route("*", "/{anything:.*}", self._unknown)
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=False, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def _administration(self, operation: HttpOperation, handler: Handler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def answer(request: web.Request) -> web.StreamResponse:
            self._under_way += 1
            try:
                return await self._administer(operation, handler, request)
            finally:
                self._under_way -= 1

        return answer

    async def _administer(self, operation: HttpOperation, handler: Handler, request: web.Request) -> web.StreamResponse:
        token, body = self._authorised(request), await request.read()
        spent = self.meter.spend(operation.family, crowded=self._under_way > self.limits.at_once)
        fault = self.faults.take(operation.name)
        delay = fault.delay if fault else 0.0
        late = fault is not None and fault.effect is Effect.NONE
        if late:
            await asyncio.sleep(delay)
        if late and fault is not None and (fault.status or fault.drop):
            response, accepted = web.Response(status=500), False
        else:
            try:
                response, accepted = self._obey(operation, handler, request, body, token, over=spent.over), True
            except Refused as refused:
                response, accepted = refused.response(), False
                spent.window.refused += refused.status == TOO_MANY
            response.headers.update(spent.headers)
            response.headers["Date"] = format_datetime(self.world.clock(), usegmt=True)
        if not late:
            await asyncio.sleep(delay)
        if fault is not None:
            response = _play(fault, response)
        dropped = fault is not None and fault.drop
        by = self.world.users[token.owner].login if token else ""
        self._record(request, operation.name, by=by, writes=operation.writes, accepted=accepted, status=0 if dropped else response.status)
        if dropped and request.transport is not None:
            request.transport.abort()
        return response

    def _obey(
        self, operation: HttpOperation, handler: Handler, request: web.Request, body: bytes, token: ApiToken | None, *, over: bool
    ) -> web.Response:
        """Have the effect and give the true reply. Raises `Refused`."""
        if refused := admin_zones.turned_away(self.world, request):
            raise refused
        if token is None:
            raise Refused(401, "E0000011", "Invalid token provided")
        if over:
            raise Refused(TOO_MANY, "E0000047", "API call exceeded rate limit due to too many requests.")
        if operation.writes and token.role == READ_ONLY:
            raise Refused(403, "E0000006", "You do not have permission to perform the requested action")
        call = Call(
            world=self.world,
            request=request,
            actor=self.world.users[token.owner],
            status_lag=timedelta(seconds=self.lag.user_status),
            url=self.url,
            body=body,
        )
        return handler(call)

    def _authorised(self, request: web.Request) -> ApiToken | None:
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        token = self.world.api_tokens.get(given) if scheme == "SSWS" else None
        works = token is not None and self.world.users[token.owner].status == "ACTIVE" and not self.world.over(token.expires)
        return token if works else None

    def _door(
        self, name: str, handler: Callable[[OktaWorld, web.Request], Awaitable[signin.Answer]]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def answer(request: web.Request) -> web.StreamResponse:
            refused = admin_zones.turned_away(self.world, request)
            answered = signin.Answer(response=refused.response()) if refused else await handler(self.world, request)
            self._record(request, name, by=answered.login, writes=False, accepted=bool(answered.login), status=answered.response.status)
            return answered.response

        return answer

    async def _unknown(self, request: web.Request) -> web.StreamResponse:
        response = Refused(405, "E0000022", "The endpoint does not support the provided HTTP method").response()
        self._record(request, "unknown", by="", writes=request.method != "GET", accepted=False, status=response.status)
        return response

    def _record(self, request: web.Request, operation: str, *, by: str, writes: bool, accepted: bool, status: int) -> None:
        path, _, query = request.raw_path.partition("?")
        seen = Seen(
            method=request.method, path=path, query=query, operation=operation, by=by, writes=writes, accepted=accepted, status=status
        )
        self.requests.append(seen)


def _play(fault: Fault, true: web.Response) -> web.Response:
    """The reply that a fault puts in place of the true one. It carries no header but those it was planned with."""
    if not fault.status:
        return true
    content_type = "application/json" if fault.body else None
    return web.Response(status=fault.status, body=fault.body.encode(), headers=dict(fault.headers), content_type=content_type)
