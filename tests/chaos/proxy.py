"""A proxy between a vendor's client and its simulator that plays one fault on one operation, byte by byte where it must.

It knows nothing of the simulators' own faults, and nothing of Firedoor: it reads a request, tells its operation, and gives it to the vendor
as often as the fault says; then it shows the caller what the fault says, and hangs up. Every request has a connection of its own.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit

from tests.chaos.naming import NAMED, Request
from tests.chaos.troubles import Fault, Kind, Shows, answer

LATE: Final = 0.05  # seconds that a slow reply takes: well below any client's patience
LONGEST: Final = 30.0  # nobody waits so long for a reply that never comes


@dataclass(slots=True, kw_only=True)
class _Strike:
    operation: str
    fault: Fault
    past: int
    lasting: bool


@dataclass
class Proxy:
    """An async context manager; inside it ``url`` stands for the simulator's.

    ``seen`` are the operations that came by, in order; ``played`` is how many of them were struck. ``gossip`` is what an answer that tells
    tales knows besides the request.
    """

    vendor: str
    upstream: str
    seen: list[str] = field(default_factory=list)
    played: int = 0
    url: str = ""
    gossip: str = field(default="", repr=False)
    _strikes: list[_Strike] = field(default_factory=list)
    _then_fails: bool = False
    _broken: list[Exception] = field(default_factory=list)
    _under_way: set[asyncio.Task[None]] = field(default_factory=set)

    async def __aenter__(self) -> Self:
        self.upstream = self.upstream.rstrip("/")
        self._server = await asyncio.start_server(self._greet, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()[:2]
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.close()
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        if self._broken:
            raise ExceptionGroup("the proxy itself failed", self._broken)

    def strike(self, operation: str, fault: Fault, *, past: int = 0, lasting: bool = False) -> None:
        """Play ``fault`` on the operation, once ``past`` calls of it have gone by unharmed: once, or (``lasting``) on each."""
        self._strikes.append(_Strike(operation=operation, fault=fault, past=past, lasting=lasting))

    def then_fail(self) -> None:
        """Once a fault was played, fail whatever comes after it: nobody can read what became of the write."""
        self._then_fails = True

    def clear(self) -> None:
        """From here on everything passes unharmed."""
        self._strikes.clear()
        self._then_fails = False

    async def settled(self) -> None:
        """Wait until no request is under way any more: one may still arrive at the vendor when its caller has given up."""
        if self._under_way:
            await asyncio.wait(self._under_way)

    @property
    def counts(self) -> Counter[str]:
        """How often each operation came by."""
        return Counter(self.seen)

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._under_way.add(task)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                await self._serve(reader, writer)
        except asyncio.CancelledError:
            writer.transport.abort()
        except Exception as error:  # noqa: BLE001 - what went wrong here must not pass for a fault that was meant
            self._broken.append(error)
        finally:
            self._under_way.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await read(reader)
        name = NAMED[self.vendor](request)
        self.seen.append(name)
        fault = self.due(name)
        if fault is None and self._then_fails and self.played:
            writer.write(answer(self.vendor, name, Kind.FAILED))
            await writer.drain()
            return
        if fault is None:
            writer.write(await self._deliver(request))
            await writer.drain()
            return
        self.played += 1
        reply = b""
        for _ in range(fault.delivered):
            reply = await self._deliver(request)
        if fault.shows is Shows.ANSWER:
            reply = answer(self.vendor, name, fault.kind, knows=request.raw.decode("latin-1") + self.gossip)
        await _show(fault.shows, reply, reader, writer)
        if fault.arrives_late:
            await self._deliver(request)

    def due(self, name: str) -> Fault | None:
        """What is to be played on the operation that has just come by."""
        strike = next((one for one in self._strikes if one.operation == name), None)
        if strike is None:
            return None
        if strike.past:
            strike.past -= 1
            return None
        if not strike.lasting:
            self._strikes.remove(strike)
        return strike.fault

    async def _deliver(self, request: Request) -> bytes:
        """Give the request to the vendor; the whole of its reply, in which our address stands for its own."""
        where = urlsplit(self.upstream)
        reader, writer = await asyncio.open_connection(where.hostname, where.port)
        try:
            writer.write(hanging_up(request.raw))
            reply = await reader.read(-1)
        finally:
            writer.close()
        head, _, body = reply.partition(b"\r\n\r\n")
        return _whole(head, body.replace(self.upstream.encode(), self.url.encode()), (self.upstream, self.url))


async def read(reader: asyncio.StreamReader) -> Request:
    """One request, whole. Raises `IncompleteReadError` where none comes."""
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").strip().split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if headers.get("transfer-encoding", "").lower() == "chunked":
        body, raw = await _chunks(reader)
    else:
        body = raw = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(method=method, path=path, headers=headers, body=body, raw=head + raw)


async def _chunks(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    body = raw = b""
    while True:
        size = await reader.readuntil(b"\r\n")
        chunk = await reader.readexactly(int(size, 16) + 2)
        body, raw = body + chunk[:-2], raw + size + chunk
        if len(chunk) == 2:
            return body, raw


def hanging_up(raw: bytes) -> bytes:
    """The request with word that its connection is for it alone."""
    head, _, body = raw.partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"connection:")]
    return b"\r\n".join([*lines, b"Connection: close"]) + b"\r\n\r\n" + body


def _whole(head: bytes, body: bytes, addresses: tuple[str, str]) -> bytes:
    theirs, ours = addresses
    kept = [line for line in head.split(b"\r\n") if not line.lower().startswith((b"content-length:", b"connection:"))]
    told = b"\r\n".join(kept).replace(theirs.encode(), ours.encode())
    length = b"" if told.split(b" ", 2)[1] == b"204" else b"\r\nContent-Length: %d" % len(body)
    return told + length + b"\r\nConnection: close\r\n\r\n" + body


async def _show(shows: Shows, reply: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """What the caller gets to see of the reply."""
    head, _, body = reply.partition(b"\r\n\r\n")
    match shows:
        case Shows.NOTHING:
            writer.transport.abort()
            return
        case Shows.SILENCE:
            with suppress(TimeoutError):
                await asyncio.wait_for(reader.read(1), LONGEST)
            return
        case Shows.HALF:
            writer.write(reply[: len(reply) // 2])
            await writer.drain()
            writer.transport.abort()
            return
        case Shows.SHORT:
            writer.write(_retold(head, body, len(body) + 10))
        case Shows.CUT:
            cut = body[: len(body) // 2] or b'{"'
            writer.write(_retold(head.replace(b" 204 No Content", b" 200 OK"), cut, len(cut)))
        case Shows.LATE:
            await asyncio.sleep(LATE)
            writer.write(reply)
        case Shows.TRICKLE:
            for byte in range(len(reply)):
                writer.write(reply[byte : byte + 1])
                await writer.drain()
                await asyncio.sleep(0)
        case Shows.ANSWER | Shows.REPLY:
            writer.write(reply)
    await writer.drain()


def _retold(head: bytes, body: bytes, length: int) -> bytes:
    kept = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"content-length:")]
    status = kept[0].replace(b" 204 No Content", b" 200 OK")
    return b"\r\n".join([status, *kept[1:], b"Content-Length: %d" % length]) + b"\r\n\r\n" + body
