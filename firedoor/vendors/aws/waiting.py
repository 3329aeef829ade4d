"""Somebody who must not get what is new in a secret, and the words for what waits for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

SHOWN: Final = 3  # readers, and runs, that are named


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """One whom open incidents concern, those of ``runs``, and who can read a secret. ``doubt`` is why that cannot be told, if it cannot."""

    who: str
    runs: tuple[str, ...]
    doubt: str = ""

    @property
    def says(self) -> str:
        """The same as people read it."""
        of = f", of run {', '.join(self.runs)}" if self.runs else ""
        return f"{self.who}{of}{f' (not known: {self.doubt})' if self.doubt else ''}"


def readable(store: str, readers: Sequence[Reader]) -> str:
    """What a new value of a secret waits for, where some who must not have it can read it there; "" where nobody can."""
    if not readers:
        return ""
    told = "; ".join(one.says for one in readers[:SHOWN]) + (f"; and {len(readers) - SHOWN} more" if len(readers) > SHOWN else "")
    runs = sorted({run for one in readers for run in one.runs})
    close = " and ".join(f"firedoor close {run} --key FILE --reason TEXT" for run in runs[:SHOWN])
    then = f". Once it is over: {close}" if close else ""
    return f"it waits for the end of an incident, since a new value of {store} could be read by {told}{then}"
