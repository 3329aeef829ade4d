"""The walk: one fact after the other, what to do to see it, and what the person saw, put on record at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

from firedoor.doctor import facts_told
from firedoor.doctor.verifying import Stand, Standing, Verification
from firedoor.errors import BrokenOff


class Reply(StrEnum):
    """What a person says to a fact."""

    HOLDS = "h"
    FAILS = "d"
    SKIP = "s"
    QUIT = "q"


ANSWERS: Final[Mapping[Reply, str]] = {Reply.HOLDS: "holds", Reply.FAILS: "does not hold"}
AGAIN: Final = "What is left is asked again: firedoor doctor --verify --key FILE"

Ask = Callable[[str], Reply]
Note = Callable[[], str]
Say = Callable[[str], None]
Record = Callable[[Stand, Reply, str], None]


def walk(found: Verification, *, ask: Ask, note: Note, say: Say, record: Record) -> None:
    """Ask of each fact that is open, then of each that does not hold. What is answered is on record before the next is asked.

    Raises `BrokenOff` where they break it off, and says what is on record by then.
    """
    due = [one for standing in (Standing.OPEN, Standing.FAILS) for one in found.stands if one.standing is standing]
    said: list[str] = []
    try:
        for number, one in enumerate(due, start=1):
            for line in _card(one, f"{number} of {len(due)}"):
                say(line)
            reply = ask("Is it so? Does it hold?")
            if reply is Reply.QUIT:
                return
            if reply is not Reply.SKIP:
                record(one, reply, note())
                said.append(f"{one.fact.vendor}, {one.fact.says}: {ANSWERS[reply]}")
                say("On record.")
    except BrokenOff as left:
        raise _with_what_stays(left, said, of=len(due), say=say) from None


def _with_what_stays(left: BrokenOff, said: Sequence[str], *, of: int, say: Say) -> BrokenOff:
    """The same, and how much of the walk is on record all the same; which facts these are is said."""
    if not said:
        return type(left)(f"{left.what}. Of {of} facts none was put on record", advice=AGAIN)
    say("\nOn record from this walk, and staying there:\n")
    for line in said:
        say(f"- {line}")
    were = "1 was" if len(said) == 1 else f"{len(said)} were"
    return type(left)(
        f"{left.what}. Of {of} facts {were} put on record before, and {'stays' if len(said) == 1 else 'stay'} there",
        changed=True,
        advice=AGAIN,
    )


def _card(one: Stand, place: str) -> Iterator[str]:
    data: dict[str, Any] = next(iter(facts_told.told(Verification(stands=(one,)))["facts"]))
    lines: Sequence[str] = list(facts_told.words_on(data))
    yield f"\n## {place}: {data['vendor']}\n\n{data['fact']}\n"
    yield from (f"- {line}" for line in lines)
