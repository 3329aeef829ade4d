"""A recording proxy in front of a simulator: what really went over the wire, whatever the simulator or the client say of it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import aiohttp
from aiohttp import web

READS = re.compile(r"(Get|List|Describe)\w*|GenerateCredentialReport")
HOP_BY_HOP = {"connection", "content-length", "content-encoding", "transfer-encoding", "keep-alive"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """One request as it went by, and the status it was answered with."""

    method: str
    path: str
    writes: bool
    accepted: bool


@dataclass
class Proxy:
    """An async context manager; inside it ``url`` stands for the simulator's. ``vendor`` says how a write is told from a look."""

    vendor: str
    upstream: str
    seen: list[Wire] = field(default_factory=list)
    url: str = ""

    async def __aenter__(self) -> Self:
        self.upstream = self.upstream.rstrip("/")
        self._http = aiohttp.ClientSession(auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar())
        app = web.Application(client_max_size=16 * 1024 * 1024)
        app.router.add_route("*", "/{path:.*}", self._pass)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._runner.cleanup()
        await self._http.close()

    @property
    def writes(self) -> list[Wire]:
        """The requests that would change something."""
        return [one for one in self.seen if one.writes]

    @property
    def accepted(self) -> list[Wire]:
        """Those of them that the vendor obeyed."""
        return [one for one in self.writes if one.accepted]

    async def _pass(self, incoming: web.Request) -> web.Response:
        body = await incoming.read()
        # The Host header stays as it is: it is signed.
        headers = [(name, value) for name, value in incoming.headers.items() if name.lower() not in HOP_BY_HOP]
        url = f"{self.upstream}{incoming.rel_url.raw_path_qs}"
        async with self._http.request(incoming.method, url, headers=headers, data=body, allow_redirects=False) as reply:
            answer = await reply.read()
            status, back = reply.status, reply.headers
        wrote = WRITES[self.vendor](incoming, body)
        accepted = status < 300 and not answer.startswith(b'{"ok": false')
        self.seen.append(Wire(method=incoming.method, path=incoming.rel_url.raw_path, writes=wrote, accepted=accepted))
        ours, theirs = self.url.encode(), self.upstream.encode()
        kept = {name: value.replace(self.upstream, self.url) for name, value in back.items() if name.lower() not in HOP_BY_HOP}
        return web.Response(status=status, body=answer.replace(theirs, ours), headers=kept)


def _by_method(request: web.Request, body: bytes) -> bool:
    del body
    return request.method not in {"GET", "HEAD", "OPTIONS"}


def _aws(request: web.Request, body: bytes) -> bool:
    target = request.headers.get("X-Amz-Target", "")
    found = re.search(rb"(?:^|&)Action=(\w+)", body)
    action = target.rpartition(".")[2] or (found[1].decode() if found else "unreadable")
    return action != "AssumeRole" and not READS.fullmatch(action)


SLACK_READS = {
    "auth.test",
    "conversations.history",
    "conversations.info",
    "conversations.members",
    "conversations.replies",
    "users.info",
    "users.lookupByEmail",
}


def _slack(request: web.Request, body: bytes) -> bool:
    del body
    return request.rel_url.path.rpartition("/")[2] not in SLACK_READS


def _jira(request: web.Request, body: bytes) -> bool:
    """Searching is a POST too, where the query is long."""
    if request.method == "POST" and request.rel_url.path.endswith(("/search", "/search/jql")):
        return not isinstance(json.loads(body or b"{}"), dict)
    return _by_method(request, body)


WRITES: dict[str, Callable[[web.Request, bytes], bool]] = {"okta": _by_method, "aws": _aws, "slack": _slack, "jira": _jira}
