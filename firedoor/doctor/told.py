"""What was found, for people and for programs. Pure; what is wrong stands first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from firedoor.doctor.checkup import Diagnosis, State

HEADS: Final = {
    State.FAILURE: "What does not work",
    State.WARNING: "What will not always work",
    State.NOT_CHECKED: "What was not checked",
    State.OK: "In order",
}


def told(found: Sequence[Diagnosis]) -> dict[str, Any]:
    """As plain data."""
    count = Counter(one.state for one in found)
    return {
        "well": not count[State.FAILURE],
        "counts": {state.value: count[state] for state in HEADS},
        "findings": [
            {"state": one.state.value, "area": one.area, "at": one.at, "says": one.says, "remedy": one.remedy}
            for state in HEADS
            for one in found
            if one.state is state
        ],
    }


def exit_code(data: Mapping[str, Any]) -> int:
    """1 where something does not work."""
    return 0 if data["well"] else 1


def markdown(data: Mapping[str, Any]) -> str:
    """As Markdown that also reads well as plain text."""
    lines = [f"# {_headline(data['counts'])}", ""]
    for state, head in HEADS.items():
        chosen = [one for one in data["findings"] if one["state"] == state.value]
        if chosen:
            lines += [f"## {head}", "", *(_line(one) for one in chosen), ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def _headline(counts: Mapping[str, int]) -> str:
    failures = counts[State.FAILURE]
    says = f"{failures} {'things do' if failures > 1 else 'thing does'} not work" if failures else "Nothing stands in the way"
    more = [f"{counts[state]} {word}" for state, word in ((State.WARNING, "to mend"), (State.NOT_CHECKED, "not checked")) if counts[state]]
    return f"{says} ({', '.join(more)})" if more else says


def _line(one: Mapping[str, Any]) -> str:
    remedy = f" {one['remedy']}." if one["remedy"] else ""
    return f"- {one['area']}, {one['at']}: {one['says']}.{remedy}"
