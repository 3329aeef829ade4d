"""What is told of a tabletop on the real estate, and what somebody who asks for one wrongly is told."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from firedoor import cli
from firedoor.approval import Answer
from firedoor.exercise import tabletop, tabletopwords
from firedoor.exercise.scenario import SCENARIOS, Scenario
from firedoor.model import Mode
from firedoor.run import fold
from firedoor.settings import ExerciseSettings, Settings
from firedoor.situation import situation_of
from tests.fakes import NO, YES, Lab, Report, book, hasten, lab

[SCENARIO] = SCENARIOS.values()


@pytest.fixture
async def it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Lab]:
    hasten(monkeypatch)
    async with lab(tmp_path, {"a": {"k": "open"}, "b": {"k": "stuck"}}) as found:
        yield found


async def told(it: Lab, answer: Answer | None, *, minutes: int = 30, scenario: Scenario | None = SCENARIO) -> Report:
    report = await it.contain(book(minutes=minutes), engine=it.engine(act=False), mode=Mode.EXERCISE, answer=answer)
    events = await it.events()
    return tabletop.compose(report, fold("r1", events), events, roster=it.roster, scenario=scenario)


async def test_who_answered_and_who_did_not(it: Lab) -> None:
    report = await told(it, Answer.APPROVE)
    assert [(one["name"], one["answer"], one["looked"]) for one in report["people"]] == [(YES.name, "approve", None), (NO.name, None, None)]
    clocks = report["clocks"]
    assert (clocks["posted"], clocks["looked"]) == (None, None), "nobody looked at a Slack that was not there"
    assert 0 <= clocks["planned"] <= clocks["decided"] == report["people"][0]["seconds"] <= clocks["ruled"] <= clocks["over"]
    words = tabletopwords.render(report)
    for line in (
        "## 2 were asked, 1 needed, 1 did not answer",
        r"- Ben: did not look, approved after \d+\.\d s",
        "- Cem: did not look, did not answer",
        "-    never  the request stood in Slack",
        r"- +\d+\.\d s  the request was granted",
        "331 minutes in 2023. Here, the last write for it would have come after: not in this exercise, or not got to.",
    ):
        assert re.search(line, words), line
    assert "EXERCISE, nothing was changed. It would NOT have been contained: 1 of 2 steps still open" in words


async def test_nobody_answered(it: Lab) -> None:
    report = await told(it, None, minutes=0)
    assert report["approval"]["ruling"] == "expired"
    assert (report["clocks"]["decided"], [one["answer"] for one in report["people"]]) == (None, [None, None])
    assert "2 did not answer" in tabletopwords.render(report)


async def test_the_clocks_are_those_of_the_writes_that_answer_them(it: Lab) -> None:
    first, *others = SCENARIO.history
    report = await told(it, Answer.APPROVE, scenario=replace(SCENARIO, history=(replace(first, actions=("fake.shut",)), *others)))
    ours, *rest = [clock["seconds"] for clock in report["history"]]
    assert report["clocks"]["ruled"] <= ours <= report["clocks"]["over"]
    assert rest == [None, None]


async def test_a_playbook_without_a_history_is_told_without_one(it: Lab) -> None:
    report = await told(it, Answer.APPROVE, scenario=None)
    assert (report["scenario"], report["history"]) == ("", [])
    assert "2023" not in tabletopwords.render(report)


async def test_what_an_exercise_leaves_open_is_nobodys_to_close(it: Lab) -> None:
    await told(it, Answer.APPROVE)
    found = situation_of(await it.desk().record("r1"))
    assert found.title == "EXERCISE: Shut the doors"
    assert (found.left, found.residual) == (False, ())


WRONG = {
    "nothing is named": ([], "nothing says what the exercise is about"),
    "no such exercise": (["sunburst-2020"], "there is no exercise"),
    "a playbook's input that there is not": (["-i", "user=a@b.example"], "has no input"),
    "simulated people on the real estate": (["--approve", "auto"], "are for simulated vendors"),
    "a real undo": (["--undo"], "are for simulated vendors"),
    "vendors that lag by order": (["--lag", "1"], "are for simulated vendors"),
    "nobody signs for it": (["-i", "users=a@b.example"], "no key is named to sign with"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_held_is_told_with_nothing_touched(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FIREDOOR_CONFIG", "/dev/null")
    monkeypatch.setenv("FIREDOOR_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.delenv("FIREDOOR_SSH_KEY", raising=False)
    words, told_ = WRONG[name]
    assert cli.obey(["drill", "--against", "live", *words]) == 2
    assert told_ in capsys.readouterr().err
    assert not (tmp_path / "state").exists()


def test_a_drill_makes_up_what_it_is_about(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.obey(["drill", "-i", "users=a@b.example"]) == 2
    assert "add --against live" in capsys.readouterr().err


def test_the_first_credentials_are_left_out_where_there_are_second_ones() -> None:
    def secrets(found: Settings) -> Sequence[str | None]:
        held = (found.okta_api_token, found.jira_api_token, found.okta_sweep_api_token)
        return [one.get_secret_value() if one else None for one in held]

    both = {"okta_api_token": "w", "okta_preview_api_token": "r", "okta_sweep_api_token": "s", "jira_api_token": "jw"}
    both |= {"jira_preview_api_token": "jr"}
    roles = {"aws_accounts": {"111122223333": "write"}, "aws_preview_accounts": {"111122223333": "read"}}
    ours = ExerciseSettings.of(Settings(**both, **roles))
    assert secrets(ours) == ["r", "jr", None]
    assert dict(ours.aws_accounts) == {"111122223333": "read"}
    assert ours.one_credential == {"slack"}
    single = ExerciseSettings.of(Settings(okta_api_token="w"))
    assert secrets(single)[0] == "w"
    assert single.one_credential == {"okta", "aws", "slack"}
