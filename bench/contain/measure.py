"""How long a whole containment takes, beside the least it could take, a script, and Ansible, at the same simulated vendors.

Firedoor's way is the longer one: each intent is on the disk before its write, and each receipt after it. What it saves is that everything
that may go on at once does, as it does on the floor, and that nobody starts a Python for each call.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from bench.contain.ansible import COMMAND
from bench.figures import Figure
from bench.sides import Side, Taken, of_module, race, ratio, seconds
from firedoor.errors import FiredoorError
from tests.chaos.killing import helper

PEOPLE: Final = 50  # as many as one run may touch, where nobody sets it otherwise
FAR: Final = 0.1
OURS, FLOOR, SCRIPT, ANSIBLE = "Firedoor", "the bare calls, at once", "a script, call after call", "ansible-playbook"
MOST: Final = {FLOOR: 1.3, SCRIPT: 0.5, ANSIBLE: 0.3}


async def containment(*, people: int, rounds: int, slow: int, latency: float, ansible: bool = True) -> Sequence[Figure]:
    """Seconds of each side, and Firedoor's to theirs. ``slow``: in how many of the rounds those take part that take minutes.

    The limits are held where a call takes as long as one to a real vendor (``latency`` is `FAR`), for as many people as one run may touch.
    """
    sides = [
        of_module(OURS, "bench.contain.ours"),
        of_module(FLOOR, "bench.contain.floor"),
        of_module(SCRIPT, "bench.contain.script", rounds=slow),
        *([_ansible(people, slow)] if ansible else []),
    ]
    async with helper("bench.contain.vendors") as vendors:
        taken = await race(sides, vendors, rounds=rounds, people=people, latency=latency)
    where = f"{people} people, {latency * 1000:g} ms a call"
    held = latency == FAR and people == PEOPLE
    return [
        *(seconds(f"{name}, {where}", found, side=name, **_besides(found)) for name, found in taken.items()),
        *(
            ratio(f"{OURS} to {name}, {where}", taken[OURS], found, MOST[name] if held else None)
            for name, found in taken.items()
            if name != OURS
        ),
        Figure(name=f"{OURS}, memory at most, {where}", value=max(one["peak_mb"] for one in taken[OURS]), unit="MB"),
    ]


def _ansible(people: int, rounds: int) -> Side:
    if not COMMAND.exists():
        raise FiredoorError(f"there is no {COMMAND}", advice="Run `make bench`, which puts it there, or leave it out: --without-ansible")
    return of_module(ANSIBLE, "bench.contain.ansible", rounds=rounds, forks=people)


def _besides(found: Sequence[Taken]) -> Mapping[str, Any]:
    """What else a side told of its rounds."""
    names = [name for name in ("told", "cpu", "events", "start") if name in found[-1]]
    return {name: [round(one[name], 3) for one in found] for name in names}
