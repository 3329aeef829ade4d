"""The ways in which a run is shown: a terminal, lines, JSON lines, nothing."""

from __future__ import annotations

import io
import json
import re
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from rich.console import Console

from firedoor.journal import Event, Journal, Kind
from firedoor.progress import Course
from firedoor.store import Store
from firedoor.viewing import Drawn, Lines, Stream, View, drawn, view

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


async def recorded(path: Path) -> list[Event]:
    async with Store(f"sqlite:///{path}") as store:
        return list(await Journal(store).events("r1"))


def play(events: list[Event], on: View) -> None:
    course = Course()
    for event in events:
        if (told := course.take(event)) is not None:
            on.took(told, course)
    on.over()


async def test_a_terminal_shows_the_lines_that_a_file_holds(recorded_once: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "300")
    events = await recorded(recorded_once)
    file, tty = io.StringIO(), Tty()
    play(events, Lines(file, {}))
    play(events, Drawn(tty, {}))
    lines = file.getvalue().splitlines()
    assert len(lines) == 2 + len([one for one in events if one.kind == Kind.ENDED])
    rows = [row.strip() for row in ESCAPES.sub("\n", tty.getvalue()).splitlines()]
    assert [row for row in rows if row in lines] == lines
    assert tty.getvalue().count("\x1b[?25l") == tty.getvalue().count("\x1b[?25h") > 0


async def test_what_is_under_way_is_drawn_the_longest_first(recorded_once: Path) -> None:
    course, seen = Course(), list[str]()
    for event in await recorded(recorded_once):
        course.take(event)
        page = io.StringIO()
        Console(file=page, width=80).print(drawn(course, event.at - timedelta(seconds=9), event.at))
        *doing, last = page.getvalue().splitlines()
        assert len(doing) == len(course.doing)
        assert all(len(row) <= 80 for row in doing)
        assert last == f"{len(course.ended)} of {len(course.items)} steps ended, {len(doing)} under way, 9 s. Ctrl-C stops it."
        seen += doing
    assert any(" s, being made: " in row for row in seen)
    assert any(" s, made, and watched: " in row for row in seen)


async def test_a_stream_has_a_line_an_event_and_no_character_beyond_ascii(recorded_once: Path) -> None:
    page = io.StringIO()
    stream = Stream(page)
    play(await recorded(recorded_once), stream)
    stream.say("nothing of this")
    stream.show([])
    stream.line({"event": "report", "title": "\x9b2J Łukasz"})
    told = [json.loads(line) for line in page.getvalue().splitlines()]
    assert [one["event"] for one in told[:2]] == ["planned", "asked"]
    assert told[-1]["title"] == "\x9b2J Łukasz"
    assert page.getvalue().isascii()


def test_who_wants_json_is_shown_nothing_else(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    quiet = view(as_json=True, as_stream=False, environment={})
    quiet.say("a line")
    assert capsys.readouterr() == ("", "")
    assert type(view(as_json=False, as_stream=False, environment={})) is Lines
    assert type(view(as_json=False, as_stream=True, environment={})) is Stream
    monkeypatch.setattr(sys, "stderr", Tty())
    assert type(view(as_json=False, as_stream=False, environment={})) is Drawn
