"""What a channel is told, the contract it fulfils, and where it takes people's orders.

A channel shows what the journal holds; it decides nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from firedoor.approval import Request
from firedoor.playbook import Playbook
from firedoor.run import Item, Order, StepResult
from firedoor.situation import Situation

# What comes of an order, in words for whoever gave it. It may take a while. Raises `FiredoorError`.
Later: TypeAlias = Awaitable[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A request for approval with all that a tired person needs to judge it.

    ``approved``: who has approved it so far. ``head``: the journal's as it was asked; told now, it shows later that nothing was rewritten.
    """

    title: str
    order: Order
    request: Request
    items: tuple[Item, ...]
    approved: tuple[str, ...] = ()
    head: str = ""


class Channel(Protocol):
    """Where people are asked and told. An error here never holds up containment: the engine notes it and goes on."""

    async def asked(self, ask: Ask) -> None:
        """Show the request to the people who may decide."""

    async def reminded(self, ask: Ask, urgency: int) -> None:
        """The request still waits. ``urgency`` is 1 the first time."""

    async def begun(self, order: Order) -> None:
        """A sweep was approved and is under way, or goes on."""

    async def progressed(self, order: Order, result: StepResult) -> None:
        """A step has ended."""

    async def finished(self, order: Order, report: Mapping[str, Any]) -> None:
        """The run is over and verified, or says what is open."""

    async def where(self, run: str) -> str:
        """The address of a run's request, for people; empty where it has none here."""


class Office(Protocol):
    """Where people's orders go. ``person`` is a name on the roster. What cannot be taken raises `FiredoorError` at once."""

    def playbooks(self) -> Sequence[Playbook]:
        """Those that can be run."""

    def name_run(self) -> str:
        """A name for a run that is yet to begin. However often it is begun under that name, it is begun once."""

    async def contain(self, person: str, playbook: str, given: Mapping[str, Sequence[str]], *, run: str = "") -> Later:
        """Start a run."""

    async def freeze(self, person: str, users: Sequence[str], *, run: str = "") -> Later:
        """Freeze a few people, on the standing approval. Raises `BadInput` as `contain`."""

    async def undo(self, person: str, run: str) -> Later:
        """Undo one."""

    async def drill(self, person: str) -> Later:
        """Hold a drill, which touches nothing real."""

    async def stop(self, person: str, run: str) -> str:
        """Let one begin no further write."""

    async def status(self, run: str = "") -> str:
        """Where one stands, or all do; a line each."""

    async def situations(self) -> Sequence[Situation]:
        """Where the newest runs stand, newest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Together:
    """Several channels in the place of one. Each has a voice of its own, so that none waits for what another cannot say."""

    channels: tuple[Channel, ...]


def each(channel: Channel | Together) -> tuple[Channel, ...]:
    """The channels that are told."""
    return channel.channels if isinstance(channel, Together) else (channel,)


class Silent:
    """A channel nobody listens to: previews need none."""

    async def asked(self, ask: Ask) -> None:
        """Nothing is shown."""

    async def reminded(self, ask: Ask, urgency: int) -> None:
        """Nobody is."""

    async def begun(self, order: Order) -> None:
        """Nothing is told."""

    async def progressed(self, order: Order, result: StepResult) -> None:
        """Nothing is told."""

    async def finished(self, order: Order, report: Mapping[str, Any]) -> None:
        """Nothing is told."""

    async def where(self, run: str) -> str:
        """Nowhere."""
        del run
        return ""
