"""Judges a drill by the attacker's own record: contained means that its every attempt fails. Our word for it does not count."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ENOUGH = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try of one foothold; ``at`` is in seconds since the epoch."""

    at: float
    foothold: str
    ok: bool
    how: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Foothold:
    """What became of one way in. Seconds count from the approval; None where it never succeeded after it."""

    name: str
    last_success_seconds: float | None
    locked_out: bool
    last_success_at: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What became of the attacker. ``interference``: how often they stood in the defenders' way, and how often that was heeded."""

    attempts: int
    locked_out: bool
    footholds: tuple[Foothold, ...]
    interference: int = 0
    heeded: int = 0


def read(log: Path) -> tuple[Attempt, ...]:
    """All attempts on record. A last line that was not written whole is left out."""
    if not log.exists():
        return ()
    lines = log.read_text(encoding="utf-8").split("\n")[:-1]
    return tuple(Attempt(**json.loads(line)) for line in lines)


def leftovers(log: Path, *, quiet_since: float) -> tuple[str, ...]:
    """What still works of that which nobody could take away: a report must name it."""
    return tuple(dict.fromkeys(one.foothold for one in read(log) if one.ok and one.at >= quiet_since))


def read_interference(log: Path) -> tuple[bool, ...]:
    """For each attempt to stand in the defenders' way, whether it was heeded."""
    lines = log.read_text(encoding="utf-8").split("\n")[:-1] if log.exists() else []
    return tuple(bool(json.loads(line)["accepted"]) for line in lines)


def judge(attempts: Sequence[Attempt], *, approved: float, quiet_since: float, interference: Sequence[bool] = ()) -> Judgement:
    """The footholds, each by its last success.

    A foothold counts as shut only if it worked at some time, was tried at least `ENOUGH` times after ``quiet_since``, and failed each time:
    an attacker that died, or that never got in, proves nothing.
    """
    names = list(dict.fromkeys(attempt.foothold for attempt in attempts))
    footholds = tuple(_foothold(name, [one for one in attempts if one.foothold == name], approved, quiet_since) for name in names)
    return Judgement(
        attempts=len(attempts),
        locked_out=bool(footholds) and all(one.locked_out for one in footholds),
        footholds=footholds,
        interference=len(interference),
        heeded=sum(interference),
    )


def _foothold(name: str, tries: Sequence[Attempt], approved: float, quiet_since: float) -> Foothold:
    successes = [one.at for one in tries if one.ok]
    late = [one for one in tries if one.at >= quiet_since]
    last = max(successes, default=None)
    return Foothold(
        name=name,
        last_success_seconds=round(last - approved, 3) if last is not None and last >= approved else None,
        locked_out=last is not None and last < quiet_since and len(late) >= ENOUGH,
        last_success_at=last,
    )
