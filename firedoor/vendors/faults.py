"""What can go wrong on the wire, as data: the simulators play these so that lost, late and lying replies can be tested."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Effect(StrEnum):
    """Whether the request has its effect on the simulated world before the fault shows."""

    NONE = "none"
    FIRST = "first"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One planned fault. ``operation`` is the vendor's name of the call.

    ``status`` 0 lets the true reply through, slowed by ``delay`` seconds; ``drop`` breaks the connection in place of a reply.
    With ``status`` 200 and `Effect.NONE` the simulator lies: it says yes and does nothing.
    """

    operation: str
    effect: Effect = Effect.NONE
    status: int = 0
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    drop: bool = False
    delay: float = 0.0


class Faults:
    """The faults still to be played, first planned first; one call takes at most one."""

    def __init__(self) -> None:
        self._planned: list[Fault] = []

    def plan(self, fault: Fault, *, times: int = 1) -> None:
        """Play ``fault`` on the next ``times`` calls of its operation."""
        self._planned.extend([fault] * times)

    def take(self, operation: str) -> Fault | None:
        """The fault for this call, removed from the plan; None where the call goes through unharmed."""
        for position, fault in enumerate(self._planned):
            if fault.operation == operation:
                return self._planned.pop(position)
        return None
