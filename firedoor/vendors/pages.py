"""Pages for browsers on this machine, as simulators and drills serve them: who is let in, what a page may do, how it hears of changes.

Any web site can make a visitor's browser send requests to loopback. One whose name was pointed here (DNS rebinding) gives that name as
Host; any other is given away by Origin or Sec-Fetch-Site. Both are turned away. What is no browser sends neither of these and is let in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
# A page of ours on another port may frame this one; the port is not known beforehand.
FRAMED_BY_OURS: Final = "'self' http://127.0.0.1:* http://localhost:*"
HEARTBEAT_SECONDS: Final = 15.0

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def this_machine(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let in requests of this machine's programs, and of pages that were served from the very address that is asked."""
    if _hostname(request.host) not in LOOPBACK:
        return _refused("host_not_allowed")
    looks = request.method == "GET" and request.headers.get("Sec-Fetch-Mode") == "navigate"  # an address typed, a link, a frame
    if not looks and not _same_origin(request):
        return _refused("origin_not_allowed")
    return await handler(request)


def strict(app: web.Application, *, framed_by: str = "'none'", frames: str = "") -> None:
    """Answer with headers under which a page runs nothing but the scripts and styles that come with it, and loads from nowhere else.

    ``framed_by`` and ``frames`` are sources in the words of Content-Security-Policy: who may frame the page, and what it may frame itself.
    """
    policy = f"default-src 'self'; base-uri 'none'; form-action 'none'; object-src 'none'; frame-ancestors {framed_by}"
    headers = {
        "Content-Security-Policy": f"{policy}; frame-src {frames}" if frames else policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "no-store",
    }

    async def add(_request: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(headers)

    app.on_response_prepare.append(add)


class Ticks:
    """Tells pages that something has changed, as Server-Sent Events. What it is they read for themselves."""

    def __init__(self) -> None:
        self._listeners: set[asyncio.Event] = set()
        self._count = 0
        self._over = False

    def tick(self) -> None:
        """Something has changed."""
        self._count += 1
        for listener in self._listeners:
            listener.set()

    def close(self) -> None:
        """End all streams."""
        self._over = True
        self.tick()

    @web.middleware
    async def after_changes(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """A tick after each request that may have changed something: all but those that look only."""
        try:
            return await handler(request)
        finally:
            if request.method not in ("GET", "HEAD"):
                self.tick()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One page's stream; it begins with a tick."""
        stream = await open_stream(request)
        listener = asyncio.Event()
        listener.set()
        self._listeners.add(listener)
        try:
            while not self._over:
                with suppress(TimeoutError):
                    await asyncio.wait_for(listener.wait(), HEARTBEAT_SECONDS)
                listener.clear()
                await stream.write(f"data: {self._count}\n\n".encode())
        except ConnectionError:
            pass  # the page was closed
        finally:
            self._listeners.discard(listener)
        return stream


async def open_stream(request: web.Request) -> web.StreamResponse:
    """A response that sends Server-Sent Events; a page that loses it asks again after half a second."""
    stream = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await stream.prepare(request)
    await stream.write(b"retry: 500\n\n")
    return stream


def _same_origin(request: web.Request) -> bool:
    origin = request.headers.get("Origin", "")
    return request.headers.get("Sec-Fetch-Site", "none") in ("same-origin", "none") and origin in ("", f"http://{request.host}")


def _hostname(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


def _refused(error: str) -> web.Response:
    return web.json_response({"ok": False, "error": error}, status=403)
