"""What is struck: every write of every action, and every write of its undo, on cases that between them make all of those writes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from tests.tasks.harness import CATALOGUE, Case, cases

# What makes a case another story: it has troubles of its own.
_TROUBLED: Final = frozenset({"faults", "then", "lag", "clear"})


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class Scene:
    """A case, done or (``back``) undone."""

    action: str
    case: str
    back: bool

    @property
    def says(self) -> str:
        """Its name."""
        return f"{'undo of ' if self.back else ''}{self.action} ({self.case})"

    @property
    def data(self) -> Case:
        """The case itself."""
        return next(case for case in cases() if (case.action, case.name) == (self.action, self.case))


@cache
def scenes() -> tuple[Scene, ...]:
    """All of them: of each action its ordinary case, and others while they make a write that none before them makes."""
    found = [case for name in sorted(CATALOGUE.actions) for case in _of(name)]
    ways = [(case, back) for case in found for back in (False, True) if not back or _undoable(case)]
    return tuple(Scene(action=case.action, case=case.name, back=back) for case, back in ways)


def _of(name: str) -> list[Case]:
    chosen: list[Case] = []
    made: set[str] = set()
    for case in sorted((case for case in cases() if case.action == name and _is_plain(case)), key=_the_ordinary_first):
        writes = set(case.data.get("writes", ())) - {"writeLocalTicket"}
        if case.name.startswith("ordinary") or not writes <= made:
            chosen.append(case)
            made |= writes
    return chosen


def _is_plain(case: Case) -> bool:
    return case.data.get("outcome") == "CHANGED" and not _TROUBLED & case.data.keys()


def _the_ordinary_first(case: Case) -> tuple[bool, str]:
    return not case.name.startswith("ordinary"), case.name


def _undoable(case: Case) -> bool:
    undo: Any = case.data.get("undo", {})
    return "changes" in undo
