"""Sources before what they mint: closed all the same where a source is stuck, anew once it is shut, and never beyond what was approved."""

from __future__ import annotations

from pathlib import Path

import pytest

from firedoor.approval import Answer
from firedoor.errors import NotFound
from firedoor.model import Mode
from firedoor.words import plan_markdown
from tests.fakes import (
    CLEAR,
    SHUT,
    Covering,
    Shut,
    Waiting,
    book,
    failing,
    hasten,
    lab,
    outcomes,
    spec,
)

APPROVED, DENIED, NOBODY = Answer.APPROVE, Answer.DENY, None
OPEN, SHUT_ALREADY, STUCK = {"k": "open"}, {"k": "shut"}, {"k": "stuck"}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    hasten(monkeypatch)


async def test_what_a_stuck_source_minted_is_closed_all_the_same_but_is_no_success(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": STUCK, "b": OPEN}) as it:
        report = await it.contain(book(steps=[SHUT, CLEAR]))
        assert outcomes(report) == ["FAILED", "CHANGED", "UNVERIFIED", "CHANGED"]
        assert report["outcome"] == "partial"
        assert report["steps"][2]["reason"].endswith("but its source is still open: shut/door:a is FAILED")
        assert it.vendor.effects == {"shut b/k": 1, "clear a": 1, "clear b": 1}


async def test_it_is_closed_anew_once_the_source_is_shut(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN}) as it:
        it.vendor.on_apply.append(failing(NotFound("for now", vendor="fake", operation="shut", target="a")))
        first = await it.contain(book(steps=[SHUT, CLEAR]))
        assert outcomes(first) == ["FAILED", "UNVERIFIED"]
        assert outcomes(await it.resume()) == ["CHANGED", "CHANGED"]
        assert it.vendor.effects == {"shut a/k": 1, "clear a": 2}


async def test_what_waits_for_another_step_is_approved_with_it_and_done_after_it(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN}, actions=(Shut, Waiting)) as it:
        preview = await it.engine(act=False).preview(it.order(mode=Mode.PREVIEW), book(steps=[SHUT, CLEAR]))
        assert outcomes(preview) == ["PREVIEWED", "PREVIEWED"]
        assert preview["steps"][1]["reason"] == "clear a: only once it is shut"
        assert "Once what comes before is done" in plan_markdown(preview)
        report = await it.contain(book(steps=[SHUT, CLEAR]))
        assert outcomes(report) == ["CHANGED", "CHANGED"]
        assert it.vendor.effects == {"shut a/k": 1, "clear a": 1}


async def test_what_waits_in_vain_fails_in_words(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN}, actions=(Shut, Waiting)) as it:
        report = await it.contain(book(steps=[{**CLEAR, "needs": []}]))
        assert outcomes(report) == ["FAILED"]
        assert report["steps"][0]["reason"] == "only once it is shut"
        assert report["approval"]["required"] == 1
        assert not it.vendor.effects


async def test_an_approval_for_so_many_covers_no_more_after_a_resume(tmp_path: Path) -> None:
    class Later(Covering):
        spec = spec("clear", sources=("fake.shut",))
        cover = 1

    async with lab(tmp_path, {"a": {"k1": "open", "z": "stuck"}}, actions=(Shut, Later)) as it:
        await it.contain(book(steps=[SHUT, CLEAR]))
        for n in (2, 3):
            it.vendor.doors["a"][f"k{n}"] = "open"
            await it.resume()
        assert sum(it.vendor.effects.values()) <= 2


async def test_where_no_source_was_named_the_report_says_what_may_mint_again(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN}) as it:
        report = await it.contain(book(steps=[{**CLEAR, "needs": []}]))
        assert outcomes(report) == ["CHANGED"]
        told = [left for left in report["residual"] if left["closes_by"] == "fake.shut"]
        assert "whatever can mint again what was closed for a" in told[0]["what"]
        both = await it.contain(book(steps=[SHUT, CLEAR]), run="r2")
        assert not [left for left in both["residual"] if left["closes_by"] == "fake.shut"]
