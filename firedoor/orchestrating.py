"""Runs shown in Prefect, where a server is named. Nothing of Prefect is imported before that is known."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from firedoor.journal import Journal, Kind
from firedoor.run import Order

if TYPE_CHECKING:
    from firedoor.stage import Stage

# Set before Prefect is imported: it must start no server of its own, nor hold up the end of a run with the minutes of its own patience.
PREFECT: Final = {
    "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",
    "PREFECT_CLIENT_MAX_RETRIES": "1",
    "PREFECT_API_REQUEST_TIMEOUT": "5",
    "PREFECT_LOGGING_INTERNAL_LEVEL": "CRITICAL",
}

Report: TypeAlias = Mapping[str, Any]


async def orchestrate(order: Order, job: Callable[[Stage], Awaitable[Report]], journal: Journal) -> Report:
    """Do the job, shown in Prefect where a server is named (PREFECT_API_URL), plainly otherwise."""
    if not os.environ.get("PREFECT_API_URL"):
        from firedoor.stage import Plainly

        return await job(Plainly())
    for variable, value in PREFECT.items():
        os.environ.setdefault(variable, value)
    from flows.contain import contain as contain_flow
    from flows.shown import through_prefect
    from flows.undo import undo as undo_flow

    def shown() -> Awaitable[object]:
        if order.undoes:
            return undo_flow(order.run, order.undoes, return_state=True)
        return contain_flow(order.run, order.playbook, return_state=True)

    async def unreported() -> None:
        await journal.append(order.run, Kind.NOTED, {"prefect": "not reported"})

    return await through_prefect(order.run, shown, job, unreported=unreported)
