"""The request URL, for an app without Socket Mode: Slack posts what people do, signed. Whatever is not signed learns nothing here.

Loaded only where it is served: it brings Slack's SDK along.

It speaks plain HTTP on one address. A reverse proxy in front of it ends TLS, keeps slow and malformed senders away, and passes on
``POST /slack/events`` with its body as it came.
"""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import parse_qsl

from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.signature import SignatureVerifier

from firedoor.channels.slack.door import Door
from firedoor.channels.slack.people import Payload
from firedoor.defect import kind_and_place
from firedoor.errors import Misconfigured
from firedoor.settingkinds import Listen

PATH, HEALTH = "/slack/events", "/healthz"
MOST_BYTES: Final = 1 << 20  # a view has at most 250 KB, and a form writes some of its bytes as three
READ_SECONDS: Final = 3.0
GOODBYE_SECONDS: Final = 3.0
log = logging.getLogger(__name__)

STAMP, SIGNATURE = re.compile(r"[0-9]{1,12}"), re.compile(r"v0=[0-9a-f]{64}")
SILENT: Final = logging.getLogger(f"{__name__}.wire")
SILENT.setLevel(logging.CRITICAL + 1)
RETRY: Final = ("X-Slack-Retry-Num", "X-Slack-Retry-Reason")


@asynccontextmanager
async def served(door: Door, secret: str, listen: Listen) -> AsyncIterator[str]:
    """Serve it; yields its URL on this machine. Raises `Misconfigured` where the address cannot be listened on."""
    front = _Front(door, SignatureVerifier(secret))
    app = web.Application(client_max_size=MOST_BYTES)
    app.add_routes([web.post(PATH, front.take), web.get(HEALTH, _well)])
    app.on_response_prepare.append(_unnamed)
    # Neither log may hold what came in: the one of who asked for what, nor the one that quotes what could not be read as HTTP.
    runner = web.AppRunner(app, access_log=None, logger=SILENT, shutdown_timeout=GOODBYE_SECONDS)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, listen.host, listen.port).start()
        except OSError as error:
            what = "is in use by another program" if error.errno == errno.EADDRINUSE else f"cannot be listened on ({error.strerror})"
            advice = "Stop the other, or set slack_listen to another address; to start a run while `firedoor serve` listens, use Slack"
            raise Misconfigured(f"the address {listen} {what}", target="slack_listen", advice=advice) from None
        host, port = runner.addresses[0][:2]
        yield f"http://{f'[{host}]' if ':' in host else host}:{port}{PATH}"
    finally:
        await runner.cleanup()


class _Front:
    def __init__(self, door: Door, verifier: SignatureVerifier) -> None:
        self._door = door
        self._verifier = verifier

    async def take(self, request: web.Request) -> web.Response:
        """Answer one request."""
        try:
            body, signature = await self._signed(request)
            again: Any = {name: request.headers[name] for name in RETRY if name in request.headers}
            # Read here: slack-bolt would go by the content type, which nobody signed, and lose a command whose text says "payload".
            heard = AsyncBoltRequest(body=dict(read(body)), headers=again, mode="socket_mode")
        except _Unheard as why:
            return web.Response(status=why.status, text=why.word)
        except (ValueError, TypeError, AttributeError, RecursionError):
            return web.Response(status=400, text="not readable")
        try:
            return await to_aiohttp_response(await self._door.take(heard, signature=signature))
        except Exception as defect:  # noqa: BLE001 - whatever it is, Slack is answered, and the log quotes nothing
            log.error("a defect behind the request URL: %s", kind_and_place(defect))  # noqa: TRY400
            return web.Response(status=500, text="not done")

    async def _signed(self, request: web.Request) -> tuple[str, str]:
        """The body and its signature, which is checked here and not by slack-bolt: that would log the body of one that fails."""
        stamp, signature = (request.headers.get(f"X-Slack-{name}", "") for name in ("Request-Timestamp", "Signature"))
        if not (STAMP.fullmatch(stamp) and SIGNATURE.fullmatch(signature)):
            raise _Unheard(401, "not signed")
        try:
            async with asyncio.timeout(READ_SECONDS):
                body = (await request.read()).decode()
        except TimeoutError:
            raise _Unheard(408, "too slow") from None
        except (UnicodeDecodeError, web.RequestPayloadError):
            raise _Unheard(401, "not signed") from None
        if not self._verifier.is_valid(body, stamp, signature):
            raise _Unheard(401, "not signed")
        return body, signature


class _Unheard(Exception):
    """What is not listened to, and the one word that it gets."""

    def __init__(self, status: int, word: str) -> None:
        super().__init__(word)
        self.status = status
        self.word = word


def read(body: str) -> Payload:
    """What a signed body holds: JSON, a form with JSON in its one field, or a form of fields. Raises `ValueError`, `TypeError`.

    Only what is signed decides which: the content type is not.
    """
    if not body.startswith("{"):
        fields = dict(parse_qsl(body, keep_blank_values=True))
        if fields.keys() != {"payload"}:
            return fields
        body = fields["payload"]
    found = json.loads(body)
    if not isinstance(found, dict):
        raise TypeError("a payload is an object")
    return found


async def _well(_: web.Request) -> web.Response:
    return web.Response(text="ok")


async def _unnamed(_: web.Request, response: web.StreamResponse) -> None:
    """No banner: which library answers is nobody's business."""
    response.headers.pop("Server", None)
