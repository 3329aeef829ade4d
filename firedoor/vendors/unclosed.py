"""Whom incidents concern that nobody has closed yet: asked by clients before something is put where one of them might take it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Concerned:
    """A target of the open incident of ``run``, what people call it, and its `Target.names`.

    ``unread`` is why nobody can tell whom the run concerns; empty where it can be told. Without a run, it cannot be told which are open.
    """

    run: str
    label: str
    names: tuple[str, ...] = ()
    unread: str = ""


class Unclosed(Protocol):
    """Whoever knows the incidents."""

    async def concerned(self) -> Sequence[Concerned]:
        """Every target of every incident that is open now. Raises `JournalError`."""


class Nobody:
    """There are no incidents: it is a drill's world, or there is no journal."""

    async def concerned(self) -> Sequence[Concerned]:
        """None."""
        return ()
