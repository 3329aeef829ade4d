"""People are told in a file, a line at a time: a channel to begin with, which decides nothing. Whoever reads it decides by signature.

A channel shows what the journal holds. What is told holds no secret, for nothing that a channel is handed has one; but it says who is
being contained, so the file is its owner's alone. Each method may raise `ChannelError`: the engine notes it and goes on, and containment
waits for nobody.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from firedoor.channel import Ask
from firedoor.errors import ChannelError
from firedoor.run import Order, StepResult


class Sample:
    """A `Channel` of lines in a file. The file is made where there is none."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def asked(self, ask: Ask) -> None:
        """What is asked, change by change, and how to decide."""
        run, request = ask.order.run, ask.request
        until = f"until {request.expires:%Y-%m-%d %H:%M} UTC"
        decide = f"decide: firedoor approve {run} --key FILE"
        await self._tell([f"run {run} asks for {int(request.required)}, {until}", *request.lines, decide, f"journal head {ask.head}"])

    async def reminded(self, ask: Ask, urgency: int) -> None:
        """That it still waits."""
        await self._tell([f"run {ask.order.run} still waits, reminder {urgency}"])

    async def begun(self, order: Order) -> None:
        """That a sweep was approved."""
        await self._tell([f"run {order.run} is approved and under way; to stop it: firedoor stop {order.run} --key FILE"])

    async def progressed(self, order: Order, result: StepResult) -> None:
        """A step's end."""
        await self._tell([f"run {order.run}: {result.outcome} {result.item}"])

    async def finished(self, order: Order, report: Mapping[str, Any]) -> None:
        """How the run ended; what is open comes first."""
        still = [f"OPEN: {one['id']}, {one['outcome']}: {one['reason']}" for one in report["open"]]
        await self._tell([*still, f"run {order.run} is over: {report['outcome']}"])

    async def where(self, run: str) -> str:
        """Nowhere that a link could lead to."""
        del run
        return ""

    async def _tell(self, lines: Sequence[str]) -> None:
        try:
            await asyncio.to_thread(self._append, "".join(f"{line}\n" for line in lines))
        except OSError as error:
            raise ChannelError(f"{self._path} cannot be written ({error.strerror})", advice="Make room and rights for it") from error

    def _append(self, text: str) -> None:
        with os.fdopen(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
