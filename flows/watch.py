"""The long watch by schedule: whether what runs contained still stands. Read-only credentials; red means that something is open.

It tells nobody by itself: what it finds is on record, and `firedoor serve` tells the run's thread of each change.
"""

from __future__ import annotations

import asyncio
import logging

from prefect import flow
from prefect.artifacts import acreate_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from firedoor import incidents, logs, watchwords
from flows.ended import ended

log = logging.getLogger(__name__)


@flow(name="watch", persist_result=False)
async def watch() -> State[None]:
    """One look at all that is watched."""
    logs.begin()
    return await ended(_watch())


async def _watch() -> State[None]:
    look = await incidents.watch()
    said = watchwords.headline(look)
    try:
        await acreate_markdown_artifact(markdown=watchwords.report(look), key="watch", description=said)
    except Exception as error:  # noqa: BLE001 - Prefect's troubles are not the watch's
        log.warning("Prefect did not take what the watch has seen (%s)", type(error).__name__)
    return Completed(message=said) if incidents.exit_code(look) == 0 else Failed(message=said)


if __name__ == "__main__":
    asyncio.run(watch())
