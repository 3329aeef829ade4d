"""How long a whole sweep takes, beside the least it could take and beside Cloud Custodian, at moto; side after side, several times over.

Firedoor's way is the longer one: order, approval by somebody on the roster, intents on record before each write, and a listing at the end
that proves it. The script makes the same calls and nothing else. Custodian looks at each user by itself, and not again afterwards.
"""

from __future__ import annotations

import inspect
import statistics
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

from bench.compare import sides
from bench.compare.figures import Figure
from bench.compare.sides import Side
from firedoor.vendors.aws.client import AwsClient
from tests.chaos.killing import helper

MOST_OF_FLOOR: Final = 1.15
MOST_OF_CUSTODIAN: Final = 0.7
THREADS: Final = int(inspect.signature(AwsClient).parameters["pool"].default)  # as many as Firedoor has, where nobody sets it otherwise


async def race(*, keys: int, rounds: int, latency: float = 0.0, custodian: bool = True) -> Sequence[Figure]:
    """Seconds of each side, and Firedoor's to theirs: each the median of the rounds, a ratio that of its rounds' own ratios.

    ``latency`` is in seconds: how far away moto is, from every side alike. Without any, moto's own work is nearly all there is to wait for.
    """
    all_sides = [sides.ours(), sides.floor(THREADS), sides.floor(1), *([sides.custodian()] if custodian else [])]
    taken: dict[str, list[Mapping[str, Any]]] = {side.name: [] for side in all_sides}
    async with helper("bench.compare.motoworld") as moto:
        for round_ in range(rounds):
            for side in all_sides[round_ % 2 :] + all_sides[: round_ % 2]:
                found = await sides.run(side, moto, keys=keys, latency=latency)
                taken[side.name].append(found)
                sys.stderr.write(f"round {round_ + 1}: {side.name} took {found['seconds']:.1f} s; {_told(found['calls'])}\n")
    return [*(_seconds(side, keys, taken[side.name]) for side in all_sides), *_ratios(all_sides, taken)]


def _seconds(side: Side, keys: int, found: Sequence[Mapping[str, Any]]) -> Figure:
    each = [round(one["seconds"], 2) for one in found]
    of = {"rounds": each, "calls": found[-1]["calls"]}
    return Figure(name=f"{side.name}, {keys} keys at moto", value=statistics.median(each), unit="s", of=of)


def _ratios(all_sides: Sequence[Side], taken: Mapping[str, Sequence[Mapping[str, Any]]]) -> Sequence[Figure]:
    ours, floor, _, *custodian = (taken[side.name] for side in all_sides)
    against = [
        ("the script with as many threads", floor, MOST_OF_FLOOR),
        *(("Cloud Custodian", one, MOST_OF_CUSTODIAN) for one in custodian),
    ]
    return [
        Figure(
            name=f"Firedoor to {name}",
            value=statistics.median(mine["seconds"] / other["seconds"] for mine, other in zip(ours, theirs, strict=True)),
            at_most=most,
        )
        for name, theirs, most in against
    ]


def _told(calls: Mapping[str, int]) -> str:
    return ", ".join(f"{many} {name}" for name, many in calls.items())
