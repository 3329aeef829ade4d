"""Several processes at once, over one database and one simulated Okta: what they do, the world shows once."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from firedoor.journal import Journal
from firedoor.lease import Leases
from firedoor.run import fold
from firedoor.store import Store
from firedoor.vendors.faults import Effect, Fault
from tests.apart import TTL, Ended, Wanted, Worker, workers
from tests.company import Company, company

pytestmark = pytest.mark.e2e


@pytest.fixture
async def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Company]:
    async with company(tmp_path, log_lag=0.0) as found:
        for name, value in found.environment.items():
            monkeypatch.setenv(name, value)
        yield found


def hijack(acme: Company, *, since: int = 0, **changed: Any) -> Wanted:
    """Contain the first of the victims. With another ``since`` it is another order."""
    given = {"users": (acme.estate.victims[0],), "since": (f"2020-01-01T00:00:{since:02}Z",)}
    names = [str(person["name"]) for person in acme.estate.people]
    return replace(Wanted(playbook="session-hijack", given=given, requester=names[0], approver=names[1]), **changed)


async def heard(found: Sequence[Worker], count: int) -> list[Ended]:
    """How so many runs of each worker ended."""
    return [one for each in await asyncio.gather(*(_heard(worker, count) for worker in found)) for one in each]


async def _heard(worker: Worker, count: int) -> list[Ended]:
    return [await worker.ended() for _ in range(count)]


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(40):
        while not await holds():  # noqa: ASYNC110 - other processes have no event to wait on
            await asyncio.sleep(0.02)


async def record(url: str, run: str) -> Any:
    async with Store(url) as store:
        return fold(run, await Journal(store).events(run))


def sqlite(acme: Company) -> str:
    return f"sqlite:///{acme.folder / 'state' / 'journal.db'}"


async def test_two_playbooks_that_write_to_one_zone_take_turns(acme: Company) -> None:
    """The zone is replaced whole: without turns, one of them would put back what the other has just changed."""
    zone = str(acme.estate.prepared["okta_block_zone"])
    one = hijack(acme, given={"users": (acme.estate.victims[0],), "addresses": ("203.0.113.66",)})
    other = hijack(acme, playbook="block-addresses", given={"addresses": ("203.0.113.99",)})
    acme.okta.faults.plan(Fault(operation="replaceNetworkZone", effect=Effect.FIRST, delay=0.7))  # time for the other to be in the way
    async with workers(acme.environment, [one], [other]) as found:
        found[0].go()
        await until(lambda: _blocked(acme, zone, "203.0.113.66"))
        found[1].go()
        first, second = await heard(found, 1)
    assert (first.report["outcome"], second.report["outcome"]) == ("contained", "contained")
    assert await _blocked(acme, zone, "203.0.113.66")
    assert await _blocked(acme, zone, "203.0.113.99")
    intents = []
    for run in (first.run, second.run):
        found_ = await record(sqlite(acme), run)
        intents += [(intent.fence, run) for intent in found_.intents if intent.item.startswith("block_in_okta")]
    assert [run for _, run in sorted(intents)] == [first.run, second.run]
    assert len({fence for fence, _ in intents}) == 2
    wires = [seen.operation for seen in acme.okta.requests if seen.operation in ("getNetworkZone", "replaceNetworkZone")]
    before, between = wires.index("replaceNetworkZone"), wires[wires.index("replaceNetworkZone") + 1 :]
    assert wires.count("replaceNetworkZone") == 2
    assert "getNetworkZone" in wires[:before]
    assert "getNetworkZone" in between[: between.index("replaceNetworkZone")], "read again after the other's write"


async def _blocked(acme: Company, zone: str, address: str) -> bool:
    return any(address in str(gateway) for gateway in acme.okta.world.zones[zone].gateways)


async def free(acme: Company, resource: str) -> None:
    """Wait until nobody's turn is left there."""
    async with Store(sqlite(acme)) as store:
        looker = Leases(store, "looker")

        async def gone() -> bool:
            return await looker.holder(resource) is None

        await until(gone)


async def test_who_was_stopped_before_a_write_and_lost_its_turn_begins_none(acme: Company) -> None:
    [user] = [one for one in acme.okta.world.users.values() if one.login == acme.estate.victims[0]]
    async with workers(acme.environment, [hijack(acme)], stops=True, ttl=TTL) as [late]:
        late.go()
        await late.stopped()
        await free(acme, f"okta:user:{user.id}")
        assert not acme.okta.accepted_writes
        async with workers(acme.environment, [hijack(acme, since=1)], ttl=TTL) as [quick]:
            quick.go()
            done = await quick.ended()
        assert done.report["outcome"] == "contained"
        wrote, asked = acme.okta.accepted_writes, sum(seen.writes for seen in acme.okta.requests)
        late.signal(signal.SIGCONT)
        ended = await late.ended()
    assert ended.outcomes["suspend"] == "FAILED"
    assert "was lost before the write" in next(step["reason"] for step in ended.report["steps"] if step["id"].startswith("suspend"))
    assert acme.okta.accepted_writes == wrote
    assert sum(seen.writes for seen in acme.okta.requests) == asked, "not one write was even tried"
    assert not [one for one in (await record(sqlite(acme), ended.run)).intents if one.item.startswith("suspend")]

    async with workers(acme.environment, [hijack(acme, resume=ended.run)], ttl=TTL) as [again]:
        again.go()
        done = await again.ended()
    assert done.report["outcome"] == "contained"
    assert done.outcomes["suspend"] == "ALREADY"
    assert acme.okta.accepted_writes == wrote


async def test_who_was_stopped_in_a_write_and_lost_its_turn_settles_it_by_reading(acme: Company) -> None:
    """The intent is on record and the request in flight: it has its effect, the reply is lost, and others have gone on meanwhile."""
    [user] = [one for one in acme.okta.world.users.values() if one.login == acme.estate.victims[0]]
    acme.okta.faults.plan(Fault(operation="suspendUser", effect=Effect.FIRST, drop=True, delay=0.5))
    async with workers(acme.environment, [hijack(acme)], ttl=TTL) as [late]:
        late.go()

        async def effective() -> bool:
            return user.status == "SUSPENDED"

        await until(effective)
        late.signal(signal.SIGSTOP)
        await late.stopped()
        await free(acme, f"okta:user:{user.id}")
        async with workers(acme.environment, [hijack(acme, since=1)], ttl=TTL) as [quick]:
            quick.go()
            done = await quick.ended()
        late.signal(signal.SIGCONT)
        ended = await late.ended()
    assert (done.report["outcome"], done.outcomes["suspend"]) == ("contained", "ALREADY")
    assert (ended.report["outcome"], ended.outcomes["suspend"]) == ("contained", "CHANGED")
    assert acme.okta.accepted_writes["suspendUser"] == 1
    [receipt] = [one.receipt for one in (await record(sqlite(acme), ended.run)).receipts if one.item.startswith("suspend")]
    assert receipt.settled == "reading"
