"""The hash chain over stored events: every event follows the one before it in its run, and the one before it in the whole journal. Pure.

The chain has no secret in it. It finds each edit that was not hashed again to the very end; against one that was stand the proofs
(`firedoor.proofs`) and the heads that were told outside.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from firedoor.canonical import digest

GENESIS: Final = "sha256:" + "0" * 64
KEEP: Final = "Touch nothing: keep a copy of the database, and find out who could write to it"

Row = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something that Firedoor did not write, or that no longer stands, and what to do next. ``event`` and ``n`` are as they are stored."""

    what: str
    advice: str = KEEP
    event: int | str | None = None
    run: str = ""
    n: int | str | None = None

    def __str__(self) -> str:
        if self.event is None:
            return f"run {self.run} {self.what}" if self.run else self.what
        return f"event {self.event} (run {self.run}, its number {self.n}) {self.what}"


@dataclass(slots=True, kw_only=True)
class Chain:
    """A walk along all stored events, in the order of ``seq``. It grows with the runs and the faults, not with the events.

    ``told`` are heads told outside; of these, ``found`` says at which event each stands.
    """

    told: Collection[str] = ()
    events: int = 0
    head: str = GENESIS
    found: dict[str, str] = field(default_factory=dict)
    _ends: dict[str, tuple[int, str]] = field(default_factory=dict)  # of each run, its newest event's number and hash
    _faults: list[Fault] = field(default_factory=list)

    @property
    def runs(self) -> int:
        """How many names of runs there are."""
        return len(self._ends)

    @property
    def faults(self) -> tuple[Fault, ...]:
        """All that was found, in order."""
        return tuple(self._faults)

    def take(self, row: Row) -> None:
        """One event more, as it is stored."""
        due = self.events + 1
        run = str(row["run"])
        n, run_prev = self._ends.get(run, (0, GENESIS))
        self._faults += [fault_at(row, what) for what, holds in _checks(row, due, self.head, n + 1, run_prev).items() if not holds]
        self.events, self.head = _number(row["seq"], due), str(row["hash"])
        self._ends[run] = (_number(row["n"], n + 1), self.head)
        if self.head in self.told:
            self.found[self.head] = f"event {row['seq']} (run {run}, its number {row['n']})"


def fault_at(row: Row, what: str, advice: str = KEEP) -> Fault:
    """A fault of a stored event."""
    return Fault(event=_shown(row["seq"]), run=str(row["run"]), n=_shown(row["n"]), what=what, advice=advice)


def _checks(row: Row, due: int, prev: str, n: int, run_prev: str) -> Mapping[str, bool]:
    content = {name: value for name, value in row.items() if name != "hash"}
    return {
        "is not what its hash says: a stored field was altered": _fingerprint(content) == row["hash"],
        f"stands where event {due} is due: an event was removed or inserted before it": row["seq"] == due,
        "does not follow the event before it: the record was cut, reordered or rewritten there": row["prev"] == prev,
        f"is not number {n} of its run: one of the run's events was removed or inserted": row["n"] == n,
        "does not follow its run's event before it": row["run_prev"] == run_prev,
    }


def _number(stored: object, due: int) -> int:
    """A column may hold what is no number: whoever rewrites the journal is not held to its types."""
    return stored if isinstance(stored, int) else due


def _shown(stored: object) -> int | str:
    return stored if isinstance(stored, int) else str(stored)


def _fingerprint(content: Row) -> str:
    try:
        return digest(content)
    except (TypeError, ValueError):
        return ""  # a field that we could not have written, such as bytes
