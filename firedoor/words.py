"""Plans and reports as Markdown that also reads well as plain text. Pure; what is open stands first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from firedoor import legible, sweepwords

SHOWN = 50
RUNS_NAMED = 5
MARKS = {"CHANGED": "done", "ALREADY": "already so", "PREVIEWED": "would change", "PENDING": "not reached"}


def plan_markdown(report: Mapping[str, Any]) -> str:
    """What a run would do, to whom, and what it would not."""
    changes = report["plan"]["changes"]
    lines = [f"# Plan of {report['playbook']}", "", f"Run {report['run']}, {report['mode']}, asked for by {report['requester']}.", ""]
    changing = {change["item"] for change in changes}
    later = [step for step in report["steps"] if step["outcome"] == "PREVIEWED" and step["id"] not in changing]
    if changes:
        lines += [f"## {_count(changes, 'change')}", "", *_shorten([_change(change) for change in changes]), ""]
    elif not later:
        lines += ["Nothing would be changed.", ""]
    lines += _section("Once what comes before is done", [f"- {step['reason']}" for step in later])
    still = [step for step in report["steps"] if step["outcome"] == "ALREADY"]
    refused = [step for step in report["steps"] if step["outcome"] in ("REFUSED", "FAILED", "UNSUPPORTED")]
    lines += _section("Already so", [f"- {step['reason']}" for step in still])
    lines += _section("Not possible, or refused", [f"- {step['action']} on {step['target']}: {step['reason']}" for step in refused])
    lines.append(f"Fingerprint {report['plan']['fingerprint']}")
    return legible.text(lines)


def report_markdown(report: Mapping[str, Any]) -> str:
    """How a run ended: what is open, what was done, what may still live."""
    lines = [f"# {headline(report)}", ""]
    lines += _section("Still open", [f"- {left['id']} is {left['outcome']}: {left['reason']}" for left in report["open"]])
    lines += _section("Steps", [_step(step) for step in report["steps"]])
    lines += _section("What would have been written", [f"- {one['at'][11:23]}  {one['says']}" for one in report.get("withheld", ())])
    lines += _section("What would have followed", [f"- {step['reason']}" for step in _following(report)])
    residual = [f"- {left['what']}: until {left['until']}. Closed by: {left['closes_by']}." for left in report["residual"]]
    lines += _section("What may still live", residual)
    approval = report["approval"]
    if approval["required"]:
        by = ", ".join(approval["by"]) or "nobody"
        lines += [f"Approved by {by} ({approval['required']} needed). Asked for by {report['requester']}.", ""]
    lines += [_seconds(report["seconds"]), "", f"Run {report['run']}, incident {report['incident']}, journal head {report['journal_head']}"]
    return legible.text(lines)


def headline(report: Mapping[str, Any]) -> str:
    """The one line to read first; a sweep has one of its own."""
    if "left_over" in report:
        return sweepwords.headline(report)
    steps, still_open = _count(report["steps"], "step"), len(report["open"])
    if report["mode"] == "exercise":
        return f"EXERCISE, nothing was changed. {_exercised(report, steps)}"
    if report["undoes"] and report["outcome"] not in ("previewed", "running"):
        return _undone(report, steps)
    match report["outcome"]:
        case "contained":
            words = f"Contained: {steps} done and verified"
        case "previewed":
            words = f"Preview: {_count(report['plan']['changes'], 'change')} would be made; nothing was changed"
        case "partial" if _only_untold(report):
            words = f"Contained, but people were not told: {still_open} of {steps} still open"
        case "partial":
            words = f"NOT contained: {still_open} of {steps} still open"
        case "running":
            words = f"Running: {steps} planned"
        case "denied" | "expired" | "stopped" as ending:
            words = f"NOT contained: the run was {ending} with {len(report['steps']) - still_open} of {steps} closed"
        case _:
            words = f"NOT contained: none of {steps} succeeded"
    return words


def _following(report: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The steps of which an exercise cannot say what they would write: they wait for what others would have done."""
    noted = {one["item"] for one in report.get("withheld", ())}
    steps = report["steps"] if report["mode"] == "exercise" else ()
    return [step for step in steps if step["outcome"] == "PREVIEWED" and step["id"] not in noted]


def _exercised(report: Mapping[str, Any], steps: str) -> str:
    match report["outcome"]:
        case "running":
            return f"Under way: {steps} planned"
        case "previewed":
            return f"It would have been contained: {steps} approved and still needed, or already so"
        case "denied" | "expired" | "stopped" as ending:
            return f"It would NOT have been contained: the run was {ending}"
        case _:
            return f"It would NOT have been contained: {len(report['open'])} of {steps} still open"


def _undone(report: Mapping[str, Any], steps: str) -> str:
    if report["outcome"] == "contained":
        return f"Undone: {steps} of run {report['undoes']} put back and verified"
    ended = "" if report["outcome"] == "partial" else f"the undo {'was ' if report['outcome'] != 'failed' else ''}{report['outcome']}, "
    return f"NOT undone: {ended}{len(report['open'])} of {steps} of run {report['undoes']} not put back"


def _only_untold(report: Mapping[str, Any]) -> bool:
    """Whether all that is open are tickets and notices."""
    telling = {step["id"] for step in report["steps"] if step["telling"]}
    return all(left["id"] in telling for left in report["open"])


def _section(title: str, lines: Sequence[str]) -> list[str]:
    return [f"## {title}", "", *_shorten(lines), ""] if lines else []


def _shorten(lines: Sequence[str]) -> list[str]:
    more = len(lines) - SHOWN
    return [*lines[:SHOWN], *([f"- and {more} more; `firedoor show` lists all"] if more > 0 else [])]


def _change(change: Mapping[str, Any]) -> str:
    return f"- {change['says']}{_before_after(change)}"


def _before_after(change: Mapping[str, Any]) -> str:
    parts = [f"{name}: {_brief(change['before'].get(name))} -> {_brief(value)}" for name, value in change["after"].items()]
    return f" ({', '.join(parts)})" if change["before"] else ""


def _brief(value: object) -> str:
    return "none" if value is None else value if isinstance(value, str) else "set"


def _step(step: Mapping[str, Any]) -> str:
    took = f", {step['seconds']:.1f} s" if step["seconds"] else ""
    return f"- {step['action']} on {step['target']}: {MARKS.get(step['outcome'], step['outcome'])}{took}. {step['reason']}"


def _seconds(seconds: Mapping[str, float | None]) -> str:
    parts = [f"{name} {value:.1f} s" for name, value in seconds.items() if value is not None]
    return "Time: " + ", ".join(parts) + "." if parts else "Time: not known."


def _count(things: Iterable[object], noun: str) -> str:
    count = len(list(things))
    return f"{count} {noun}{'' if count == 1 else 's'}"


def runs_markdown(runs: Sequence[Mapping[str, Any]]) -> str:
    """A line a run."""
    if not runs:
        return "No run is on record.\n"
    return legible.text(map(_run, runs))


def _run(one: Mapping[str, Any]) -> str:
    if one["outcome"] == "unreadable":
        return f"- {one['run']}  UNREADABLE: {one['why']}. Run `firedoor audit verify`"
    what = f"undo of {one['undoes']}" if one["undoes"] else one["playbook"]
    outcome = "undone" if one["undoes"] and one["outcome"] == "contained" else one["outcome"]
    return f"- {one['run']}  {what}  {one['mode']}  {outcome}  asked for by {one['requester']}"


def playbooks_markdown(books: Sequence[Mapping[str, Any]]) -> str:
    """A line a playbook."""
    return legible.text(f"- {book['playbook']}: {book['title']} (inputs: {', '.join(book['inputs'])})" for book in books)


def lint_markdown(faults: Mapping[str, Sequence[str]]) -> str:
    """A line a fault, or the word that all is sound."""
    found = [f"- {name}: {fault}" for name, all_of_one in faults.items() for fault in all_of_one]
    return legible.text(found or [f"{_count(faults, 'playbook')} sound."])


def actions_markdown(data: Mapping[str, Any]) -> str:
    """A line an action, then a line a query."""
    actions = [f"- {one['id']}: {one['title']} (approvers: {one['approvers']}; undo: {one['reversal']})" for one in data["actions"]]
    queries = [f"- {one['id']}: {one['title']}" for one in data["queries"]]
    return legible.text(["## Actions", "", *actions, "", "## Queries", "", *queries])


def audit_markdown(audit: Mapping[str, Any]) -> str:
    """What is wrong with the journal, and what to do; then what could not be checked."""
    lines = [f"# The journal does not hold: {_count(audit['faults'], 'fault')}", ""] if audit["faults"] else []
    lines += [f"- {fault['says']}. {fault['advice']}." for fault in audit["faults"]]
    if not audit["faults"]:
        lines.append(f"The journal is whole: {audit['events']} events of {audit['runs']} runs, journal head {audit['head']}")
        lines += [f"- the head {told['head']} ({told['where']}) stands: {told['stands']}" for told in audit["heads"]]
        if not audit["heads"]:
            lines += ["", "Only a head told outside shows that the newest events were not cut off: add --head, --heads or --from-slack."]
    grouped: dict[str, list[Mapping[str, Any]]] = {}
    for one in audit["unchecked"]:
        grouped.setdefault(one["because"], []).append(one)
    if grouped:
        lines += ["", *_section("Not checked", [_unchecked(why, left) for why, left in grouped.items()])]
    return legible.text(lines)


def _unchecked(why: str, left: Sequence[Mapping[str, Any]]) -> str:
    runs = list(dict.fromkeys(one["run"] for one in left))
    named = ", ".join(runs[:RUNS_NAMED]) + (f" and {len(runs) - RUNS_NAMED} more" if len(runs) > RUNS_NAMED else "")
    what = f"{left[0]['what']} (event {left[0]['event']})"
    others = f" and {_count(left[1:], 'other')}" if len(left) > 1 else ""
    return f"- {what}{others} of run{'s' if len(runs) > 1 else ''} {named}, because {why}"
