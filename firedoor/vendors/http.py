"""HTTP under a vendor's client: the one place that holds the credentials, and the one that decides whether a request leaves.

A request is named by an operation of the vendor's table, never by a URL: what is on no list cannot even be said. Redirects are not
followed, the environment's proxies are not used, no cookie is kept, and nothing is repeated here: `firedoor.vendors.retry` knows what may.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from io import BytesIO
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import quote, urlencode, urlsplit

from firedoor import observing
from firedoor.canonical import JSON
from firedoor.errors import FiredoorError, Malformed, Misconfigured, Unreachable, WriteRefused
from firedoor.vendors.access import CallPolicy, Operation

if TYPE_CHECKING:
    from aiohttp import ClientSession, FormData
    from multidict import CIMultiDict

_PARAMETER: Final = re.compile(r"\{\w+\}")
_BENDS_A_PATH: Final = re.compile(r"[/\\\x00-\x1f\x7f]|\A\.{0,2}\Z")
_HOST: Final = re.compile(r"(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}")
_FOLDERS: Final = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*")


class Body(StrEnum):
    """What an operation sends along."""

    NOTHING = "nothing"
    JSON = "json"
    FILE = "file"


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpOperation(Operation):
    """One HTTP call. ``path`` is the vendor's template below the API's root, with a ``{name}`` for each parameter."""

    method: str
    path: str
    body: Body = Body.NOTHING

    def fill(self, *arguments: str) -> str:
        """The path with ``arguments`` in place of its parameters, in their order, percent-encoded."""
        values = iter(arguments)
        return _PARAMETER.sub(lambda _: quote(next(values), safe=""), self.path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file to send, as the multipart field ``file``."""

    name: str
    content: bytes = field(repr=False)
    type: str = "application/octet-stream"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back, whole. It prints its status only: a traceback that shows variables must not show a vendor's raw words."""

    status: int
    headers: CIMultiDict[str] = field(repr=False)
    body: bytes = field(repr=False)


class HoldsSecret(Protocol):
    """A holder that does not print what it holds (pydantic's SecretStr is one)."""

    def get_secret_value(self) -> str:
        """The secret itself."""


class Secret(str):
    """Text whose repr is asterisks: tracebacks that show variables show that."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'**********'"


def secret_of(given: str | HoldsSecret, *, setting: str) -> Secret:
    """A token as text that does not print. Raises `Misconfigured` naming the ``setting`` where no token looks like it."""
    text = Secret(given if isinstance(given, str) else given.get_secret_value())
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise Misconfigured(f"{setting} is empty or holds characters that no token has", advice=f"Set {setting} to a live token")
    return text


def bearer(token: Secret) -> Secret:
    """The value of an Authorization header."""
    return Secret(f"Bearer {token!s}")


def basic(user: str, token: Secret) -> Secret:
    """The value of an Authorization header for a name and a token."""
    return Secret("Basic " + base64.b64encode(f"{user}:{token!s}".encode()).decode())


def root_of(url: str, *, setting: str) -> str:
    """An address below which requests may go: ``https://host[:port][/folder]``, plain http to loopback only.

    Raises `Misconfigured` naming the ``setting``.
    """
    advice = f"Set {setting} to https:// and the host, with the folder it lives in where it has one"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise Misconfigured(f"{setting} cannot be read", advice=advice) from None
    if parts.scheme not in {"https", "http"} or not host or parts.username is not None or parts.password is not None:
        raise Misconfigured(f"{setting} is not an https address without credentials in it", advice=advice)
    path = parts.path.removesuffix("/")
    if parts.query or parts.fragment or not _FOLDERS.fullmatch(path) or not (_HOST.fullmatch(host) or ":" in host):
        raise Misconfigured(
            f"{setting} has more in it than a host and a folder, or a host that cannot be one", target=ascii(host), advice=advice
        )
    if parts.scheme == "http" and not _is_loopback(host):
        raise Misconfigured(f"{setting} is plain http, which would send the token in the clear", target=host, advice=advice)
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}" + (f":{port}" if port is not None else "") + path


def date_of(reply: Reply) -> datetime | None:
    """The Date header, None where it is missing or cannot be read."""
    try:
        moment = parsedate_to_datetime(reply.headers.get("Date", ""))
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


class GuardedHttp:
    """Sends what the policy admits to one API and nowhere else.

    ``name`` is what people call the vendor, ``root`` the API's address, ``authorization`` the header's value (empty: none is sent),
    ``setting`` what to check where nobody answers. ``timeout`` is in seconds and covers one attempt, connection and body included.
    """

    def __init__(self, *, name: str, root: str, authorization: Secret, policy: CallPolicy, timeout: float, setting: str) -> None:
        self._name = name
        self._root = root
        self._authorization = authorization
        self._policy = policy
        self._timeout = timeout
        self._setting = setting
        self._session: ClientSession | None = None

    async def send(
        self,
        operation: HttpOperation,
        *arguments: str,
        query: Sequence[tuple[str, str]] = (),
        data: JSON = None,
        upload: Upload | None = None,
        headers: Sequence[tuple[str, str]] = (),
    ) -> Reply:
        """Send one request, or raise before anything leaves.

        Raises `WriteRefused` for what the guard stops, `Unreachable` where no reply came, `Malformed` where it broke off. Any reply is
        returned, whatever its status.
        """
        self._admit(operation, arguments, data=data, upload=upload)
        url = self._root + operation.fill(*arguments) + (f"?{urlencode(query)}" if query else "")
        with observing.call(self._policy.vendor, operation.name) as call:
            reply = await self._exchange(operation, url, dict(headers), data=data, upload=upload)
            if isinstance(reply, Reply):
                call.answered(reply.status)
        if isinstance(reply, FiredoorError):
            # Raised here, clear of the HTTP library's own exception, whose frames hold the request.
            raise reply
        return reply

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _credentials(self) -> dict[str, str]:
        return {"Authorization": self._authorization} if self._authorization else {}

    def _admit(self, operation: HttpOperation, arguments: Sequence[str], *, data: JSON, upload: Upload | None) -> None:
        vendor = self._policy.vendor
        if self._policy.admit(operation.name) is not operation:
            raise WriteRefused("the policy knows another call by that name; it was not sent", vendor=vendor, operation=operation.name)
        if len(arguments) != len(_PARAMETER.findall(operation.path)) or any(_BENDS_A_PATH.search(each) for each in arguments):
            raise WriteRefused("its arguments would bend the path; it was not sent", vendor=vendor, operation=operation.name)
        carried = Body.FILE if upload is not None else Body.NOTHING if data is None else Body.JSON
        if carried is not operation.body or (data is not None and upload is not None):
            raise WriteRefused(f"it sends {operation.body}, not {carried}; it was not sent", vendor=vendor, operation=operation.name)

    async def _exchange(
        self, operation: HttpOperation, url: str, headers: dict[str, str], *, data: JSON, upload: Upload | None
    ) -> Reply | FiredoorError:
        import aiohttp  # noqa: PLC0415 - the catalogue loads without it
        from multidict import CIMultiDict  # noqa: PLC0415
        from yarl import URL  # noqa: PLC0415

        vendor, changed = self._policy.vendor, None if operation.writes else False
        if self._session is None:
            self._session = aiohttp.ClientSession(
                trust_env=False, cookie_jar=aiohttp.DummyCookieJar(), timeout=aiohttp.ClientTimeout(total=self._timeout)
            )
            # The library repeats a GET or DELETE by itself when the connection breaks, and has no public way to say no.
            self._session._retry_connection = False  # noqa: SLF001
        body: bytes | FormData | None = _form(upload) if upload else None
        if data is not None:
            body, headers = json.dumps(data).encode(), {**headers, "Content-Type": "application/json"}
        try:
            # encoded=True: what was checked is what is sent; the library would unquote and normalise the path anew.
            async with self._session.request(
                operation.method,
                URL(url, encoded=True),
                headers={**headers, "Accept": "application/json", "User-Agent": "firedoor", **self._credentials()},
                data=body,
                allow_redirects=False,
            ) as response:
                return Reply(status=response.status, headers=CIMultiDict(response.headers), body=await response.read())
        except aiohttp.ClientPayloadError:
            return Malformed(
                f"{self._name}'s reply broke off", vendor=vendor, operation=operation.name, changed=changed, advice="Try again"
            )
        except TimeoutError:
            what = f"{self._name} did not answer within {self._timeout:g} s"
        except (aiohttp.ClientError, OSError) as error:
            what = f"{self._name} could not be reached ({type(error).__name__})"
        advice = f"Check the network and {self._setting}, then run it again: what is already done stays done"
        return Unreachable(what, vendor=vendor, operation=operation.name, changed=changed, advice=advice)


def _form(upload: Upload) -> FormData:
    import aiohttp  # noqa: PLC0415 - as above

    form = aiohttp.FormData()
    form.add_field("file", BytesIO(upload.content), filename=upload.name, content_type=upload.type)
    return form
