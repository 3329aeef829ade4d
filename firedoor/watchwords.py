"""What the watch says, as Markdown that also reads well as plain text. Pure; the number of things that are open stands first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from firedoor import words

SHOWN = 50


def headline(look: Mapping[str, Any]) -> str:
    """The one line to read first."""
    again = sum(one["again"] for row in look["runs"] for one in row["open"])
    parts = [f"{again} open again"]
    if never := look["open"] - again:
        parts.append(f"{never} never closed")
    if look["unread"]:
        parts.append(f"{look['unread']} not seen to stand")
    if look["not_over"]:
        parts.append(f"{len(look['not_over'])} run(s) not over")
    stand = f"{look['stands']} stand, in {len(look['runs'])} run(s)" if look["runs"] else "nothing is watched"
    return f"{', '.join(parts)}; {stand}"


def report(look: Mapping[str, Any]) -> str:
    """A whole look."""
    lines = [f"# {headline(look)}", ""]
    for one in look["runs"]:
        lines += [f"## Run {one['run']}: {one['title']}", "", *about(one), ""]
    lines += _section("Not over", [f"- run {name}: firedoor resume {name}" for name in look["not_over"]])
    lines += _section("Not readable", [f"- run {name}: {why}. Run `firedoor audit verify`" for name, why in look["damaged"].items()])
    return "\n".join(lines).rstrip() + "\n"


def about(seen: Mapping[str, Any]) -> list[str]:
    """One run's part, a line each, what is open first."""
    lines = [f"- {'OPEN AGAIN' if one['again'] else 'OPEN'} since the look of {one['since']}: {_named(one)}" for one in seen["open"]]
    lines += [f"- NOT SEEN TO STAND since the look of {one['since']}: {_named(one)}" for one in seen["unread"]]
    if seen["open"]:
        lines.append(f"- to contain it again: `{seen['contain']}`")
    lines.append(f"- {seen['stands']} stand{'s' if seen['stands'] == 1 else ''}")
    lines += [f"- waits for its time: {_named(one)}" for one in seen["waits"]]
    lines += [f"- left alone: {_named(one)}" for one in seen["left_alone"]]
    lines += [f"- lapsed: {what}" for what in seen["lapsed"]]
    return lines if len(lines) <= SHOWN else [*lines[:SHOWN], f"- and {len(lines) - SHOWN} more; see --json"]


def run(told: Mapping[str, Any]) -> str:
    """A run's report, and what the watch has seen of it since."""
    lines: list[str] = []
    if (seen := told.get("watch")) is not None:
        lines += _section(f"The watch, last at {seen['looked']}", about(seen))
    if (closed := told.get("closed")) is not None:
        left = [f"- left open: {one}" for one in closed["left"]]
        lines += _section("The incident is closed", [f"- by {closed['by']}: {closed['reason']}", *left])
    return "\n".join([words.report_markdown(told), *lines]).rstrip() + "\n"


def _named(one: Mapping[str, Any]) -> str:
    return f"{one['action']} on {one['target']}: {one['says']}"


def _section(title: str, lines: Sequence[str]) -> list[str]:
    return [f"## {title}", "", *lines, ""] if lines else []
