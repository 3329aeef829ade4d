"""Requests to the app's request URL, signed by slack-sdk and not by the simulator: an error of the one must not hide one of the other."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from urllib.parse import urlencode

import aiohttp
from slack_sdk.signature import SignatureVerifier

from tests.channels.slack.scene import SIGNING


@dataclass(frozen=True, slots=True)
class Sent:
    """One request, to be sent as often as one likes."""

    body: bytes
    headers: Mapping[str, str] = field(repr=False)


def signed(body: str, *, at: float | None = None, secret: str = SIGNING, **more: str) -> Sent:
    """The body with a signature of ``at``, now unless told otherwise."""
    stamp = str(int(time.time() if at is None else at))
    mac = SignatureVerifier(secret).generate_signature(timestamp=stamp, body=body)
    kind = "application/json" if body.startswith("{") else "application/x-www-form-urlencoded"
    headers = {"Content-Type": kind, "X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": str(mac)}
    return Sent(body.encode(), {**headers, **{name.replace("_", "-"): value for name, value in more.items()}})


def written(payload: Mapping[str, object]) -> str:
    """A payload as Slack writes it: commands as a form, events as JSON, everything else as a form with JSON in it."""
    if "command" in payload:
        return urlencode({name: str(value) for name, value in payload.items()})
    return json.dumps(payload) if "event" in payload else urlencode({"payload": json.dumps(payload)})


async def post(url: str, sent: Sent, *, verb: str = "POST") -> tuple[int, str, Mapping[str, str]]:
    """The answer: status, text, headers."""
    async with (
        aiohttp.ClientSession() as http,
        http.request(verb, url, data=BytesIO(sent.body), headers=sent.headers, allow_redirects=False) as reply,
    ):
        return reply.status, await reply.text(), dict(reply.headers)
