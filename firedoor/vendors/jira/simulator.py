"""Jira on loopback, over the wire: Cloud or Data Center, as its world says, for drills and tests.

The rules are in `firedoor.vendors.jira.world`, the endpoints in ``endpoints.py``. Here is what surrounds them: who is known, planned
faults, and the record of every request. Limits of requests are not simulated; a fault can play one.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from email.utils import format_datetime
from types import TracebackType
from typing import Self

from aiohttp import web

from firedoor.vendors.faults import Effect, Fault, Faults
from firedoor.vendors.http import HttpOperation
from firedoor.vendors.jira import operations
from firedoor.vendors.jira.endpoints import HANDLERS, Call, Handler, Refused
from firedoor.vendors.jira.values import Flavour
from firedoor.vendors.jira.world import LARGEST, JiraWorld, User


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One request, put on record when it is answered.

    ``by`` is a user's id, empty where nobody was recognised; ``status`` is 0 where no reply was sent.
    ``accepted``: it had its effect on the world, whatever reply was sent then.
    """

    method: str
    path: str
    operation: str
    by: str
    writes: bool
    accepted: bool
    status: int


class JiraSimulator:
    """An async context manager; inside it ``url`` is where it listens. ``faults`` are played by the names of the operations.

    ``index_lag`` is how many seconds search is behind. A fault that only delays comes before the effect with `Effect.NONE`, and after it
    with `Effect.FIRST`.
    """

    def __init__(self, world: JiraWorld, *, index_lag: float = 0.0) -> None:
        self.world = world
        self.faults = Faults()
        self.requests: list[Seen] = []
        self.url = ""
        self._index_lag = timedelta(seconds=index_lag)
        self._runner: web.AppRunner | None = None

    @property
    def accepted_writes(self) -> Counter[str]:
        """How often each writing operation had its effect."""
        return Counter(seen.operation for seen in self.requests if seen.writes and seen.accepted)

    async def __aenter__(self) -> Self:
        self.world.index_lag = self._index_lag
        app = web.Application(client_max_size=4 * LARGEST)
        cloud = self.world.flavour is Flavour.CLOUD
        other = operations.SEARCH_DATA_CENTER if cloud else operations.SEARCH_CLOUD
        for operation, handler in HANDLERS.items():
            if operation is not other:
                app.router.add_route(operation.method, f"/rest/api/{3 if cloud else 2}{operation.path}", self._endpoint(operation, handler))
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

    def _endpoint(self, operation: HttpOperation, handler: Handler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def answer(request: web.Request) -> web.StreamResponse:
            user, body = self._authorised(request), await request.read()  # all of it is here before it is late
            fault = self.faults.take(operation.name)
            late = fault is not None and fault.effect is Effect.NONE
            delay = fault.delay if fault else 0.0
            if late:
                await asyncio.sleep(delay)
            if late and fault is not None and (fault.status or fault.drop):
                response, accepted = web.Response(status=500), False
            else:
                response, accepted = await self._obey(handler, request, user, body)
            if not late:
                await asyncio.sleep(delay)
            if fault is not None:
                response = _play(fault, response)
            dropped = fault is not None and fault.drop
            self._record(
                request, operation.name, by=user, writes=operation.writes, accepted=accepted, status=0 if dropped else response.status
            )
            if dropped and request.transport is not None:
                request.transport.abort()
            return response

        return answer

    async def _obey(self, handler: Handler, request: web.Request, user: User | None, body: bytes) -> tuple[web.Response, bool]:
        """Have the effect and give the true reply; whether it had it."""
        try:
            call = Call(world=self.world, request=request, user=_known(user), body=body, url=self.url)
            response = await handler(call)
        except Refused as refused:
            response = refused.response()
        response.headers["Date"] = format_datetime(self.world.clock(), usegmt=True)
        return response, response.status < 300

    def _authorised(self, request: web.Request) -> User | None:
        """Cloud takes an address and an API token, or a bearer's token; Data Center a bearer's (a personal access token)."""
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        email = ""
        if scheme == "Basic" and self.world.flavour is Flavour.CLOUD:
            try:
                email, _, given = base64.b64decode(given, validate=True).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError):
                return None
        elif scheme != "Bearer":
            return None
        owner = next((user for user in self.world.users.values() if given and user.token == given and user.active), None)
        return owner if owner is not None and email in ("", owner.email) else None

    async def _unknown(self, request: web.Request) -> web.StreamResponse:
        self._record(request, "unknown", by=None, writes=request.method != "GET", accepted=False, status=404)
        return web.Response(status=404, text="not found")

    def _record(self, request: web.Request, operation: str, *, by: User | None, writes: bool, accepted: bool, status: int) -> None:
        self.requests.append(
            Seen(
                method=request.method,
                path=request.raw_path,
                operation=operation,
                by=by.id if by else "",
                writes=writes,
                accepted=accepted,
                status=status,
            )
        )


def _known(user: User | None) -> User:
    if user is None:
        raise Refused(401, "Client must be authenticated to access this resource.")
    return user


def _play(fault: Fault, true: web.Response) -> web.Response:
    """The reply that a fault puts in place of the true one. It carries no header but those it was planned with."""
    if not fault.status:
        return true
    content_type = "application/json" if fault.body else None
    return web.Response(status=fault.status, body=fault.body.encode(), headers=dict(fault.headers), content_type=content_type)
