"""One process at a time works on a run, a containment's or a sweep's; a dead one's hold ends by itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from firedoor.errors import LeaseLost, RunHeld, RunTaken
from firedoor.lease import TTL_SECONDS, Lease, Leases


def held_as(run: str) -> str:
    """What whoever works on a run holds the lease of."""
    return f"run:{run}"


@asynccontextmanager
async def alone(leases: Leases, run: str) -> AsyncIterator[Lease]:
    """Nobody else works on the run meanwhile. Raises `RunHeld` before anything is done, where another process lives that does.

    Raises `RunTaken` from within, where another one has taken the run over: who was stopped for so long records nothing more about it.
    """
    async with AsyncExitStack() as held:
        try:
            hold = await held.enter_async_context(leases.holding(held_as(run), patience=TTL_SECONDS + 1.0))
        except LeaseLost as busy:
            raise RunHeld(f"run {run} is being worked on by another process", advice=f"Follow it with `firedoor show {run}`") from busy
        try:
            yield hold
        except LeaseLost as lost:
            what = f"another process took run {run} over while this one stood still, and goes on with it"
            advice = f"What was done so far is on record: firedoor show {run}"
            raise RunTaken(what, changed=None, advice=advice) from lost
