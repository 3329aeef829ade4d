"""What must not be touched, and how much at once: checked on the plan, before anybody is asked. Pure.

A refusal concerns one item; the others go on. That is deliberate: an attacker who gets a protected name into a plan must not stop the rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from firedoor.approval import Roster
from firedoor.model import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """``protected`` maps a target name (``okta:user:admin@example.com``) to why; ``limit`` is the most targets of one action in a run."""

    protected: Mapping[str, str]
    roster: Roster
    limit: int

    def refusal(self, target: Target) -> str:
        """Why the target may not be touched in an ordinary run; empty where it may."""
        whys = {name.casefold(): why for name, why in self.protected.items()}
        for name in target.names:
            if (why := whys.get(name.casefold())) is not None:
                return f"{target.label} is protected: {why or 'no reason is on record'}"
        if people := self.roster.among(target.names):
            return (
                f"{target.label} is protected: {people[0].name} is on Firedoor's roster, and responders are not contained by one approval"
            )
        return ""

    def excess(self, action: str, targets: Sequence[Target], *, limit: int) -> str:
        """Why an action may not run on so many targets; empty where it may. ``limit`` is the action's own; the smaller one counts."""
        most = min(limit, self.limit)
        if len(targets) <= most:
            return ""
        return f"{action} would touch {len(targets)} targets; the limit is {most}. Split the run, or raise the limit by daylight"
