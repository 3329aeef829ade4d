"""What a credential costs where there are more of them: processor time each, and the most memory at once, at a stub of constant time.

AWS lets no account have more than 5,000 users ("IAM and AWS STS quotas"). So the keys of each size are spread over as many accounts as the
largest size needs: an account costs something too, and is not what is measured.
"""

from __future__ import annotations

import math
import statistics
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

from bench.compare.sides import ours
from bench.figures import Figure
from bench.sides import run
from tests.chaos.killing import helper

USERS: Final = 5000
SIZES: Final = (500, 5000, 50_000)
SMALL: Final = SIZES[:2]
FLAT: Final = 0.10
MOST_MEMORY: Final = 1.25


async def growth(sizes: Sequence[int], *, accounts: int = 0) -> Sequence[Figure]:
    """Figures of each size, and of the last to the one before it; these are limits where the sizes are `SIZES`.

    That one is measured again after the last, and the mean counts: on a busy machine the same work takes a tenth more or less of processor
    time, and minutes lie between the sizes. ``accounts`` 0: as many as AWS's quota asks for.
    """
    before, last = sizes[-2:]
    found: dict[int, list[Mapping[str, Any]]] = {keys: [] for keys in sizes}
    async with helper("bench.compare.stub") as stub:
        for keys in (*sizes, before):
            one = await run(ours(), stub, keys=keys, accounts=accounts or math.ceil(max(sizes) / USERS))
            sys.stderr.write(f"{keys} keys: {one['seconds']:.1f} s, {one['calls']}\n")
            found[keys].append(one)
    each = {keys: statistics.mean(one["cpu"] for one in runs) / keys * 1000 for keys, runs in found.items()}
    peaks = {keys: statistics.mean(one["peak_mb"] for one in runs) for keys, runs in found.items()}
    held = tuple(sizes) == SIZES
    grown = f"{last} keys to {before}"
    seconds = {str(keys): [round(one["seconds"], 1) for one in runs] for keys, runs in found.items()}
    return [
        *(Figure(name=f"Firedoor's processor time a key, of {keys}", value=value, unit="ms") for keys, value in each.items()),
        *(Figure(name=f"Firedoor's memory at most, of {keys} keys", value=value, unit="MB") for keys, value in peaks.items()),
        Figure(
            name=f"processor time a key, {grown}",
            value=each[last] / each[before],
            at_most=1 + FLAT if held else None,
            of={"seconds": seconds},
        ),
        Figure(name=f"memory, {grown}", value=peaks[last] / peaks[before], at_most=MOST_MEMORY if held else None),
    ]
