"""What was signed on another machine: it is drawn up anew here, from what is typed and what is on record, and every line must be the same.

Of the document itself only what is new in it is taken: when it was drawn up, its nonce, and the run that it begins. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import zip_longest
from typing import Final

from firedoor.errors import BadInput, shown

LIVES: Final = timedelta(minutes=15)  # from its being drawn up to its being handed in: time to sign it elsewhere
ANEW: Final = "Print it anew with --as NAME --print, sign that, and hand it in"


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """What is new in a document."""

    at: datetime
    nonce: str = ""
    run: str = ""


def read(text: str, *, moment: str, now: datetime) -> Drawn:
    """What is new in a document that is handed in; its line ``moment`` says when it was drawn up. Raises `BadInput`, for an old one too."""
    lines = dict(line.partition(": ")[::2] for line in text.splitlines() if not line.startswith("- "))
    try:
        at = datetime.fromisoformat(lines[moment])
    except (KeyError, ValueError):
        at = None
    if at is None or at.tzinfo is None:
        raise BadInput("that is no document that this command has printed", advice=ANEW)
    if at > now:
        raise BadInput("by this machine's clock that document is of the future", advice=f"Set the clocks. {ANEW}")
    check_in_time(at + LIVES, now=now)
    return Drawn(at=at, nonce=lines.get("nonce", ""), run=lines.get("run", ""))


def check_in_time(expires: datetime | None, *, now: datetime) -> None:
    """Raise `BadInput` where what was signed is too old to be used."""
    if expires is None or now >= expires:
        until = f"it expired at {expires:%H:%M:%S} UTC" if expires is not None else "it does not say until when it is good"
        raise BadInput(f"what was signed is not used: {until}", advice=ANEW)


def check_same(ours: str, theirs: str) -> None:
    """Raise `BadInput` where the document that is handed in is another than the one drawn up here."""
    for here, there in zip_longest(ours.splitlines(), theirs.splitlines(), fillvalue=""):
        if here != there:
            what = f"what was signed is something else: the document says {shown(there)}, and by what was typed it is {shown(here)}"
            raise BadInput(what, advice=f"Type what it was printed for; or else: {ANEW[0].lower()}{ANEW[1:]}")
