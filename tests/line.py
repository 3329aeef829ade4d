"""A TCP port in front of a server, which can be shut, opened again, and struck dumb."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field


@dataclass(slots=True)
class Line:
    """A TCP port in front of the one that a server listens on. While it is ``silent``, it takes connections, and nothing comes of them."""

    port: int
    url: str = ""
    silent: bool = False
    _own: int = 0
    _server: asyncio.Server | None = None
    _ends: set[asyncio.StreamWriter] = field(default_factory=set)

    async def shut(self) -> None:
        """The server is out of reach from now on: connections are refused, and those that stand are broken."""
        for end in self._ends:
            end.transport.abort()
        if self._server is not None:
            self._server.close()
            self._server = None

    async def open(self) -> None:
        """It can be reached again."""
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", self._own)
        self._own = self._server.sockets[0].getsockname()[1]

    @property
    def address(self) -> str:
        """The server's URL by way of this port."""
        return self.url.replace(f":{self.port}/", f":{self._own}/")

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self.port)
        self._ends |= {writer, back}
        await asyncio.gather(self._pass(reader, back), self._pass(there, writer))

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                if not self.silent:
                    writer.write(data)
                    await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()
            self._ends.discard(writer)
