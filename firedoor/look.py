"""What the long watch saw of a run, and the decision that ends it. Pure values; `firedoor.watching` makes the looks.

A look is on record only where it differs from the one before it, so that a journal does not grow with every quiet hour.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from firedoor import signing
from firedoor.approval import Roster
from firedoor.canonical import instant

WATCH: Final = "watch"  # the line of the journal that says when the watch has looked, and at which runs


class State(StrEnum):
    """How something is found. What could not be read never stands; what was let go on purpose is nobody's alarm."""

    STANDS = "stands"
    WAITS = "waits"
    OPEN = "open"
    UNREAD = "unread"
    LEFT = "left alone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One item. ``since`` is the look that first found it so; ``again``: it was closed before, by the run or in a look."""

    item: str
    state: State
    says: str
    since: datetime
    again: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look at a run. ``changed`` are the items that people should be told of; at the first look, those that do not stand."""

    found: tuple[Found, ...]
    changed: tuple[str, ...] = ()

    def of(self, *states: State) -> tuple[Found, ...]:
        """What was found so."""
        return tuple(one for one in self.found if one.state in states)

    @property
    def fine(self) -> bool:
        """Whether nothing is open, and all could be read."""
        return not self.of(State.OPEN, State.UNREAD)


def after(before: Look | None, found: Sequence[Found]) -> Look:
    """A look that comes after another: what is as it was is so since then, and the rest has changed."""
    earlier = {one.item: one for one in before.found} if before is not None else {}
    seen, changed = [], []
    for one in found:
        was = earlier.get(one.item)
        again = one.again or (was is not None and (was.again or was.state is State.STANDS))
        seen.append(replace(one, again=again, since=was.since if was is not None and was.state is one.state else one.since))
        if _is_news(was, one):
            changed.append(one.item)
    return Look(found=tuple(seen), changed=tuple(changed))


def _is_news(was: Found | None, now: Found) -> bool:
    if was is None:
        return now.state in (State.OPEN, State.UNREAD)
    return was.state is not now.state or (now.state is State.OPEN and was.says != now.says)


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """Somebody's signed word that a run need be watched no more. ``look`` is the head of the look they went by, ``left`` what was open."""

    run: str
    incident: str
    playbook: str
    by: str
    at: datetime
    reason: str
    look: str
    left: tuple[str, ...]
    proof: str = ""

    @property
    def document(self) -> str:
        """What is signed, in words. No value spans two lines."""
        lines = [
            "Firedoor closing of an incident, version 1",
            f"run: {self.run}",
            f"incident: {self.incident}",
            f"playbook: {self.playbook}",
            "from now on nobody looks whether what this run contained still stands",
            f"open, or not read, and left so: {len(self.left)}",
            *(f"- {line}" for line in self.left),
            f"look: {self.look}",
            f"by: {self.by}",
            f"at: {instant(self.at)}",
            f"reason: {self.reason}",
        ]
        return "\n".join("".join(one if one.isprintable() else f"[U+{ord(one):04X}]" for one in line) for line in lines) + "\n"

    def holds(self, run: str, roster: Roster) -> bool:
        """Whether it is of that run, and signed by a key of somebody who is on the roster."""
        person = roster.by_name(self.by)
        return self.run == run and person is not None and signing.holds(self.document, self.proof, person.keys, hardware=False)
