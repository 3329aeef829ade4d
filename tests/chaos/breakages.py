"""Defects that are put into a life on purpose, to see that the judge finds what comes of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

BREAKAGES: Mapping[str, Callable[[], None]] = {}


def break_(name: str) -> None:
    """Put the defect of that name into this process; none where none is named."""
    if name:
        BREAKAGES[name]()
