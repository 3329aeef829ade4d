from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from firedoor import audit, planning, sweepplan
from firedoor.approval import Roster
from firedoor.errors import BadInput
from firedoor.journal import Journal, Kind
from firedoor.mandate import MANDATES, Mandate, draw_up
from firedoor.model import Tier
from firedoor.proofs import Known
from firedoor.seal import Seal
from firedoor.store import Store
from tests import fakes
from tests.fakes import KEYS, ROSTER, hasten
from tests.sweeps.vault import ShutKey, book, hall

RUN = "251126-aaaaaa"
KEYS_OF_ALL = {"north": {"ada": {"k1": "active"}, "ben": {"k3": "active"}}}


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    hasten(monkeypatch)


def known(folder: Path, roster: Roster = ROSTER) -> Known:
    return Known(seal=Seal.kept_in(folder), standing=roster, roster=lambda _: roster, tier=lambda *_: Tier.ONE)


def mandate(*, signers: tuple[str, ...] = ("Ben",), at_most: int = 100) -> Mandate:
    wanted = book(at_most=at_most)
    lines = planning.lines(sweepplan.plan(wanted, {"vault.shut_key": ShutKey}).items)  # type: ignore[dict-item]
    drawn = draw_up(wanted, lines=lines, required=1, roster=ROSTER.hash, now=datetime.now(UTC), days=30)
    for name in signers:
        drawn = drawn.signed_by(name, KEYS[name].sign(drawn.document).proof)
    return drawn


async def faults(folder: Path) -> list[str]:
    async with Store(f"sqlite:///{folder / 'journal.db'}") as store:
        return [str(one) for one in (await audit.audit(Journal(store), known(folder))).faults]


async def test_a_sweep_that_was_approved_is_sound(tmp_path: Path) -> None:
    async with hall(tmp_path, KEYS_OF_ALL) as here:
        assert (await here.sweep())["outcome"] == "closed"
    assert await faults(tmp_path) == []


async def test_so_is_one_on_a_mandate(tmp_path: Path) -> None:
    async with hall(tmp_path, KEYS_OF_ALL) as here:
        signed = mandate()
        await here.journal.append(f"{MANDATES}keys", Kind.STANDING, signed)
        report = await here.sweeping().sweep(here.order(book()), book(), signed)
        assert (report["outcome"], report["mandate"], here.vault.effects.total()) == ("closed", True, 2)
    assert await faults(tmp_path) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda one: replace(one, signed={}), "0 valid signature"),
        (lambda one: replace(one, sweep="others"), "playbook has changed"),
        (lambda one: replace(one, playbook="sha256:0"), "playbook has changed"),
        (lambda one: replace(one, expires=one.made), "expired"),
        (lambda one: replace(one, roster="sha256:0"), "roster has changed"),
        (lambda one: replace(one, lines=("anything",)), "0 valid signature"),
        (lambda one: replace(one, required=2), "0 valid signature"),
    ],
)
async def test_a_mandate_that_is_not_in_force_begins_nothing(tmp_path: Path, change: Callable[[Mandate], Mandate], words: str) -> None:
    async with hall(tmp_path, KEYS_OF_ALL) as here:
        with pytest.raises(BadInput, match=words):
            await here.sweeping().sweep(here.order(book()), book(), change(mandate()))
        assert (here.vault.effects.total(), await here.journal.events(RUN)) == (0, [])


def rewritten(folder: Path, stream: str, kind: str, edit: Callable[[dict[str, Any]], None]) -> None:
    """Edit the body of an event, as who may write to the database can; the chain breaks, and that is found besides."""
    with closing(sqlite3.connect(folder / "journal.db")) as database, database:
        query = "SELECT seq, body FROM events WHERE run = ? AND kind = ?"
        seq, text = database.execute(query, (stream, kind)).fetchone()
        body = json.loads(text)
        edit(body)
        database.execute("UPDATE events SET body = ? WHERE seq = ?", (json.dumps(body, sort_keys=True, separators=(",", ":")), seq))


@pytest.mark.parametrize(
    ("stream", "kind", "edit", "words"),
    [
        (f"{RUN}/000001", Kind.INTENTS, lambda body: body["writes"][0].update(type="other.key"), "no type that was approved"),
        (f"{RUN}/000001", Kind.INTENTS, lambda body: body["writes"][0].update(effect="sha256:0"), "not the change that it names"),
        (f"{RUN}/000001", Kind.RECEIPTS, lambda body: body["wrote"][0].update(effect="sha256:0"), "never begun"),
        (f"{RUN}/000001", Kind.SETTLED, lambda body: body.pop("rows"), "cannot be read"),
        (RUN, Kind.DECIDED, lambda body: body.update(by="Ada"), "without a valid approval"),
        (RUN, Kind.LISTED, lambda body: body.pop("holders"), "cannot be read"),
    ],
)
async def test_what_was_edited_is_found_by_what_it_means_and_not_by_its_hash_alone(
    tmp_path: Path, stream: str, kind: str, edit: Callable[[dict[str, Any]], None], words: str
) -> None:
    async with hall(tmp_path, KEYS_OF_ALL) as here:
        await here.sweep()
    rewritten(tmp_path, stream, kind, edit)
    assert any(words in one for one in await faults(tmp_path))


async def test_a_batch_of_no_sweep_is_found(tmp_path: Path) -> None:
    async with hall(tmp_path, KEYS_OF_ALL) as here:
        await here.journal.append("251126-cccccc/000001", Kind.INTENTS, {"writes": []})
    assert any("no sweep of this journal" in one for one in await faults(tmp_path))


async def test_an_ordinary_resume_or_undo_leaves_a_sweep_alone(tmp_path: Path) -> None:
    async with hall(tmp_path, KEYS_OF_ALL) as here:
        await here.sweep()
        before = [event.kind for event in await here.journal.events(RUN)]
    async with fakes.lab(tmp_path, {}) as lab:
        with pytest.raises(BadInput, match="sweep resume"):
            await lab.resume(RUN)
        with pytest.raises(BadInput, match="not undone as a whole"):
            await lab.undo(RUN, answer=None)
        assert await lab.kinds(RUN) == before
