"""The walk: one fact after the other, what to do to see it, and what the person saw, put on record at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from typing import Any

from firedoor.doctor import facts_told
from firedoor.doctor.verifying import Stand, Standing, Verification


class Reply(StrEnum):
    """What a person says to a fact."""

    HOLDS = "h"
    FAILS = "d"
    SKIP = "s"
    QUIT = "q"


Ask = Callable[[str], Reply]
Note = Callable[[], str]
Say = Callable[[str], None]
Record = Callable[[Stand, Reply, str], None]


def walk(found: Verification, *, ask: Ask, note: Note, say: Say, record: Record) -> None:
    """Ask of each fact that is open, then of each that does not hold. What is answered is on record before the next is asked."""
    due = [one for standing in (Standing.OPEN, Standing.FAILS) for one in found.stands if one.standing is standing]
    for number, one in enumerate(due, start=1):
        for line in _card(one, f"{number} of {len(due)}"):
            say(line)
        reply = ask("Is it so? Does it hold?")
        if reply is Reply.QUIT:
            return
        if reply is not Reply.SKIP:
            record(one, reply, note())
            say("On record.")


def _card(one: Stand, place: str) -> Iterator[str]:
    data: dict[str, Any] = next(iter(facts_told.told(Verification(stands=(one,)))["facts"]))
    lines: Sequence[str] = list(facts_told.words_on(data))
    yield f"\n## {place}: {data['vendor']}\n\n{data['fact']}\n"
    yield from (f"- {line}" for line in lines)
