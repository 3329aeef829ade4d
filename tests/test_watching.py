"""The long watch over real runs: what it reads, what it calls open, what it leaves alone, and what it puts on record."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from firedoor import watching
from firedoor.approval import Answer
from firedoor.audit import audit
from firedoor.drafting import Units
from firedoor.errors import Forbidden, Misconfigured
from firedoor.journal import Kind
from firedoor.look import WATCH, Closing, Found, Look, State
from firedoor.model import Change, Mode, Plan
from firedoor.run import Record
from tests.fakes import CLEAR, KEYS, SHUT, Clear, Door, Lab, Seen, Shut, book, hasten, lab, spec
from tests.recorded import known

OPEN = {"k": "open"}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    hasten(monkeypatch)


class LetIn(Shut):
    """Opens a door again, for people who have been spoken to."""

    spec = spec("let_in", reopens=("fake.shut",))

    def plan(self, target: Door, before: Seen) -> Plan:
        if "shut" not in before.keys.values():
            return Plan(reason=f"{target.name} is open")
        at = {"door": target.name, "key": "k"}
        return Plan(changes=(Change(key="open", subject=target.name, says=f"open {target.name}", at=at, after={"status": "open"}),))


async def looked(it: Lab, *, units: Units | None = None) -> Mapping[str, Look]:
    """One look at all that is watched, put on record."""
    past = await watching.past_of(it.journal)
    specs = {unit.spec.id: unit.spec for unit in it.actions}
    watched = [one for one in past.runs if not watching.left_alone(one.record, specs, it.roster)]
    at = units or Units(actions={unit.spec.id: unit(it.vendor) for unit in it.actions}, queries={})
    now = datetime.now(UTC)
    found = await watching.look(watched, past, at, now=now)
    await watching.keep(it.journal, watched, found)
    report = watching.report(watched, found, past=past, now=now)
    assert report["open"] + report["unread"] == sum(len(one.of(State.OPEN, State.UNREAD)) for one in found.values()) + len(past.damaged)
    return found


def states(look: Look) -> dict[str, str]:
    return {one.item: str(one.state) for one in look.found}


async def spared(it: Lab, run: str) -> str:
    [one] = [one for one in (await watching.past_of(it.journal)).runs if one.record.order.run == run]
    return watching.left_alone(one.record, {unit.spec.id: unit.spec for unit in it.actions}, it.roster)


async def test_what_stands_is_read_and_nothing_else_and_is_on_record_once(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN, "b": {"k": "shut"}}) as it:
        await it.contain(book(steps=[SHUT, CLEAR]))
        done, before = it.vendor.effects.total(), len(it.vendor.calls)
        for _ in range(3):
            found = await looked(it)
            assert found["r1"].fine
            assert set(states(found["r1"]).values()) == {"stands"}
        assert {call.partition(" ")[0] for call in it.vendor.calls[before:]} == {"read"}
        assert it.vendor.effects.total() == done
        assert (await it.kinds()).count(Kind.WATCHED) == 1
        looks = await it.journal.events(WATCH)
        assert [event.kind for event in looks] == [Kind.LOOKED] * 3
        assert await watching.looked(it.journal, "r1") == looks[-1].at
        assert await watching.looked(it.journal, "r2") is None
        assert not (await audit(it.journal, known(it))).faults


async def test_what_is_open_again_is_so_since_a_look_until_one_sees_it_shut(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": {"k": "open", "l": "open"}, "b": OPEN}) as it:
        await it.contain()
        await looked(it)
        it.vendor.doors["a"]["k"] = "open"
        [first] = (await looked(it))["r1"].of(State.OPEN)
        assert (first.item, first.says, first.again) == ("shut/door:a", "shut a/k", True)
        assert (await looked(it))["r1"] == replace((await looked(it))["r1"], changed=())
        assert (await it.kinds()).count(Kind.WATCHED) == 2, "it is told once"
        it.vendor.doors["a"]["l"] = "open"
        [second] = (await looked(it))["r1"].of(State.OPEN)
        assert (second.says, second.since) == ("shut a/k; shut a/l", first.since)
        it.vendor.doors["a"] = {"k": "shut", "l": "shut"}
        last = (await looked(it))["r1"]
        assert last.fine
        assert last.changed == ("shut/door:a",)
        assert (await it.kinds()).count(Kind.WATCHED) == 4
        assert it.vendor.effects == {"shut a/k": 1, "shut a/l": 1, "shut b/k": 1}, "it closes nothing by itself"


async def test_what_could_not_be_read_never_stands(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN, "b": OPEN}) as it:
        await it.contain()
        it.vendor.on_read.append(Forbidden("no", vendor="fake", operation="read"))
        found = (await looked(it))["r1"]
        assert states(found) == {"shut/door:a": "unread", "shut/door:b": "stands"}
        assert found.changed == ("shut/door:a",)
        gone = Misconfigured("fake did not answer")
        away = (await looked(it, units=Units(actions={}, queries={}, missing={"fake": gone})))["r1"]
        assert {(one.state, one.says) for one in away.found} == {(State.UNREAD, str(gone))}


async def test_each_thing_is_read_as_of_the_runs_own_t(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN}) as it:
        await it.contain(book(steps=[SHUT, CLEAR]))
        [t] = {event.body["at"] for event in await it.events() if event.kind == Kind.INTENT and str(event.body["item"]).startswith("clear")}
        it.vendor.bound.clear()
        await looked(it)
        assert datetime.fromisoformat(str(t)) in it.vendor.bound
        it.vendor.cleared.clear()
        assert states((await looked(it))["r1"])["clear/door:a"] == "open"


async def test_what_was_undone_on_purpose_is_no_alarm_in_any_run(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN, "b": OPEN}) as it:
        await it.contain(doors=["a"])
        await it.contain(run="r2")
        assert set(await looked(it)) == {"r1", "r2"}
        await it.undo("r1")
        found = await looked(it)
        assert set(found) == {"r2"}, "neither a run that was undone is watched, nor one that undoes"
        assert states(found["r2"]) == {"shut/door:a": "left alone", "shut/door:b": "stands"}
        assert "run u1 opened it again on purpose" in found["r2"].found[0].says
        await it.contain(run="r3", doors=["a"])
        it.vendor.doors["a"]["k"] = "open"
        found = await looked(it)
        assert states(found["r3"]) == {"shut/door:a": "open"}
        assert states(found["r2"])["shut/door:a"] == "left alone"


async def test_who_was_let_in_again_on_purpose_is_no_alarm(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN, "b": OPEN}, actions=(Shut, Clear, LetIn)) as it:
        await it.contain()
        restore = {"id": "let_in", "action": "fake.let_in", "for_each": "${queries.doors}"}
        await it.contain(book(steps=[restore]), run="back", doors=["a"])
        assert it.vendor.doors["a"] == {"k": "open"}
        found = await looked(it)
        assert set(found) == {"r1"}
        assert await spared(it, "back") == "it let somebody in again"
        assert states(found["r1"]) == {"shut/door:a": "left alone", "shut/door:b": "stands"}


async def test_what_the_run_left_open_is_open_and_was_never_closed(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN, "b": {"k": "stuck"}, "safe": OPEN}, protected={"fake:door:safe": "it is ours"}) as it:
        await it.contain()
        assert states((await looked(it))["r1"]) == {"shut/door:a": "stands", "shut/door:b": "unread", "shut/door:safe": "left alone"}
        it.vendor.doors["b"]["k"] = "open"
        [b] = (await looked(it))["r1"].of(State.OPEN)
        assert (b.item, b.again) == ("shut/door:b", False)


async def test_only_live_runs_that_contained_something_and_are_over_are_watched(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN, "b": {"k": "shut"}, "c": {"k": "stuck"}}) as it:
        await it.contain(run="denied", answer=Answer.DENY)
        await it.contain(run="drill", mode=Mode.DRILL, doors=["a"])
        await it.contain(run="stuck", doors=["c"], answer=None)
        await it.contain(run="already", doors=["b"], answer=None)
        assert set(await looked(it)) == {"already"}
        why = {run: await spared(it, run) for run in ("denied", "drill", "stuck", "already")}
        assert why == {"denied": "it contained nothing", "drill": "it was a drill", "stuck": "it contained nothing", "already": ""}


async def test_a_run_that_is_not_over_is_named_and_not_called_fine(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN}) as it:
        await it.contain()
        await it.journal.append("r1", Kind.RESUMED, {"from": 1})
        past = await watching.past_of(it.journal)
        assert watching.report([], {}, past=past, now=datetime.now(UTC))["not_over"] == ["r1"]
        assert await spared(it, "r1") == "it is not over"


async def test_a_damaged_record_is_told_and_hides_no_other(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN}) as it:
        await it.contain()
        await it.contain(run="r2")
        with sqlite3.connect(it.path) as other:
            other.execute("update events set body = '[' where run = 'r1' and kind = 'step.receipt'")
        other.close()
        assert set(await looked(it)) == {"r2"}
        past = await watching.past_of(it.journal)
        assert set(past.damaged) == {"r1"}
        assert watching.report([], {}, past=past, now=datetime.now(UTC))["unread"] == 1


async def test_two_who_look_at_once_record_it_once(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN}) as it:
        await it.contain()
        it.vendor.doors["a"]["k"] = "open"
        await asyncio.gather(*(looked(it) for _ in range(4)))
        assert (await it.kinds()).count(Kind.WATCHED) == 1


@pytest.mark.parametrize("signer", ["Ada", "Cem", ""])
async def test_only_a_closing_that_is_signed_ends_the_watch(signer: str, tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN}) as it:
        await it.contain()
        await looked(it)
        [one] = (await watching.past_of(it.journal)).runs
        closing = Closing(
            run="r1",
            incident="i",
            playbook="fire",
            by="Ada",
            at=datetime.now(UTC),
            reason="over",
            look=one.record.look_head,
            left=(),
        )
        proof = KEYS[signer].sign(closing.document).proof if signer else ""
        await it.journal.append("r1", Kind.CONCLUDED, replace(closing, proof=proof))
        assert await spared(it, "r1") == ("Ada has closed it" if signer == "Ada" else "")
        faults = [fault.what for fault in (await audit(it.journal, known(it))).faults]
        wrong = {"Ada": [], "Cem": ["is Ada's closing of the incident, signed with a key that is not theirs"]}
        assert faults == wrong.get(signer, ["is Ada's closing of the incident, and its signature does not hold"])


FORGED: Mapping[str, tuple[str, Kind, Mapping[str, Any], str]] = {
    "of another run's items": (
        "r1",
        Kind.WATCHED,
        {"found": [], "changed": []},
        "is a look at something else than what the run is made of",
    ),
    "that is none": ("r1", Kind.WATCHED, {"found": "all stands"}, "cannot be read as what it says it is, run.watched"),
    "at no run": (WATCH, Kind.LOOKED, {}, "does not say at which runs the watch has looked"),
    "in a run's place": ("r1", Kind.LOOKED, {"runs": {}}, "does not say at which runs the watch has looked"),
}


@pytest.mark.parametrize(("run", "kind", "body", "words"), FORGED.values(), ids=FORGED.keys())
async def test_a_look_that_firedoor_did_not_make_is_found(
    run: str, kind: Kind, body: Mapping[str, Any], words: str, tmp_path: Path
) -> None:
    async with lab(tmp_path, {"a": OPEN}) as it:
        await it.contain()
        await it.journal.append(run, kind, body)
        [fault] = (await audit(it.journal, known(it))).faults
        assert words in fault.what


async def test_the_command_to_contain_again_asks_for_the_same(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN}) as it:
        order = it.order()
    record = Record(order=replace(order, inputs={"doors": ("a", "b c"), "since": ()}))
    assert watching.command(record) == "firedoor contain fire -i 'doors=a,b c' --key FILE"
    assert (
        watching.command(replace(record, order=replace(order, inputs={}, protected=True))) == "firedoor contain fire --protected --key FILE"
    )


def test_a_look_can_be_read_from_its_record() -> None:
    found = Found(item="i", state=State.LEFT, says="so", since=datetime.now(UTC), again=True)
    assert Look(found=(found,)).fine
