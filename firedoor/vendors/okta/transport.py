"""The wire under `OktaClient`: the one place that holds the token, and the one that decides whether a request leaves.

It takes the place of the SDK's own HTTP client, which logs the Authorization header, follows redirects, and takes its proxy from the
environment. The SDK's request executor calls `send_request`; whoever gets hold of either object still passes the guard here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final, Protocol, cast
from urllib.parse import urlsplit

from firedoor import observing
from firedoor.errors import FiredoorError, Malformed, Misconfigured, Unreachable, WriteRefused
from firedoor.vendors.access import CallPolicy
from firedoor.vendors.okta.operations import HttpOperation, find

if TYPE_CHECKING:
    from aiohttp import ClientSession
    from multidict import CIMultiDict

VENDOR: Final = "okta"
_HOST: Final = re.compile(r"(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}")
_SENT_HEADERS: Final = ("Accept", "User-Agent")


class HoldsSecret(Protocol):
    """A holder that does not print what it holds (pydantic's SecretStr is one)."""

    def get_secret_value(self) -> str:
        """The secret itself."""


class Token:
    """Okta's API token. It prints as asterisks."""

    __slots__ = ("_secret",)

    def __init__(self, given: str | HoldsSecret) -> None:
        text = _Unprintable(given if isinstance(given, str) else given.get_secret_value())
        given = text
        if not text.isascii() or not text.isprintable() or " " in text or not text:
            raise Misconfigured(
                "the Okta API token is empty or holds characters that no token has",
                advice="Set FIREDOOR_OKTA_API_TOKEN to a live token",
            )
        self._secret = text

    def __repr__(self) -> str:
        return "Token(**********)"

    def header(self) -> str:
        """The value of the Authorization header, as text whose repr is asterisks too: tracebacks that show variables show that."""
        return _Unprintable(f"SSWS {self._secret!s}")

    def get_secret_value(self) -> str:
        """The token itself, as such text."""
        return self._secret


class _Unprintable(str):
    __slots__ = ()

    def __repr__(self) -> str:
        return "'**********'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back, whole. It prints its status only: a traceback that shows variables must not show a vendor's raw words."""

    status: int
    headers: CIMultiDict[str] = field(repr=False)
    body: bytes = field(repr=False)


def origin_of(org_url: str) -> str:
    """``https://host[:port]`` of an org. Plain http is for loopback only. Raises `Misconfigured` for anything but a bare origin."""
    advice = "Set FIREDOOR_OKTA_ORG_URL to https:// and the org's own host, nothing more"
    try:
        parts = urlsplit(org_url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise Misconfigured("the Okta org URL cannot be read", advice=advice) from None
    if parts.scheme not in {"https", "http"} or not host or parts.username is not None or parts.password is not None:
        raise Misconfigured("the Okta org URL is not an https address without credentials in it", advice=advice)
    if parts.path not in {"", "/"} or parts.query or parts.fragment or not (_HOST.fullmatch(host) or ":" in host):
        raise Misconfigured("the Okta org URL has more in it than a host, or a host that cannot be one", target=ascii(host), advice=advice)
    if parts.scheme == "http" and not _is_loopback(host):
        raise Misconfigured("the Okta org URL is plain http, which would send the API token in the clear", target=host, advice=advice)
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}" + (f":{port}" if port is not None else "")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


class GuardedHttp:
    """What the SDK's executor sends with. ``timeout`` is in seconds and covers one attempt, connection and body included."""

    def __init__(self, *, origin: str, token: Token, policy: CallPolicy, timeout: float) -> None:
        self._origin = origin
        self._token = token
        self._policy = policy
        self._timeout = timeout
        self._session: ClientSession | None = None

    async def send_request(self, request: Mapping[str, object]) -> tuple[None, Reply, bytes, None]:
        """Send one request of the table, or raise before anything leaves.

        ``request`` is the SDK's: method, url, headers, data, form. Raises `WriteRefused` for what the guard stops, `Unreachable` where no
        reply came, `Malformed` where it broke off. Any reply is returned, whatever its status, in the tuple that the SDK expects.
        """
        operation = self._admit(request)
        asked = cast(Mapping[str, str], request.get("headers") or {})
        headers = {name: asked[name] for name in _SENT_HEADERS if name in asked}
        body = _body(operation, request)
        if body:
            headers["Content-Type"] = "application/json"
        with observing.call(VENDOR, operation.name) as call:
            reply = await self._exchange(operation, str(request["url"]), headers, body)
            if isinstance(reply, Reply):
                call.answered(reply.status)
        if isinstance(reply, FiredoorError):
            # Raised here, clear of the HTTP library's own exception, whose frames hold the request.
            raise reply
        return None, reply, reply.body, None

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _admit(self, request: Mapping[str, object]) -> HttpOperation:
        method, url = str(request.get("method")), str(request.get("url"))
        if not url.startswith(f"{self._origin}/") or not url.isascii() or not url.isprintable() or " " in url or "#" in url:
            raise WriteRefused("a request to another host, or to no address at all, was stopped", vendor=VENDOR, operation=ascii(method))
        path = url.removeprefix(self._origin).partition("?")[0]
        operation = find(method, path)
        admitted = self._policy.admit(operation.name if operation else ascii(f"{method} {path}"))
        if operation is None or admitted is not operation:
            raise WriteRefused("the policy knows another call by that name; it was not sent", vendor=VENDOR, operation=admitted.name)
        return operation

    async def _exchange(self, operation: HttpOperation, url: str, headers: Mapping[str, str], body: bytes) -> Reply | FiredoorError:
        import aiohttp  # noqa: PLC0415 - the catalogue loads without it
        from multidict import CIMultiDict  # noqa: PLC0415
        from yarl import URL  # noqa: PLC0415

        changed = None if operation.writes else False
        if self._session is None:
            self._session = aiohttp.ClientSession(
                trust_env=False, cookie_jar=aiohttp.DummyCookieJar(), timeout=aiohttp.ClientTimeout(total=self._timeout)
            )
            # The library repeats a GET or DELETE by itself when the connection breaks, and has no public way to say no. Repeating is for
            # firedoor.vendors.retry, which knows what may be repeated; a test counts the requests.
            self._session._retry_connection = False  # noqa: SLF001
        try:
            # encoded=True: what the guard read is what is sent; the library would unquote and normalise the path anew.
            async with self._session.request(
                operation.method,
                URL(url, encoded=True),
                headers={**headers, "Authorization": self._token.header()},
                data=body or None,
                allow_redirects=False,
            ) as response:
                return Reply(status=response.status, headers=CIMultiDict(response.headers), body=await response.read())
        except aiohttp.ClientPayloadError:
            return Malformed("Okta's reply broke off", vendor=VENDOR, operation=operation.name, changed=changed, advice="Try again")
        except TimeoutError:
            what = f"Okta did not answer within {self._timeout:g} s"
        except (aiohttp.ClientError, OSError) as error:
            what = f"Okta could not be reached ({type(error).__name__})"
        advice = "Check the network and FIREDOOR_OKTA_ORG_URL, then run it again: what is already done stays done"
        return Unreachable(what, vendor=VENDOR, operation=operation.name, changed=changed, advice=advice)


def _body(operation: HttpOperation, request: Mapping[str, object]) -> bytes:
    """What is sent: a JSON object with an operation that takes one, nothing with any other. Raises `WriteRefused` for all else."""
    given = request.get("data")
    if request.get("form") or request.get("json") or (given and not operation.takes_body):
        raise WriteRefused(f"{operation.name} takes no such body; it was not sent", vendor=VENDOR, operation=operation.name)
    if not operation.takes_body:
        return b""
    if not isinstance(given, Mapping) or not given:
        raise WriteRefused(f"{operation.name} takes a JSON object, and got none; it was not sent", vendor=VENDOR, operation=operation.name)
    try:
        return json.dumps(given, allow_nan=False).encode()
    except (TypeError, ValueError):
        what = f"{operation.name} was given what JSON cannot say; it was not sent"
    # Raised here: the encoder's own error would carry the value along.
    raise WriteRefused(what, vendor=VENDOR, operation=operation.name)
