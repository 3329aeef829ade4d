"""A sweep looked at beforehand: what it would find and do now. Nothing is written, to a vendor or to the journal."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from firedoor import closing, planning, sweepplan
from firedoor.drafting import Units
from firedoor.errors import FiredoorError
from firedoor.guard import Guard
from firedoor.inventory import Credential
from firedoor.lots import Lot, sort
from firedoor.model import Mode
from firedoor.scope import Scope, left_out
from firedoor.stocktaking import Stocktaking
from firedoor.sweep import Known, Row
from firedoor.sweepbook import Sweep
from firedoor.sweepreport import told

SHOWN: Final = 20  # of the changes, in words; the rest are counted
PORTION: Final = 100


async def look(book: Sweep, units: Units, guard: Guard) -> Mapping[str, Any]:
    """How many credentials of each type are in scope, and how they stand; what would be changed; what would be left over now."""
    scope = book.scope.read()
    taking = Stocktaking(sources=units.sources, scope=Scope(types=scope.types, places=scope.places))
    view = _View(book=book, units=units, guard=guard, types={kind: Counter() for kind in book.scope.types})
    portion = list[Credential]()
    async for one in taking.credentials():
        portion.append(one)
        if len(portion) == PORTION:
            await view.take(portion)
            portion = []
    await view.take(portion)
    planned = sweepplan.plan(book, units.actions, mode=Mode.PREVIEW)
    return {
        "sweep": book.sweep,
        "title": book.title,
        "aim": str(book.aim),
        "scope": sweepplan.words(book),
        "order": list(book.order),
        "approvers": int(planned.tier),
        "approval": list(planning.lines(planned.items)),
        "exceptions": [
            {"credential": one.credential, "reason": one.says, "expired": not one.in_force(datetime.now(UTC))} for one in book.exceptions
        ],
        "unlisted": [*(f"{vendor}: {why.what}" for vendor, why in units.missing.items()), *taking.unlisted],
        "types": {kind: dict(found) for kind, found in view.types.items()},
        "changes": view.changes[:SHOWN],
        "changes_in_all": len(view.changes),
        "residual": [{"type": item.id, "action": item.action, **told(one)} for item in planned.items for one in item.residual],
        "would_be_left_over": [*({"id": row.label, "reason": row.reason} for row in view.left), *closing.in_doubt(book, view.unknown)],
        **left_out(view.unknown),
    }


@dataclass(slots=True, kw_only=True)
class _View:
    book: Sweep
    units: Units
    guard: Guard
    types: Mapping[str, Counter[str]]
    changes: list[str] = field(default_factory=list)
    left: list[Row] = field(default_factory=list)
    unknown: Counter[str] = field(default_factory=Counter)

    async def take(self, portion: Sequence[Credential]) -> None:
        rows, lots, unknown = sort(portion, book=self.book, known=Known(), actions=self.units.actions, guard=self.guard, begun={}, wrote={})
        self.unknown.update(unknown)
        await asyncio.gather(*map(_look, lots))
        for lot in lots:
            self.changes += [change.says for change in lot.wanted]
            if lot.wanted:
                self.types[lot.credential.type]["to change"] += 1
            else:
                rows.append(lot.row())
        for row in rows:
            if not row.outside and row.disposition is not None:
                self.types[row.type][row.disposition] += 1
                self.left += [] if row.disposition.closed else [row]


async def _look(lot: Lot) -> None:
    try:
        await lot.look()
    except FiredoorError as error:
        lot.failed = error.what
