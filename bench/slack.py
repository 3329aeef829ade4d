"""Slack: how long an ack takes while many runs go on, and how long it is from the last approval to the first write."""

from __future__ import annotations

import asyncio
import random
import time
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from bench.figures import Figure, spread
from bench.stand import Stand, stand
from bench.world import RESPONDERS, member
from firedoor.exercise.estate import CHANNEL
from firedoor.vendors.slack.people import Person

RUNS: Final = 50
SECONDS: Final = 60.0
APPROVED: Final = 50
LAG_SECONDS: Final = 15.0  # half of what Okta's System Log takes in real life
THINKING: Final = (5.0, 15.0)  # how long somebody looks before they approve
KINDS: Final = {"/firedoor": "command", "block_actions": "button", "view_submission": "form"}


async def acks(folder: Path) -> list[Figure]:
    """`RUNS` runs go on beside each other in one process, each somewhere between its first word and its end: planned, waiting for somebody
    to approve it, applied, verified. All that people do meanwhile is measured.
    """
    dice = random.Random(7)  # noqa: S311 - the load is to be the same each time
    async with stand(folder, lag=LAG_SECONDS) as place:
        until = time.monotonic() + SECONDS
        await asyncio.gather(*(_busy(place, number, until, dice) for number in range(RUNS)))
    figures: list[Figure] = []
    for kind, what in KINDS.items():
        seen = [one for one in place.times["deliveries"] if one["type"] == kind]
        lost = sum(not one["acked"] for one in seen)
        taken = [one["seconds"] * 1000 for one in seen]
        figures += spread(f"ack of a {what}, {RUNS} runs going on", taken, wished={99: 500.0}, lost=lost)
    return figures


async def _busy(place: Stand, number: int, until: float, dice: random.Random) -> None:
    """A responder asks, and asks how it stands; the next one thinks, and approves; and again once it has ended."""
    await asyncio.sleep(dice.uniform(0.0, THINKING[1]))
    while time.monotonic() < until:
        run = await place.ask(number)
        async with Person(place.slack_url, member(number)) as person:
            await person.command(CHANNEL, f"/firedoor status {run}")
        await asyncio.sleep(dice.uniform(*THINKING))
        await place.approve((number + 1) % RESPONDERS, run)
        await place.ended(run)


async def first_writes(folder: Path) -> list[Figure]:
    """One run after another: from the submission of the last approval, as it leaves Slack, to the first write as Okta has it."""
    async with stand(folder, lag=0.0) as place:
        for number in range(APPROVED):
            run = await place.ask(number % RESPONDERS)
            await place.approve((number + 1) % RESPONDERS, run)
            if (outcome := await place.ended(run)) != "contained":
                raise RuntimeError(f"run {run} ended as {outcome}")
    taken = _after(place.times)
    return spread("last approval to first write", taken, at_most={50: 150.0, 95: 400.0}, lost=APPROVED - len(taken))


def _after(times: Mapping[str, Any]) -> Sequence[float]:
    """Milliseconds from each submission to the write that came next."""
    writes = sorted(times["writes"])
    asked = [one["at"] for one in times["deliveries"] if one["type"] == "view_submission"]
    found = [(at, bisect_left(writes, at)) for at in asked]
    return [(writes[index] - at) * 1000 for at, index in found if index < len(writes)]
