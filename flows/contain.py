"""One incident contained: plan, approve, apply, verify, report. Who starts it and where it runs is in `firedoor.running`."""

from __future__ import annotations

from prefect import flow
from prefect.client.schemas.objects import State

from flows.shown import carry_out


@flow(name="contain", flow_run_name="{playbook} {run}", persist_result=False, validate_parameters=False)
async def contain(run: str, playbook: str) -> State[None]:
    """The run of that name. The parameters are names only; nothing secret passes through Prefect."""
    del playbook
    return await carry_out(run)
