from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from typing import Final

from firedoor.vendors.access import Access
from firedoor.vendors.aws.client import AwsClient
from firedoor.vendors.aws.operations import OPERATIONS
from firedoor.vendors.aws.simulator import AwsLag, AwsSimulator
from firedoor.vendors.aws.wire import error_body
from tests.tasks.rooms.base import Room, Simulated, World


@asynccontextmanager
async def _open(world: World, lag: Mapping[str, float]) -> AsyncIterator[Simulated]:
    async with (
        AwsSimulator(world, lag=AwsLag(**{"iam": 0.0, **lag})) as aws,
        AwsClient(
            aws.roles(Access.WRITE), Access.WRITE, credentials=aws.credentials, endpoint=aws.url, timeout=5.0, prepared=aws.prepared
        ) as client,
    ):
        yield Simulated(
            client=client,
            used=client.policy.used,
            faults=aws.faults,
            state=aws.state,
            writes=lambda: Counter(record.operation for record in aws.accepted_writes()),
            world=aws,
            secrets={aws.credentials.secret},
        )


def _error_body(operation: str, code: str) -> str:
    if operation.startswith("organizations:"):
        return json.dumps({"__type": code, "Message": "no"})
    return error_body(operation.partition(":")[0], code, "no")


_ANY: Final = frozenset(
    {
        *("403 AccessDenied", "403 InvalidClientTokenId", "400 Throttling"),
        *("500 ServiceFailure", "500 ServiceFailure after", "drop after", "lie", "200 after"),
    }
)


def _troubles(operations: Collection[str]) -> frozenset[str]:
    return _ANY.union(*(operation.refusals for operation in OPERATIONS if operation.name.partition(":")[2] in operations))


ROOM = Room(open=_open, error_body=_error_body, troubles=_troubles)
