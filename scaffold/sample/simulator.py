"""Sample on loopback, over the wire, for drills and tests.

A world is data: ``accounts`` (id, login, enabled, owner, password) and ``tokens`` (token, login, permissions). Honest about what it leaves
out: limits of requests, which a fault can play, and paging.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self

from aiohttp import web

from firedoor.vendors.faults import Effect, Fault, Faults
from firedoor.vendors.http import HttpOperation
from scaffold.sample import operations

SWITCHES: Final[Mapping[str, bool]] = {operations.DISABLE_ACCOUNT.name: False, operations.ENABLE_ACCOUNT.name: True}


@dataclass(slots=True, kw_only=True)
class Account:
    """One account. An ``owner`` cannot be switched off, which is the one refusal that the vendor documents. The password shows nowhere."""

    id: str
    login: str
    enabled: bool = True
    owner: bool = False
    password: str = field(default="", repr=False)

    def shown(self) -> dict[str, Any]:
        """As a reply shows it."""
        return {"id": self.id, "login": self.login, "enabled": self.enabled}


class _Refused(Exception):
    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code


class SampleSimulator:
    """An async context manager; inside it ``url`` is where it listens. ``faults`` are played by the names of the operations.

    ``lag`` is how many seconds a change is not yet shown.
    """

    def __init__(self, world: Mapping[str, Any], *, lag: float = 0.0) -> None:
        self.accounts = {str(one["id"]): Account(**one) for one in world.get("accounts", ())}
        self.tokens: Mapping[str, Mapping[str, Any]] = {str(one["token"]): one for one in world.get("tokens", ())}
        self.faults = Faults()
        self.accepted_writes: Counter[str] = Counter()
        self.url = ""
        self._lag = lag
        self._old: dict[str, dict[str, Any]] = {}
        self._runner: web.AppRunner | None = None

    def state(self) -> Mapping[str, Any]:
        """The world now, as plain data, with no secret in it."""
        return {"accounts": {one.id: {**one.shown(), "owner": one.owner} for one in self.accounts.values()}}

    async def __aenter__(self) -> Self:
        app = web.Application()
        for operation in operations.OPERATIONS:
            app.router.add_route(operation.method, operation.path, self._handler(operation))
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def _handler(self, operation: HttpOperation) -> Any:
        async def handle(request: web.Request) -> web.StreamResponse:
            fault = self.faults.take(operation.name)
            if fault is not None and fault.delay:
                await asyncio.sleep(fault.delay)
            if fault is not None and fault.effect is Effect.NONE and (fault.status or fault.drop):
                return self._faulty(request, fault)
            try:
                found = self._answer(operation, request)
            except _Refused as no:
                return web.json_response({"error": no.code}, status=no.status)
            return self._faulty(request, fault) if fault is not None and (fault.status or fault.drop) else web.json_response(found)

        return handle

    def _faulty(self, request: web.Request, fault: Fault) -> web.StreamResponse:
        if fault.drop and request.transport is not None:
            request.transport.abort()
        return web.Response(
            status=fault.status or 200, text=fault.body or "{}", headers=dict(fault.headers), content_type="application/json"
        )

    def _answer(self, operation: HttpOperation, request: web.Request) -> object:
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        caller = self.tokens.get(given) if scheme == "Bearer" else None
        if caller is None:
            raise _Refused(401, "unknown_token")
        if operation.permission and operation.permission not in caller["permissions"]:
            raise _Refused(403, "forbidden")
        if operation is operations.GET_SELF:
            return {"login": caller["login"]}
        if operation is operations.FIND_ACCOUNTS:
            return [self._shown(one) for one in self.accounts.values() if one.login == request.query.get("login")]
        found = self.accounts.get(request.match_info["account"])
        if found is None:
            raise _Refused(404, "not_found")
        if operation.writes:
            self._switch(operation, found)
        return self._shown(found)

    def _switch(self, operation: HttpOperation, found: Account) -> None:
        if found.owner and operation is operations.DISABLE_ACCOUNT:
            raise _Refused(409, "owner")
        if self._lag:
            self._old[found.id] = found.shown()
            asyncio.get_running_loop().call_later(self._lag, self._old.pop, found.id, None)
        found.enabled = SWITCHES[operation.name]
        self.accepted_writes[operation.name] += 1

    def _shown(self, found: Account) -> dict[str, Any]:
        return self._old.get(found.id) or found.shown()
