"""How long a whole sweep takes, beside the least it could take and beside Cloud Custodian, at moto; side after side, several times over.

Firedoor's way is the longer one: order, approval by somebody on the roster, intents on record before each write, and a listing at the end
that proves it. The script makes the same calls and nothing else. Custodian looks at each user by itself, and not again afterwards.

A moto that is no way off is a wait for moto: it takes some 3 ms of its one processor a call, whoever asks, and a key costs each side three
calls. There the script shows what Firedoor adds. That Custodian makes its changes one after the other shows only where a call has a way to
go, as it has to AWS.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Final

from bench.compare import sides
from bench.figures import Figure
from bench.sides import race as rounds_of
from bench.sides import ratio, seconds
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
    async with helper("bench.compare.motoworld") as moto:
        taken = await rounds_of(all_sides, moto, rounds=rounds, keys=keys, latency=latency)
    where = f"{keys} keys at moto" + (f", {latency * 1000:g} ms away" if latency else "")
    ours, floor, *others = (taken[side.name] for side in all_sides)
    ratios = [ratio(f"Firedoor to the script with as many threads, {where}", ours, floor, MOST_OF_FLOOR)]
    if custodian:
        ratios.append(ratio(f"Firedoor to Cloud Custodian, {where}", ours, others[0], MOST_OF_CUSTODIAN if latency else None))
    return [*(seconds(f"{side.name}, {where}", taken[side.name]) for side in all_sides), *ratios]
