"""What the worlds of all vendors are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from firedoor.model import Snapshot, Target

MOMENTS = st.datetimes(datetime(2023, 1, 1), datetime(2026, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds are naive, by hypothesis
STAMPS = MOMENTS.map(lambda moment: moment.isoformat(timespec="milliseconds"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Worlds:
    """For each kind of target: the fields of one, and worlds around it, in the simulator's own format, where it may be missing.

    ``snapshots``: strategies for those that hypothesis cannot make by their types alone.
    """

    targets: Mapping[type[Target], Mapping[str, Any]]
    worlds: Mapping[type[Target], st.SearchStrategy[dict[str, Any]]]
    snapshots: Mapping[type[Snapshot], st.SearchStrategy[Any]] = field(default_factory=dict)
