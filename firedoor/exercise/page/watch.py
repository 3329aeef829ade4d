"""What the attacker does, second by second, read from their own record while it grows. The judge reads the same at the end."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from firedoor.exercise.judge import ENOUGH
from firedoor.exercise.scenario import Clock

State = Literal["in", "failing", "dark", "not in yet"]


@dataclass(slots=True, kw_only=True)
class Way:
    """One way in. ``seconds`` tells of each second in which it was tried whether it worked; ``failed`` counts since the last success."""

    name: str
    tries: int = 0
    worked: int = 0
    failed: int = 0
    last_success: float | None = None
    seconds: dict[int, bool] = field(default_factory=dict)

    def take(self, at: float, *, ok: bool) -> None:
        """One more try."""
        self.tries += 1
        self.seconds[int(at)] = self.seconds.get(int(at), False) or ok
        self.failed = 0 if ok else self.failed + 1
        if ok:
            self.worked += 1
            self.last_success = at

    @property
    def state(self) -> State:
        """Dark is what worked once and then failed as often as the judge wants it to."""
        if self.last_success is None:
            return "not in yet"
        if not self.failed:
            return "in"
        return "dark" if self.failed >= ENOUGH else "failing"


class Watch:
    """All ways in, and how the attacker stood in the defenders' way. ``clocks`` are those of the scenario."""

    def __init__(self, folder: Path, clocks: Sequence[Clock]) -> None:
        self._clocks = clocks
        self._attempts = _Tail(folder / "attempts.jsonl")
        self._meddling = _Tail(folder / "interference.jsonl")
        self._ways: dict[str, Way] = {}
        self._tries = self._heeded = 0

    def look(self) -> None:
        """Take in what was written since the last look."""
        for line in self._attempts.new():
            name = str(line["foothold"])
            self._ways.setdefault(name, Way(name=name)).take(float(line["at"]), ok=bool(line["ok"]))
        for line in self._meddling.new():
            self._tries += 1
            self._heeded += bool(line["accepted"])

    def state(self, *, alerted: float | None, since: int = 0) -> Mapping[str, Any]:
        """Where everything stands. Of single seconds only those from ``since`` on are told."""
        return {
            "ways": [
                {
                    "name": way.name,
                    "state": way.state,
                    "tries": way.tries,
                    "worked": way.worked,
                    "last": way.last_success,
                    "seconds": [[second, ok] for second, ok in way.seconds.items() if second >= since],
                }
                for way in self._ways.values()
            ],
            "meddling": {"tries": self._tries, "heeded": self._heeded},
            "clocks": [
                {"historical": clock.historical, "minutes": clock.minutes, "here": clock.here, "seconds": self._stopped(clock, alerted)}
                for clock in self._clocks
            ],
        }

    def _stopped(self, clock: Clock, alerted: float | None) -> float | None:
        """Seconds from the alert to the last success of the clock's ways in; None while one of them is not dark."""
        meant = [way for way in self._ways.values() if way.name.startswith(clock.footholds)]
        if alerted is None or not meant or not all(way.state == "dark" for way in meant):
            return None
        return round(max(max(0.0, (way.last_success or alerted) - alerted) for way in meant), 2)


class _Tail:
    """The lines of a file that other processes append to. A last one that is not written whole waits for the next look."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0

    def new(self) -> Iterator[Mapping[str, Any]]:
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._read)
            whole, _, _ = file.read().rpartition(b"\n")
        if whole:
            self._read += len(whole) + 1
            for line in whole.split(b"\n"):
                yield json.loads(line)
