"""What a hostile attempt is. Each theme makes many out of few words, by multiplying its kinds with actions and variations."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from tests.channels.slack.scene import SlackMode

if TYPE_CHECKING:
    from tests.abuse.ground import Ground

Make: TypeAlias = Callable[["Ground"], Awaitable[str | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One hostile act. ``make`` does it, and returns what its maker was told where Slack does not show it to them.

    ``opens``: a view may open, for it shows what the journal has. ``writes``: whoever does it has the database, and leaves what they like
    in the journal; only what has force counts. ``allowed`` is what may come to have force all the same, in the judge's words: somebody's
    own decision, among many that are not. ``{open}`` stands for the run that waits.
    """

    kind: str
    variation: str
    make: Make
    opens: bool = False
    writes: bool = False
    allowed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Theme:
    """Kinds that need the same ground. ``attempts`` are made in their order, in each of the ``ways`` in which Slack reaches the app.

    ``scene`` are options of the scene, ``prepare`` begins what is attacked. After each kind, ``control`` must still work.
    """

    name: str
    attempts: Callable[[SlackMode], Iterator[Attempt]]
    prepare: Callable[[Ground], Awaitable[None]]
    control: Callable[[Ground], Awaitable[None]]
    ways: tuple[SlackMode, ...] = ("socket", "http")
    scene: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of an attempt: what came to have force, what went wrong in the app, what its maker was told."""

    kind: str
    variation: str
    way: str
    accepted: tuple[str, ...]
    crashes: tuple[str, ...]
    words: tuple[str, ...]
