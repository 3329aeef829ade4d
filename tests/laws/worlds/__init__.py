"""Worlds that nobody thought of: for each kind of target, a strategy for the world around it and for snapshots of it.

A kind of target that is missing here has actions that are held to no world; a test says so. A vendor adds a file and a line.
"""

from __future__ import annotations

import typing
from datetime import datetime
from typing import Any

from hypothesis import strategies as st

from firedoor.catalogue import AnyAction
from firedoor.model import Target
from firedoor.run import revive
from tests.laws.worlds import aws, jira, okta, slack
from tests.laws.worlds.base import MOMENTS, Worlds

VENDORS: dict[str, Worlds] = {"okta": okta.WORLDS, "aws": aws.WORLDS, "slack": slack.WORLDS, "jira": jira.WORLDS}


def world_of(unit: type[AnyAction]) -> st.SearchStrategy[dict[str, Any]]:
    """Worlds of the action's vendor, made around `target_of`."""
    return VENDORS[unit.spec.vendor].worlds[unit.target]


def target_of(unit: type[AnyAction]) -> Target:
    """The target that those worlds are made around."""
    target: Target = revive(unit.target, VENDORS[unit.spec.vendor].targets[unit.target])
    return target


def snapshots(unit: type[AnyAction]) -> st.SearchStrategy[Any]:
    """Snapshots of the kind that the action reads."""
    kind = next(typing.get_args(base)[1] for base in unit.__orig_bases__ if typing.get_args(base))  # type: ignore[attr-defined]
    made = VENDORS[unit.spec.vendor].snapshots
    times = {name: st.none() | MOMENTS for name, shape in typing.get_type_hints(kind).items() if shape == datetime | None}
    return made[kind] if kind in made else st.builds(kind, **times)
