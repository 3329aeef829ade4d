"""A run, shown in Prefect: a flow run, a task run in it for each action on a target, the plan and the report as artifacts.

All of this runs in Prefect's own thread and is told what goes on. Nothing of a run is done here, and nothing waits for it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from contextvars import ContextVar
from typing import Final, cast
from uuid import UUID

from prefect import flow, tags, task
from prefect.artifacts import acreate_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext
from prefect.events.worker import EventsWorker
from prefect.states import Completed, Failed

from firedoor import logs
from firedoor.report import RunOutcome
from firedoor.showing import End, Note, Showing, Step
from firedoor.words import plan_markdown, report_markdown
from flows.ended import ended

AGAIN_SECONDS: Final = 5.0
LATE: Final = "late"

log = logging.getLogger(__name__)


class _Shown:
    """One attempt to show a run. ``flow_run`` is Prefect's id of it, once it has begun; ``whole``: nothing of it was refused so far."""

    def __init__(self, showing: Showing) -> None:
        self.showing = showing
        self.flow_run: UUID | None = None
        self.whole = True


_current: ContextVar[_Shown | None] = ContextVar("shown", default=None)


async def show(showing: Showing) -> bool:
    """Show a run from its beginning to its end. Whether Prefect took all of it. While it does not answer, it is asked again."""
    from flows.contain import contain  # noqa: PLC0415 - the flows' bodies are here
    from flows.undo import undo  # noqa: PLC0415

    order, shown = showing.order, _Shown(showing)
    _current.set(shown)
    while True:
        try:
            with tags(*([LATE] if showing.late else [])):
                if order.undoes:
                    await undo(order.run, order.undoes, return_state=True)
                else:
                    await contain(order.run, order.playbook, return_state=True)
        except Exception as error:  # noqa: BLE001 - whatever Prefect's troubles are, the run has none
            log.warning("Prefect cannot show run %s (%s)", order.run, type(error).__name__)
            shown.whole = shown.flow_run is None
        if shown.flow_run or showing.over:
            break
        await asyncio.sleep(AGAIN_SECONDS)
    return shown.flow_run is not None and shown.whole and await _arrived(shown.flow_run)


async def _arrived(flow_run: UUID) -> bool:
    """Whether the server knows the flow run's end, once it was sent the ends of its task runs."""
    await asyncio.to_thread(EventsWorker.instance().wait_until_empty)
    async with get_client() as client:
        state = (await client.read_flow_run(flow_run)).state
    return state is not None and state.is_final()


async def carry_out(run: str) -> State[None]:
    """The body of a flow: show what is told of that run until it ends. A flow that somebody has run again by itself resumes the run."""
    shown = _current.get()
    if shown is None:
        logs.begin()
        return await ended(_resumed(run))
    context = FlowRunContext.get()
    assert context is not None
    assert context.flow_run is not None
    assert shown.showing.order.run == run, "a flow shows the run that it is named after"
    shown.flow_run = context.flow_run.id
    async with asyncio.TaskGroup() as group:
        while not isinstance(told := await shown.showing.told(), End):
            group.create_task(_take(told, shown))
    return _ended(told, shown.showing)


async def _resumed(run: str) -> State[None]:
    """The run goes on from its journal, as with `firedoor resume`, and is shown as it always is: by a flow run of its own."""
    from firedoor import running  # noqa: PLC0415 - no flow that is only shown needs the whole house

    report = await running.resume(run, who=None, say=log.info)
    said = f"{report['outcome']}: {len(report['steps'])} steps, {len(report['open'])} open"
    return Completed(message=said) if RunOutcome(report["outcome"]).exit_code == 0 else Failed(message=said)


def _ended(end: End, showing: Showing) -> State[None]:
    late = f"Reported late (it ended {showing.late:%Y-%m-%d %H:%M:%S} UTC). " if showing.late else ""
    if end.report is None:
        return Failed(message=f"{late}{end.died}")
    said = f"{late}{end.report['outcome']}: {len(end.report['steps'])} steps, {len(end.report['open'])} open"
    return Completed(message=said) if RunOutcome(end.report["outcome"]).exit_code == 0 else Failed(message=said)


async def _take(told: Step | Note, shown: _Shown) -> None:
    """Show one thing. What goes wrong in it does not keep the others from being shown."""
    try:
        await (_step(told) if isinstance(told, Step) else _note(told, shown.showing))
    except Exception as error:  # noqa: BLE001 - Prefect's own troubles are not the run's
        log.warning("Prefect did not take all of run %s (%s)", shown.showing.order.run, type(error).__name__)
        shown.whole = False


async def _step(told: Step) -> None:
    """An item as a task run that lasts as long as the item does."""

    @task(
        name=told.item.action,
        task_run_name=told.item.id.replace("{", "(").replace("}", ")"),
        persist_result=False,
        cache_policy=NO_CACHE,
        retries=0,
    )
    async def step() -> State[None]:
        result = await asyncio.wrap_future(told.ended)
        if result is None:
            return Failed(message="it was called off before its end")
        said = f"{result.outcome}: {result.reason}"
        return Completed(message=said) if result.outcome.exit_code == 0 else Failed(message=said)

    await cast("Awaitable[object]", step(return_state=True))


async def _note(told: Note, showing: Showing) -> None:
    """The plan or the report as an artifact of the flow run."""
    text = plan_markdown(told.record) if told.key == "plan" else report_markdown(told.record)
    about = f"{told.key} of run {showing.order.run}{', reported late' if showing.late else ''}"
    await acreate_markdown_artifact(markdown=text, key=f"{told.key}-{showing.order.run}", description=about)


@flow(name="warm-up", persist_result=False)
async def _nothing() -> State[None]:
    return Completed(message="warm")


async def warm_up() -> None:
    """One empty flow run."""
    await cast("Awaitable[object]", _nothing(return_state=True))
