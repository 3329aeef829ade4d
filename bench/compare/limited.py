"""Whether a vendor's limit is used up and never overrun: a sweep at a stub that takes so many requests a second, and no more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bench.compare.sides import ours
from bench.figures import Figure
from bench.sides import run
from tests.chaos.killing import helper

RATE: Final = 20.0
LEAST_USED: Final = 0.95
EDGE: Final = 0.1  # of the requests, at the beginning and again at the end, that are no steady part


async def limited(*, keys: int, rate: float = RATE) -> Sequence[Figure]:
    """The share of the limit that is used in the steady part, and how many requests were refused."""
    async with helper("bench.compare.stub") as stub:
        await run(ours(), stub, keys=keys, rate=rate)
        told = await stub.ask('{"do": "limit"}')
    times: Sequence[float] = told["times"]
    edge = int(len(times) * EDGE)
    steady = times[edge : len(times) - edge]
    used = (len(steady) - 1) / (steady[-1] - steady[0]) / rate
    said = f"{rate:g} requests a second"
    return [
        Figure(name=f"used of {said}, {keys} keys", value=used, at_least=LEAST_USED, at_most=1.0, of={"requests": len(times)}),
        Figure(name=f"refused as more than {said}", value=float(told["over"]), at_most=0.0),
    ]
