"""Whoever goes on with a run that somebody had stopped, on no word or an old one, in a journal hashed again: both checkers find it."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from firedoor.canonical import canonical, plain
from firedoor.evidence.verify import Pack
from firedoor.journal import Kind
from firedoor.run import ITSELF, Order, Resumption, Via, fold, resumed
from tests.edits import COLUMNS, Row
from tests.fakes import Lab, lab, resumption
from tests.recorded import DOORS
from tests.test_evidence import packed
from tests.test_proofs import rewritten

RUN = "stopped"
SECOND = timedelta(seconds=1)
NOBODY = "goes on with a run that Cem had stopped, and nobody signed for that"
EARLY = "goes on with a run on an order signed before Cem stopped it"
AGAIN = "is Ada's order to resume, signed before the run was last resumed"
EXPIRED = "is Ada's order to resume, which had expired"

Words = Sequence[tuple[str, timedelta]]  # whose word, and how long after the stop it was put on record
FOUND: dict[str, tuple[Words, str]] = {
    "nobody's word": ([("nobody", SECOND)], NOBODY),
    "the engine's own": ([("engine", SECOND)], NOBODY),
    "a schedule's": ([("schedule", SECOND)], NOBODY),
    "another run's drill": ([("drill", SECOND)], NOBODY),
    "a word of before": ([("early", SECOND)], EARLY),
    "one word twice": ([("later", 3 * SECOND), ("later", 4 * SECOND)], AGAIN),
    "an old word": ([("later", timedelta(days=1))], EXPIRED),
    "somebody's word": ([("later", 3 * SECOND)], ""),
    "somebody's word, then the engine's": ([("later", 3 * SECOND), ("engine", 4 * SECOND)], ""),
}


@pytest.fixture
async def it(recorded_once: Path, tmp_path: Path) -> AsyncIterator[Lab]:
    shutil.copy(recorded_once, tmp_path / "journal.db")
    async with lab(tmp_path, DOORS) as found:
        yield found


def body(word: str, order: Order, stop: datetime) -> object:
    if word == "nobody":
        return {"from": 0}
    unsigned = {"engine": ITSELF, "schedule": replace(ITSELF, via=Via.SCHEDULE), "drill": Resumption(via=Via.DRILL)}
    signed = {"early": stop - SECOND, "later": stop + 2 * SECOND}
    return resumed(unsigned[word] if word in unsigned else resumption(order, at=signed[word]), 0)


@pytest.mark.parametrize("name", FOUND)
async def test_a_stop_is_ended_by_a_word_that_was_signed_after_it(it: Lab, name: str) -> None:
    words, found = FOUND[name]
    order = fold(RUN, await it.events(RUN)).order
    [stop] = [event.at for event in await it.events(RUN) if event.kind == Kind.STOP]

    def edit(rows: list[Row]) -> None:
        for word, after in words:
            said = canonical(body(word, order, stop))
            rows.append({**dict.fromkeys(COLUMNS), "run": RUN, "at": plain(stop + after), "kind": str(Kind.RESUMED), "body": said})

    audited = [fault.what for fault in (await rewritten(it, edit)).faults]
    examined = Pack(await packed(it, RUN), b"k" * 32)
    examined.examine([])
    assert audited == ([found] if found else [])
    assert [fault.partition(" of the run) ")[2] for fault in examined.faults] == audited


@pytest.mark.parametrize(("run", "kind", "answer"), [(RUN, Kind.STOP, "stop"), ("r1", Kind.DECIDED, "approve")])
async def test_what_somebody_said_stands_in_no_other_kind_of_event(it: Lab, run: str, kind: Kind, answer: str) -> None:
    """The engine counts approvals and stops each where they belong, so that is where both checkers look for them."""
    other = {Kind.STOP: Kind.DECIDED, Kind.DECIDED: Kind.STOP}[kind]

    def edit(rows: list[Row]) -> None:
        next(row for row in rows if (row["run"], row["kind"]) == (run, kind))["kind"] = str(other)

    found = "\n".join(fault.what for fault in (await rewritten(it, edit)).faults)
    examined = Pack(await packed(it, run), b"k" * 32)
    examined.examine([])
    assert f"decision to {answer}, and is no event of that" in found
    assert f"decision to {answer}, and is no event of that" in "\n".join(examined.faults)
