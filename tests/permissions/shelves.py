"""The playbooks that there are; and for an action that none of them uses, one of the kind that it is made for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from firedoor.cli_permissions import on_the_shelf
from firedoor.permissions import Purpose, Shelf, needed
from firedoor.playbook import Playbook
from firedoor.sweepbook import Sweep
from firedoor.treatment import Treatment

ON: Final = on_the_shelf()
CONTAINED: Final = {step.action for book in ON.playbooks for step in book.steps}
SWEPT: Final = {action for sweep in ON.sweeps for action in sweep.treat.values()}


def needed_for(action: str) -> Mapping[str, frozenset[str]]:
    """What an identity needs that does an action: the one that contains where a playbook uses it, else the one that sweeps."""
    vendor = action.partition(".")[0]
    if action in CONTAINED:
        return needed(vendor, Purpose.CONTAIN, ON)
    if not issubclass(ON.known.action(action), Treatment):
        return needed(vendor, Purpose.CONTAIN, replace(ON, playbooks=(*ON.playbooks, _book(ON, action))))
    return needed(vendor, Purpose.SWEEP, ON if action in SWEPT else replace(ON, sweeps=(*ON.sweeps, _sweep(ON, action))))


def _book(on: Shelf, action: str) -> Playbook:
    first = on.playbooks[0]
    return first.model_copy(update={"steps": (first.steps[0].model_copy(update={"action": action}),)})


def _sweep(on: Shelf, action: str) -> Sweep:
    unit: Any = on.known.action(action)
    said = {"sweep": "one-more", "title": "One more", "about": "A test", "aim": "containment", "at_most": 1}
    return Sweep.model_validate({**said, "scope": {"types": [unit.treats], "everything": True}, "treat": {unit.treats: action}})
