"""How long a whole sweep takes, beside the least it could take and beside Cloud Custodian, at moto; side after side, several times over.

Firedoor's way is the longer one: order, approval by somebody on the roster, intents on record before each write, and a listing at the end
that proves it. The script makes the same calls and nothing else. Custodian looks at each user by itself, and not again afterwards.

A moto that is no way off is a wait for moto: it takes some 3 ms of its one processor a call, whoever asks, and a key costs each side three
calls. There the script shows what Firedoor adds. That Custodian makes its changes one after the other shows only where a call has a way to
go, as it has to AWS.
"""

from __future__ import annotations

import inspect
import statistics
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

from bench.compare import sides
from bench.compare.figures import Figure
from firedoor.vendors.aws.client import AwsClient
from tests.chaos.killing import helper

MOST_OF_FLOOR: Final = 1.15
MOST_OF_CUSTODIAN: Final = 0.7
THREADS: Final = int(inspect.signature(AwsClient).parameters["pool"].default)  # as many as Firedoor has, where nobody sets it otherwise


async def race(*, keys: int, rounds: int, latency: float = 0.0, custodian: bool = True) -> Sequence[Figure]:
    """Seconds of each side, and Firedoor's to theirs: each the median of the rounds, a ratio that of its rounds' own ratios.

    ``latency`` is in seconds: how far away moto is, from every side alike. With any, Custodian's limit is held, and the script that makes
    one call after the other is left out: it would only wait.
    """
    single = [] if latency else [sides.floor(1)]
    all_sides = [sides.ours(), sides.floor(THREADS), *([sides.custodian()] if custodian else []), *single]
    taken: dict[str, list[Mapping[str, Any]]] = {side.name: [] for side in all_sides}
    async with helper("bench.compare.motoworld") as moto:
        for round_ in range(rounds):
            for side in all_sides[round_ % 2 :] + all_sides[: round_ % 2]:
                found = await sides.run(side, moto, keys=keys, latency=latency)
                taken[side.name].append(found)
                sys.stderr.write(f"round {round_ + 1}: {side.name} took {found['seconds']:.1f} s; {_told(found['calls'])}\n")
    where = f"{keys} keys at moto" + (f", {latency * 1000:g} ms away" if latency else "")
    ours, floor, *others = (taken[side.name] for side in all_sides)
    ratios = [_ratio(f"Firedoor to the script with as many threads, {where}", ours, floor, MOST_OF_FLOOR)]
    if custodian:
        ratios.append(_ratio(f"Firedoor to Cloud Custodian, {where}", ours, others[0], MOST_OF_CUSTODIAN if latency else None))
    return [*(_seconds(f"{side.name}, {where}", taken[side.name]) for side in all_sides), *ratios]


def _seconds(name: str, found: Sequence[Mapping[str, Any]]) -> Figure:
    each = [round(one["seconds"], 2) for one in found]
    of = {"rounds": each, "calls": found[-1]["calls"]}
    return Figure(name=name, value=statistics.median(each), unit="s", of=of)


def _ratio(name: str, mine: Sequence[Mapping[str, Any]], theirs: Sequence[Mapping[str, Any]], most: float | None) -> Figure:
    value = statistics.median(one["seconds"] / other["seconds"] for one, other in zip(mine, theirs, strict=True))
    return Figure(name=name, value=value, at_most=most)


def _told(calls: Mapping[str, int]) -> str:
    return ", ".join(f"{many} {name}" for name, many in calls.items())
