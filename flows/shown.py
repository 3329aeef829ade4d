"""A run, shown in Prefect: a flow run, a task run in it for each action on a target, the plan and the report as artifacts.

Prefect shows the run; it never stands in its way. If the flow has not begun within `START_SECONDS`, the same job runs without it, and the
journal says that Prefect was not told. Only one of the two can claim the job. Every wait on Prefect has an end.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

from prefect import flow, task
from prefect.artifacts import acreate_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from firedoor.report import RunOutcome
from firedoor.run import Item, StepResult
from firedoor.stage import Stage, Work
from firedoor.words import plan_markdown, report_markdown

START_SECONDS: Final = 2.0
FAREWELL_SECONDS: Final = 2.0
NOTE_SECONDS: Final = 5.0

log = logging.getLogger(__name__)
Report = Mapping[str, Any]
Job = Callable[[Stage], Awaitable[Report]]
Flow = Callable[[], Awaitable[object]]


@dataclass(slots=True)
class _Handover:
    """A job that either the flow or the plain way takes, and only one of them."""

    job: Job
    taken: asyncio.Event = field(default_factory=asyncio.Event)
    report: asyncio.Future[Report] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def take(self) -> bool:
        if self.taken.is_set():
            return False
        self.taken.set()
        return True

    async def do(self, stage: Stage) -> None:
        try:
            report = await self.job(stage)
            if not self.report.done():
                self.report.set_result(report)
        except BaseException as error:  # noqa: BLE001 - whatever ends the job is its result, raised again to whoever awaits it
            if not self.report.done():
                self.report.set_exception(error)


_handovers: dict[str, _Handover] = {}


async def carry_out(run: str) -> State[None]:
    """The body of a flow: carry out the job handed over under this run's name."""
    handover = _handovers[run]
    if not handover.take():
        return Failed(message="Firedoor went on without Prefect, which was too slow to start")
    await handover.do(OnPrefect())
    error = handover.report.exception()
    if error is not None:
        return Failed(message=type(error).__name__)
    report = handover.report.result()
    said = f"{report['outcome']}: {len(report['steps'])} steps, {len(report['open'])} open"
    return Completed(message=said) if RunOutcome(report["outcome"]).exit_code == 0 else Failed(message=said)


class OnPrefect:
    """A stage on which every item is a task run."""

    async def step(self, item: Item, work: Work) -> StepResult:
        """The item as a task run. What Prefect itself does wrong cannot lose or double the work."""
        once = _Once(work)

        @task(
            name=item.action,
            task_run_name=item.id.replace("{", "(").replace("}", ")"),
            persist_result=False,
            cache_policy=NO_CACHE,
            retries=0,
        )
        async def step() -> State[None]:
            result = await once()
            said = f"{result.outcome}: {result.reason}"
            return Completed(message=said) if result.outcome.exit_code == 0 else Failed(message=said)

        try:
            try:
                await cast("Awaitable[object]", step(return_state=True))
            except Exception as error:  # noqa: BLE001 - Prefect's own troubles are not the step's
                log.warning("Prefect could not show %s (%s)", item.id, type(error).__name__)
            return await once()
        except BaseException:
            await once.end()
            raise

    async def note(self, key: str, record: Report) -> None:
        """The plan or the report as an artifact of the flow run."""
        text = plan_markdown(record) if key == "plan" else report_markdown(record)
        try:
            async with asyncio.timeout(NOTE_SECONDS):
                await acreate_markdown_artifact(markdown=text, key=f"{key}-{record['run']}", description=f"{key} of run {record['run']}")
        except Exception as error:  # noqa: BLE001 - Prefect's own troubles are not the run's
            log.warning("Prefect did not take the %s (%s)", key, type(error).__name__)


class _Once:
    """Work that is done once, however often it is called."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._task: asyncio.Task[StepResult] | None = None

    async def __call__(self) -> StepResult:
        if self._task is None:
            self._task = asyncio.ensure_future(self._work())
        return await asyncio.shield(self._task)

    async def end(self) -> None:
        """Nobody waits for it any more: no write may leave once its run is let go."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)


async def through_prefect(run: str, flow_of: Flow, job: Job, *, unreported: Callable[[], Awaitable[None]]) -> Report:
    """Do the job inside a flow run if Prefect answers in time, plainly otherwise. ``unreported`` is called where Prefect missed its end.

    ``flow_of`` starts the flow, whose body is `carry_out`.
    """
    from firedoor.stage import Plainly  # noqa: PLC0415 - only the plain way needs it

    handover = _handovers[run] = _Handover(job)
    flow_run = asyncio.create_task(_shown(flow_of))
    taken = asyncio.create_task(handover.taken.wait())
    try:
        await asyncio.wait({flow_run, taken}, timeout=START_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        if handover.take():
            log.warning("Prefect cannot be reached; going on without it")
            flow_run.cancel()
            await handover.do(Plainly())
        return await asyncio.shield(handover.report)
    finally:
        taken.cancel()
        if not await _farewell(flow_run):
            await unreported()
        _handovers.pop(run, None)


async def _shown(flow_of: Flow) -> None:
    await flow_of()


async def _farewell(flow_run: asyncio.Task[None]) -> bool:
    """Let Prefect write its last state, but not for long: with its server gone it would try for minutes. Whether it did."""
    await asyncio.wait({flow_run}, timeout=FAREWELL_SECONDS)
    if not flow_run.done():
        flow_run.cancel()
        return False
    return not flow_run.cancelled() and flow_run.exception() is None


@flow(name="warm-up", persist_result=False)
async def _nothing() -> State[None]:
    return Completed(message="warm")


async def warm_up() -> None:
    """One empty flow run: the first of a process takes a second longer than those that follow."""
    await cast("Awaitable[object]", _nothing(return_state=True))
