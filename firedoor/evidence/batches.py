"""The streams of a sweep's batches checked in plain Python: the part of an evidence pack's verifier that is about sweeps."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from firedoor.evidence.force import lapsed
from firedoor.evidence.hashing import Row, effect, links
from firedoor.evidence.signatures import HOSTILE

Fault = tuple[Row, str]


class Batches:
    """All streams of a run. The run says what is swept (``book``), what was ``listed`` by number, and ``told`` how each batch was settled.

    ``approved``: it was, from the event ``since`` of the journal on, ``until`` a moment.
    """

    def __init__(self, run: str, rows: Sequence[Row]) -> None:
        self.run, self.rows = run, rows
        self.book: Row | None = None
        self.listed: dict[int, Row] = {}
        self.told: dict[int, tuple[Row, Row]] = {}
        self.approved, self.since, self.until, self.writes = False, 0, "", 0
        self.names: dict[str, set[str]] = {}

    def faults(self) -> Iterator[Fault]:
        """All that is wrong with them."""
        streams: dict[str, list[Row]] = {}
        for row in self.rows:
            streams.setdefault(str(row.get("run")), []).append(row)
        known = {f"{self.run}/{number:06d}": batch for number, batch in self.listed.items()}
        for name, rows in streams.items():
            if name not in known:
                yield rows[0], "is of a batch that the sweep never listed"
                continue
            yield from links(rows, name)
            yield from self.stream(rows, known[name])
        for number, (row, _) in self.told.items():
            if f"{self.run}/{number:06d}" not in streams:
                yield row, f"says how batch {number} was settled, and its stream is not in this pack"
        most = self.book["at_most"] if self.book is not None else 0
        for kind, names in self.names.items():
            if len(names) > most:
                yield self.rows[0], f"begins a sweep that wrote to {len(names)} credentials of type {kind}, and {most} were approved"

    def take(self, row: Row, body: Row) -> None:
        """What the run says of a batch: that it was listed, or how it was settled."""
        if row["kind"] == "sweep.listed":
            self.listed[body["number"]] = body
        else:
            self.told[body["batch"]] = (row, body)

    def stream(self, rows: Sequence[Row], batch: Row) -> Iterator[Fault]:
        """One stream."""
        begun: list[tuple[str, str]] = []
        settled: Row | None = None
        for row in rows:
            try:
                body = json.loads(row["body"])
                settled = body["settled"] if row["kind"] == "sweep.settled" else settled
                yield from list(self.event(row, body, batch, begun))
            except HOSTILE as error:
                yield row, f"holds what no such event of Firedoor's holds ({type(error).__name__})"
        self.writes += len(begun)
        if batch["number"] in self.told and self.told[batch["number"]][1] != settled:
            yield self.told[batch["number"]][0], f"says how batch {batch['number']} was settled, and its stream does not say that"

    def event(self, row: Row, body: Row, batch: Row, begun: list[tuple[str, str]]) -> Iterator[Fault]:
        """An event of a stream; ``begun`` are the writes before it."""
        match row["kind"]:
            case "sweep.intents":
                for write in body["writes"]:
                    yield from self.began(row, write, batch)
                begun += [(write["credential"], write["effect"]) for write in body["writes"]]
            case "sweep.receipts":
                for one in body["wrote"]:
                    if (one["credential"], one["effect"]) not in begun:
                        yield row, f"tells what became of a write to {one['credential']} that was never begun"
            case "sweep.settled":
                told, rows = body["settled"], body["rows"]
                real = (batch["number"], len(begun), sum(not one["outside"] for one in rows))
                if (told["batch"], told["wrote"], told["in_scope"]) != real:
                    yield row, "counts other credentials or writes than its stream has"
            case _:
                yield row, "is of a kind that no batch has"

    def began(self, row: Row, write: Row, batch: Row) -> Iterator[Fault]:
        """A write: it is one that was approved, and in its batch's place."""
        kind, action = write["type"], write["action"]
        self.names.setdefault(kind, set()).add(write["credential"])
        if effect(write["change"], action) != write["effect"]:
            yield row, "begins a write that is not the one it names"
        elif not write["credential"].startswith(f"{kind.replace('.', ':')}:{batch['place']}/"):
            yield row, f"begins a write to {write['credential']}, which is not of its batch's place"
        elif not self.approved or row["seq"] < self.since or self.book is None or self.book["treat"].get(kind) != action:
            yield row, f"begins {write['change']['says']!r} without a valid approval"
        elif lapsed(row, self.until):
            yield row, f"begins {write['change']['says']!r} after its approval had lapsed"
