"""Sample, simulated, for cases and laws. Lag: ``accounts``, the seconds that a change is not yet shown."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from firedoor.vendors.access import Access
from scaffold.sample.client import SampleClient
from scaffold.sample.operations import OPERATIONS, READ, WRITE
from scaffold.sample.simulator import SampleSimulator
from tests.tasks.rooms.base import Room, Simulated, World

TOKEN, READ_TOKEN = "canary-token-of-firedoor-7Hq2vNz", "canary-token-that-only-reads-3Kd8"
# What may become of any write: of the vendor's documentation, and of a network.
_ANY: Final = frozenset({"403 forbidden", "404 not_found", "429", "500", "500 after", "drop after", "lie"})


@asynccontextmanager
async def _open(world: World, lag: Mapping[str, float]) -> AsyncIterator[Simulated]:
    tokens = [
        {"token": TOKEN, "login": "firedoor@acme.example", "permissions": [READ, WRITE]},
        {"token": READ_TOKEN, "login": "firedoor-preview@acme.example", "permissions": [READ]},
    ]

    def connect(access: Access, url: str, *, timeout: float = 5.0) -> SampleClient:
        return SampleClient(url=url, token=TOKEN if access is Access.WRITE else READ_TOKEN, access=access, timeout=timeout)

    async with (
        SampleSimulator({**world, "tokens": tokens}, lag=lag.get("accounts", 0.0)) as sample,
        connect(Access.WRITE, sample.url) as client,
    ):
        yield Simulated(
            url=sample.url,
            connect=connect,
            client=client,
            used=client.policy.used,
            faults=sample.faults,
            state=sample.state,
            writes=sample.accepted_writes.copy,
            world=sample,
            secrets={TOKEN, READ_TOKEN},
        )


def _error_body(operation: str, code: str) -> str:
    del operation
    return json.dumps({"error": code})


def _troubles(operations: Collection[str]) -> frozenset[str]:
    return _ANY.union(*(operation.refusals for operation in OPERATIONS if operation.name in operations))


def _happen(sample: Any, event: Mapping[str, Any]) -> None:
    """An account that somebody else switches: ``{enabled: {acc-1: true}}``."""
    for name, enabled in event["enabled"].items():
        sample.accounts[name].enabled = enabled


ROOM = Room(operations=OPERATIONS, open=_open, error_body=_error_body, troubles=_troubles, happen=_happen)
