"""The pace: asked before each attempt, told the headers of each reply, by the part of the API that Okta counts by."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from firedoor.errors import RateLimited
from firedoor.vendors.access import Access
from firedoor.vendors.faults import Fault
from firedoor.vendors.okta.client import OktaClient
from firedoor.vendors.okta.meter import OktaLimits
from firedoor.vendors.okta.operations import OPERATIONS
from firedoor.vendors.okta.simulator import OktaSimulator
from firedoor.vendors.okta.world import OktaWorld
from firedoor.vendors.okta.worlddata import world_of
from firedoor.vendors.pace import Free, Pace
from tests.vendors.okta.conftest import BOT, CANARY, DATA, JANE


class Told:
    """Keeps what it is asked and told, in order."""

    def __init__(self) -> None:
        self.all: list[tuple[str, str]] = []
        self.said: list[tuple[int, int, datetime]] = []
        self.refusals: list[tuple[str, float]] = []

    async def turn(self, bucket: str) -> None:
        self.all.append(("turn", bucket))

    def heard(self, bucket: str, *, limit: int, remaining: int, reset: datetime) -> None:
        self.all.append(("heard", bucket))
        self.said.append((limit, remaining, reset))

    def refused(self, bucket: str, *, seconds: float) -> None:
        self.refusals.append((bucket, seconds))


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
async def paced(okta: OktaSimulator, told: Told) -> AsyncIterator[OktaClient]:
    async with OktaClient(org_url=okta.url, token=CANARY, access=Access.WRITE, pace=told) as made:
        yield made


async def test_each_attempt_has_its_turn_and_each_reply_is_heard(paced: OktaClient, okta: OktaSimulator, told: Told) -> None:
    await paced.app(BOT)
    okta.faults.plan(Fault(operation="getUser", drop=True))
    await paced.user(JANE)
    assert told.all == [
        *(("turn", "okta:apps"), ("heard", "okta:apps")),
        *(("turn", "okta:users"), ("turn", "okta:users"), ("heard", "okta:users")),
    ]
    assert [(limit, remaining) for limit, remaining, _ in told.said] == [(600, 599), (600, 598)]
    for _, _, reset in told.said:
        assert timedelta(seconds=58) < reset - datetime.now(UTC) <= timedelta(seconds=61)


async def test_the_reset_is_told_on_our_clock_whatever_okta_has(told: Told) -> None:
    world = world_of(DATA, clock=lambda: datetime.now(UTC) + timedelta(hours=3))
    async with OktaSimulator(world) as okta, OktaClient(org_url=okta.url, token=CANARY, access=Access.READ, pace=told) as client:
        await client.app(BOT)
    assert timedelta(seconds=58) < told.said[0][2] - datetime.now(UTC) <= timedelta(seconds=61)


async def test_a_refusal_is_heard_too(world: OktaWorld, told: Told) -> None:
    limits = OktaLimits(apps=1)
    async with (
        OktaSimulator(world, limits=limits) as okta,
        OktaClient(org_url=okta.url, token=CANARY, access=Access.READ, pace=told) as client,
    ):
        await client.app(BOT)
        with pytest.raises(RateLimited):  # the window ends too late to wait for it
            await client.app(BOT)
    assert [(limit, remaining) for limit, remaining, _ in told.said] == [(1, 0), (1, 0)]
    assert [bucket for bucket, _ in told.refusals] == ["okta:apps"]


async def test_too_many_at_once_says_nothing_of_the_window(world: OktaWorld, told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firedoor.vendors.okta.problems.CONCURRENCY_PAUSE", 0.0)
    async with (
        OktaSimulator(world, limits=OktaLimits(at_once=0)) as okta,
        OktaClient(org_url=okta.url, token=CANARY, access=Access.READ, pace=told) as client,
    ):
        with pytest.raises(RateLimited):
            await client.app(BOT)
    assert told.all == [("turn", "okta:apps")] * 4


async def test_without_headers_nothing_is_heard(paced: OktaClient, okta: OktaSimulator, told: Told) -> None:
    body = f'{{"id": "{BOT}", "status": "ACTIVE"}}'
    for headers in ({}, {"X-Rate-Limit-Limit": "600", "X-Rate-Limit-Remaining": "many", "X-Rate-Limit-Reset": "1"}):
        okta.faults.plan(Fault(operation="getApplication", status=200, body=body, headers=headers))
        await paced.app(BOT)
    assert told.all == [("turn", "okta:apps")] * 2


async def test_a_free_pace_never_waits() -> None:
    pace: Pace = Free()
    await pace.turn("okta:apps")
    pace.heard("okta:apps", limit=1, remaining=0, reset=datetime.now(UTC))


def test_every_operation_is_counted_somewhere() -> None:
    families = {operation.family for operation in OPERATIONS}
    assert families == {"api-tokens", "apps", "groups", "iam", "logs", "users", "zones"}
