"""The order of things: who may stop it, what a run ends as, and what stands in the record when."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from firedoor.alone import held_as
from firedoor.approval import Answer, Decision, Roster
from firedoor.channel import Ask, Silent
from firedoor.desk import Desk
from firedoor.engine import Engine
from firedoor.errors import ApprovalInvalid, BadInput, ChannelError, DecisionRefused, JournalError, Misconfigured, RunHeld, RunTaken
from firedoor.journal import Event, Journal, Kind
from firedoor.lease import Held, Lease, Leases
from firedoor.model import Mode, Outcome
from firedoor.report import RunOutcome
from firedoor.run import Item, Order, StepResult
from firedoor.seal import Seal
from firedoor.stage import Plainly
from firedoor.tables import leases
from tests.fakes import (
    ASKER,
    CLEAR,
    DAN,
    NO,
    SHUT,
    YES,
    Covering,
    Effect,
    Lab,
    Report,
    Shut,
    Unattended,
    book,
    hasten,
    lab,
    outcomes,
    resumption,
)

APPROVED, DENIED, NOBODY = Answer.APPROVE, Answer.DENY, None
OPEN, SHUT_ALREADY, STUCK = {"k": "open"}, {"k": "shut"}, {"k": "stuck"}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    hasten(monkeypatch)


@dataclass(frozen=True)
class Row:
    mode: Mode
    doors: Mapping[str, Mapping[str, str]]
    answer: Answer | None
    steps: str
    run: str
    minutes: int = 30
    action: type[Shut] = Shut
    protected: tuple[str, ...] = ()


TABLE = {
    "an open door is shut": Row(Mode.LIVE, {"a": OPEN}, APPROVED, "CHANGED", "contained"),
    "a drill really changes its vendor": Row(Mode.DRILL, {"a": OPEN}, APPROVED, "CHANGED", "contained"),
    "a shut door needs nobody's approval": Row(Mode.LIVE, {"a": SHUT_ALREADY}, NOBODY, "ALREADY", "contained"),
    "an action without a tier needs none either": Row(Mode.LIVE, {"a": OPEN}, NOBODY, "CHANGED", "contained", action=Unattended),
    "one open, one shut": Row(Mode.LIVE, {"a": OPEN, "b": SHUT_ALREADY}, APPROVED, "CHANGED ALREADY", "contained"),
    "one is stuck": Row(Mode.LIVE, {"a": OPEN, "b": STUCK}, APPROVED, "CHANGED FAILED", "partial"),
    "all are stuck": Row(Mode.LIVE, {"a": STUCK}, NOBODY, "FAILED", "failed"),
    "one is protected": Row(Mode.LIVE, {"a": OPEN, "b": OPEN}, APPROVED, "CHANGED REFUSED", "partial", protected=("b",)),
    "a preview": Row(Mode.PREVIEW, {"a": OPEN, "b": SHUT_ALREADY}, NOBODY, "PREVIEWED ALREADY", "previewed"),
    "a preview of what is not possible": Row(
        Mode.PREVIEW, {"a": STUCK, "b": OPEN}, NOBODY, "FAILED REFUSED", "previewed", protected=("b",)
    ),
    "denied": Row(Mode.LIVE, {"a": OPEN, "b": SHUT_ALREADY}, DENIED, "DENIED ALREADY", "denied"),
    "a drill is denied": Row(Mode.DRILL, {"a": OPEN}, DENIED, "DENIED", "denied"),
    "nobody answers": Row(Mode.LIVE, {"a": OPEN}, NOBODY, "EXPIRED", "expired", minutes=0),
}


@pytest.mark.parametrize("row", TABLE.values(), ids=TABLE.keys())
async def test_mode_world_and_approval_make_the_outcome(row: Row, tmp_path: Path) -> None:
    async with lab(
        tmp_path, row.doors, actions=(row.action,), protected={f"fake:door:{name}": "it is ours" for name in row.protected}
    ) as it:
        if row.mode is Mode.PREVIEW:
            report = await it.engine(act=False).preview(it.order(mode=row.mode), book())
        else:
            report = await it.contain(book(minutes=row.minutes), answer=row.answer, mode=row.mode)
        assert " ".join(outcomes(report)) == row.steps
        assert report["outcome"] == row.run
        good = row.run in {"contained", "previewed"}
        assert RunOutcome(report["outcome"]).exit_code == (0 if good else 3 if row.run in {"denied", "expired"} else 1)
        assert len(report["open"]) == sum(Outcome(word).exit_code != 0 for word in row.steps.split())
        assert it.vendor.effects.total() == row.steps.split().count("CHANGED")
        assert all(step["reason"] for step in report["steps"])


async def test_a_preview_leaves_no_trace(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN}) as it:
        await it.engine(act=False).preview(it.order(mode=Mode.PREVIEW), book())
        assert await it.journal.runs() == []
        assert it.vendor.calls == ["read fake.shut a"]


@pytest.mark.parametrize(("act", "mode"), [(False, Mode.LIVE), (True, Mode.PREVIEW)])
async def test_who_only_previews_asks_nobody_to_approve(act: bool, mode: Mode, tmp_path: Path) -> None:  # noqa: FBT001 - a table's column
    async with lab(tmp_path, {"a": OPEN}) as it:
        with pytest.raises(Misconfigured):
            await it.contain(engine=it.engine(act=act), mode=mode)
        assert await it.journal.runs() == []


async def test_the_record_is_in_order_and_the_intent_is_durable_before_the_write(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": {"k": "ajar"}}) as it:
        seen: list[tuple[str, Mapping[str, Any]]] = []

        async def look(effect: Effect) -> None:
            with sqlite3.connect(it.path) as other:  # another connection sees only what is committed
                seen.extend((kind, json.loads(body)) for kind, body in other.execute("select kind, body from events order by seq"))
            other.close()
            effect()

        it.vendor.on_apply.append(look)
        report = await it.contain()
        kind, started = seen[-1]
        assert kind == Kind.INTENT
        assert started["before"]["keys"] == {"k": "ajar"}, "the state before is on record before the first write"
        order = [Kind.OPENED, Kind.PLANNED, Kind.REQUESTED, Kind.DECIDED, Kind.CLOSED, Kind.INTENT, Kind.RECEIPT, Kind.ENDED, Kind.FINISHED]
        assert await it.kinds() == order
        assert report["journal_head"] == (await it.events())[-1].hash
        assert not (await it.journal.audit()).faults


async def test_a_sources_verdict_is_on_record_before_its_product_is_begun_and_t_is_later(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN}) as it:
        assert outcomes(await it.contain(book(steps=[CLEAR, SHUT]))) == ["CHANGED", "CHANGED"]
        events = await it.events()
        ended = next(event for event in events if event.kind == Kind.ENDED)
        intent = next(event for event in events if event.kind == Kind.INTENT and event.body["item"] == "clear/door:a")
        assert ended.body["item"] == "shut/door:a"
        assert ended.n < intent.n
        assert str(intent.body["at"]) > ended.at.isoformat().replace("+00:00", "Z"), "T is the vendor's clock after the verified closure"
        assert it.vendor.calls.index("clock fake.clear a") > it.vendor.calls.index("apply fake.shut a/k")
        assert it.vendor.bound[-1] is not None
        assert it.vendor.bound[-1].isoformat().replace("+00:00", "Z") == intent.body["at"], "and the target is read with it"


async def test_independent_items_run_at_once(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN, "b": OPEN, "c": OPEN}) as it:
        together = asyncio.Barrier(3)

        async def wait(effect: Effect) -> None:
            await together.wait()
            effect()

        it.vendor.on_apply.extend([wait] * 3)
        assert (await it.contain())["outcome"] == "contained"


async def test_a_stop_counts_before_the_next_write(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": {"k1": "open", "k2": "open"}}) as it:

        async def stop(effect: Effect) -> None:
            effect()
            await it.desk().stop("r1", NO, via="test")  # by another process: nothing but the record tells

        it.vendor.on_apply.append(stop)
        report = await it.contain()
        assert (outcomes(report), report["outcome"]) == (["STOPPED"], "stopped")
        assert report["steps"][0]["reason"] == "stopped by Cem before this was done: shut a/k2"
        assert report["steps"][0]["changes"] == ["shut a/k1"]
        assert it.vendor.effects == {"shut a/k1": 1}
        assert (await it.resume(by=resumption(it.order())))["outcome"] == "contained"
        assert it.vendor.effects == {"shut a/k1": 1, "shut a/k2": 1}


async def test_a_stop_counts_while_the_vendor_is_slow_to_tell_its_time(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": {"k": "open"}}) as it:

        async def stop() -> None:
            await it.desk().stop("r1", NO, via="test")

        it.vendor.on_clock.append(stop)
        assert outcomes(await it.contain()) == ["STOPPED"]
        assert Kind.INTENT not in await it.kinds()
        assert not it.vendor.effects


async def test_a_stop_before_the_decision_ends_the_run_unapproved(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN}) as it:

        class Stopping(Silent):
            async def asked(self, ask: Ask) -> None:
                await it.desk().stop(ask.order.run, NO, via="test")

        report = await it.contain(answer=NOBODY, engine=it.engine(channel=Stopping()))
        assert (outcomes(report), report["outcome"]) == (["STOPPED"], "stopped")
        assert "Cem" in report["steps"][0]["reason"]
        assert not it.vendor.effects
        with pytest.raises(BadInput, match="never approved"):
            await it.resume()
        with pytest.raises(BadInput, match="is over"):
            await it.desk().stop("r1", NO, via="test")


@pytest.mark.parametrize("when", [Kind.OPENED, Kind.PLANNED])
async def test_a_stop_before_anything_was_asked_counts_whoever_approves_then(
    when: Kind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with lab(tmp_path, {"a": OPEN}) as it:
        append = Journal.append

        async def early(self: Journal, run: str, kind: Kind, body: object, **given: Any) -> Event:
            event = await append(self, run, kind, body, **given)
            if kind is when:
                await it.desk().stop(run, NO, via="test")
            return event

        monkeypatch.setattr(Journal, "append", early)
        report = await it.contain(answer=NOBODY)
        assert (outcomes(report), report["outcome"]) == (["STOPPED"], "stopped")
        assert not it.vendor.effects


@pytest.mark.parametrize("answer", [APPROVED, DENIED])
async def test_a_run_that_is_over_cannot_be_resumed(answer: Answer, tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN}) as it:
        ended = (await it.contain(answer=answer))["outcome"]
        with pytest.raises(BadInput, match=f"is over: {ended}"):
            await it.resume()


async def test_nobody_able_to_approve_is_said_before_anything_is_asked(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN}, roster=Roster(people=(ASKER,))) as it:
        with pytest.raises(BadInput, match="0 on the roster"):
            await it.contain(answer=NOBODY)
        assert await it.journal.runs() == []


async def test_two_processes_never_work_on_one_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firedoor.alone.TTL_SECONDS", -0.95)
    async with lab(tmp_path, {"a": OPEN}) as it:
        held: list[BaseException] = []

        async def meanwhile(effect: Effect) -> None:
            try:
                await it.resume()
            except RunHeld as error:
                held.append(error)
            effect()

        it.vendor.on_apply.append(meanwhile)
        assert (await it.contain())["outcome"] == "contained"
        assert len(held) == 1
        assert it.vendor.effects == {"shut a/k": 1}


async def test_who_lost_the_run_after_a_write_does_not_say_that_nothing_was_changed(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": {"k1": "open", "k2": "open"}}) as it:

        async def stands_still(effect: Effect) -> None:
            effect()
            async with it.store.transaction() as connection:
                await connection.execute(leases.update().values(expires=0.0))
            assert await Leases(it.store, "another").take(held_as("r1"))

        it.vendor.on_apply.append(stands_still)
        with pytest.raises(RunTaken) as lost:
            await it.contain(run="r1")
        assert (lost.value.changed, lost.value.exit_code) == (None, 1)
        assert "another process took run r1 over" in str(lost.value)
        assert len(it.vendor.effects) == 1


async def test_two_runs_at_once_on_the_same_doors_have_one_effect(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": {"k1": "open", "k2": "open"}, "b": OPEN}) as it:
        reports = await asyncio.gather(it.contain(run="r1"), it.contain(run="r2"))
        assert [report["outcome"] for report in reports] == ["contained", "contained"]
        assert it.vendor.effects == {"shut a/k1": 1, "shut a/k2": 1, "shut b/k": 1}
        assert sorted(one for report in reports for one in outcomes(report)) == ["ALREADY", "ALREADY", "CHANGED", "CHANGED"]


def channel_that(says: Callable[..., Awaitable[None]]) -> Any:
    """A channel that does the same whatever it is told."""
    return SimpleNamespace(asked=says, progressed=says, finished=says)


def raising(error: Exception) -> Any:
    async def say(*_: object) -> None:
        raise error

    return channel_that(say)


async def _hang(*_: object) -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("channel", "noted"),
    [
        (raising(ChannelError("the line is dead")), "the line is dead. Nothing was changed."),
        (raising(ValueError("xoxb-secret")), "ValueError"),
        (channel_that(_hang), None),
    ],
)
async def test_a_channel_in_trouble_holds_nothing_up(channel: Any, noted: str | None, tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN, "b": OPEN}) as it:
        report = await it.contain(engine=it.engine(channel=channel))
        assert report["outcome"] == "contained"
        said = [event.body["unsaid"] for event in await it.events() if event.kind == Kind.NOTED]
        assert said == [noted] * 4 if noted else said == []
        assert len(asyncio.all_tasks()) == 1, "nothing is left behind"


async def test_one_hanging_word_does_not_swallow_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firedoor.voices.SAYING_SECONDS", 0.02)
    told: list[str] = []

    async def tell(_: Order, report: Report) -> None:
        told.append(report["outcome"])

    slow = channel_that(_hang)
    slow.finished = tell
    async with lab(tmp_path, {"a": OPEN}) as it:
        await it.contain(engine=it.engine(channel=slow))
        assert told == ["contained"]


async def test_a_stage_in_trouble_holds_no_other_step_up(tmp_path: Path) -> None:
    class Broken:
        async def step(self, item: Item, work: Callable[[], Awaitable[StepResult]]) -> StepResult:
            if item.label == "a":
                raise OSError("Bearer secret")
            return await work()

        async def note(self, key: str, record: Report) -> None:
            raise OSError(f"{key} {record['run']}")

    async with lab(tmp_path, {"a": OPEN, "b": OPEN}) as it:
        report = await it.contain(stage=Broken())
        assert outcomes(report) == ["FAILED", "CHANGED"]
        assert "OSError" in report["steps"][0]["reason"]
        assert "secret" not in json.dumps(report)


class Failing(Journal):
    """A journal whose disk is full when it is told of a certain kind of event."""

    kind = Kind.INTENT

    async def append(
        self, run: str, kind: Kind, body: object, *, claim: str | None = None, seen: int | None = None, under: Lease | Held | None = None
    ) -> Event:
        if kind is self.kind:
            raise JournalError("no room on the disk")
        return await super().append(run, kind, body, claim=claim, seen=seen, under=under)


async def test_without_a_durable_intent_nothing_is_written(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN}) as it:
        with pytest.raises(JournalError):
            await it.contain(engine=it.engine(journal=Failing(it.store)))
        assert not [call for call in it.vendor.calls if call.startswith("apply")]
        assert (await it.resume())["outcome"] == "contained"


def forged(it: Lab) -> Engine:
    """An engine whose approvals are sealed with another key: what a writer to the database could put there."""
    engine = it.engine()
    journal = Journal(it.store)
    engine._desk = Desk(journal=journal, roster=it.roster, seal=Seal(b"x" * 32))
    return engine


async def test_a_forged_approval_opens_nothing(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN}) as it:

        class Forging(Silent):
            async def asked(self, ask: Ask) -> None:
                bare = Decision(request=ask.request.digest, answer=APPROVED, by=YES.name, via="database", at=datetime.now(UTC))
                await it.journal.append(ask.order.run, Kind.DECIDED, replace(bare, proof=Seal(b"x" * 32).sign(bare)))
                await it.journal.append(ask.order.run, Kind.CLOSED, {"ruling": "granted"})
                await it.desk().decide(ask.order.run, NO, Answer.DENY, via="test")

        report = await it.contain(answer=NOBODY, engine=it.engine(channel=Forging()))
        assert (outcomes(report), report["outcome"]) == (["DENIED"], "denied")
        assert not it.vendor.effects


async def test_a_ruling_that_rests_on_no_approval_opens_nothing(tmp_path: Path) -> None:
    """Somebody who has the key of the serving process's marks, and no approver's: the engine looks at the approvals themselves."""
    async with lab(tmp_path, {"a": OPEN}) as it:

        class Ruling(Silent):
            async def asked(self, ask: Ask) -> None:
                body = {"ruling": "granted", "mark": it.seal.mark(ask.request.digest, "granted")}
                await it.journal.append(ask.order.run, Kind.CLOSED, body)

        with pytest.raises(ApprovalInvalid):
            await it.contain(answer=NOBODY, engine=it.engine(channel=Ruling()))
        with pytest.raises(ApprovalInvalid):
            await it.resume()
        assert not it.vendor.effects


@pytest.mark.parametrize("changed", [{"required": 1}, {"barred": []}, {"requester": "Cem"}, {"out_of_band": ""}, {"mark": ""}])
async def test_a_request_altered_in_the_database_is_decided_by_nobody(tmp_path: Path, changed: dict[str, Any]) -> None:
    """Two are needed, and Dan is in the plan: not so any more, says whoever writes to the database, before anybody has decided."""
    dan = replace(DAN, names=("fake:door:b",))
    async with lab(tmp_path, {"a": OPEN, "b": OPEN}, roster=Roster(people=(ASKER, YES, NO, dan))) as it:
        refused: list[str] = []

        class Rewriting(Silent):
            async def asked(self, ask: Ask) -> None:
                with sqlite3.connect(it.path) as other:
                    (body,) = other.execute("select body from events where kind = ?", (Kind.REQUESTED,)).fetchone()
                    other.execute("update events set body = ? where kind = ?", (json.dumps(json.loads(body) | changed), Kind.REQUESTED))
                other.close()
                try:
                    await it.desk().decide(ask.order.run, YES, APPROVED, via="test")
                except ApprovalInvalid as error:
                    refused.append(error.what)

        waiting = asyncio.create_task(it.contain(book(at_least=2), answer=NOBODY, engine=it.engine(channel=Rewriting())))
        async with asyncio.timeout(20):
            while not refused:  # noqa: ASYNC110 - nothing is recorded that could be waited for
                await asyncio.sleep(0.01)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert refused == ["the request on record is not as Firedoor asked it"]
        assert not it.vendor.effects


async def test_a_decision_by_another_key_counts_for_nothing(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN}) as it:
        report = await it.contain(book(minutes=0), engine=forged(it))
        assert report["outcome"] == "expired"
        assert not it.vendor.effects


async def test_a_plan_altered_in_the_database_after_its_approval_is_not_applied(tmp_path: Path) -> None:
    """The class "every key of door a" must not become a class of door b: the proof is over whom the plan concerns, too."""
    async with lab(tmp_path, {"a": OPEN, "b": OPEN}, actions=(Covering,)) as it:
        approver = Desk(journal=it.journal, roster=it.roster, seal=it.seal)

        class Rewriting(Silent):
            async def asked(self, ask: Ask) -> None:
                with sqlite3.connect(it.path) as other:
                    (body,) = other.execute("select body from events where kind = ?", (Kind.PLANNED,)).fetchone()
                    plan = json.loads(body)
                    plan["items"][0]["target"]["name"] = "b"
                    other.execute("update events set body = ? where kind = ?", (json.dumps(plan), Kind.PLANNED))
                other.close()
                await approver.decide(ask.order.run, YES, APPROVED, via="test")

        with pytest.raises(ApprovalInvalid):
            await it.contain(answer=NOBODY, engine=it.engine(channel=Rewriting()), doors=["a"])
        assert not it.vendor.effects


async def test_who_is_in_the_plan_may_not_stop_it(tmp_path: Path) -> None:
    ben = replace(YES, names=("fake:door:b",))
    async with lab(tmp_path, {"a": OPEN, "b": OPEN}, roster=Roster(people=(ASKER, ben, NO))) as it:
        made = it.engine()
        job = asyncio.create_task(it.contain(answer=None, engine=made))
        async for _ in it.journal.ticks():
            if Kind.REQUESTED in await it.kinds():
                break
        with pytest.raises(DecisionRefused, match="in this plan yourself"):
            await it.desk().stop("r1", ben, via="test")
        await it.decide("r1", NO, Answer.APPROVE)
        assert outcomes(await job) == ["CHANGED", "REFUSED"]


async def test_a_run_is_begun_once_under_its_name(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN}) as it:
        assert (await it.contain())["outcome"] == "contained"
        it.vendor.doors["a"]["k"] = "open"
        with pytest.raises(BadInput, match="begun with that order already"):
            await it.engine().contain(it.order(), book(), Plainly())
        assert it.vendor.effects == {"shut a/k": 1}
        assert (await it.kinds()).count(Kind.OPENED) == 1
