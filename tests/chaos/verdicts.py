"""What is wrong with how a struck step ended, by the vendor's world alone: what was done twice, not done, or told falsely."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from firedoor.canonical import canonical
from firedoor.model import Outcome
from tests.chaos.figures import Figures
from tests.laws.masks import mask

WELL = frozenset({Outcome.CHANGED, Outcome.ALREADY})
World = Mapping[str, Any]


class Wrong(StrEnum):
    """The four ways of being wrong."""

    DOUBLED = "doubled"
    LOST = "lost"
    FALSE_SUCCESS = "false_success"
    FALSE_FAILURE = "false_failure"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong, in words."""

    wrong: Wrong
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a step said of itself, and the world it left. ``seen_done``: another reading finds nothing left to do."""

    outcome: Outcome
    reason: str
    world: World
    seen_done: bool


class _Pairs(tuple[tuple[str, Any], ...]):
    """A JSON object whose keys may be alike once they are masked."""

    __slots__ = ()


def leaves(world: World, given: World) -> Counter[str]:
    """Every leaf with its path, as often as it is there. What stands in a list has no place in it."""
    found: Counter[str] = Counter()

    def walk(path: str, value: object) -> None:
        if isinstance(value, _Pairs):
            for name, each in value:
                walk(f"{path}/{name}", each)
        elif isinstance(value, list):
            for each in value:
                walk(f"{path}[]", each)
        else:
            found[f"{path}={json.dumps(value)}"] += 1

    walk("", json.loads(mask(canonical(world), given), object_pairs_hook=_Pairs))
    return found


def paths(of: Counter[str]) -> Counter[str]:
    """How many leaves there are at each path, whatever they hold."""
    found: Counter[str] = Counter()
    for leaf, times in of.items():
        found[leaf.partition("=")[0]] += times
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """``given`` is the world a scene began with, ``before`` the one that the step was let loose on, ``wanted`` what comes of it when
    nothing goes wrong.
    """

    given: World
    before: World
    wanted: World

    def right(self, world: World) -> bool:
        """Whether the world is as it would be without any fault."""
        return leaves(world, self.given) == leaves(self.wanted, self.given)

    def more(self, world: World) -> str:
        """What is there that neither was there nor should be; empty where nothing is."""
        due = paths(leaves(self.wanted, self.given)) | paths(leaves(self.before, self.given))
        more = paths(leaves(world, self.given)) - due
        return _listed(more) if more else ""

    def differs(self, world: World) -> str:
        """How the world differs from the wanted one."""
        found, wanted = leaves(world, self.given), leaves(self.wanted, self.given)
        return f"there is {_listed(found - wanted)}; missing is {_listed(wanted - found)}"

    def ended(self, told: Told, *, fair: bool) -> list[Finding]:
        """What is wrong with one end, whatever may come later."""
        found: list[Finding] = []
        more = self.more(told.world)
        if more and fair:
            found.append(Finding(wrong=Wrong.DOUBLED, says=f"{told.outcome}, and twice there: {more}"))
        right = self.right(told.world)
        if told.outcome in WELL and not right and not more:
            found.append(Finding(wrong=Wrong.FALSE_SUCCESS, says=f"{told.outcome}, but {self.differs(told.world)}"))
        if told.outcome not in WELL and right and told.seen_done:
            found.append(Finding(wrong=Wrong.FALSE_FAILURE, says=f"{told.outcome}, though it is done: {told.reason}"))
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Between:
    """The judge of an undo before which somebody else changed something: what they did stays, and only what the run did is taken back.

    ``given`` is the world a scene began with, ``done`` what came of the run, ``undone`` what comes of the undo where nobody interferes,
    ``meanwhile`` what somebody else made of what was done. ``stops``: nothing can be undone then, so it must not be called undone, and
    nothing be touched.
    """

    given: World
    done: World
    undone: World
    meanwhile: World
    stops: bool

    def ended(self, told: Told) -> list[Finding]:
        """What is wrong with the end of the undo."""
        undone, done, meanwhile, found = (leaves(each, self.given) for each in (self.undone, self.done, self.meanwhile, told.world))
        added, removed = meanwhile - done, done - meanwhile
        due = meanwhile if self.stops else (undone | added) - removed
        differs = f"there is {_listed(found - due)}; missing is {_listed(due - found)}"
        if gone := added - found:
            return [Finding(wrong=Wrong.LOST, says=f"{told.outcome}, and what somebody else did is gone: {_listed(gone)}")]
        if more := paths(found) - (paths(undone) | paths(done) | paths(meanwhile)):
            return [Finding(wrong=Wrong.DOUBLED, says=f"{told.outcome}, and twice there: {_listed(more)}")]
        if told.outcome in WELL:
            return [Finding(wrong=Wrong.FALSE_SUCCESS, says=f"{told.outcome}, but {differs}")] if self.stops or found != due else []
        if self.stops:
            return [Finding(wrong=Wrong.LOST, says=f"{told.outcome}, but {differs}")] if found != due else []
        if found == due and told.seen_done:
            return [Finding(wrong=Wrong.FALSE_FAILURE, says=f"{told.outcome}, though it is undone: {told.reason}")]
        return [Finding(wrong=Wrong.LOST, says=f"{told.outcome}, though nothing is in the way: {told.reason}")]


def _listed(of: Counter[str]) -> str:
    return ", ".join(sorted(of.elements())) or "nothing"


def figures(found: list[Finding], where: str, *, faults: int = 1) -> Figures:
    """What was wrong with one end, and how many faults were played for it."""
    counts = Counter(finding.wrong.value for finding in found)
    return Figures(faults=faults, **counts, found=tuple(f"{finding.wrong}: {where}: {finding.says}" for finding in found))
