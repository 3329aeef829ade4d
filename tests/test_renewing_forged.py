"""Whoever has a run asked for anew and may not, in a journal that was hashed again: the audit finds it, and a pack's verifier does."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from firedoor.audit import audit
from firedoor.evidence.verify import Pack
from firedoor.journal import Kind
from tests.edits import Row
from tests.fakes import ROSTER, hasten, lab
from tests.recorded import known
from tests.test_evidence import packed
from tests.test_proofs import Edit, edited, inside, rewritten, setting, without
from tests.test_renewing import DOORS, NEW, gone_on, half_done, word


@pytest.fixture(scope="module")
def recorded_anew(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A journal of one run that was asked for anew, by whoever had ordered it, with another key."""

    async def made(folder: Path) -> Path:
        async with lab(folder, DOORS) as it:
            await half_done(it, effect=False, asker="Ben")
            await gone_on(it, by=await word(it, "Ben"))
            return it.path

    with pytest.MonkeyPatch.context() as patched:
        hasten(patched)
        return asyncio.run(made(tmp_path_factory.mktemp("anew")))


def again(kind: Kind) -> Edit:
    def edit(rows: list[Row]) -> None:
        at = max(number for number, row in enumerate(rows) if row["kind"] == kind)
        rows.insert(at + 1, {**rows[at], "claim": None})

    return edit


def lost(kind: Kind) -> Edit:
    """The last event of that kind never was."""

    def edit(rows: list[Row]) -> None:
        del rows[max(number for number, row in enumerate(rows) if row["kind"] == kind)]

    return edit


def unasked(rows: list[Row]) -> None:
    """What was asked anew, and decided on it, never was."""
    for kind in (Kind.REQUESTED, Kind.DECIDED, Kind.CLOSED):
        lost(kind)(rows)


def by_itself(body: dict[str, Any]) -> None:
    body.update(via="firedoor", by="", proof="", roster="")


SECOND = "plans the run a second time, and nobody on another roster has ordered that"
UNASKED = "'clear a' without a valid approval: nobody was asked"
FORGED: Mapping[str, tuple[Edit, str, str]] = {
    "the order of before": (
        edited("r1", Kind.OPENED, setting(title="Open them")),
        "its signature does not hold",
        "signature does not hold",
    ),
    "another's word": (edited("r1", Kind.RESUMED, setting(by="Dan")), "its signature does not hold", "the signature does not hold"),
    "nobody's word": (edited("r1", Kind.RESUMED, by_itself), SECOND, SECOND),
    "no word at all": (without("r1", Kind.RESUMED), SECOND, SECOND),
    "another target": (
        inside("r1", Kind.PLANNED, "items.0.target.name", "vault"),
        "for something else than at first",
        "for something else than at first",
    ),
    "another requester": (
        edited("r1", Kind.REQUESTED, setting(requester="Ada"), which=1),
        "asks in another name",
        "in another name or way",
    ),
    "another way": (edited("r1", Kind.REQUESTED, setting(way="break-glass"), which=1), "or another way", "in another name or way"),
    "the old roster": (edited("r1", Kind.REQUESTED, setting(roster=ROSTER.hash), which=1), "asks another roster", "another roster"),
    "a request twice": (again(Kind.REQUESTED), "asks for the run a second time", "asks a second time"),
    "no plan of what is left": (lost(Kind.PLANNED), "asks for the run a second time", "asks a second time"),
    "no new approval": (lost(Kind.DECIDED), "without a valid approval", "without a valid approval"),
    "nobody asked anew": (unasked, UNASKED, UNASKED),
    "nobody ever asked": (without("r1", Kind.REQUESTED, Kind.DECIDED, Kind.CLOSED), UNASKED, UNASKED),
}


@pytest.mark.parametrize("name", FORGED)
async def test_what_is_forged_of_it_is_found(name: str, recorded_anew: Path, tmp_path: Path) -> None:
    shutil.copy(recorded_anew, tmp_path / "journal.db")
    edit, words, in_the_pack = FORGED[name]
    async with lab(tmp_path, DOORS, roster=NEW) as it:
        found = await rewritten(it, edit)
        assert words in "\n".join(fault.what for fault in found.faults)
        examined = Pack(await packed(it, "r1"), b"k" * 32)
        examined.examine([])
        assert in_the_pack in "\n".join(examined.faults)


async def test_the_record_and_its_pack_hold(recorded_anew: Path, tmp_path: Path) -> None:
    shutil.copy(recorded_anew, tmp_path / "journal.db")
    async with lab(tmp_path, DOORS, roster=NEW) as it:
        found = await audit(it.journal, known(it))
        assert found.faults == ()
        assert [one.event for one in found.unchecked] == [1, 3], "whose key signed the order, and who might decide then"
        examined = Pack(await packed(it, "r1"), b"k" * 32)
        examined.examine([])
        assert examined.faults == []
        assert any("Ben's signature of event 1: no public key of theirs is in this pack for it" in note for note in examined.notes)
