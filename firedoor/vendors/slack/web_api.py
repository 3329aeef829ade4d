"""The Web API's front door: who calls, with which arguments, how often; and the reply, true or faulty.

slack-sdk sends most arguments in the query of a POST, those of chat and views as JSON, and other clients send forms: all are taken alike.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from aiohttp import web

from firedoor.vendors.faults import Effect, Fault, Faults
from firedoor.vendors.slack.directory import Token, TokenKind
from firedoor.vendors.slack.grants import Grants, Lag, Rates
from firedoor.vendors.slack.raw import Raw, Refusal, mapping, text
from firedoor.vendors.slack.sockets import Sockets
from firedoor.vendors.slack.world import World

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What the methods work on."""

    world: World
    grants: Grants
    sockets: Sockets
    link: Callable[[], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call as a method sees it. ``needed`` collects the scopes that it turned out to need."""

    arguments: Raw
    token: Token | None
    needed: set[str] = field(default_factory=set)

    def need(self, *scopes: str) -> None:
        """Refuse a token that has none of ``scopes``; the reply names what is needed and what was provided."""
        self.needed.update(scopes)
        held = self.token.scopes if self.token else frozenset()
        if held.isdisjoint(scopes):
            raise Refusal("missing_scope", needed=",".join(scopes), provided=",".join(sorted(held)))

    def text(self, name: str, *, missing: str = "") -> str:
        """A string argument. With ``missing``, its absence is refused with that code."""
        value = self.arguments.get(name)
        if value is None or value == "":
            if missing:
                raise Refusal(missing)
            return ""
        return value if isinstance(value, str) else json.dumps(value)

    def flag(self, name: str) -> bool:
        """A boolean argument in any of the ways that it is sent."""
        return self.arguments.get(name) in (True, 1, "1", "true", "True")

    def json(self, name: str, *, invalid: str) -> object:
        """An argument that is JSON, sent as such or as a string of it. Refused with ``invalid`` where it is neither."""
        value = self.arguments.get(name)
        if isinstance(value, str) and value:
            try:
                return json.loads(value)
            except ValueError:
                raise Refusal(invalid) from None
        return value

    def page(self, found: Sequence[T], *, size: int) -> tuple[list[T], Raw]:
        """The part of ``found`` that was asked for by ``limit`` and ``cursor``, and the response_metadata that leads on."""
        limit = self.text("limit") or "0"
        if not limit.isdigit():
            raise Refusal("invalid_limit")
        try:
            start = int(base64.b64decode(self.text("cursor"), validate=True) or b"0")
        except ValueError:
            raise Refusal("invalid_cursor") from None
        end = start + min(int(limit) or size, 1000)
        cursor = base64.b64encode(str(end).encode()).decode() if end < len(found) else ""
        return list(found[start:end]), {"next_cursor": cursor}


Run = Callable[[Desk, Call], Raw]


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One Web API method. ``kind`` is the token it takes; None: it takes any, or none."""

    run: Run
    kind: TokenKind | None = TokenKind.BOT


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """The record of one call. Argument names are kept, their values and the token are not.

    ``error`` is Slack's code, or ``fault`` where a planned fault took the place of the method.
    """

    method: str
    ok: bool
    error: str
    token_kind: str
    arguments: tuple[str, ...]


class WebApi:
    """Serves ``/api/<method>`` and keeps the record of calls."""

    def __init__(self, *, desk: Desk, methods: Mapping[str, Method], faults: Faults, rates: Rates, lag: Lag) -> None:
        self._desk = desk
        self._methods = methods
        self._faults = faults
        self._rates = rates
        self._lag = lag
        self.requests: list[Request] = []
        self.scopes: set[str] = set()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one call, through whatever fault is planned for its method."""
        method = request.match_info["method"]
        arguments = await _arguments(request)
        token = _bearer(request) or text(arguments.pop("token", "") if arguments else "")
        if self._lag.reply:
            await asyncio.sleep(self._lag.reply)
        fault = self._faults.take(method)
        happens = fault is None or fault.effect is Effect.FIRST or (fault.status == 0 and not fault.drop)
        reply = self._answer(method, arguments, token) if happens else None
        if reply is None:
            self._record(method, token, arguments or {}, "fault")
        if fault is None:
            assert reply is not None
            return reply
        return await _faulty(request, fault, reply)

    def _answer(self, method: str, arguments: Raw | None, secret: str) -> web.Response:
        token = self._desk.world.directory.token(secret)
        status, headers = 200, _scope_headers(token)
        try:
            body: Raw = {"ok": True} | self._run(method, arguments, token, sent=bool(secret))
        except Refusal as refusal:
            body = {"ok": False, "error": refusal.code} | refusal.details
            if refusal.code == "ratelimited":
                status, headers = 429, headers | {"Retry-After": str(body.pop("retry_after"))}
        self._record(method, secret, arguments or {}, text(body.get("error")) if body["ok"] is False else "")
        return web.json_response(body, status=status, headers=headers)

    def _record(self, method: str, secret: str, arguments: Raw, error: str) -> None:
        token = self._desk.world.directory.token(secret)
        kind = token.kind.value if token else "unknown" if secret else "none"
        names = tuple(sorted(arguments))
        self.requests.append(Request(method=method, ok=not error, error=error, token_kind=kind, arguments=names))

    def _run(self, name: str, arguments: Raw | None, token: Token | None, *, sent: bool) -> Raw:
        method = self._methods.get(name)
        if method is None:
            raise Refusal("unknown_method", req_method=name)
        if method.kind is not None:
            if token is None:
                raise Refusal("invalid_auth" if sent else "not_authed")
            if token.kind is not method.kind and name != "auth.test":
                raise Refusal("not_allowed_token_type")
        if arguments is None:
            raise Refusal("invalid_json")
        if wait := self._rates.wait(name, text(arguments.get("channel"))):
            raise Refusal("ratelimited", retry_after=wait)
        call = Call(arguments=arguments, token=token)
        try:
            return method.run(self._desk, call)
        finally:
            self.scopes |= call.needed


async def _arguments(request: web.Request) -> Raw | None:
    """The arguments from wherever they were put; None where the body claims to be JSON and is not."""
    arguments: Raw = dict(request.query)
    if request.content_type == "application/json":
        body = await request.text()
        try:
            arguments |= mapping(json.loads(body)) if body else {}
        except ValueError:
            return None
    elif request.can_read_body:
        arguments |= {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
    return arguments


def _bearer(request: web.Request) -> str:
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    return value.strip() if scheme.lower() == "bearer" else ""


def _scope_headers(token: Token | None) -> dict[str, str]:
    return {"X-OAuth-Scopes": ",".join(sorted(token.scopes))} if token else {}


async def _faulty(request: web.Request, fault: Fault, reply: web.Response | None) -> web.StreamResponse:
    if fault.delay:
        await asyncio.sleep(fault.delay)
    if fault.drop:
        if request.transport is not None:
            request.transport.abort()
        return web.Response()
    if fault.status == 0:
        assert reply is not None
        return reply
    return web.Response(status=fault.status, text=fault.body, headers=dict(fault.headers), content_type="application/json")
