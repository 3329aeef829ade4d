"""What Sample's readers get to see of a run, and that it holds nobody up."""

from __future__ import annotations

from pathlib import Path

import pytest

from firedoor.channel import Channel
from firedoor.errors import ChannelError
from firedoor.model import Outcome
from firedoor.run import StepResult
from scaffold.channel.channel import Sample
from tests.channels.slack.samples import ask


async def test_a_run_is_told_from_the_question_to_the_end(tmp_path: Path) -> None:
    channel: Channel = Sample(path := tmp_path / "sample.log")
    asked = ask(2)
    await channel.asked(asked)
    await channel.reminded(asked, 1)
    await channel.begun(asked.order)
    await channel.progressed(asked.order, StepResult(item="suspend/ada", outcome=Outcome.CHANGED, reason="is suspended"))
    still = {"id": "ticket", "outcome": "FAILED", "reason": "Jira did not answer"}
    await channel.finished(asked.order, {"outcome": "partial", "open": [still]})
    run, lines = asked.order.run, path.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line in asked.request.lines] == list(asked.request.lines), "every change that is asked for"
    assert f"decide: firedoor approve {run} --key FILE" in lines
    assert lines[-5:] == [
        f"run {run} still waits, reminder 1",
        f"run {run} is approved and under way; to stop it: firedoor stop {run} --key FILE",
        f"run {run}: CHANGED suspend/ada",
        "OPEN: ticket, FAILED: Jira did not answer",
        f"run {run} is over: partial",
    ]
    assert path.stat().st_mode & 0o077 == 0, "it says who is being contained"


async def test_what_cannot_be_told_is_an_error_that_the_engine_knows(tmp_path: Path) -> None:
    with pytest.raises(ChannelError, match="cannot be written"):
        await Sample(tmp_path / "none" / "sample.log").asked(ask(1))


async def test_it_has_no_address(tmp_path: Path) -> None:
    assert not await Sample(tmp_path / "sample.log").where("r1")
