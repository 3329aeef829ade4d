"""What a channel is told, and the contract it fulfils. A channel shows what the journal holds; it decides nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from firedoor.approval import Request
from firedoor.run import Item, Order, StepResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A request for approval with all that a tired person needs to judge it. ``approved``: who has approved it so far."""

    title: str
    order: Order
    request: Request
    items: tuple[Item, ...]
    approved: tuple[str, ...] = ()


class Channel(Protocol):
    """Where people are asked and told. An error here never holds up containment: the engine notes it and goes on."""

    async def asked(self, ask: Ask) -> None:
        """Show the request to the people who may decide."""

    async def reminded(self, ask: Ask, urgency: int) -> None:
        """The request still waits. ``urgency`` is 1 the first time."""

    async def progressed(self, order: Order, result: StepResult) -> None:
        """A step has ended."""

    async def finished(self, order: Order, report: Mapping[str, Any]) -> None:
        """The run is over and verified, or says what is open."""


class Silent:
    """A channel nobody listens to: previews need none."""

    async def asked(self, ask: Ask) -> None:
        """Nothing is shown."""

    async def reminded(self, ask: Ask, urgency: int) -> None:
        """Nobody is."""

    async def progressed(self, order: Order, result: StepResult) -> None:
        """Nothing is told."""

    async def finished(self, order: Order, report: Mapping[str, Any]) -> None:
        """Nothing is told."""
