"""A sweep as people see it in Slack: one request of classes and bounds, one thread, its end with what is left over first."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from firedoor.approval import Answer, Ruling
from firedoor.channels.slack import blocks
from firedoor.channels.slack.catching_up import CatchingUp, recent
from firedoor.errors import Forbidden
from firedoor.journal import Kind
from firedoor.model import Mode, Reversal
from firedoor.run import Via, fold
from firedoor.situation import situation_of
from firedoor.sweep import Batch, Settled
from firedoor.sweeping import Sweeping
from tests.channels.slack.scene import KEYS, ROOM, Scene
from tests.channels.slack.test_signed import sign
from tests.fakes import spec
from tests.sweeps import records
from tests.sweeps.vault import Hall, ShutKey, Vault, book

RUN = "251126-aaaaaa"
MANY = {"north": {f"user{number}": {f"k{number}": "active"} for number in range(30)}, "south": {"dan": {"k99": "active"}}}


@pytest.fixture
def here(stage: Scene, tmp_path: Path) -> Hall:
    """A vault in the same house, with the same journal."""
    made = {place: {holder: dict(keys) for holder, keys in holders.items()} for place, holders in MANY.items()}
    return Hall(vault=Vault(made), store=stage.lab.store, journal=stage.lab.journal, folder=tmp_path)


def sweeping(stage: Scene, here: Hall, **changed: Any) -> Sweeping:
    return here.sweeping(desk=stage.desk, channel=stage.channel, **changed)


async def begun(stage: Scene, here: Hall, **how: Any) -> asyncio.Task[Any]:
    wanted = book(**{"batch": 20, **how})
    task = asyncio.create_task(sweeping(stage, here).sweep(here.order(wanted), wanted))
    stage.runs.append(task)
    await stage.request(RUN)
    await stage.until(lambda: stage.noted(RUN))
    return task


async def test_a_sweep_has_one_request_one_thread_and_no_line_a_credential(stage: Scene, here: Hall) -> None:
    here.vault.shut["south"] = Forbidden("AssumeRole was refused", vendor="vault", operation="assume")
    task = await begun(stage, here, at_most=500)
    request = await stage.request(RUN)
    assert "Keys?" in request.shown
    assert "It may also change" in request.shown
    assert "every vault.key that there is, at most 500 (each credential is looked at when its turn comes)" in request.shown
    assert "nothing" not in request.shown
    modal = await stage.open("ben", run=RUN)
    assert "at most 500" in modal.shown
    await stage.submit("ben")
    report = await task
    assert (report["outcome"], report["left_over"]) == ("partial", 1)
    await stage.until(lambda: _told(stage))
    first, last = await stage.thread()
    assert "partial: Approved by Ben" in first.shown
    assert not first.buttons
    assert last.thread_ts == first.ts
    assert not last.buttons
    lines = last.shown.split("\n")
    assert lines[0] == "1 LEFT OVER: Keys, NOT closed"
    assert lines[1:3] == ["*Left over*", "✗ south, by vault.list_keys: it could not be listed: AssumeRole was refused"]
    assert "vault.key: 30 REVOKED" in last.shown
    assert "30 of 30 credentials in scope changed, with 30 writes. Approved by Ben. Asked for by Ada." in last.shown
    assert "k7" not in first.shown + last.shown


async def _told(stage: Scene) -> bool:
    return len(await stage.thread()) == 2


async def test_of_many_left_over_a_few_are_named_and_all_are_counted(stage: Scene, here: Hall) -> None:
    here.protected = {f"vault:key:k{number}": "ours" for number in range(30)}
    task = await begun(stage, here)
    await stage.open("ben", run=RUN)
    await stage.submit("ben")
    await task
    await stage.until(lambda: _told(stage))
    [_, last] = await stage.thread()
    assert last.shown.startswith("30 LEFT OVER: Keys, NOT closed\n")
    assert last.shown.count("✗") == blocks.NAMED
    assert f"… and 20 more: firedoor sweep report {RUN}" in last.shown
    told = situation_of(fold(RUN, await stage.lab.events(RUN)))
    assert (told.left, told.headline, len(told.open)) == (True, "30 LEFT OVER: Keys, NOT closed", 30)
    assert "Left open:" in await stage.say("ada", "/firedoor status")
    assert "30 LEFT OVER: Keys, NOT closed" in await stage.say("ada", f"/firedoor status {RUN}")
    assert "a sweep is not undone as a whole" in await stage.say("ada", f"/firedoor undo {RUN}")


async def test_one_under_way_is_called_so_and_can_be_stopped_and_denied(stage: Scene, here: Hall) -> None:
    task = await begun(stage, here)
    assert f"{RUN} Keys: waits for 1 approval until" in await stage.say("ada", "/firedoor status")
    assert "Under way: Keys; waits for 1 approval" in await stage.say("ada", f"/firedoor status {RUN}")
    assert "begins no further write" in await stage.say("cyd", f"/firedoor stop {RUN}")
    report = await task
    assert (report["outcome"], here.vault.effects.total()) == ("stopped", 0)
    await stage.until(lambda: _told(stage))
    first, last = await stage.thread()
    assert "Stopped by Cyd before it was decided; nothing was changed" in first.shown
    assert last.shown.startswith("Nothing was changed: Keys was stopped\n")


@pytest.mark.parametrize("signed", [False, True], ids=["approved in chat", "approved by signature"])
async def test_one_under_way_is_stopped_under_its_request(signed: bool, stage: Scene, here: Hall) -> None:  # noqa: FBT001 - a column
    held, going = asyncio.Event(), asyncio.Event()

    async def hold(batch: Batch, work: Callable[[], Awaitable[Settled | None]]) -> Settled | None:
        assert batch.round == 1, "it is stopped before another listing"
        going.set()
        await held.wait()
        return await work()

    task = asyncio.create_task(sweeping(stage, here, run_batch=hold).sweep(here.order(wanted := book(batch=5)), wanted))
    stage.runs.append(task)
    card = await stage.request(RUN)
    assert [button.action_id for button in card.buttons] == [blocks.APPROVE, blocks.DENY], "what waits is denied, and not stopped"
    if signed:
        await sign(stage, "Ben", Answer.APPROVE, RUN)
    else:
        await stage.open("ben", run=RUN)
        await stage.submit("ben")
    await going.wait()
    cyd = stage.people["cyd"]
    card = await cyd.wait_for_message(ROOM, lambda one: [button.action_id for button in one.buttons] == [blocks.STOP], 10)
    assert (await cyd.click(ROOM, card.ts, blocks.STOP)).ok
    modal = await cyd.wait_for_modal(lambda one: one.submit == "Stop", 10)
    assert f"Keys, run {RUN}" in modal.shown
    assert not await stage.recorded(Kind.STOP, RUN)
    assert (await cyd.submit({})).ok
    assert "begins no further write" in (await cyd.wait_for_modal(lambda one: not one.submit, 10)).shown
    held.set()
    report = await task
    assert (report["outcome"], here.vault.effects.total()) == ("stopped", 0)
    assert [stop.by for stop in fold(RUN, await stage.lab.events(RUN)).stops] == ["Cyd"]
    await stage.until(lambda: _told(stage))
    first, _ = await stage.thread()
    assert not first.buttons


async def test_the_reminder_calls_those_who_may_decide(stage: Scene, here: Hall) -> None:
    await begun(stage, here)
    record = fold(RUN, await stage.lab.events(RUN))
    assert record.request is not None
    await stage.channel.reminded(blocks.ask_of(record, record.request), 1)
    *_, reminder = await stage.thread()
    assert "1 more approval needed" in reminder.shown
    assert f"Keys, run {RUN}. After that it expires, and nothing is changed." in reminder.shown


async def test_the_end_of_a_nights_sweep_is_told_by_whoever_listens(stage: Scene, here: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firedoor.channels.slack.catching_up.QUIET_SECONDS", 0.0)
    monkeypatch.setattr("tests.sweeps.vault.ROSTER", stage.desk.roster)
    monkeypatch.setattr("tests.sweeps.records.KEYS", KEYS)
    given = await records.mandate(here, "Ben")
    await here.sweeping(desk=stage.desk).sweep(replace(here.order(book()), via=Via.SCHEDULE), book(), given)
    assert await CatchingUp(stage.channel, stage.lab.journal, recent(stage.lab.journal, Mode.LIVE)).once()
    [told] = await stage.thread()
    assert told.shown.startswith("0 left over: Keys, closed\n")
    assert "Approved by its mandate" in told.shown
    assert await CatchingUp(stage.channel, stage.lab.journal, recent(stage.lab.journal, Mode.LIVE)).once()
    assert len(await stage.thread()) == 1
    assert await stage.recorded(Kind.NOTED, RUN)


async def test_what_can_never_be_undone_is_said_of_a_class_too(stage: Scene, here: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ShutKey, "spec", spec("shut_key", id="vault.shut_key", settle_within=0.2, reversal=Reversal.NEVER))
    await begun(stage, here)
    request = await stage.request(RUN)
    assert "vault.shut_key on every vault.key that there is can never be undone" in request.shown
    assert (await stage.desk.record(RUN)).ruling is not Ruling.GRANTED
