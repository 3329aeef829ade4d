"""The very same containment, asked for again: while a run carries it out, whoever asks is told so; nothing that has ended is in the way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from firedoor import asked
from firedoor.approval import Answer, Person, Way
from firedoor.asked import Asked, AskedBefore
from firedoor.channel import Silent
from firedoor.errors import BadInput, ChannelError
from firedoor.journal import Kind
from firedoor.lease import TTL_SECONDS, Leases
from firedoor.model import Mode
from firedoor.run import Order
from firedoor.stage import Plainly
from firedoor.tables import events, leases
from tests.fakes import NO, ROSTER, YES, Lab, answered, book, hasten, lab

DOORS = {"a": {"k1": "open"}, "b": {"k2": "open"}}
Report = Mapping[str, Any]
BEGUN: list[asyncio.Task[Report]] = []


@pytest.fixture
async def it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Lab]:
    hasten(monkeypatch)
    async with lab(tmp_path, DOORS) as found:
        yield found
        for task in BEGUN:
            task.cancel()
        await asyncio.gather(*BEGUN, return_exceptions=True)
        BEGUN.clear()


class Board(Silent):
    """A channel that knows where each run's request stands, unless it is in trouble."""

    trouble = False

    async def where(self, run: str) -> str:
        if self.trouble:
            raise ChannelError("the line is dead")
        return f"https://board.example/{run}"


def process(it: Lab, channel: Silent | None = None) -> Asked:
    """What a process of Firedoor has."""
    it._made += 1
    return Asked(
        engine=it.engine(), journal=it.journal, leases=Leases(it.store, f"asked {it._made}"), desk=it.desk(), channel=channel or Silent()
    )


def begin(it: Lab, order: Order, channel: Silent | None = None) -> asyncio.Task[Report]:
    task: asyncio.Task[Report] = asyncio.create_task(cast("Any", process(it, channel).contain(order, book(), Plainly())))
    BEGUN.append(task)
    return task


async def waiting(it: Lab, run: str = "r1", **changed: Any) -> asyncio.Task[Report]:
    """A run whose request stands."""
    task = begin(it, replace(it.order(run), **changed))
    await asked_for(it, run)
    return task


async def asked_for(it: Lab, run: str) -> None:
    """Wait for its request."""
    async with asyncio.timeout(10):
        while Kind.REQUESTED not in await it.kinds(run):  # noqa: ASYNC110 - the task tells nobody
            await asyncio.sleep(0.005)


async def dies(it: Lab, task: asyncio.Task[Report], *, leaves: bool = False) -> None:
    """Its process ends. ``leaves``: it was killed, and what it held runs out by and by."""
    held = await _held(it) if leaves else []
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    for resource in held:
        assert await Leases(it.store, "killed").take(resource)


async def _held(it: Lab) -> list[str]:
    async with it.store.reading() as connection:
        return [row.resource for row in await connection.execute(leases.select().where(leases.c.holder != ""))]


async def run_out(it: Lab) -> None:
    """Time passes for what a killed process held."""
    async with it.store.transaction() as connection:
        await connection.execute(leases.update().values(expires=leases.c.expires - TTL_SECONDS - 1))


async def told(it: Lab, run: str = "r2", channel: Silent | None = None, **changed: Any) -> AskedBefore:
    """What somebody who asks for the same is told; nothing is begun."""
    before = list(it.vendor.calls)
    with pytest.raises(AskedBefore) as caught:
        await begin(it, replace(it.order(run), requester="Ben", **changed), channel)
    assert caught.value.exit_code == 2
    assert "Nothing was changed." in str(caught.value)
    assert not await it.events(run)
    assert it.vendor.calls == before, "not even a vendor was asked"
    return caught.value


def reopen(it: Lab) -> None:
    """Somebody opens the doors again, so that there is something to ask for."""
    it.vendor.doors |= {name: dict.fromkeys(keys, "open") for name, keys in DOORS.items()}


async def goes_on(it: Lab, run: str = "r2", **changed: Any) -> None:
    """Somebody who asks gets a request of their own."""
    task = await waiting(it, run, **changed)
    await answered(it.desk(), run, YES, Answer.STOP)
    await task


async def test_of_many_in_one_instant_one_begins(it: Lab) -> None:
    tasks = [begin(it, it.order(f"r{number}")) for number in range(20)]
    done, others = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    while len(done) < 19:
        done, others = await asyncio.wait(tasks, timeout=0.05)
    assert {type(task.exception()) for task in done} == {AskedBefore}
    [run] = await it.journal.runs()
    assert {cast("AskedBefore", task.exception()).run for task in done} == {run}
    await asked_for(it, run)
    await answered(it.desk(), run, YES, Answer.APPROVE)
    [last] = others
    assert (await last)["outcome"] == "contained"
    assert it.vendor.effects == {"shut a/k1": 1, "shut b/k2": 1}


async def test_who_asks_again_is_told_who_asked_where_it_stands_and_where_to_find_it(it: Lab) -> None:
    task = await waiting(it)
    said = str(await told(it, channel=Board()))
    assert said.startswith("run r1 does this already: waits for 1 approval until ")
    assert "asked for by Ada (https://board.example/r1)." in said
    assert "`firedoor show r1`" in said
    await dies(it, task)


async def test_a_channel_in_trouble_keeps_nobody_from_being_told(it: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    task, board = await waiting(it), Board()
    board.trouble = True
    assert "asked for by Ada." in str(await told(it, channel=board))
    monkeypatch.setattr(asked, "POINTING_SECONDS", 0.01)
    monkeypatch.setattr(Board, "where", lambda *_: asyncio.Event().wait())
    assert "asked for by Ada." in str(await told(it, channel=Board()))
    await dies(it, task)


async def test_one_that_is_still_being_planned_counts_and_one_whose_planning_failed_does_not(it: Lab) -> None:
    gate = asyncio.Event()

    async def hang() -> None:
        await gate.wait()

    it.vendor.unfindable = BadInput("no such door")
    with pytest.raises(BadInput, match="no such door"):
        await begin(it, it.order())
    it.vendor.unfindable = None
    find = it.engine()._look.queries["fake.find"]
    kept = type(find).find

    async def slow(self: Any, question: Any) -> Any:
        await hang()
        return await kept(self, question)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(find), "find", slow)
        task = begin(it, it.order("r2"))
        async with asyncio.timeout(20):
            while "run:r2" not in await _held(it):  # noqa: ASYNC110 - the task tells nobody
                await asyncio.sleep(0.005)
        assert "run r2 does this already: asked for by Ada, and being planned" in str(await told(it, "r3"))
        gate.set()
        await dies(it, task)


@pytest.mark.parametrize(
    "changed",
    [
        {"inputs": {"doors": ("a",)}},
        {"mode": Mode.DRILL},
        {"way": Way.BREAK_GLASS},
        {"protected": True},
        {"playbook": "another"},
        {"follows": "r0"},
    ],
    ids=lambda changed: next(iter(changed)),
)
async def test_what_is_not_the_very_same_is_begun(it: Lab, changed: Mapping[str, Any]) -> None:
    task = await waiting(it)
    await goes_on(it, **changed)
    await dies(it, task)


async def test_in_which_order_the_values_are_given_does_not_matter(it: Lab) -> None:
    task = await waiting(it)
    await told(it, inputs={"doors": ("b", "a")})
    await dies(it, task)


async def test_a_run_that_is_over_or_stopped_or_denied_is_in_nobodys_way(it: Lab) -> None:
    for number, (person, answer) in enumerate(((YES, Answer.APPROVE), (NO, Answer.DENY), (YES, Answer.STOP))):
        run = f"r{number}"
        task = await waiting(it, run)
        await answered(it.desk(), run, person, answer)
        if answer is Answer.STOP:
            await goes_on(it, "after a stop")  # though the stopped one may still be about to end
        await task
        reopen(it)
    await goes_on(it, "r9")


async def test_a_damaged_run_is_in_nobodys_way(it: Lab) -> None:
    task = await waiting(it)
    async with it.store.transaction() as connection:
        await connection.execute(events.update().where(events.c.run == "r1", events.c.kind == str(Kind.PLANNED)).values(body="{}"))
    await goes_on(it)
    await dies(it, task)


async def test_a_dead_one_is_to_be_gone_on_with_until_its_request_has_expired(it: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    task = await waiting(it)
    await dies(it, task, leaves=True)
    assert "does this already: waits for 1 approval" in str(await told(it)), "nobody knows yet that it is dead"
    await run_out(it)
    said = await told(it)
    assert "its process has ended" in said.what
    assert said.advice.startswith("Go on with it: firedoor resume r1. From 20")
    again = asyncio.create_task(it.resume(engine=it.engine()))
    assert (await again)["outcome"] == "contained"
    reopen(it)
    await goes_on(it)

    await dies(it, await waiting(it, "r3"))
    assert "firedoor resume r3" in (await told(it, "r4")).advice

    class Later(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + timedelta(minutes=31)

    monkeypatch.setattr(asked, "datetime", Later)
    await goes_on(it, "r4")
    assert datetime.now(UTC) < Later.now(UTC)


async def test_one_of_another_roster_is_in_nobodys_way_once_it_is_dead(it: Lab) -> None:
    await dies(it, await waiting(it))
    it.roster = replace(ROSTER, people=(*ROSTER.people, Person(name="Zoe", slack="U0ZOE")))
    await goes_on(it)


async def test_one_that_died_after_it_was_approved_is_to_be_gone_on_with(it: Lab) -> None:
    begun = asyncio.Semaphore(0)

    async def hold(effect: Any) -> None:
        del effect
        begun.release()
        await asyncio.Event().wait()

    it.vendor.on_apply.extend([hold, hold])
    task = await waiting(it)
    await answered(it.desk(), "r1", YES, Answer.APPROVE)
    for _ in DOORS:
        await begun.acquire()
    assert "at work, asked for by Ada" in str(await told(it))
    await dies(it, task)
    assert "firedoor resume r1" in (await told(it)).advice


async def test_one_that_died_before_it_asked_is_in_nobodys_way(it: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(*_: object) -> None:
        await asyncio.Event().wait()

    with monkeypatch.context() as patch:
        patch.setattr("firedoor.desk.Desk.ask", hang)
        task = begin(it, it.order())
        async with asyncio.timeout(20):
            while Kind.PLANNED not in await it.kinds():  # noqa: ASYNC110 - the task tells nobody
                await asyncio.sleep(0.005)
        await dies(it, task)
    await goes_on(it)


async def test_a_run_of_one_name_is_begun_once(it: Lab) -> None:
    """Two processes are given one form: the second is told of itself."""
    task = await waiting(it)
    with pytest.raises(AskedBefore, match="run r1 does this already"):
        await begin(it, it.order())
    assert [kind for kind in await it.kinds() if kind == Kind.OPENED] == [Kind.OPENED]
    await dies(it, task)
