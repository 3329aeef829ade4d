"""What a form takes over from an alert: the fields that are filled in, the words on what was found, and what the form remembers of it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from firedoor.indicators import Found
from firedoor.matching import Match
from firedoor.recognising import Indicator, Kind

ROOM: Final = 2600  # of Slack's 3,000 characters for what a view brings back
NAMED: Final = 12


def fields(match: Match | None) -> Mapping[str, str]:
    """What stands in the fields at first, a value a line."""
    return {name: "\n".join(values) for name, values in match.given.items()} if match else {}


def notes(match: Match | None, found: Found) -> list[str]:
    """What was found, and what of it is not filled in: nothing that an alert names is passed over in silence."""
    used = match.used if match else ()
    filled = ", ".join(_counted(kind, count) for kind, count in Counter(one.kind for one in used).items())
    others = [str(one) for one in found.indicators if one not in used]
    more = f", and {len(others) - NAMED} more" if len(others) > NAMED else ""
    named = f"{', '.join(others[:NAMED])}{more}."
    lines = [
        f"Filled in from the alert: {filled}." if filled else "",
        f"{'Also named' if filled else 'The alert names'}: {named}" if others else "",
        f"{found.left_out} more that it names had no room here." if found.left_out else "",
        "It is longer than Firedoor reads: look at its end yourself." if found.cut else "",
    ]
    return [line for line in lines if line] or ["The message names nothing that Firedoor knows."]


def _counted(kind: Kind, count: int) -> str:
    plural = "" if count == 1 else "es" if kind is Kind.ADDRESS else "s"
    return f"{count} {kind}{plural}"


def fitting(found: Found) -> Found:
    """As much of it as a form can remember, so that it shows the same however often it is shown."""
    return recall(remember(found)) or found


def remember(found: Found) -> Mapping[str, Any]:
    """What was found, for a form to bring back: as much as there is room for, the rest counted. All of it fits into any field."""
    kept: list[list[str]] = []
    room = ROOM
    for one in found.indicators:
        told = [str(one.kind), one.value, one.why_not]
        room -= len(json.dumps(told)) + 1
        if room < 0:
            break
        kept.append(told)
    return {"found": kept, "left": found.left_out + len(found.indicators) - len(kept), "cut": found.cut}


def recall(memory: Mapping[str, Any]) -> Found | None:
    """What a form remembers; nothing where it was not made from an alert. Raises `ValueError`, `TypeError`, `KeyError` otherwise."""
    if "found" not in memory:
        return None
    kept = tuple(Indicator(kind=Kind(kind), value=str(value), why_not=str(why)) for kind, value, why in memory["found"])
    return Found(indicators=kept, left_out=int(memory["left"]), cut=bool(memory["cut"]))
