"""Facts about vendors of which somebody has put on record that they do not hold: what rests on them may not do what it says."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from firedoor.doctor.checkup import Check, Looks, warning
from firedoor.doctor.tenants import tenants
from firedoor.doctor.verifying import on_record
from firedoor.errors import FiredoorError
from firedoor.facts import gathered, newest
from firedoor.permissions import Shelf
from firedoor.settings import Settings

AREA: Final = "facts"
REMEDY: Final = "See the note (`firedoor doctor --verify`), do what rests on it by hand, and report it; or see anew whether it holds"


def check(settings: Settings, on: Shelf) -> Check:
    """The look at what is on record. What is yet to be established is `doctor --verify`'s to tell."""
    return Check(area=AREA, at="what is on record", look=partial(_look, settings, on))


async def _look(settings: Settings, on: Shelf) -> Looks:
    facts = gathered(on.known)
    try:
        said, _ = await on_record(settings, facts)
    except FiredoorError:  # the look at the journal tells it
        return
    if not said:
        return
    there = {vendor: await _tenants(settings, vendor) for vendor in {fact.vendor for fact in facts}}
    for fact in facts:
        # One tenant's word stands for another's that nobody has looked at: the vendor is the same.
        word = newest(said, fact, there[fact.vendor]) or newest(said, fact, {name for one in said for name in one.tenants})
        if word is not None and not word.holds and there[fact.vendor]:
            says = f"it does not hold at {', '.join(word.tenants)}, says {word.by} ({word.at:%Y-%m-%d}); on it rest {', '.join(fact.units)}"
            yield warning(AREA, f"{fact.vendor}, {fact.says}", says, REMEDY)


async def _tenants(settings: Settings, vendor: str) -> Sequence[str]:
    try:
        return await tenants(settings, vendor)
    except FiredoorError:  # the look at the vendor tells it
        return []
