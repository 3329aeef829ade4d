"""The wire under `SlackClient`: the one place that holds the token, and the one that decides whether a request leaves.

slack-sdk builds the requests, here they are sent: whoever gets hold of the SDK's object, its two thousand methods or its paging, still
passes the guard. The SDK itself never gets the token, so nothing of it can be logged, and neither its own sending (which follows
redirects, takes a proxy from the environment, and logs what it sends) nor its repeating is used.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from typing import Any, Final, NoReturn, Protocol
from urllib.parse import urlsplit

import aiohttp
from multidict import CIMultiDict
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse
from yarl import URL

from firedoor import observing
from firedoor.errors import FiredoorError, Malformed, Misconfigured, Unreachable, WriteRefused
from firedoor.vendors.access import CallPolicy
from firedoor.vendors.slack.operations import BY_NAME, SlackOperation
from firedoor.vendors.slack.problems import VENDOR, problem

_PLAIN: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:/._~-[]")
_SCOPES: Final = "X-OAuth-Scopes"  # https://docs.slack.dev/authentication/installing-with-oauth: with every reply to a token


class HoldsSecret(Protocol):
    """A holder that does not print what it holds (pydantic's SecretStr is one)."""

    def get_secret_value(self) -> str:
        """The secret itself."""


class Token:
    """The app's bot token. It prints as asterisks."""

    __slots__ = ("_secret",)

    def __init__(self, given: str | HoldsSecret) -> None:
        given = text = _Unprintable(given if isinstance(given, str) else given.get_secret_value())
        if not text.isascii() or not text.isprintable() or " " in text or not text:
            raise Misconfigured(
                "the Slack bot token is empty or holds characters that no token has",
                advice="Set FIREDOOR_SLACK_BOT_TOKEN to the app's bot token (xoxb-...)",
            )
        self._secret = text

    def __repr__(self) -> str:
        return "Token(**********)"

    def header(self) -> str:
        """The value of the Authorization header, as text whose repr is asterisks too: tracebacks that show variables show that."""
        return _Unprintable(f"Bearer {self._secret!s}")


class _Unprintable(str):
    __slots__ = ()

    def __repr__(self) -> str:
        return "'**********'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back, whole; ``body`` is None where it is no JSON object. It prints its status only."""

    status: int
    headers: CIMultiDict[str] = field(repr=False)
    body: dict[str, Any] | None = field(repr=False)


def base_of(url: str) -> str:
    """The Web API's address with a slash at its end. Plain http is for loopback only. Raises `Misconfigured` for anything else."""
    advice = "Unset FIREDOOR_SLACK_BASE_URL, or set it to an https address such as https://slack.com/api/"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise Misconfigured("the address of Slack's Web API cannot be read", advice=advice) from None
    if not set(url) <= _PLAIN or parts.scheme not in {"https", "http"} or not host or port == 0 or ".." in parts.path:
        raise Misconfigured("the address of Slack's Web API is not a plain https address", target=ascii(host), advice=advice)
    if parts.scheme == "http" and not _is_loopback(host):
        raise Misconfigured("the address of Slack's Web API is plain http, which would send the token in the clear", advice=advice)
    return url if url.endswith("/") else f"{url}/"


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


class GuardedWeb(AsyncWebClient):
    """slack-sdk's client with our wire under it. ``base`` is from `base_of`; ``channel`` is the only one it speaks of; ``timeout`` is in
    seconds and covers one attempt.

    Every call of it raises `WriteRefused` for what the guard stops, `Unreachable` where no reply came, `Malformed` where it cannot be read,
    and what `firedoor.vendors.slack.problems` makes of a refusal.
    """

    def __init__(self, *, base: str, token: Token, channel: str, policy: CallPolicy, timeout: float) -> None:
        # The proxy is never used. It keeps the SDK from looking for one in the environment, and from logging the password in it.
        super().__init__(token=None, base_url=base, proxy="http://unused.invalid", retry_handlers=[])
        self.ahead: float | None = None
        self.granted: frozenset[str] | None = None  # the token's scopes, as the last reply told them
        # Two underscores: names of our own beside the SDK's, which may be assigned to and have no say here.
        self.__base = base
        self.__token = token
        self.__channel = channel
        self.__policy = policy
        self.__timeout = timeout
        self.__wire: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close the connections."""
        if self.__wire is not None:
            await self.__wire.close()
            self.__wire = None

    async def _send(self, http_verb: str, api_url: str, req_args: dict[str, Any]) -> AsyncSlackResponse:
        """The SDK's step before `_request`, in which it opens the files it is to send: what will not leave is not even opened."""
        self.__admit(http_verb, api_url, req_args)
        return await super()._send(http_verb, api_url, req_args)

    async def _request(self, *, http_verb: str, api_url: str, req_args: dict[str, Any]) -> dict[str, Any]:
        """Send one request of the table, or raise before anything leaves. All that the SDK sends to the Web API comes through here."""
        operation, arguments = self.__admit(http_verb, api_url, req_args)
        with observing.call(VENDOR, operation.name) as call:
            reply = await self.__exchange(operation, arguments)
            if isinstance(reply, Reply):
                call.answered(reply.status)
        if isinstance(reply, FiredoorError):
            # Raised here, clear of the HTTP library's own exception, whose frames hold the request.
            raise reply
        self.__hear_clock(reply)
        if (scopes := reply.headers.get(_SCOPES)) is not None:
            self.granted = frozenset(filter(None, (scope.strip() for scope in scopes.split(","))))
        refused = problem(operation, reply.status, reply.headers, reply.body)
        if refused is not None:
            raise refused
        return {"data": reply.body, "headers": reply.headers, "status_code": reply.status}

    async def _upload_file(self, **_ignored: object) -> NoReturn:
        """The SDK's one other way out: bytes to an address that a reply named."""
        self.__refuse("upload", "files are not uploaded")

    def __admit(self, verb: str, url: str, asked: Mapping[str, Any]) -> tuple[SlackOperation, dict[str, Mapping[str, Any]]]:
        """The operation that the request is, and its arguments by the way they are sent."""
        if not url.startswith(self.__base):
            self.__refuse(ascii(verb), "it would have gone to another address")
        name = url.removeprefix(self.__base)
        operation = BY_NAME.get(name)
        if self.__policy.admit(name if operation else ascii(name)) is not operation or operation is None:
            self.__refuse(ascii(name), "the policy knows another call by that name")
        if verb != operation.verb:
            self.__refuse(name, f"it is sent by {operation.verb} and not by {verb!a}")
        if asked.get("data") or asked.get("files") or asked.get("auth"):
            self.__refuse(name, "it carries a form, a file or credentials of its own")
        if any(header.lower() == "authorization" for header in asked.get("headers") or {}):
            self.__refuse(name, "it carries credentials of its own")
        sent = {way: asked[way] for way in ("params", "json") if asked.get(way)}
        for arguments in sent.values():
            if not isinstance(arguments, Mapping):
                self.__refuse(name, "its arguments have no names")
            if strange := set(arguments) - operation.arguments:
                self.__refuse(name, f"it carries what is on no list: {sorted(map(str, strange))!a}")
            if arguments.get("channel", self.__channel) != self.__channel:
                self.__refuse(name, "it is about another channel than the prepared one")
        return operation, sent

    def __refuse(self, operation: str, why: str) -> NoReturn:
        raise WriteRefused(
            f"{operation} was not sent: {why}",
            vendor=VENDOR,
            operation=operation,
            advice="This is a defect in the action that asked for it",
        )

    async def __exchange(self, operation: SlackOperation, arguments: Mapping[str, Mapping[str, Any]]) -> Reply | FiredoorError:
        changed = None if operation.writes else False
        if self.__wire is None:
            self.__wire = aiohttp.ClientSession(
                trust_env=False, cookie_jar=aiohttp.DummyCookieJar(), timeout=aiohttp.ClientTimeout(total=self.__timeout)
            )
            # The library repeats a GET by itself when the connection breaks, and has no public way to say no. Repeating is for
            # firedoor.vendors.retry, which knows what may be repeated; a test counts the requests.
            self.__wire._retry_connection = False  # noqa: SLF001
        headers = {"Authorization": self.__token.header(), "User-Agent": self.headers["User-Agent"]}
        try:
            async with self.__wire.request(
                operation.verb,
                URL(self.__base + operation.name, encoded=True),
                params=arguments.get("params"),
                json=arguments.get("json"),
                headers=headers,
                allow_redirects=False,
            ) as response:
                return Reply(status=response.status, headers=CIMultiDict(response.headers), body=_object(await response.read()))
        except aiohttp.ClientPayloadError:
            return Malformed("Slack's reply broke off", vendor=VENDOR, operation=operation.name, changed=changed, advice="Try again")
        except TimeoutError:
            what = f"Slack did not answer within {self.__timeout:g} s"
        except (aiohttp.ClientError, OSError) as error:
            what = f"Slack could not be reached ({type(error).__name__})"
        advice = "Check the network, and FIREDOOR_SLACK_BASE_URL if it is set, then run it again: what is already done stays done"
        return Unreachable(what, vendor=VENDOR, operation=operation.name, changed=changed, advice=advice)

    def __hear_clock(self, reply: Reply) -> None:
        """Take in a Date header. It is cut to the second and old on arrival, so each is at most the truth and the greatest is the best."""
        date = _date(reply)
        if date is not None:
            heard = date.timestamp() - time.monotonic()
            self.ahead = heard if self.ahead is None else max(self.ahead, heard)


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        read = json.loads(body)
    except ValueError:
        return None
    return read if isinstance(read, dict) else None


def _date(reply: Reply) -> datetime | None:
    try:
        moment = parsedate_to_datetime(reply.headers.get("Date", ""))
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None
