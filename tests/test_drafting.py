"""Whom a run concerns: what a vendor could not answer, what must not be blocked, who must stay, and who is told of it all at the end."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import pytest

from firedoor import planning
from firedoor.action import FoundInPart, Query, QuerySpec
from firedoor.drafting import Units
from firedoor.engine import Engine
from firedoor.errors import BadInput, Misconfigured, Unreachable, VendorError
from firedoor.guard import Keepers
from firedoor.model import Briefing, Change, Plan, Reversal, Target, Tier
from firedoor.planning import Planned
from firedoor.playbook import Playbook
from tests.fakes import CLEAR, SHUT, Door, Effect, Lab, Names, Seen, Shut, book, hasten, lab, outcomes, spec

OPEN = {"k": "open"}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    hasten(monkeypatch)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate(Door):
    """A door that keeps addresses out; ``heard`` is what it was told of the run."""

    blocked: tuple[str, ...] = ()
    heard: str = ""

    @property
    def label(self) -> str:
        return f"{self.name} for {', '.join(self.blocked)}"

    @property
    def addresses(self) -> tuple[str, ...]:
        return self.blocked

    def only(self, addresses: Any) -> Self:
        return replace(self, blocked=tuple(one for one in self.blocked if one in addresses))

    def briefed(self, briefing: Briefing) -> Self:
        return replace(self, heard=f"{briefing.incident}|{briefing.title}|{','.join(briefing.scope)}|{briefing.text}")


class FindGates(Query[Names, Gate]):
    """One gate, with those of the names that are addresses."""

    spec = QuerySpec(id="fake.gates", title="gates", reads=frozenset({"read"}))
    question = Names
    target = Gate

    async def find(self, question: Names) -> Sequence[Gate]:
        return [Gate(name="a", blocked=tuple(name for name in question.names if "/" in name))]


class Tell(Shut):
    """Writes down what it was told, with nobody's approval."""

    spec = spec("tell", tier=Tier.AUTO, reversal=Reversal.OWNER)
    target: type[Target] = Gate  # type: ignore[assignment]

    def plan(self, target: Door, before: Seen) -> Plan:
        assert isinstance(target, Gate)
        if before.keys.get("told") == "shut":
            return Plan(reason="it is told")
        at = {"door": target.name, "key": "told", "heard": target.heard}
        return Plan(changes=(Change(key="tell", subject="fake:tell", says="tell", at=at, after={"status": "shut"}),))


def gates(*steps: Mapping[str, Any]) -> Playbook:
    """A playbook over one gate, asked for by the same names as the doors."""
    made = book(steps=steps)
    queries = {**made.queries, "gates": made.queries["doors"].model_copy(update={"query": "fake.gates"})}
    return made.model_copy(update={"queries": queries})


TELL = {"id": "tell", "action": "fake.tell", "for_each": "${queries.gates}"}
BLOCK = {"id": "block", "action": "fake.shut", "for_each": "${queries.gates}"}


def engine(it: Lab) -> Engine:
    made = it.engine()
    for name in ("_look", "_act"):
        units: Units = getattr(made, name)
        setattr(made, name, replace(units, queries={**units.queries, "fake.gates": FindGates()}))
    return made


async def plan(it: Lab, playbook: Playbook, doors: Sequence[str] | None = None, **units: Any) -> Planned:
    made = engine(it)
    return await planning.make(playbook, it.order(doors=doors), units=replace(made._look, **units), guard=made._guard)


LOST = Unreachable("no reply", vendor="fake", operation="find", target="doors")


@pytest.mark.parametrize("why", [LOST, Misconfigured("no reply: no door is prepared", target="doors")])
async def test_what_cannot_be_answered_holds_nothing_else_up(why: VendorError | Misconfigured, tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN}) as it:
        it.vendor.unfindable = why
        planned = await plan(it, gates(SHUT, CLEAR, BLOCK), doors=["203.0.113.7/32"])
        assert [item.id for item in planned.items] == ["shut/?", "clear/?", "block/door:a"]
        assert planned.items[0].plan is not None
        assert "not all of its targets could be found: doors: no reply" in planned.items[0].plan.impossible
        report = await it.contain(gates(SHUT, CLEAR, BLOCK), engine=engine(it), doors=["203.0.113.7/32"])
        assert outcomes(report) == ["FAILED", "FAILED", "CHANGED"]
        assert report["outcome"] == "partial"
        assert it.vendor.doors["a"]["k"] == "shut"


async def test_what_was_found_in_part_is_contained_and_the_rest_is_told(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN}) as it:
        it.vendor.unfindable = FoundInPart("no door called b is prepared", found=[Door(name="a")])
        report = await it.contain(book(steps=[SHUT, CLEAR]))
        assert [step["id"] for step in report["steps"]] == ["shut/?", "shut/door:a", "clear/?", "clear/door:a"]
        assert outcomes(report) == ["FAILED", "CHANGED", "FAILED", "UNVERIFIED"]
        assert "no door called b is prepared" in report["open"][0]["reason"]
        assert it.vendor.doors["a"]["k"] == "shut"


async def test_an_action_without_its_vendor_is_told_once_and_what_comes_after_it_is_doubted(tmp_path: Path) -> None:
    absent = {"gone": Misconfigured("nobody told Firedoor where Gone is", advice="Set it in the environment")}
    async with lab(tmp_path, {"a": OPEN}) as it:
        steps = (SHUT, {"id": "away", "action": "gone.away", "for_each": "${queries.doors}"}, {**CLEAR, "needs": ["away"]})
        made = engine(it)
        for name in ("_look", "_act"):
            setattr(made, name, replace(getattr(made, name), missing=absent))
        report = await it.contain(book(steps=steps), engine=made)
        assert [(step["id"], step["outcome"]) for step in report["steps"]] == [
            ("shut/door:a", "CHANGED"),
            ("away/?", "FAILED"),
            ("clear/door:a", "UNVERIFIED"),
        ]
        assert any("nobody told Firedoor where Gone is" in one["reason"] for one in report["open"])
        assert report["outcome"] == "partial"


async def test_where_nothing_was_answered_the_run_does_not_begin(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN}) as it:
        it.vendor.unfindable = LOST
        with pytest.raises(Unreachable):
            await it.contain()
        assert await it.journal.runs() == []


async def test_addresses_that_must_not_be_blocked_are_refused_and_the_rest_goes_on(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN}) as it:
        planned = await plan(it, gates(BLOCK), doors=["10.0.0.0/8", "203.0.113.7/32", "0.0.0.0/0"])
        rest, refused = planned.items
        assert (rest.target["blocked"], rest.refused) == (["203.0.113.7/32"], "")
        assert refused.id == "block/door:a/refused"
        assert refused.target["blocked"] == ["10.0.0.0/8", "0.0.0.0/0"]
        assert "10.0.0.0/8 is 16777216 addresses" in refused.refused
        assert "0.0.0.0/0" in refused.refused
        alone = await plan(it, gates(BLOCK), doors=["10.0.0.0/8"])
        assert [bool(item.refused) for item in alone.items] == [True]


async def test_the_last_who_can_let_everybody_in_are_left_alone(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN, "b": OPEN, "c": OPEN}) as it:

        async def keepers() -> Sequence[Keepers]:
            return (Keepers(what="administrator", members=(("fake:door:a",), ("fake:door:B",))),)

        planned = await plan(it, book(), keepers=keepers)
        assert [bool(item.refused) for item in planned.items] == [True, True, False]
        assert "no administrator who can sign in" in planned.items[0].refused
        planned = await plan(it, book(), doors=["a", "c"], keepers=keepers)
        assert [bool(item.refused) for item in planned.items] == [False, False]


async def test_people_are_told_last_of_what_was_really_done_and_nobody_approves_it(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN, "b": OPEN}, actions=(Shut, Tell)) as it:
        playbook = gates(TELL, SHUT)
        planned, without = await plan(it, playbook, doors=["b"]), await plan(it, gates(SHUT), doors=["b"])
        assert planned.tier is without.tier is Tier.ONE
        assert planned.fingerprint == without.fingerprint
        report = await it.contain(playbook, engine=engine(it), doors=["b"])
        assert outcomes(report) == ["CHANGED", "CHANGED"]
        applied = [call for call in it.vendor.calls if call.startswith("apply")]
        assert applied == ["apply fake.shut b/k", "apply fake.tell a/told"]
        intent = next(event for event in await it.events() if event.kind == "step.intent" and event.body["item"] == "tell/door:a")
        heard = str(intent.body["change"]["at"]["heard"])  # type: ignore[index,call-overload]
        assert heard.startswith("i|Shut the doors|")
        assert "fake:door:b" in heard
        assert "fake.shut on b: done" in heard
        request = next(event for event in await it.events() if event.kind == "approval.requested")
        assert list(request.body["effects"]) == ["shut/door:b"]  # type: ignore[arg-type]


async def test_a_notice_that_fails_does_not_hide_that_it_is_contained(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": {"k": "open", "told": "stuck"}, "b": OPEN}, actions=(Shut, Tell)) as it:

        class Mute(Tell):
            def plan(self, target: Door, before: Seen) -> Plan:
                del target, before
                return Plan(impossible="nobody listens")

        it.actions = (Shut, Mute)
        report = await it.contain(gates(SHUT, TELL), engine=engine(it), doors=["b"])
        assert outcomes(report) == ["CHANGED", "FAILED"]
        assert report["outcome"] == "partial"
        assert [step["telling"] for step in report["steps"]] == [False, True]


async def test_what_is_told_again_after_a_crash_is_word_for_word_the_same(tmp_path: Path) -> None:
    """The report that a ticket holds is known by its words: told otherwise, it would stand there twice."""
    async with lab(tmp_path, {"a": {"k": "open", "told": "open"}, "b": OPEN}, actions=(Shut, Tell)) as it:
        dead = asyncio.Event()

        async def live(effect: Effect) -> None:
            effect()

        async def die(effect: Effect) -> None:
            del effect
            dead.set()
            await asyncio.Event().wait()

        it.vendor.on_apply.extend([live, die])
        run = asyncio.create_task(it.contain(gates(SHUT, TELL), engine=engine(it), doors=["b"]))
        await dead.wait()
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)
        assert (await it.resume(engine=engine(it)))["outcome"] == "contained"
        intents: list[Any] = [event.body for event in await it.events() if event.kind == "step.intent"]
        heard = [intent["change"]["at"]["heard"] for intent in intents if intent["item"].startswith("tell/")]
        assert len(heard) == 2
        assert "Contained: 1 step done and verified" in heard[0]
        assert heard[0] == heard[1]


async def test_one_protected_name_does_not_shield_what_else_is_named(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN, "b": OPEN, "c": OPEN}, protected={"fake:door:b": "responder"}) as it:
        made = book(steps=[SHUT, {**CLEAR, "for_each": "${queries.others}"}])
        others = made.queries["doors"].model_copy(update={"asks": {"names": ["c"]}})
        made = made.model_copy(update={"queries": {**made.queries, "others": others}})
        report = await it.contain(made, doors=["a", "b"])
        by_id = {step["id"]: step["outcome"] for step in report["steps"]}
        assert by_id == {"shut/door:a": "CHANGED", "shut/door:b": "REFUSED", "clear/door:c": "UNVERIFIED"}
        assert it.vendor.effects["clear c"] == 1


async def test_a_keeper_who_is_left_out_anyway_stays(tmp_path: Path) -> None:
    async def keepers() -> Sequence[Keepers]:
        return (Keepers(what="administrator", members=(("fake:door:a",), ("fake:door:b",))),)

    async with lab(tmp_path, {"a": OPEN, "b": OPEN}, protected={"fake:door:a": "break-glass"}) as it:
        planned = await plan(it, book(), keepers=keepers)
        assert [bool(item.refused) for item in planned.items] == [True, False]


async def test_a_step_may_wait_for_one_that_was_wholly_refused(tmp_path: Path) -> None:
    async with lab(tmp_path, {"10.0.0.0/8": OPEN}) as it:
        late = {"id": "late", "action": "fake.shut", "for_each": "${queries.doors}", "needs": ["block"]}
        report = await it.contain(gates(BLOCK, late), engine=engine(it), doors=["10.0.0.0/8"])
        assert outcomes(report) == ["REFUSED", "UNVERIFIED"]


async def test_to_tell_people_is_not_to_contain(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN}, actions=(Shut, Tell)) as it:
        made = gates(SHUT, TELL)
        nobody = made.queries["doors"].model_copy(update={"asks": {"names": []}})
        made = made.model_copy(update={"queries": {**made.queries, "doors": nobody}})
        with pytest.raises(BadInput, match="there is nothing to contain"):
            await it.contain(made, engine=engine(it), answer=None)


async def test_a_reading_that_fails_for_a_moment_is_not_left_out_of_the_approval(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN}) as it:
        it.vendor.on_read.append(Unreachable("no reply", vendor="fake", operation="read"))
        assert outcomes(await it.contain()) == ["CHANGED"]


async def test_people_are_told_of_what_this_process_could_not_even_try(tmp_path: Path) -> None:
    absent = {"gone": Misconfigured("nobody told Firedoor where Gone is", advice="Set it in the environment")}
    async with lab(tmp_path, {"a": OPEN, "b": OPEN}, actions=(Shut, Tell)) as it:
        made = engine(it)
        for name in ("_look", "_act"):
            setattr(made, name, replace(getattr(made, name), missing=absent))
        away = {"id": "away", "action": "gone.away", "for_each": "${queries.doors}"}
        report = await it.contain(gates(SHUT, away, TELL), engine=made, doors=["b"])
        assert outcomes(report) == ["CHANGED", "FAILED", "CHANGED"]
        intent = next(event for event in await it.events() if event.kind == "step.intent" and event.body["item"] == "tell/door:a")
        assert "nobody told Firedoor where Gone is" in str(intent.body["change"]["at"]["heard"])  # type: ignore[index,call-overload]
