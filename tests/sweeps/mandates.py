"""The mandate of a sweep that runs by schedule, as approvers sign it by daylight."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from firedoor import planning, sweepbook, sweepplan, wiring
from firedoor.approval import Roster
from firedoor.catalogue import AnyAction
from firedoor.exercise.keys import SecurityKey
from firedoor.journal import Journal, Kind
from firedoor.mandate import draw_up, stream_of
from firedoor.store import Store


async def sign_mandate(database: str, roster: Roster, playbook: Path, keys: Mapping[str, SecurityKey]) -> None:
    """One in force, signed by all of these, who are on the roster by those names."""
    known = wiring.load_catalogue()
    book = sweepbook.find(str(playbook), known)
    planned = sweepplan.plan(book, cast("Mapping[str, AnyAction]", known.actions))  # only what they declare is looked at
    lines = planning.lines(planned.items)
    mandate = draw_up(book, lines=lines, required=len(keys), roster=roster.hash, now=datetime.now(UTC), days=30)
    for name, key in keys.items():
        mandate = mandate.signed_by(name, key.sign(mandate.document).proof)
    async with Store(database) as store:
        await Journal(store).append(stream_of(book.sweep), Kind.STANDING, mandate)
