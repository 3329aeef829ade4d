"""Whatever people and vendors call things, a report and a list have the lines that they have."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import pytest

from firedoor import words
from firedoor.legible import legible
from firedoor.progress import Course, Told
from firedoor.progress import words as progress_words
from firedoor.viewing import Lines
from tests.channels.slack import samples


def report(label: str) -> Mapping[str, Any]:
    found = samples.ended(8, label).report
    assert found is not None
    return {**found, "undoes": None}


@pytest.mark.parametrize("name", samples.HOSTILE)
def test_a_report_a_plan_and_a_list_have_no_line_of_somebody_elses(name: str) -> None:
    for render in (words.report_markdown, words.plan_markdown, lambda one: words.runs_markdown([one])):
        theirs, ours = render(report(samples.HOSTILE[name])), render(report(""))
        assert theirs.count("\n") == ours.count("\n")
        assert all(line.isprintable() for line in theirs.split("\n"))


def test_what_cannot_be_seen_shows_as_its_code_point() -> None:
    assert legible("a\nb\x1b[2J\u202e") == "a[U+000A]b[U+001B][2J[U+202E]"
    assert legible("Łukasz, 李, José") == "Łukasz, 李, José"


@pytest.mark.parametrize("name", samples.HOSTILE)
def test_a_line_of_progress_is_one_line(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    label = samples.HOSTILE[name]
    told: Told = {"event": "decided", "by": f"Ben{label}", "answer": "approve", "via": "chat"}
    assert progress_words(told, Course())
    view = Lines(sys.stderr, {})
    view.took(told, Course())
    view.say(label)
    said = capsys.readouterr().err
    assert said.count("\n") == 2
    assert said.replace("\n", "").isprintable()
