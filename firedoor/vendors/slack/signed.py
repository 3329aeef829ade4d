"""Signed HTTP: what people do is posted to the app's request URL, with a signature that only Slack and the app can make."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlencode

import aiohttp

from firedoor.errors import BadInput
from firedoor.vendors.slack.delivery import Ack, Delivering, Delivery, Kind
from firedoor.vendors.slack.directory import Directory
from firedoor.vendors.slack.grants import Lag, Rules
from firedoor.vendors.slack.raw import Raw, mapping, text

# Slack's words for why an event comes again, by the error of the attempt before.
REASONS: Final[Mapping[str, str]] = {"operation_timeout": "http_timeout", "dispatch_failed": "connection_failed"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestUrl:
    """Where an app wants to be told, and the secret that it shares with Slack."""

    url: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reply:
    status: int
    headers: Mapping[str, str]
    body: str


class SignedRequests(Delivering):
    """The app behind one request URL, the same for commands, interactivity and events.

    Slack documents no words for what a person sees after an HTTP error; http_client_error and http_service_error are what it shows.
    """

    def __init__(self, *, to: RequestUrl, directory: Directory, rules: Rules, lag: Lag) -> None:
        super().__init__(directory=directory, rules=rules, lag=lag)
        self._to = to
        self._http: aiohttp.ClientSession | None = None

    def __repr__(self) -> str:
        return f"SignedRequests(url={self._to.url!r})"

    async def challenge(self) -> None:
        """Ask what Slack asks when a request URL is saved. Raises `BadInput` where the app does not give the challenge back."""
        challenge = secrets.token_urlsafe(24)
        body = json.dumps({"type": "url_verification", "challenge": challenge})
        reply = await self._post(body, {"Content-Type": "application/json"})
        if isinstance(reply, str) or reply.status != 200 or challenge not in (reply.body, text(_object(reply.body).get("challenge"))):
            raise BadInput("the request URL does not answer Slack's challenge", target=self._to.url)

    async def close(self) -> None:
        """End everything that is still to be delivered, and the connections."""
        await super().close()
        if self._http is not None:
            await self._http.close()

    async def _attempt(self, delivery: Delivery, payload: Raw, *, attempt: int = 0, missed: str = "") -> Ack:
        body, content_type = form(delivery.kind, payload)
        again = {"X-Slack-Retry-Num": str(attempt), "X-Slack-Retry-Reason": REASONS.get(missed, "http_error")} if attempt else {}
        reply = await self._post(body, {"Content-Type": content_type, **again})
        delivery.attempts += reply != "dispatch_failed"
        if isinstance(reply, str):
            return Ack(payload={}, error=reply)
        if reply.status != 200:
            error = "http_service_error" if reply.status >= 500 else "http_client_error"
            return Ack(payload={}, error=error, last=reply.headers.get("X-Slack-No-Retry") == "1")
        delivery.acked = True
        return Ack(payload=_answer(delivery.kind, reply))

    async def _post(self, body: str, headers: Mapping[str, str]) -> _Reply | str:
        """The app's reply, or the error that stands for its absence. Redirects are not followed."""
        if self._http is None:
            self._http = aiohttp.ClientSession(trust_env=False, cookie_jar=aiohttp.DummyCookieJar())
        signed = {**headers, "User-Agent": "Slackbot 1.0 (simulator)", **signature(self._to.secret, body)}
        try:
            async with asyncio.timeout(self._rules.ack_seconds):
                async with self._http.post(self._to.url, data=body.encode(), headers=signed, allow_redirects=False) as reply:
                    return _Reply(status=reply.status, headers=reply.headers, body=await reply.text())
        except TimeoutError:
            return "operation_timeout"
        except (aiohttp.ClientError, OSError, UnicodeDecodeError):
            return "dispatch_failed"


def form(kind: Kind, payload: Raw) -> tuple[str, str]:
    """The body as Slack writes it, and its content type: a form of fields, a form with one JSON field, or JSON."""
    match kind:
        case "slash_commands":
            return urlencode({key: str(value) for key, value in payload.items()}), "application/x-www-form-urlencoded"
        case "interactive":
            return urlencode({"payload": json.dumps(payload)}), "application/x-www-form-urlencoded"
        case "events_api":
            return json.dumps(payload), "application/json"


def signature(secret: str, body: str, *, at: int | None = None) -> Mapping[str, str]:
    """The headers with which Slack vouches for a body; ``at`` in seconds since 1970, now unless told otherwise."""
    stamp = str(int(time.time()) if at is None else at)
    mac = hmac.new(secret.encode(), f"v0:{stamp}:{body}".encode(), hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={mac}"}


def _answer(kind: Kind, reply: _Reply) -> Raw:
    """The ack's payload: JSON, or for a command also plain words for the person."""
    if reply.body.lstrip().startswith("{"):
        return _object(reply.body)
    return {"text": reply.body} if kind == "slash_commands" and reply.body else {}


def _object(body: str) -> Raw:
    try:
        return mapping(json.loads(body))
    except ValueError:
        return {}
