"""The report of a tabletop on the real estate, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from firedoor.words import report_markdown

Report: TypeAlias = Mapping[str, Any]

CLOCKS: Final[Mapping[str, str]] = {
    "planned": "the plan was made",
    "posted": "the request stood in Slack",
    "looked": "somebody first looked at it closely",
    "decided": "the first person decided",
    "ruled": "the request was {ruling}",
    "over": "all was over",
}
SAID: Final[Mapping[str, str]] = {"approve": "approved", "deny": "denied"}


def render(report: Report) -> str:
    """The run's report, how long the people took, and the clocks of the real incident beside it."""
    ruling = report["approval"]["ruling"]
    lines = [report_markdown(report), "## How long it took, from the order", ""]
    lines += [f"- {_long(report['clocks'][name])}  {words.format(ruling=ruling)}" for name, words in CLOCKS.items()]
    if report["people"]:
        lines += ["", f"## {_asked(report)}", ""]
        lines += [f"- {_person(one)}" for one in report["people"]]
    if report["history"]:
        lines += ["", "## The clocks, from the order", ""]
    for clock in report["history"]:
        ours = "not in this exercise, or not got to" if clock["seconds"] is None else f"{clock['seconds']:.1f} s"
        lines.append(
            f"- {clock['historical']}: {clock['minutes']} minutes in 2023. Here, the last write for it would have come after: {ours}."
        )
    return "\n".join(lines) + "\n"


def of_any(report: Report) -> str:
    """A run's report, whether it was an exercise or none."""
    return render(report) if report.get("against") == "live" else report_markdown(report)


def _asked(report: Report) -> str:
    people, needed = report["people"], report["approval"]["required"]
    silent = sum(one["answer"] is None for one in people)
    return f"{len(people)} were asked, {needed} needed, {silent} did not answer"


def _person(one: Report) -> str:
    looked = "did not look" if one["looked"] is None else f"looked after {one['looked']:.1f} s"
    answer = "did not answer" if one["answer"] is None else f"{SAID[one['answer']]} after {one['seconds']:.1f} s"
    return f"{one['name']}: {looked}, {answer}"


def _long(seconds: float | None) -> str:
    return "   never" if seconds is None else f"{seconds:6.1f} s"
