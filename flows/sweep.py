"""A sweep by schedule, on its mandate: one task run a batch, its progress and its report as artifacts, other workers called to help.

What a batch is and whether it was settled is in the journal; Prefect shows it. Workers hold the identities that only sweep.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Final, cast
from uuid import UUID

from prefect import flow, task
from prefect.artifacts import (
    acreate_markdown_artifact,
    acreate_progress_artifact,
    acreate_table_artifact,
    aupdate_progress_artifact,
)
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.deployments import run_deployment
from prefect.states import Completed, Failed

from firedoor import logs, sweeps, sweepwords
from firedoor.sweep import Batch, Progress, Settled
from firedoor.sweeping import Report, Sweeping
from flows.ended import ended

HELPER: Final = "sweep-help/sweep-helper"
SHOWN_EACH: Final = 2.0  # seconds between two looks at how far it is

log = logging.getLogger(__name__)


@flow(name="sweep", flow_run_name="sweep {sweep}", persist_result=False)
async def sweep(sweep: str, helpers: int = 0) -> State[None]:
    """The sweep of that name; so many runs of the helper's deployment are asked to work at its batches too."""
    logs.begin()
    return await ended(_sweep(sweep, helpers))


async def _sweep(sweep: str, helpers: int) -> State[None]:
    bar = _Bar()
    showing = asyncio.create_task(bar.show())
    try:
        change = partial(replace, run_batch=as_task, told=bar.hear, call_helpers=partial(_call, helpers))
        report = await sweeps.nightly(sweep, sweeping=cast("Callable[[Sweeping], Sweeping]", change))
    finally:
        showing.cancel()
        await asyncio.gather(showing, return_exceptions=True)
    await _keep(report)
    headline = sweepwords.headline(report)
    return Completed(message=headline) if report["outcome"] == "closed" else Failed(message=headline)


@flow(name="sweep-help", flow_run_name="help with sweep {run}", persist_result=False)
async def sweep_help(run: str) -> State[None]:
    """Work off batches of a sweep that another worker coordinates, until it is over."""
    logs.begin()
    return await ended(_help(run))


async def _help(run: str) -> State[None]:
    change = partial(replace, run_batch=as_task)
    settled = await sweeps.help_out(run, sweeping=cast("Callable[[Sweeping], Sweeping]", change))
    return Completed(message=f"{settled} batches settled here")


async def as_task(batch: Batch, work: Callable[[], Awaitable[Settled | None]]) -> Settled | None:
    """A batch as a task run. Raises whatever the work does."""
    under_way = asyncio.ensure_future(work())

    @task(
        name="batch",
        task_run_name=f"{batch.round}.{batch.number} {batch.source} {batch.place}",
        persist_result=False,
        cache_policy=NO_CACHE,
        retries=0,
    )
    async def one() -> State[None]:
        return await ended(_told(under_way))

    try:
        await cast("Awaitable[State[None]]", one(return_state=True))
        return await under_way
    finally:
        under_way.cancel()


async def _told(under_way: Awaitable[Settled | None]) -> State[None]:
    settled = await under_way
    if settled is None:
        return Completed(message="another worker has it")
    return Completed(message=f"{settled.found} credentials, {settled.wrote} writes")


async def _call(helpers: int, run: str) -> None:
    """Ask for runs of the helper's deployment. Without them the sweep goes on alone."""
    for _ in range(helpers):
        try:
            await cast("Awaitable[object]", run_deployment(HELPER, parameters={"run": run}, timeout=0, as_subflow=False))
        except Exception as error:  # noqa: BLE001 - Prefect's troubles are not the sweep's
            log.warning("nobody could be asked to help with sweep %s (%s)", run, type(error).__name__)


async def _keep(report: Report) -> None:
    """The report, and a line a type, as artifacts."""
    run = str(report["run"])
    rows = [{"type": kind, **counts} for kind, counts in report["types"].items()]
    rows += [{"type": "LEFT OVER", "what": one["id"], "why": one["reason"]} for one in report["open"]]
    try:
        await acreate_table_artifact(table=rows, key=f"sweep-{run}", description=sweepwords.headline(report))
        await acreate_markdown_artifact(markdown=sweepwords.report(report), key=f"sweep-report-{run}", description="the whole report")
    except Exception as error:  # noqa: BLE001 - Prefect's troubles are not the sweep's
        log.warning("Prefect did not take the report of sweep %s (%s)", run, type(error).__name__)


class _Bar:
    """The progress of the present round as an artifact."""

    def __init__(self) -> None:
        self._heard: Progress | None = None
        self._artifact: UUID | None = None

    def hear(self, progress: Progress) -> None:
        self._heard = progress

    async def show(self) -> None:
        while True:
            await asyncio.sleep(SHOWN_EACH)
            if self._heard is not None:
                with suppress(Exception):  # it is shown again in a moment
                    await self._show(self._heard)

    async def _show(self, progress: Progress) -> None:
        number = max(progress.rounds)
        every = [one for one in progress.batches.values() if one.round == number]
        done = 100.0 * len(progress.of_round(number)) / max(len(every), 1)
        if self._artifact is None:
            self._artifact = await acreate_progress_artifact(progress=done, description="batches of the present listing")
        else:
            await aupdate_progress_artifact(artifact_id=self._artifact, progress=done, description=f"listing {number}")
