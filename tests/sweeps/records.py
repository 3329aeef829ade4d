"""A journal of sweeps, of each kind that leaves proofs: approved in chat, stopped and resumed, under a mandate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from firedoor import planning, sweepplan
from firedoor.approval import Answer
from firedoor.journal import Kind
from firedoor.mandate import Mandate, draw_up, stream_of
from firedoor.model import Tier
from firedoor.proofs import Known
from firedoor.run import Via
from firedoor.seal import Seal
from tests.fakes import KEYS, NO, hasten, resumption
from tests.sweeps.vault import Hall, ShutKey, Vault, Watched, book, hall

GRANTED, STOPPED, NIGHTLY = "251126-aaaaaa", "251126-bbbbbb", "251126-cccccc"
SWEEPS = (GRANTED, STOPPED, NIGHTLY)
TWO: Mapping[str, Mapping[str, Mapping[str, str]]] = {
    "north": {"ada": {"k1": "active", "k2": "inactive"}, "ben": {"k3": "active"}, "cem": {}},
    "south": {"dan": {"k4": "active"}},
}


def known(here: Hall) -> Known:
    """What the proofs of a hall are checked against."""
    tier = ShutKey(Vault({})).spec.approvals
    return Known(seal=Seal.kept_in(here.folder), standing=here.roster, roster=lambda _: here.roster, tier=lambda *_: tier)


async def record(folder: Path) -> Path:
    """Make the sweeps; where their journal is, with the seal beside it."""
    async with hall(folder, TWO) as here:
        await here.sweep()
        here.vault.keys["north"]["cem"]["k5"] = "active"
        await _stopped(here)
        here.vault.keys["north"]["cem"]["k6"] = "active"
        await _nightly(here)
    return folder / "journal.db"


async def _stopped(here: Hall) -> None:
    """Stopped by a signature at the first listing, and gone on with."""

    async def stop() -> None:
        decision, document = await here.desk.draw_up(STOPPED, NO, Answer.STOP, via="terminal")
        await here.desk.submit(STOPPED, replace(decision, proof=KEYS[NO.name].sign(document).proof))

    await here.sweep(run=STOPPED, journal=Watched(here.store, Kind.ROUND, stop))
    await here.sweeping().resume(STOPPED, resumption((await here.desk.record(STOPPED)).order))


async def mandate(here: Hall, *signers: str, days: int = 9) -> Mandate:
    """A mandate for the sweep of all keys, signed, each signature on record."""
    lines = planning.lines(sweepplan.plan(book(), {"vault.shut_key": ShutKey(here.vault)}).items)
    made = draw_up(book(), lines=lines, required=int(Tier.ONE), roster=here.roster.hash, now=datetime.now(UTC), days=days)
    for name in signers:
        made = made.signed_by(name, KEYS[name].sign(made.document).proof)
        await here.journal.append(stream_of("keys"), Kind.STANDING, made)
    return made


async def _nightly(here: Hall) -> None:
    given = await mandate(here, "Ben", "Cem")
    await here.sweeping().sweep(replace(here.order(book(), NIGHTLY), requester="the schedule of keys", via=Via.SCHEDULE), book(), given)


async def once(folder: Path) -> Path:
    """The same, in a hurry."""
    with pytest.MonkeyPatch.context() as patch:
        hasten(patch)
        patch.setattr("firedoor.batching.POLL_SECONDS", 0.02)
        return await record(folder)
