"""A drill in which whoever is at the terminal makes up the approvers' minds."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, cast

import pytest

from firedoor import drilling, prompts
from firedoor.approval import Answer
from firedoor.journal import Kind
from tests.fakes import YES, hasten, lab


@pytest.mark.parametrize(("said", "mind"), [("y", True), ("YES ", True), ("n", False), ("", False), ("perhaps", False)])
async def test_they_see_the_plan_as_before_any_containment_and_only_a_yes_is_one(
    said: str,
    mind: bool,  # noqa: FBT001
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    hasten(monkeypatch)
    asked: list[str] = []

    async def line(question: str) -> str:
        asked.append(question)
        return said

    monkeypatch.setattr(prompts, "line", line)
    async with lab(tmp_path, {"a": {"k1": "open"}}) as it:
        run = asyncio.ensure_future(it.contain(answer=None))
        while Kind.REQUESTED not in await it.kinds():  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.005)
        ask = drilling.asking(it.journal)
        assert await ask("r1", cast("Any", None)) is mind
        shown = capsys.readouterr().err
        assert "shut a/k1" in shown
        assert "open -> shut" in shown
        assert "change" in shown.splitlines()[-1], "the sums come last"
        await it.decide("r1", YES, Answer.APPROVE)
        await run
        await ask("r1", cast("Any", None))
        assert capsys.readouterr().err == "", "the plan is shown once"
    assert asked == ["You are on call: approval 1 of 1. Approve? [y/N] ", "You are on call: approval 2 of 1. Approve? [y/N] "]
