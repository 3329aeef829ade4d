"""The way back, through the whole engine: what this run did and nothing else, in reverse, under an approval of its own."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from firedoor import undo
from firedoor.approval import Answer, Roster
from firedoor.errors import BadInput, Forbidden, Misconfigured, Unreachable
from firedoor.journal import Kind
from firedoor.model import Mode, Tier
from tests.fakes import ASKER, CLEAR, DAN, NO, SHUT, YES, Clear, Shut, Unattended, book, failing, hasten, lab, outcomes, spec

OPEN = {"k": "open"}
BOTH = book(steps=[SHUT, CLEAR])


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    hasten(monkeypatch)


async def test_a_run_is_undone_in_reverse_and_only_what_it_did(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": {"k": "ajar", "other": "shut"}, "b": {"k": "shut"}}) as it:
        await it.contain(BOTH)
        report = await it.undo()
        assert it.vendor.doors == {"a": {"k": "ajar", "other": "shut"}, "b": {"k": "shut"}}
        assert report["outcome"] == "contained"
        assert report["undoes"] == "r1"
        by_id = {step["id"]: step["outcome"] for step in report["steps"]}
        assert by_id == {"clear/door:b": "ALREADY", "clear/door:a": "ALREADY", "shut/door:a": "CHANGED"}
        assert [step["id"] for step in report["steps"]][-1] == "shut/door:a", "what was done first is undone last"
        assert report["approval"]["by"] == ["Ben"]
        kinds = await it.kinds("u1")
        assert kinds.index(Kind.CLOSED) < kinds.index(Kind.INTENT) < kinds.index(Kind.RECEIPT)


async def test_undoing_twice_changes_nothing_more(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN}) as it:
        await it.contain()
        await it.undo()
        again = await it.undo(undoing="u2", answer=None)
        assert outcomes(again) == ["ALREADY"]
        assert it.vendor.effects == {"shut a/k": 1, "open a/k": 1}


async def test_what_others_changed_since_is_a_conflict_and_stays(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN, "b": OPEN}) as it:
        await it.contain()
        it.vendor.doors["a"]["k"] = "welded"
        report = await it.undo()
        assert outcomes(report) == ["CHANGED", "FAILED"]
        assert "a/k is not as this run left it" in report["open"][0]["reason"]
        assert it.vendor.doors == {"a": {"k": "welded"}, "b": {"k": "open"}}
        assert report["outcome"] == "partial"


@pytest.mark.parametrize("answer", [Answer.DENY])
async def test_an_undo_that_is_denied_changes_nothing(answer: Answer, tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN}) as it:
        await it.contain()
        report = await it.undo(answer=answer)
        assert report["outcome"] == "denied"
        assert it.vendor.doors["a"]["k"] == "shut"


async def test_a_lost_reply_of_the_undo_is_settled_by_reading(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN}) as it:
        await it.contain()
        it.vendor.on_apply.append(failing(Unreachable("no reply", vendor="fake", operation="open", changed=None), first=True))
        assert outcomes(await it.undo()) == ["CHANGED"]
        assert it.vendor.effects["open a/k"] == 1


async def test_a_preview_of_an_undo_leaves_no_trace(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN}) as it:
        await it.contain()
        order = replace(it.order("p1", mode=Mode.PREVIEW), undoes="r1")
        report = await it.engine(act=False).preview_undo(order)
        assert outcomes(report) == ["PREVIEWED"]
        assert await it.kinds("p1") == []
        assert it.vendor.doors["a"]["k"] == "shut"


async def test_the_guard_has_its_say_on_the_way_back(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN}) as it:
        await it.contain()
        it.protected = {"fake:door:a": "it is ours by now"}
        report = await it.undo(answer=None)
        assert outcomes(report) == ["REFUSED"]
        assert it.vendor.doors["a"]["k"] == "shut"


async def test_what_cannot_be_undone_is_refused_in_words(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN, "s": {"k": "shut"}}) as it:
        with pytest.raises(BadInput, match="there is no run"):
            await it.undo("nothing")
        await it.contain(doors=["s"], answer=None, run="r0")
        with pytest.raises(BadInput, match="run r0 changed nothing"):
            await it.undo("r0")
        await it.contain(doors=["a"])
        await it.undo()
        with pytest.raises(BadInput, match="run u1 is an undo itself"):
            await it.undo("u1", undoing="u3")
        with pytest.raises(Misconfigured, match="only previews"):
            await it.undo(undoing="u4", engine=it.engine(act=False))
        assert await it.kinds("u3") == await it.kinds("u4") == []


async def test_a_run_under_way_is_not_undone(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN}) as it:
        await it.contain(answer=Answer.APPROVE)
        events = [event for event in await it.events() if event.kind != Kind.FINISHED]
        for event in events:
            await it.journal.append("half", Kind(event.kind), {**event.body, "run": "half"} if event.kind == Kind.OPENED else event.body)
        with pytest.raises(BadInput, match="run half is not over"):
            await it.undo("half")


async def test_what_nobody_approved_stays_told(tmp_path: Path) -> None:
    """A ticket or a notice, done without an approval, is not taken back: people have read it."""
    async with lab(tmp_path, {"a": OPEN}, actions=(Unattended,)) as it:
        await it.contain(answer=None)
        with pytest.raises(BadInput, match="run r1 changed nothing"):
            await it.undo(answer=None)
        assert it.vendor.doors["a"]["k"] == "shut"


async def test_a_run_that_was_undone_is_not_resumed_and_called_contained(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN, "b": {"k": "stuck"}}) as it:
        assert (await it.contain())["outcome"] == "partial"
        await it.undo()
        with pytest.raises(BadInput, match="was undone by run u1"):
            await it.resume()
        assert it.vendor.doors["a"]["k"] == "open"


async def test_a_denied_undo_leaves_the_run_resumable(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN, "b": {"k": "stuck"}}) as it:
        await it.contain()
        await it.undo(answer=Answer.DENY)
        it.vendor.doors["b"]["k"] = "shut"
        assert (await it.resume())["outcome"] == "contained"


class Held(Shut):
    """Must be seen shut for a while."""

    spec = spec("shut", hold=0.3)


async def test_the_way_back_does_not_fight_a_new_containment(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN}, actions=(Held, Clear)) as it:
        await it.contain()
        await it.undo()
        assert (await it.contain(run="r2"))["outcome"] == "contained"
        assert it.vendor.doors["a"]["k"] == "shut"
        assert it.vendor.effects["open a/k"] == 1
        assert undo.Undo(Held(it.vendor), ()).spec.hold == 0.0


async def test_an_undo_that_is_resumed_does_not_undo_a_later_run(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN}) as it:
        await it.contain()
        it.vendor.on_apply.append(failing(Forbidden("no", vendor="fake", operation="write")))
        assert outcomes(await it.undo()) == ["FAILED"]
        it.vendor.doors["a"]["k"] = "open"
        assert (await it.contain(run="r2"))["outcome"] == "contained"
        with pytest.raises(BadInput, match="run r2 has contained the same since"):
            await it.resume("u1")
        assert it.vendor.doors["a"]["k"] == "shut"


async def test_the_way_back_needs_as_many_approvers_as_the_way_in(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN}) as it:
        other = asyncio.create_task(it.decide("r1", NO, Answer.APPROVE))
        await it.contain(book(at_least=2))
        await other
        other = asyncio.create_task(it.decide("u1", NO, Answer.APPROVE))
        report = await it.undo()
        await other
        assert report["approval"]["required"] == 2
        assert set(report["approval"]["by"]) == {"Ben", "Cem"}


async def test_what_lets_people_in_again_may_ask_for_more(tmp_path: Path) -> None:
    class Strict(Shut):
        spec = spec("shut", back=Tier.TWO)

    async with lab(tmp_path, {"a": OPEN}, actions=(Strict, Clear)) as it:
        assert (await it.contain())["approval"]["required"] == 1
        other = asyncio.create_task(it.decide("u1", NO, Answer.APPROVE))
        assert (await it.undo())["approval"]["required"] == 2
        await other


async def test_who_was_in_the_plan_does_not_approve_the_way_back(tmp_path: Path) -> None:
    ben = replace(YES, names=("fake:door:b",))
    async with lab(tmp_path, {"a": OPEN, "b": OPEN}, roster=Roster(people=(ASKER, ben, NO, DAN))) as it:
        other = asyncio.create_task(it.decide("r1", NO, Answer.APPROVE))
        assert outcomes(await it.contain(answer=None)) == ["CHANGED", "REFUSED"]
        await other
        other = asyncio.create_task(it.decide("u1", NO, Answer.APPROVE))
        assert (await it.undo(answer=None))["outcome"] == "contained"
        await other
        request = (await it.desk().record("u1")).request
        assert request is not None
        assert request.barred == ("Ben",)


async def test_a_drill_is_not_undone_in_earnest(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN}) as it:
        await it.contain(mode=Mode.DRILL)
        with pytest.raises(BadInput, match="was a drill run"):
            await it.undo(answer=None)
        assert it.vendor.doors["a"]["k"] == "shut"


async def test_what_could_be_contained_in_several_steps_can_be_undone(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN, "b": OPEN}, limit=2) as it:
        made = book(steps=[SHUT, {**SHUT, "id": "more"}])
        assert (await it.contain(made))["outcome"] == "contained"
        assert "REFUSED" not in outcomes(await it.undo())
