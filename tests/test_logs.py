"""What is logged: our own words with the run they are of, nobody else's words at all, one line a record whatever is in it."""

from __future__ import annotations

import io
import json
import logging
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from firedoor import logs, observing

SECRET = "correct-horse-battery"


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    """The root logger, given back as it was."""
    found = logging.getLogger()
    handlers, levels = found.handlers[:], {name: logging.getLogger(name).level for name in logs.OWN}
    yield found
    logging.captureWarnings(capture=False)
    found.handlers[:] = handlers
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


@dataclass
class Said:
    """What came out on standard error so far."""

    capsys: pytest.CaptureFixture[str]
    text: str = ""

    def getvalue(self) -> str:
        self.text += self.capsys.readouterr().err
        return self.text

    def lines(self) -> list[dict[str, str]]:
        return [json.loads(line) for line in self.getvalue().splitlines()]


@pytest.fixture
def said(root: logging.Logger, capsys: pytest.CaptureFixture[str]) -> Said:
    """A process that logs."""
    del root
    logs.begin()
    return Said(capsys)


def test_a_line_of_json_tells_when_what_where_and_of_which_run(said: Said) -> None:
    logs.speak("json", "info")
    with observing.run("261126-abcdef"):
        logging.getLogger("firedoor.engine").info("step %s is over", "3")
    logging.getLogger("flows.sweep").warning("no run here")
    first, second = said.lines()
    assert {**first, "time": first["time"][-6:]} == {
        "time": "+00:00",
        "level": "info",
        "logger": "firedoor.engine",
        "run": "261126-abcdef",
        "message": "step 3 is over",
    }
    assert (second["run"], second["message"]) == ("", "no run here")


def test_the_level_is_ours_alone(said: Said) -> None:
    logs.speak("json", "error")
    logging.getLogger("firedoor.store").warning("not told")
    logging.getLogger("firedoor.store").error("told")
    logs.speak("json", "debug")
    logging.getLogger("firedoor.store").debug("told too")
    botocore = logging.getLogger("botocore.auth")
    botocore.setLevel(logging.DEBUG)
    botocore.debug("Signature %s", SECRET)
    botocore.info("Found credentials %s", SECRET)
    botocore.setLevel(logging.NOTSET)
    assert [one["message"] for one in said.lines()] == ["told", "told too"]


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_librarys_words_are_not_repeated_nor_an_errors(said: Said, form: logs.Format) -> None:
    logs.speak(form, "debug")
    try:
        dict[str, str]()[SECRET]
    except KeyError:
        logging.getLogger("asyncio").exception("Task exception was never retrieved: %s", SECRET)
        logging.getLogger("firedoor.engine").exception("a defect")
    out = said.getvalue()
    assert SECRET not in out
    assert "asyncio" in out
    assert "test_logs.py" in out, "where it was said, and where the error came from"
    assert out.count("KeyError at test_logs.py") == 2


def test_what_people_are_told_is_plain_but_in_a_service_whose_lines_are_json(said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    logs.tell("Listening in Slack.")
    logs.speak("json", "error")
    logs.tell("100% sure")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    logs.tell("somebody sits there")
    plain, line, again = said.getvalue().splitlines()
    assert (plain, again) == ("Listening in Slack.", "somebody sits there")
    assert (json.loads(line)["message"], json.loads(line)["level"]) == ("100% sure", "info")


def test_no_record_can_make_lines_of_its_own(said: Said) -> None:
    logging.getLogger("firedoor.door").warning("dropped: %s", "a\n2026-11-26T00:00:00+00:00 error firedoor: forged\x1b[2J")
    first, second = said.getvalue().splitlines()
    assert " warning firedoor.door: dropped: a" in first
    assert second.startswith("  2026"), "indented: a continuation"
    assert "\x1b" not in said.getvalue()
    logs.speak("json", "warning")
    logging.getLogger("firedoor.door").warning("dropped: %s", "a\n{}")
    assert len(said.getvalue().splitlines()) == 3


def test_what_cannot_be_written_is_not_quoted_elsewhere(
    root: logging.Logger, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root.handlers[:] = []  # pytest's own raises what it cannot put in words
    logs.begin()
    shut = io.StringIO()
    shut.close()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", shut)
        logging.getLogger("firedoor.x").warning("whole %s", SECRET)
    logging.getLogger("firedoor.x").warning("%d", SECRET)
    said = capsys.readouterr()
    assert SECRET not in said.err + said.out
    assert "cannot be put in words (TypeError at " in said.err


def test_warnings_are_told_like_the_words_of_libraries(said: Said) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=False)
        logging.captureWarnings(capture=True)  # within the block, which puts back how warnings are shown
        warnings.warn(SECRET, stacklevel=1)
    assert SECRET not in said.getvalue()
    assert "py.warnings" in said.getvalue()


def test_nobody_else_writes_to_the_console(root: logging.Logger) -> None:
    console, file = logging.StreamHandler(sys.stderr), logging.StreamHandler(io.StringIO())
    root.handlers[:] = [console, file]
    logs.begin()
    logs.begin()
    assert [type(handler) for handler in root.handlers] == [logging.StreamHandler, logs.Console]
    assert file in root.handlers


def test_where_nothing_was_begun_settings_change_nothing(root: logging.Logger) -> None:
    before = logging.getLogger("firedoor").level
    logs.speak("json", "debug")
    assert logging.getLogger("firedoor").level == before
    assert not any(isinstance(handler, logs.Console) for handler in root.handlers)
