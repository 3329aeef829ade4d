"""A journal of several real runs, of every kind that leaves proofs: approved in chat, signed, denied, stopped, frozen, undone."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from firedoor.approval import Answer, Person, Way
from firedoor.journal import Kind
from firedoor.model import Tier
from firedoor.playbook import Playbook
from firedoor.proofs import Known
from firedoor.run import Order
from firedoor.stage import Plainly
from firedoor.standing import Standing, draw_up
from tests.fakes import ASKER, CLEAR, KEYS, NO, SHUT, YES, Lab, book, lab, ordered

RUNS = ("r1", "signed", "denied", "stopped", "frozen", "more", "u1")
DOORS = {name: {"k": "open"} for name in ("a", "b", "c", "d", "e", "f")}


def known(it: Lab, **changed: object) -> Known:
    """What the laboratory's proofs are checked against. It knows no action but its own."""
    tiers = {unit.spec.id: unit.spec.approvals for unit in it.actions}
    found = Known(seal=it.seal, standing=it.roster, roster=lambda _: it.roster, tier=lambda action, _: tiers.get(action, Tier.ONE))
    return replace(found, **changed)  # type: ignore[arg-type]


async def record(folder: Path) -> Path:
    """Make the runs; where their journal is. ``folder`` holds nothing else."""
    async with lab(folder, DOORS) as it:
        await it.contain(book(steps=[SHUT, CLEAR]), doors=["a", "b"])
        protected = ordered(replace(it.order("signed", doors=["c"]), protected=True))
        await _run(it, protected, book(), (YES, NO))
        await it.contain(run="denied", doors=["d"], answer=Answer.DENY)
        await _stopped(it)
        standing = await _standing(it)
        frozen = ordered(replace(it.order("frozen", doors=["e"]), way=Way.FREEZE, standing=standing))
        await _run(it, frozen, book(steps=[SHUT, CLEAR]), (ASKER,))
        more = replace(it.order("more", doors=["f"]), follows="r1")
        await _run(it, more, book(), (NO,))
        await it.undo("r1")
        return it.path


async def _run(it: Lab, order: Order, playbook: Playbook, people: Sequence[Person]) -> None:
    async def decide() -> None:
        for person in people:
            await it.decide(order.run, person, Answer.APPROVE)

    await asyncio.gather(it.engine().contain(order, playbook, Plainly()), decide())


async def _standing(it: Lab) -> Standing:
    standing = replace(draw_up(roster=it.roster.hash, now=datetime.now(UTC), days=9), actions=("fake.clear", "fake.shut"))
    for name in ("Ben", "Cem"):
        standing = standing.signed_by(name, KEYS[name].sign(standing.document).proof)
        await it.journal.append("standing", Kind.STANDING, standing)
    return standing


async def _stopped(it: Lab) -> None:
    """Stopped by a signature, before anybody decided."""
    running = asyncio.create_task(it.contain(run="stopped", doors=["d"], answer=None))
    async for _ in it.journal.ticks():
        if Kind.REQUESTED in await it.kinds("stopped"):
            break
    decision, document = await it.desk().draw_up("stopped", NO, Answer.STOP, via="terminal", reason="it is the wrong door")
    await it.desk().submit("stopped", replace(decision, proof=KEYS[NO.name].sign(document).proof))
    await running
