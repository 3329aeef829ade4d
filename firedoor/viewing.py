"""The ways in which a run is shown to whoever started it: a terminal, lines, JSON lines, or nothing. To be used by one thread."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Any, Final

from firedoor import planview
from firedoor.legible import legible
from firedoor.planview import Line
from firedoor.progress import Course, Told, words

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.live import Live

SHOWN: Final = 8
BEATS: Final = 4.0  # a second
WORKING: Final = ("intent", "receipt", "ended")


class View:
    """Shows nothing: who wants JSON wants the report alone."""

    def say(self, text: str) -> None:
        """A line aside."""

    def show(self, lines: Sequence[Line]) -> None:
        """A plan that people are asked about."""

    def took(self, told: Told, course: Course) -> None:
        """Something that the run did."""

    def over(self) -> None:
        """Nothing more comes but the report."""


class Stream(View):
    """JSON lines. Characters beyond ASCII are escaped, so that none of them moves a cursor."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def took(self, told: Told, course: Course) -> None:
        """A line an event."""
        del course
        self.line(told)

    def line(self, data: Mapping[str, Any]) -> None:
        """One line."""
        self._stream.write(json.dumps(data) + "\n")
        self._stream.flush()


class Lines(View):
    """Plain lines."""

    def __init__(self, stream: IO[str], environment: Mapping[str, str]) -> None:
        self._stream = stream
        self._environment = environment

    def say(self, text: str) -> None:
        """One line, whatever is in it."""
        self._stream.write(f"{legible(text)}\n")
        self._stream.flush()

    def show(self, lines: Sequence[Line]) -> None:
        """The plan."""
        planview.show(lines, self._stream, self._environment)

    def took(self, told: Told, course: Course) -> None:
        """A line for what people want to know at once."""
        if line := words(told, course):
            self.say(line)


class Drawn(Lines):
    """Lines that stay, and below them what is under way, drawn anew several times a second."""

    def __init__(self, stream: IO[str], environment: Mapping[str, str]) -> None:
        super().__init__(stream, environment)
        self._console: Console = planview.console(stream, environment)
        self._live: Live | None = None

    def say(self, text: str) -> None:
        """One line, above what is drawn."""
        from rich.text import Text  # noqa: PLC0415 - only a terminal needs it

        self._console.print(Text(legible(text)), soft_wrap=True, highlight=False)

    def took(self, told: Told, course: Course) -> None:
        """A line, and what is under way now."""
        if told["event"] in WORKING and course.granted and self._live is None:
            self._begin(course)
        if told["event"] == "finished":
            self.over()
        super().took(told, course)

    def over(self) -> None:
        """Nothing is drawn any more."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _begin(self, course: Course) -> None:
        from rich.live import Live  # noqa: PLC0415

        began = datetime.now(UTC)
        self._live = Live(
            get_renderable=lambda: drawn(course, began, datetime.now(UTC)),
            console=self._console,
            refresh_per_second=BEATS,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start()


def drawn(course: Course, began: datetime, now: datetime) -> RenderableType:
    """What is under way, the longest first, and how far it is."""
    from rich.text import Text  # noqa: PLC0415

    doing = sorted(dict(course.doing).values(), key=lambda one: one.since)
    rows = [
        f"  {(now - one.since).total_seconds():.0f} s, {'made, and watched' if one.made else 'being made'}: {one.says}"
        for one in doing[:SHOWN]
    ]
    rows += [f"  and {len(doing) - SHOWN} more"] if len(doing) > SHOWN else []
    took = (now - began).total_seconds()
    rows.append(f"{len(course.ended)} of {len(course.items)} steps ended, {len(doing)} under way, {took:.0f} s. Ctrl-C stops it.")
    return Text("\n".join(map(legible, rows)), no_wrap=True, overflow="ellipsis")


def view(*, as_json: bool, as_stream: bool, environment: Mapping[str, str]) -> View:
    """The view for whoever is there."""
    if as_stream:
        return Stream(sys.stdout)
    if as_json:
        return View()
    return Drawn(sys.stderr, environment) if sys.stderr.isatty() else Lines(sys.stderr, environment)
