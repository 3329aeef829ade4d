"""The way back, through the whole engine: what this run did and nothing else, in reverse, under an approval of its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from firedoor.approval import Answer
from firedoor.errors import BadInput, Misconfigured, Unreachable
from firedoor.journal import Kind
from firedoor.model import Mode
from tests.fakes import CLEAR, SHUT, Unattended, book, failing, hasten, lab, outcomes

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
