"""What leaves the process, and where to: for every client that stands on `GuardedHttp`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from firedoor.errors import Malformed, Misconfigured, Unreachable, VendorError, WriteRefused
from firedoor.vendors.access import Access, CallPolicy, Operation
from firedoor.vendors.http import Body, GuardedHttp, HttpOperation, Secret, Upload, basic, bearer, root_of, secret_of

CANARY = "canary-7Hq2vNzExampleOnly"
GET = HttpOperation(name="get", method="GET", path="/things/{id}", permission="", writes=False)
PUT = HttpOperation(name="put", method="PUT", path="/things/{id}", permission="", writes=True, body=Body.JSON)
SEND = HttpOperation(name="send", method="POST", path="/files", permission="", writes=True, body=Body.FILE)
OK = b"HTTP/1.1 200 OK\r\nSet-Cookie: sid=theirs\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"


@dataclass(slots=True)
class Raw:
    """A server that answers the same bytes to everything, and keeps what it is sent."""

    url: str
    heard: list[bytes]


@asynccontextmanager
async def serving(payload: bytes = OK) -> AsyncIterator[Raw]:
    heard: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next((int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")), 0)
        heard.append(head + await reader.readexactly(length))
        writer.write(payload)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield Raw(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", heard)


@asynccontextmanager
async def sender(url: str, access: Access = Access.WRITE, known: Sequence[Operation] = (GET, PUT, SEND)) -> AsyncIterator[GuardedHttp]:
    policy = CallPolicy(vendor="acme", access=access, operations=known)
    token = bearer(secret_of(CANARY, setting="ACME_TOKEN"))
    http = GuardedHttp(name="Acme", root=f"{url}/api", authorization=token, policy=policy, timeout=1.0, setting="ACME_URL")
    try:
        yield http
    finally:
        await http.close()


async def test_what_is_sent_is_what_was_meant_and_nothing_else() -> None:
    async with serving() as raw, sender(raw.url) as http:
        for _ in range(2):
            reply = await http.send(GET, "a b", query=[("q", "x&y"), ("n", "1"), ("n", "2")])
        await http.send(PUT, "a", data={"k": "\u00e9"})
        await http.send(SEND, upload=Upload(name="r.md", content=b"# R", type="text/markdown"), headers=[("X-Token", "no-check")])
    assert (reply.status, reply.body) == (200, b"{}")
    first, again, put, file = raw.heard
    assert first.startswith(b"GET /api/things/a%20b?q=x%26y&n=1&n=2 HTTP/1.1\r\n")
    assert b"cookie" not in again.lower()
    assert f"Authorization: Bearer {CANARY}".encode() in first
    assert put.endswith(b'{"k": "\\u00e9"}')
    assert b"Content-Type: application/json" in put
    assert b'name="file"; filename="r.md"' in file
    assert b"X-Token: no-check" in file


@pytest.mark.parametrize("argument", ["..", ".", "", "a/b", "a\\b", "a\nb", "a\x00"])
async def test_an_argument_that_would_bend_the_path_is_not_sent(argument: str) -> None:
    async with serving() as raw, sender(raw.url) as http:
        with pytest.raises(WriteRefused):
            await http.send(GET, argument)
    assert raw.heard == []


@pytest.mark.parametrize(
    ("operation", "arguments", "carried"),
    [
        (PUT, ("a",), {"data": {}}),
        (SEND, (), {"upload": Upload(name="x", content=b"")}),
    ],
)
async def test_a_reader_sends_no_write(operation: HttpOperation, arguments: Sequence[str], carried: dict[str, Any]) -> None:
    async with serving() as raw, sender(raw.url, Access.READ) as http:
        with pytest.raises(WriteRefused):
            await http.send(operation, *arguments, **carried)
        await http.send(GET, "a")
    assert len(raw.heard) == 1


@pytest.mark.parametrize(
    ("operation", "arguments", "carried"),
    [
        (HttpOperation(name="delete", method="DELETE", path="/things", permission="", writes=True), (), {}),
        (HttpOperation(name="get", method="DELETE", path="/things/{id}", permission="", writes=False), ("a",), {}),
        (GET, (), {}),
        (GET, ("a", "b"), {}),
        (GET, ("a",), {"data": {"k": 1}}),
        (PUT, ("a",), {}),
        (PUT, ("a",), {"upload": Upload(name="x", content=b"")}),
        (SEND, (), {"data": {}}),
        (SEND, (), {"data": {}, "upload": Upload(name="x", content=b"")}),
    ],
)
async def test_what_is_not_in_the_table_is_not_sent(operation: HttpOperation, arguments: Sequence[str], carried: dict[str, Any]) -> None:
    async with serving() as raw, sender(raw.url) as http:
        with pytest.raises(WriteRefused):
            await http.send(operation, *arguments, **carried)
    assert raw.heard == []


async def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    async with serving() as elsewhere:
        away = f"HTTP/1.1 307 Moved\r\nLocation: {elsewhere.url}/x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()
        async with serving(away) as raw, sender(raw.url) as http:
            assert (await http.send(PUT, "a", data={})).status == 307
    assert elsewhere.heard == []


async def test_the_environments_proxy_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving() as proxy, serving() as raw, sender(raw.url) as http:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("http_proxy", proxy.url)
        await http.send(GET, "a")
    assert (len(proxy.heard), len(raw.heard)) == (0, 1)


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b'HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{"id": "00u', Malformed),
        (b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"id"\r\n', Malformed),
        (b"garbage\r\n\r\n", Unreachable),
        (b"", Unreachable),
    ],
)
@pytest.mark.parametrize("write", [False, True])
async def test_a_reply_that_breaks_off_leaves_a_write_open(payload: bytes, expected: type[VendorError], *, write: bool) -> None:
    async with serving(payload) as raw, sender(raw.url) as http:
        with pytest.raises(expected) as raised:
            await (http.send(PUT, "a", data={}) if write else http.send(GET, "a"))
    assert raised.value.changed is (None if write else False)
    assert raised.value.__context__ is None
    assert len(raw.heard) == 1, "the HTTP library repeats nothing by itself"


@pytest.mark.parametrize(
    ("url", "root"),
    [
        ("https://jira.acme.example", "https://jira.acme.example"),
        ("https://JIRA.acme.example:8443/jira/", "https://jira.acme.example:8443/jira"),
        ("http://127.0.0.1:80", "http://127.0.0.1:80"),
        ("http://localhost/a/b", "http://localhost/a/b"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_addresses_that_requests_may_go_to(url: str, root: str) -> None:
    assert root_of(url, setting="ACME_URL") == root


@pytest.mark.parametrize(
    "url",
    [
        "",
        "jira.acme.example",
        "ftp://jira.acme.example",
        "http://jira.acme.example",
        "http://127.0.0.1.evil.example",
        "https://user:pass@jira.acme.example",
        "https://jira.acme.example/?a=1",
        "https://jira.acme.example/#a",
        "https://jira.acme.example/../x",
        "https://jira.acme.example/a b",
        "https://jira.acme.example/%2e%2e",
        "https://j\u0456ra.acme.example",
        "https://[::1",
        "https://",
    ],
)
def test_addresses_that_they_may_not(url: str) -> None:
    with pytest.raises(Misconfigured, match="ACME_URL"):
        root_of(url, setting="ACME_URL")


def test_secrets_print_as_asterisks() -> None:
    class Holder:
        def get_secret_value(self) -> str:
            return CANARY

    token = secret_of(Holder(), setting="ACME_TOKEN")
    assert CANARY not in repr([token, bearer(token), basic("ada", token), {"k": Secret(CANARY)}])
    assert bearer(token) == f"Bearer {CANARY}"
    assert basic("ada", Secret("b")) == "Basic YWRhOmI="


@pytest.mark.parametrize("text", ["", "two words", "t\u00f6ken", "tok\nen"])
def test_what_is_no_token_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(Misconfigured, match="ACME_TOKEN") as refused:
        secret_of(text, setting="ACME_TOKEN")
    assert not text or text not in str(refused.value)
