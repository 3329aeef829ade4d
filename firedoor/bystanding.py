"""The office of a process that holds an exercise: it tells and stops, and has nothing to contain with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from firedoor.channel import Later
from firedoor.errors import BadInput
from firedoor.starts import Starts


class Bystander(Starts):
    """An `Office` that begins nothing: who asks it for a containment is told at once where they get one."""

    async def contain(self, person: str, playbook: str, given: Mapping[str, Sequence[str]], *, run: str = "") -> Later:
        """Raises `BadInput`."""
        del person, given, run
        raise _elsewhere(f"contain {playbook} -i KEY=VALUE --key FILE")

    async def freeze(self, person: str, users: Sequence[str], *, run: str = "") -> Later:
        """Raises `BadInput`."""
        del person, run
        raise _elsewhere(f"freeze {' '.join(users)} --key FILE")

    async def undo(self, person: str, run: str) -> Later:
        """Raises `BadInput`."""
        del person
        raise _elsewhere(f"undo {run} --key FILE")

    async def drill(self, person: str) -> Later:
        """Raises `BadInput`."""
        del person
        raise _elsewhere("drill")


def _elsewhere(words: str) -> BadInput:
    what = "only an exercise listens here just now, which can change nothing; nothing was begun"
    return BadInput(what, advice=f"At a terminal: firedoor {words}. Where `firedoor serve` runs, it is heard here")
