"""A run as an exercise: all that a real one does but its writes, in nobody's way, and never to be taken for one in earnest."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from firedoor import wiring
from firedoor.approval import Answer
from firedoor.asked import Asked, AskedBefore
from firedoor.audit import audit
from firedoor.channel import Silent
from firedoor.engine import Engine
from firedoor.errors import ApprovalInvalid, BadInput, JournalError, Misconfigured
from firedoor.journal import Event, Journal, Kind
from firedoor.lease import Held, Lease, Leases
from firedoor.model import Mode
from firedoor.report import RunOutcome
from firedoor.stage import Plainly
from firedoor.tables import leases
from firedoor.words import headline, report_markdown
from tests.fakes import CLEAR, NO, SHUT, YES, Covering, Lab, Report, Shut, Unattended, Waiting, answered, book, hasten, lab, outcomes
from tests.recorded import known

OPEN, SHUT_ALREADY, STUCK = {"k": "open"}, {"k": "shut"}, {"k": "stuck"}
DOORS = {"a": {"k1": "open", "k2": "open"}, "b": {"k": "open"}}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    hasten(monkeypatch)


@pytest.fixture
async def it(tmp_path: Path) -> AsyncIterator[Lab]:
    async with lab(tmp_path, DOORS) as found:
        yield found


def rehearsing(it: Lab, *, journal: Journal | None = None) -> Engine:
    """The engine of a process that holds an exercise: none of its units writes."""
    return it.engine(journal=journal, act=False)


async def held(it: Lab, run: str = "r1", **how: Any) -> Report:
    """An exercise, with Ben answering."""
    how.setdefault("engine", rehearsing(it))
    return await it.contain(run=run, mode=Mode.EXERCISE, **how)


async def asked_for(it: Lab, run: str = "r1") -> None:
    async with asyncio.timeout(10):
        while Kind.REQUESTED not in await it.kinds(run):  # noqa: ASYNC110 - the task tells nobody
            await asyncio.sleep(0.005)


def withheld(report: Report) -> list[str]:
    return [one["says"] for one in report["withheld"]]


@dataclass(frozen=True)
class Row:
    doors: Mapping[str, Mapping[str, str]]
    answer: Answer | None
    steps: str
    run: str
    says: str
    code: int = 0
    minutes: int = 30
    action: type[Shut] = Shut
    protected: tuple[str, ...] = ()


TABLE = {
    "approved": Row({"a": OPEN}, Answer.APPROVE, "PREVIEWED", "previewed", "It would have been contained: 1 step"),
    "already so": Row({"a": SHUT_ALREADY}, None, "ALREADY", "previewed", "It would have been contained"),
    "without a tier": Row({"a": OPEN}, None, "PREVIEWED", "previewed", "It would have been contained", action=Unattended),
    "one is stuck": Row({"a": OPEN, "b": STUCK}, Answer.APPROVE, "PREVIEWED FAILED", "partial", "NOT have been contained: 1 of 2", 1),
    "one is protected": Row(
        {"a": OPEN, "b": OPEN}, Answer.APPROVE, "PREVIEWED REFUSED", "partial", "NOT have been contained: 1 of 2", 1, protected=("b",)
    ),
    "denied": Row({"a": OPEN}, Answer.DENY, "DENIED", "denied", "NOT have been contained: the run was denied", 3),
    "nobody answers": Row({"a": OPEN}, None, "EXPIRED", "expired", "NOT have been contained: the run was expired", 3, minutes=0),
}


@pytest.mark.parametrize("row", TABLE.values(), ids=TABLE.keys())
async def test_world_and_approval_make_the_outcome(row: Row, tmp_path: Path) -> None:
    guarded = {f"fake:door:{name}": "it is ours" for name in row.protected}
    async with lab(tmp_path, row.doors, actions=(row.action,), protected=guarded) as it:
        report = await held(it, playbook=book(minutes=row.minutes), answer=row.answer)
        assert " ".join(outcomes(report)) == row.steps
        assert (report["outcome"], RunOutcome(report["outcome"]).exit_code) == (row.run, row.code)
        assert withheld(report) == ["shut a/k"] * row.steps.count("PREVIEWED")
        assert headline(report).startswith("EXERCISE, nothing was changed.")
        assert row.says in headline(report)
        assert headline(report) in report_markdown(report)
        assert (it.vendor.effects.total(), report["writes"]) == (0, 0)
        assert not {Kind.INTENT, Kind.RECEIPT} & set(await it.kinds())


async def test_it_is_read_again_and_each_write_is_noted_in_order_with_its_time(it: Lab) -> None:
    report = await held(it, playbook=book(steps=[SHUT, CLEAR]))
    assert sorted(withheld(report)) == ["clear a", "clear b", "shut a/k1", "shut a/k2", "shut b/k"]
    assert [one["at"] for one in report["withheld"]] == sorted(one["at"] for one in report["withheld"])
    assert it.vendor.calls.count("read fake.shut a") == 2
    assert {left["what"] for left in report["residual"]} == {"cookies of a", "cookies of b"}
    assert not [call for call in it.vendor.calls if call.startswith("apply")]
    events = [event for event in await it.events() if event.kind == Kind.WITHHELD]
    assert [event.body["says"] for event in events] == withheld(report)
    assert "## What would have been written" in report_markdown(report)


async def test_what_has_become_so_is_dropped_and_what_nobody_approved_waits(it: Lab) -> None:
    it.vendor.on_read.extend([None, None, lambda: it.vendor.doors["a"].update(k1="shut", k3="open")])
    report = await held(it)
    step = next(one for one in report["steps"] if one["target"] == "a")
    assert (step["outcome"], step["extras"]) == ("STALE", ["shut a/k3"])
    assert "no longer needed: shut a/k1" in step["reason"]
    assert sorted(withheld(report)) == ["shut a/k2", "shut b/k"]
    assert (report["outcome"], RunOutcome(report["outcome"]).exit_code) == ("partial", 1)


async def test_a_class_of_changes_is_kept_to_its_bound(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN}, actions=(Covering,)) as it:
        it.vendor.on_read.extend([None, lambda: it.vendor.doors["a"].update(k2="open", k3="open", k4="open", k5="open")])
        report = await held(it)
        assert outcomes(report) == ["STALE"]
        assert withheld(report) == ["shut a/k", "shut a/k2", "shut a/k3"], "at most three, whatever they are"
        assert report["steps"][0]["extras"] == ["shut a/k4", "shut a/k5"]


async def test_what_waits_for_a_source_is_told_as_what_would_come(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN}, actions=(Shut, Waiting)) as it:
        report = await held(it, playbook=book(steps=[SHUT, CLEAR]))
        assert outcomes(report) == ["PREVIEWED", "PREVIEWED"]
        assert report["steps"][1]["reason"] == "clear a: only once it is shut"
        assert "## What would have followed\n\n- clear a: only once it is shut" in report_markdown(report)


async def test_a_stop_counts_before_the_next_write_that_is_none(it: Lab) -> None:
    class Stopping(Plainly):
        async def step(self, item: Any, work: Any) -> Any:
            del item
            with suppress(BadInput):
                await answered(it.desk(), "r1", NO, Answer.STOP)
            return await work()

    report = await held(it, stage=Stopping())
    assert set(outcomes(report)) == {"STOPPED"}
    assert (report["outcome"], withheld(report)) == ("stopped", [])


class Dies(Journal):
    """The journal of a process that is killed as it notes its second write."""

    notes = 0

    async def append(
        self, run: str, kind: Kind, body: object, *, claim: str | None = None, seen: int | None = None, under: Lease | Held | None = None
    ) -> Event:
        self.notes += kind is Kind.WITHHELD
        if self.notes == 2:
            raise JournalError("killed here")
        return await super().append(run, kind, body, claim=claim, seen=seen, under=under)


async def test_killed_in_the_middle_it_goes_on_as_an_exercise_and_notes_nothing_twice(it: Lab) -> None:
    with pytest.raises(JournalError):
        await held(it, engine=rehearsing(it, journal=Dies(it.store)))
    with pytest.raises(Misconfigured, match="whoever holds an exercise"):
        await it.resume()
    report = await it.resume(engine=rehearsing(it))
    assert (report["mode"], report["outcome"]) == ("exercise", "previewed")
    assert sorted(withheld(report)) == ["shut a/k1", "shut a/k2", "shut b/k"]
    assert it.vendor.effects.total() == 0
    assert (await audit(it.journal, known(it))).faults == ()


async def test_a_process_that_could_write_holds_none_and_one_that_could_not_contains_nothing(it: Lab) -> None:
    with pytest.raises(Misconfigured, match="whoever holds an exercise"):
        await held(it, engine=it.engine())
    with pytest.raises(Misconfigured, match="only previews"):
        await it.contain(engine=rehearsing(it))
    assert await it.journal.runs() == []


async def test_an_approval_given_in_it_counts_for_no_other_mode(it: Lab) -> None:
    await held(it)
    await it.contain(run="r2")
    first, second = await it.desk().record("r1"), await it.desk().record("r2")
    assert it.desk().grant(first) is not None
    assert first.fingerprint != (await it.desk().record("r2")).fingerprint
    live = replace(first.order, mode=Mode.LIVE)
    assert it.desk().grant(replace(first, order=live)) is None, "the order was rewritten"
    assert first.request is not None
    asked = replace(first.request, mode=Mode.LIVE)
    assert it.desk().grant(replace(first, order=live, request=asked)) is None, "and the request with it"
    with pytest.raises(ApprovalInvalid):
        it.engine()._confirm(replace(first, order=live, request=asked))
    copied = [replace(one, request=second.request.digest) for one in first.decisions] if second.request else []
    assert it.desk().grant(replace(second, decisions=copied)) is None, "and a decision copied into a real run"


async def test_it_holds_no_real_run_up_and_is_none_of_the_same(it: Lab) -> None:
    def process(engine: Engine) -> Asked:
        it._made += 1
        own = Leases(it.store, f"asked {it._made}")
        return Asked(engine=engine, journal=it.journal, leases=own, desk=it.desk(), channel=Silent())

    async def contain(run: str, mode: Mode) -> Report:
        engine = it.engine(act=mode is not Mode.EXERCISE)
        return await process(engine).contain(it.order(run, mode=mode), book(), Plainly())

    async with asyncio.TaskGroup() as group:
        rehearsal = group.create_task(contain("r1", Mode.EXERCISE))
        await asked_for(it)
        with pytest.raises(AskedBefore):
            await contain("r2", Mode.EXERCISE)
        real = group.create_task(contain("r3", Mode.LIVE))
        await asked_for(it, "r3")
        await answered(it.desk(), "r3", YES, Answer.APPROVE)
        assert (await real)["outcome"] == "contained"
        await answered(it.desk(), "r1", YES, Answer.APPROVE)
    report = rehearsal.result()
    assert (report["outcome"], set(outcomes(report)), withheld(report)) == ("previewed", {"ALREADY"}, [])
    assert "no longer needed: shut b/k" in report["steps"][1]["reason"], "somebody contained it in earnest meanwhile"


async def test_two_at_once_are_in_nobodys_way(it: Lab) -> None:
    first, second = await asyncio.gather(held(it, doors=["a"]), held(it, "r2", doors=["b"]))
    assert (withheld(first), withheld(second)) == (["shut a/k1", "shut a/k2"], ["shut b/k"])
    assert {first["outcome"], second["outcome"]} == {"previewed"}


async def test_it_takes_no_turn_at_anything_that_is_written_to(it: Lab) -> None:
    async with Leases(it.store, "a real run").holding("fake:a", patience=0):
        report = await held(it)
    assert report["outcome"] == "previewed", "it waits for nobody's turn"
    async with it.store.reading() as connection:
        taken = {row.resource for row in await connection.execute(leases.select()) if row.resource != "fake:a"}
    assert taken == {"run:r1"}


async def test_the_audit_wants_no_receipts_of_it_and_finds_a_write_in_it(it: Lab) -> None:
    await held(it)
    await it.contain(run="r2")
    assert (await audit(it.journal, known(it))).faults == ()
    [intent, *_] = [event for event in await it.events("r2") if event.kind == Kind.INTENT]
    await it.journal.append("r1", Kind.INTENT, intent.body)
    [noted, *_] = [event for event in await it.events("r1") if event.kind == Kind.WITHHELD]
    await it.journal.append("r2", Kind.WITHHELD, noted.body)
    assert [(fault.run, fault.what) for fault in (await audit(it.journal, known(it))).faults] == [
        ("r1", "is of a write, in an exercise, which makes none"),
        ("r2", "is of a write that was withheld, and this run is no exercise"),
    ]


async def test_there_is_nothing_to_undo(it: Lab) -> None:
    await held(it)
    for mode in (Mode.LIVE, Mode.PREVIEW):
        with pytest.raises(BadInput, match="was an exercise: nothing was changed"):
            wiring.undo_order((await it.desk().record("r1")).order, mode=mode, requester="Ada")
    with pytest.raises(BadInput, match="was an exercise run"):
        await it.undo("r1")
