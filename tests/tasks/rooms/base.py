"""What a vendor's simulator has to offer so that cases and laws can be run on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from firedoor.vendors.access import Access, Operation
from firedoor.vendors.faults import Faults
from firedoor.vendors.unclosed import Concerned

World = Mapping[str, Any]


class Connect(Protocol):
    """Makes a client of an access, by way of an address that stands for the simulator's. ``timeout`` is in seconds, for one attempt."""

    def __call__(self, access: Access, url: str, *, timeout: float = ...) -> AbstractAsyncContextManager[Any]: ...


@dataclass(slots=True, kw_only=True)
class Simulated:
    """A simulator that listens, and a writing client of it.

    ``state`` is its world now, as plain data, ``writes`` how often each writing operation had its effect, ``used`` the permissions that the
    client has used, ``secrets`` what was made for this room beyond the secrets of the world itself. ``world`` is the simulator's own.
    ``connect`` makes another client, of an access and by way of an address that stands for ``url``; with `Access.READ` it gets credentials
    that can only read. ``incidents`` are those that its clients take for open.
    """

    url: str
    connect: Connect
    client: Any
    used: set[str]
    faults: Faults
    state: Callable[[], Mapping[str, Any]]
    writes: Callable[[], Counter[str]]
    world: Any
    secrets: set[str] = field(default_factory=set)
    incidents: list[Concerned] = field(default_factory=list)


def _nothing_happens(world: Any, event: Mapping[str, Any]) -> None:
    raise AssertionError(f"nobody has taught this room how to make {event} happen in {world}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """A vendor's room. ``open`` takes a world in the simulator's own format, and seconds of lag by their names there.

    ``operations`` is the client's own table. ``error_body``: the body of an error of this vendor, by operation and code. ``troubles``: what
    can become of a write, for an action that makes these writing operations: error codes of the vendor's documentation, and what a network
    does to a reply.
    ``happen``: make something happen in the world, by its name in a case and what it is about.
    """

    operations: Sequence[Operation]
    open: Callable[[World, Mapping[str, float]], AbstractAsyncContextManager[Simulated]]
    error_body: Callable[[str, str], str]
    troubles: Callable[[Collection[str]], frozenset[str]]
    happen: Callable[[Any, Mapping[str, Any]], None] = _nothing_happens
