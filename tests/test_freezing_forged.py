"""Whoever freezes on a standing approval that is not in force, and signs the rest anew: both checkers find it, with no key at hand."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from firedoor.approval import document
from firedoor.canonical import canonical
from firedoor.evidence.verify import Pack
from firedoor.journal import Kind
from firedoor.run import fold
from firedoor.standing import Standing
from tests.edits import Row
from tests.fakes import KEYS, Lab, lab, ordered
from tests.recorded import DOORS, known
from tests.test_evidence import packed
from tests.test_proofs import rewritten

RUN = "frozen"
HOUR = timedelta(hours=1)
Change = Callable[[Standing, datetime], Standing]


@pytest.fixture
async def it(recorded_once: Path, tmp_path: Path) -> AsyncIterator[Lab]:
    shutil.copy(recorded_once, tmp_path / "journal.db")
    async with lab(tmp_path, DOORS) as found:
        yield found


def signed(given: Standing, *names: str) -> Standing:
    return replace(given, signed={name: KEYS[name].sign(given.document).proof for name in names})


FEW = "its standing approval has {} valid signature(s), and needs 2"
NOT_THEN = "its standing approval was not in force then"
ANOTHER = "it does not rest on the standing approval that it was ordered on"
FOUND: dict[str, tuple[Change, str]] = {
    "nobody signed it": (lambda given, _: signed(given), FEW.format(0)),
    "one signed it": (lambda given, _: signed(given, "Ben"), FEW.format(1)),
    "one signed it for two": (
        lambda given, _: replace(given, signed={"Ben": given.signed["Ben"], "Cem": given.signed["Ben"]}),
        FEW.format(1),
    ),
    "it had expired": (lambda given, now: signed(replace(given, made=now - 2 * HOUR, expires=now - HOUR), "Ben", "Cem"), NOT_THEN),
    "it was made later": (lambda given, now: signed(replace(given, made=now + HOUR), "Ben", "Cem"), NOT_THEN),
    "it is another roster's": (lambda given, _: signed(replace(given, roster="sha256:" + "0" * 64), "Ben", "Cem"), NOT_THEN),
    "it was in force": (lambda given, _: signed(replace(given, most=2), "Ben", "Cem"), ""),
}


async def resting(it: Lab, change: Change, *, order: bool = True) -> tuple[list[str], list[str]]:
    """What the audit and the verifier say of its writes once it rests on another standing approval, and is signed again as it is now."""
    record = fold(RUN, await it.events(RUN))
    asked, [decision] = record.request, record.decisions
    assert asked is not None
    assert asked.standing is not None
    given = change(asked.standing, asked.requested)
    asked = replace(asked, standing=given)
    decision = replace(decision, request=asked.digest)
    decision = replace(decision, proof=KEYS[decision.by].sign(document(decision, RUN, asked)).proof)
    bodies: dict[str, object] = {Kind.DECIDED: decision, Kind.REQUESTED: {**json.loads(canonical(asked)), "mark": "mac:0"}}
    if order:
        bodies[Kind.OPENED] = ordered(replace(record.order, standing=given))

    def edit(rows: list[Row]) -> None:
        for row in rows:
            if row["run"] == RUN and row["kind"] in bodies:
                row["body"] = canonical(bodies[row["kind"]])

    audited = [fault.what for fault in (await rewritten(it, edit, against=known(it, seal=None))).faults]
    examined = Pack(await packed(it, RUN), None)
    examined.examine([])
    return audited, examined.faults


@pytest.mark.parametrize("name", FOUND)
async def test_a_freeze_rests_on_a_standing_approval_in_force(it: Lab, name: str) -> None:
    change, why = FOUND[name]
    audited, examined = await resting(it, change)
    without = "begins 'shut e/k' without a valid approval"
    assert (f"{without}: {why}" in audited) is bool(why), audited
    assert any(fault.endswith(without) for fault in examined) is bool(why), examined
    assert bool(audited) is bool(examined) is bool(why)


async def test_a_freeze_rests_on_the_standing_approval_that_it_was_ordered_on(it: Lab) -> None:
    audited, examined = await resting(it, lambda given, _: signed(replace(given, most=2), "Ben", "Cem"), order=False)
    assert f"begins 'shut e/k' without a valid approval: {ANOTHER}" in audited
    assert any(fault.endswith("begins 'shut e/k' without a valid approval") for fault in examined)
