"""A tabletop exercise as a flow, for the schedule: the very drill of the command line, its report as an artifact.

The containment in it is a flow run below this one. Whoever looks at Prefect sees a drill that went red when the attacker was still in.
"""

from __future__ import annotations

import asyncio

from prefect import flow
from prefect.artifacts import acreate_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from firedoor import drilling, logs
from firedoor.exercise import told
from flows.ended import ended


@flow(name="drill", flow_run_name="drill {scenario}", persist_result=False)
async def drill(scenario: str = "cloudflare-okta-2023", lag: float = 0.1) -> State[None]:
    """One exercise, approved by a scripted person. ``lag`` scales the vendors' own: 1.0 is real life."""
    logs.begin()
    return await ended(_drill(scenario, lag))


async def _drill(scenario: str, lag: float) -> State[None]:
    report = await drilling.run(scenario, approve="auto", lag=lag, contains=True, as_json=True)
    await acreate_markdown_artifact(markdown=told.render(report), key="drill", description=f"exercise {scenario}")
    said = f"{report['outcome']}; the attacker is {'locked out' if report['attacker']['locked_out'] else 'STILL IN'}"
    return Completed(message=said) if told.exit_code(report) == 0 else Failed(message=said)


if __name__ == "__main__":
    asyncio.run(drill())
