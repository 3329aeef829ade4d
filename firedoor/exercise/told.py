"""What a drill comes to: its exit code, and its report in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from firedoor.report import RunOutcome
from firedoor.words import report_markdown

Report: TypeAlias = Mapping[str, Any]


def exit_code(report: Report) -> int:
    """0 only when every step is verified and every further attempt of the attacker failed."""
    undone = report.get("undone")
    ended = RunOutcome(report["outcome"]).exit_code or (RunOutcome(undone["outcome"]).exit_code if undone else 0)
    attacker = report["attacker"]
    honest = all(one["told"] for one in attacker["leftovers"])
    return ended or (0 if attacker["locked_out"] and honest and not attacker["interference"]["heeded"] else 1)


def render(report: Report) -> str:
    """The report, the attacker's footholds, and the clocks beside those of 2023."""
    attacker = report["attacker"]
    lines = [report_markdown(report)] if report["run"] else ["# Nobody contained anything\n"]
    lines += ["## The attacker", "", f"{attacker['attempts']} attempts; {'locked out' if attacker['locked_out'] else 'STILL IN'}.", ""]
    lines += [f"- {one['name']}: {_last(one)}" for one in attacker["footholds"]]
    meddling = attacker["interference"]
    lines += [
        f"- a token that {one['name']} had before: still good, {'as the report says' if one['told'] else 'and the report does NOT say so'}"
        for one in attacker["leftovers"]
    ]
    lines.append(f"- Deny pressed from a stolen chat session: {meddling['tries']} times, heeded {meddling['heeded']} times")
    lines += ["", "## What happened, in seconds from the alert", ""]
    lines += [f"- {one['seconds']:7.2f}  {one['says']}" for one in report["timeline"]]
    lines += ["", "## The clocks, from the alert", ""]
    for clock in report["clocks"]:
        ours = "never" if clock["seconds"] is None else f"{clock['seconds']:.1f} s"
        lines.append(f"- {clock['historical']}: {clock['minutes']} minutes in 2023. Here, {clock['here']}: {ours}.")
    if report.get("undone"):
        lines += ["", "---", "", report_markdown(report["undone"])]
    return "\n".join(lines) + "\n"


def _last(foothold: Report) -> str:
    if not foothold["locked_out"]:
        return "still in"
    seconds = foothold["last_success_seconds"]
    return "shut before the approval" if seconds is None else f"last success {seconds:.2f} s after the approval"
