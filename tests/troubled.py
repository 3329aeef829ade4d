"""Servers on real sockets that are there and no help: they refuse, never answer, answer late, or fail at every call."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

Answerer: TypeAlias = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass(slots=True)
class Server:
    """What stands in Prefect's place. ``asked`` and ``answered`` count its requests."""

    url: str = ""
    listens: bool = False
    asked: int = 0
    answered: int = 0


@asynccontextmanager
async def serving(answer: Answerer) -> AsyncIterator[Server]:
    """A server that treats every request alike, for as long as anybody is there."""
    found, conversations = Server(listens=True), set[asyncio.Task[Any]]()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        conversations.add(task)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
                found.asked += 1
                length = [line.partition(":")[2] for line in head.splitlines() if line.startswith("content-length:")]
                await reader.readexactly(int(length[0]) if length else 0)
                await answer(writer)
                found.answered += 1
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            conversations.discard(task)
            writer.close()

    async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
        found.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/api"
        try:
            yield found
        finally:
            for task in conversations:
                task.cancel()
            await asyncio.gather(*conversations, return_exceptions=True)


async def never(writer: asyncio.StreamWriter) -> None:
    del writer
    await asyncio.Event().wait()


async def failing_always(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
    await writer.drain()


async def after_ten_seconds(writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(10)
    await failing_always(writer)


@asynccontextmanager
async def refusing() -> AsyncIterator[Server]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        yield Server(url=f"http://127.0.0.1:{probe.getsockname()[1]}/api")  # bound, and nobody listens there


TROUBLES: Mapping[str, Callable[[], AbstractAsyncContextManager[Server]]] = {
    "refused": refusing,
    "blackholed": partial(serving, never),
    "slow": partial(serving, after_ten_seconds),
    "disk full": partial(serving, failing_always),
}
