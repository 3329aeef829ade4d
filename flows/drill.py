"""A tabletop exercise as a flow, for the schedule: the very drill of the command line, its report as an artifact.

The containment in it is a flow run below this one. Whoever looks at Prefect sees a drill that went red when the attacker was still in; one
on the real estate, where it would not have been contained.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Mapping, Sequence

from prefect import flow
from prefect.artifacts import acreate_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from firedoor import drilling, exercising, logs
from firedoor.exercise import tabletopwords, told
from firedoor.report import RunOutcome
from firedoor.words import headline
from flows.ended import ended

log = logging.getLogger(__name__)


@flow(name="drill", flow_run_name="drill {scenario}", persist_result=False)
async def drill(
    scenario: str = "cloudflare-okta-2023",
    lag: float = 0.1,
    against: str = "simulated",
    inputs: dict[str, list[str]] | None = None,
    requester: str = "",
) -> State[None]:
    """One exercise, approved by a scripted person. ``lag`` scales the vendors' own: 1.0 is real life.

    With ``against`` "live": on the real estate, approved by real people, with no write. It is about ``inputs``, or else about what the
    setting ``exercise_inputs`` names, and asked for by ``requester``, who is on the roster (FIREDOOR_REQUESTER, where none is named).
    """
    logs.begin()
    if against not in ("simulated", "live"):
        return Failed(message=f"against is simulated or live, not {against!r}")
    if against == "live":
        return await ended(_exercise(scenario, inputs or {}, requester or os.environ.get("FIREDOOR_REQUESTER", "")))
    return await ended(_drill(scenario, lag))


async def _exercise(scenario: str, inputs: Mapping[str, Sequence[str]], requester: str) -> State[None]:
    report = await exercising.hold(scenario, inputs, by=requester, say=log.warning)
    await acreate_markdown_artifact(markdown=tabletopwords.render(report), key="exercise", description=f"exercise {scenario}, for real")
    said = headline(report)
    return Completed(message=said) if RunOutcome(report["outcome"]).exit_code == 0 else Failed(message=said)


async def _drill(scenario: str, lag: float) -> State[None]:
    report = await drilling.run(scenario, approve="auto", lag=lag, contains=True, as_json=True)
    await acreate_markdown_artifact(markdown=told.render(report), key="drill", description=f"exercise {scenario}")
    said = f"{report['outcome']}; the attacker is {'locked out' if report['attacker']['locked_out'] else 'STILL IN'}"
    return Completed(message=said) if told.exit_code(report) == 0 else Failed(message=said)


if __name__ == "__main__":
    asyncio.run(drill())
