from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from firedoor.vendors.access import Access
from firedoor.vendors.aws.client import AwsClient
from firedoor.vendors.aws.operations import OPERATIONS
from firedoor.vendors.aws.simulator import AwsLag, AwsSimulator
from firedoor.vendors.aws.wire import JSON_SERVICES, error_body
from firedoor.vendors.unclosed import Concerned
from tests.tasks.rooms.base import Room, Simulated, World


class Noted:
    """Incidents that a test writes down."""

    def __init__(self, incidents: Sequence[Concerned]) -> None:
        self._incidents = incidents

    async def concerned(self) -> Sequence[Concerned]:
        return tuple(self._incidents)


@asynccontextmanager
async def _open(world: World, lag: Mapping[str, float]) -> AsyncIterator[Simulated]:
    incidents: list[Concerned] = []
    async with AwsSimulator(world, lag=AwsLag(**{"iam": 0.0, "waf": 0.0, "rotation": 0.0, **lag})) as aws:

        def connect(access: Access, url: str, *, timeout: float = 5.0) -> AwsClient:
            where: dict[str, Any] = {"credentials": aws.credentials, "endpoint": url, "timeout": timeout, "prepared": aws.prepared}
            where["unclosed"] = Noted(incidents)
            client = AwsClient(aws.roles(access), access, **where)
            client.waf.pause = 0.001
            return client

        async with connect(Access.WRITE, aws.url) as client:
            yield Simulated(
                url=aws.url,
                connect=connect,
                client=client,
                used=client.policy.used,
                faults=aws.faults,
                state=aws.state,
                writes=lambda: Counter(record.operation for record in aws.accepted_writes()),
                world=aws,
                secrets=aws.secrets,
                incidents=incidents,
            )


def _error_body(operation: str, code: str) -> str:
    return error_body(operation.partition(":")[0], code, "no")


_EVERY: Final = frozenset({"drop after", "lie", "200 after"})
_QUERY: Final = frozenset(
    {"403 AccessDenied", "403 InvalidClientTokenId", "400 Throttling", "500 ServiceFailure", "500 ServiceFailure after"}
)
_JSON: Final = frozenset(
    {
        *("400 AccessDeniedException", "400 UnrecognizedClientException", "400 ThrottlingException"),
        *("500 InternalFailure", "500 InternalFailure after"),
    }
)


def _troubles(operations: Collection[str]) -> frozenset[str]:
    """Those of each operation, and what AWS's two wire shapes have in common."""
    found: set[str] = set(_EVERY)
    for operation in OPERATIONS:
        service, _, name = operation.name.partition(":")
        if name in operations:
            found |= {*operation.refusals, *(_JSON if service in JSON_SERVICES else _QUERY)}
    return frozenset(found)


ROOM = Room(operations=OPERATIONS, open=_open, error_body=_error_body, troubles=_troubles)
