"""How tests ask for single checks, and read what is said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from firedoor.cli_permissions import on_the_shelf
from firedoor.doctor.checkup import Check, State, examine
from firedoor.doctor.identities import Identity, identities
from firedoor.settings import load


def of(vendor: str, **changed: Any) -> Sequence[Identity]:
    return identities(vendor, load().model_copy(update=changed), on_the_shelf())


async def say(*checks: Check) -> list[str]:
    """Everything that is not in order, and what is where nothing else is."""
    found = await examine(checks)
    wrong = [f"{one.state}: {one.at}: {one.says}. {one.remedy}" for one in found if one.state is not State.OK]
    return wrong or [one.says for one in found]
