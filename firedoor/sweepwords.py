"""Inventories and sweeps as Markdown that also reads well as plain text. What is left over, or was not listed, stands first."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from firedoor import legible
from firedoor.scope import NOBODY_KNOWS

if TYPE_CHECKING:
    from firedoor.sweep import Progress

SHOWN: Final = 50
SHOWN_NAMES: Final = 5
Report = Mapping[str, Any]


def shown(data: Report) -> str:
    """A sweep as it stands: its report, or while it is under way how far it is."""
    return report(data) if "left_over" in data else _so_far(data)


def printed(data: Report) -> str:
    """The same for standard output: where that is a terminal, long lists are cut, and a file has the rest."""
    return report(data, most=SHOWN) if "left_over" in data and sys.stdout.isatty() else shown(data)


def _so_far(data: Report) -> str:
    return legible.text(
        [
            f"# {headline(data)}",
            "",
            *_section("Could not be listed so far", [f"- {one['id']}: {one['reason']}" for one in data["open"]]),
            *_section("What may still live of what was treated so far", [residual(one) for one in data["residual"]]),
            f"{data['found']} credentials found in this listing, {data['in_scope']} of them in scope; {data['writes']} writes in all.",
            "",
            f"{approval(data)}. Asked for by {data['requester']}.",
            "",
            f"Run {data['run']}, incident {data['incident']}, journal head {data['journal_head']}",
        ]
    )


def approval(data: Report) -> str:
    """Who approved it, or how that ended."""
    if data["mandate"]:
        return "Approved by its mandate"
    given = data["approval"]
    return f"Approved by {', '.join(given['by'])}" if given["ruling"] == "granted" else f"The approval is {given['ruling']}"


def report(data: Report, *, most: int = sys.maxsize) -> str:
    """How a sweep ended: the number left over, each by name, then what was done. Of each list ``most`` lines."""
    rest = f"`firedoor sweep report {data['run']} --markdown FILE` names all"
    lines = [f"# {headline(data)}", ""]
    lines += _section("Left over", [f"- {one['id']}: {one['reason']}{_until(one)}" for one in data["open"]], most, rest)
    lines += _section("Found on the way", [f"- {one['says']}" for one in data["findings"]], most, rest)
    rows = [f"- {kind}: {_counts(counts)}" for kind, counts in data["types"].items()]
    lines += _section("How each ended", rows)
    excepted = [f"- {one['label']}: {one['reason']}" for one in data["exceptions"]]
    lines += _section("Exceptions", excepted, most, rest)
    lines += _left_out(data)
    lines += _section("What may still live", [residual(one) for one in data["residual"]])
    changed = f"{data['in_scope']} credentials in scope, {data['changed']} changed by this sweep with {data['writes']} writes"
    lines += [
        f"{changed}; {data['rounds']} listings of everything; {data['seconds']['total']} s.",
        "",
        f"{approval(data)}. Asked for by {data['requester']}.",
        "",
        f"Run {data['run']}, incident {data['incident']}, journal head {data['journal_head']}",
    ]
    return legible.text(lines)


def residual(one: Report) -> str:
    """What may outlive the credentials of a type, and how many it concerns where that is known."""
    concerns = f" ({one['credentials']} of type {one['type']})" if "credentials" in one else ""
    return f"- {one['what']}{concerns}: until {one['until']}. Closed by: {one['closes_by']}."


def what_next(data: Report) -> str:
    """What to do about a sweep that was stopped."""
    if data["approval"]["ruling"] == "stopped":
        return f"Sweep {data['run']} was stopped before it was approved, so it is over. Nothing was changed; start it again."
    return f"What was done is on record, and stays done. Go on with it: firedoor sweep resume {data['run']}"


def headline(data: Report) -> str:
    """The one line to read first."""
    if "left_over" not in data:
        return f"Under way, {_stage(data)}: {data['title']}"
    left = data["left_over"]
    match data["outcome"]:
        case "closed" if data["pending"]:
            return f"0 left over; {data['pending']} on their way, inside the deadline: {data['title']}"
        case "closed":
            return f"0 left over: {data['title']}, closed"
        case "denied" | "expired" | "stopped" if data["outcome"] != "stopped" or not data["rounds"]:
            return f"Nothing was changed: {data['title']} was {data['outcome']}"
        case "stopped":
            return f"STOPPED, {left} left over so far: {data['title']}"
        case _:
            return f"{left} LEFT OVER: {data['title']}, NOT closed"


def _stage(data: Report) -> str:
    if not data["listing"]:
        return "nothing listed yet"
    more = "" if data["listed"] else ", still being listed"
    return f"listing {data['listing']}, {data['settled']} of {data['batches']} batches settled{more}"


def preview(data: Report) -> str:
    """What a sweep would do."""
    lines = [f"# Plan of the sweep {data['sweep']}: {data['title']}", "", f"Scope: {data['scope']}. Aim: {data['aim']}.", ""]
    if data["order"]:
        lines += [f"Order, in each round: {', then '.join(data['order'])}; each once what stands before it is settled, others last.", ""]
    lines += _section("Could not be listed, so it would be left over", [f"- {one}" for one in data["unlisted"]])
    lines += _section("Would be left over", [f"- {one['id']}: {one['reason']}" for one in data["would_be_left_over"]])
    lines += _section("Credentials in scope", [f"- {kind}: {_counts(counts) or 'none'}" for kind, counts in data["types"].items()])
    lines += _left_out(data)
    more = data["changes_in_all"] - len(data["changes"])
    changes = [f"- {one}" for one in data["changes"]] + ([f"- and {more} more"] if more else [])
    lines += _section(f"{data['changes_in_all']} changes", changes)
    excepted = [f"- {one['credential']}: {'EXPIRED, so it does not count; ' * one['expired']}{one['reason']}" for one in data["exceptions"]]
    lines += _section("Exceptions", excepted)
    lines += _section("What may still live afterwards", [residual(one) for one in data["residual"]])
    lines += _section(f"What {data['approvers']} of the approvers would be asked", [f"- {one}" for one in data["approval"]])
    return legible.text(lines)


def inventory(data: Report) -> str:
    """A line a credential."""
    found = data["credentials"]
    lines = [f"# {len(found)} credentials", ""]
    lines += _section("Could NOT be listed", [f"- {one}" for one in data["unlisted"]])
    lines += _left_out(data)
    lines += _sessions(data["sessions"])
    lines += [
        f"- {one['type']} {one['id']} of {one['holder']} in {one['place']}: {one['state']}, made {_day(one['created'])}, {_use(one)}"
        f"{_of('owner', one['owner'])}{_of('given to', one['given_to'])}{_session(one)}"
        for one in found
    ]
    return legible.text(lines)


def _sessions(seen: Report | None) -> list[str]:
    """What the sessions rest on, and what it does not tell."""
    if seen is None:
        return []
    if not seen["looked_at"]:
        return [f"Sessions were not looked at: {seen['why_not']}.", ""]
    span = f", from {seen['first']} until {seen['last']}" if seen["first"] else ""
    says = f"Sessions are those that CloudTrail's files show: {seen['records']} records in {seen['files']} files{span}. AWS lists none."
    return [says, "", *_section("What the files do not tell of sessions", [f"- {one}" for one in seen["limits"]])]


def _session(one: Report) -> str:
    """What is told of a session besides."""
    if "lives_until" not in one:
        return ""
    until = one["lives_until"]
    asked = _of("with", one["asked_for_with"])
    return (
        f"{_of('issued by', one['issued_by'])}{_of('asked for by', one['asked_for_by'])}{asked}"
        f", lives until {until or 'an unknown time'}{' at most' if until else ''}"
    )


def difference(data: Report) -> str:
    """What came, went and changed; before it, what nobody can say that of."""
    rest = "" if data["whole"] else "; NOT all could be compared"
    lines = [f"# {len(data['came'])} came, {len(data['went'])} went, {len(data['changed'])} changed{rest}", ""]
    lines += _section("Not comparable", [_not_comparable(one) for one in data["not_comparable"]])
    if data["filters_not_known"]:
        names = " and ".join(data["filters_not_known"])
        lines += [f"With which filters {names} was made is not known: what came or went may come of a filter.", ""]
    if data["filters"] and any(data["filters"].values()):
        lines += ["Both were made with the same filters: what no longer fits them counts as gone, what fits them now as come.", ""]
    lines += _section("Came", [f"- {one['name']} of {one['holder']}" for one in data["came"]])
    lines += _section("Went", [f"- {one['name']} of {one['holder']}" for one in data["went"]])
    changed = [
        f"- {name}: {', '.join(f'{key} {was} → {now}' for key, (was, now) in fields.items())}" for name, fields in data["changed"].items()
    ]
    lines += _section("Changed", changed)
    return legible.text(lines)


def _not_comparable(one: Report) -> str:
    """A reason, with the credentials that one inventory shows and the other cannot tell of."""
    rows = one["credentials"]
    more = f" and {len(rows) - SHOWN_NAMES} more (`--json` lists all)" if len(rows) > SHOWN_NAMES else ""
    names = ", ".join(row["name"] for row in rows[:SHOWN_NAMES])
    return f"- {one['why']}; only the other shows {names}{more}" if rows else f"- {one['why']}"


def watching(*, as_json: bool) -> tuple[Callable[[str], None], Callable[[Progress], None]]:
    """Where words and progress go: standard error, with a bar where that is a terminal; nowhere where only JSON is wanted."""
    if as_json:
        return (lambda _: None), (lambda _: None)

    def say(text: str) -> None:
        print(legible.legible(text), file=sys.stderr)  # noqa: T201 - this is the terminal

    if not sys.stderr.isatty():
        return say, _Milestones(say)
    from rich import progress as bars_  # noqa: PLC0415 - only a terminal needs it
    from rich.console import Console  # noqa: PLC0415

    columns = (bars_.TextColumn("{task.description}"), bars_.BarColumn(), bars_.MofNCompleteColumn(), bars_.TimeElapsedColumn())
    bars = bars_.Progress(*columns, console=Console(stderr=True), transient=True)
    shown: dict[int, Any] = {}

    def watch(progress: Progress) -> None:
        number, done, all_, found = _stands(progress)
        if not shown:
            bars.start()
        if number not in shown:
            shown[number] = bars.add_task(f"listing {number}", total=all_)
        bars.update(shown[number], completed=done, description=f"listing {number}: {found} credentials")
        if done == all_ and bars.live.is_started and not progress.of_round(number)[-1].made:
            bars.stop()

    return say, watch


class _Milestones:
    """A line at every tenth of a round."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._said: set[tuple[int, int]] = set()

    def __call__(self, progress: Progress) -> None:
        number, done, all_, found = _stands(progress)
        tenth = 10 * done // all_
        if (number, tenth) not in self._said:
            self._said.add((number, tenth))
            self._say(f"Listing {number}: {done} of {all_} batches, {found} credentials.")


def _stands(progress: Progress) -> tuple[int, int, int, int]:
    number = max(progress.rounds)
    settled = progress.of_round(number)
    return number, len(settled), sum(one.round == number for one in progress.batches.values()), sum(one.found for one in settled)


def _section(title: str, rows: Iterable[str], most: int = SHOWN, rest: str = "`--json` lists all") -> list[str]:
    found = list(rows)
    if not found:
        return []
    more = [f"- and {len(found) - most} more; {rest}"] if len(found) > most else []
    return [f"## {title}", "", *found[:most], *more, ""]


def _left_out(data: Report) -> list[str]:
    """How many are left out for what nobody knows of them, where that leaves none over. A report on record may lack the numbers."""
    if data.get("aim") == "containment":
        return []
    counts = [(count, why) for what, why in NOBODY_KNOWS.items() if (count := data.get(f"unknown_{what}_left_out"))]
    return [line for count, why in counts for line in (f"{count} more are left out, because nobody knows {why}.", "")]


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())


def _until(one: Report) -> str:
    return f" (next phase {_day(one['until'])})" if one.get("until") else ""


def _use(one: Report) -> str:
    behind = one["last_used_behind_seconds"]
    lag = f" (up to {behind / 3600:g} h behind)" if behind else ""
    match one["last_use"]:
        case "used":
            return f"last used {_day(one['last_used'])}{lag}"
        case "never":
            return f"never used{lag}"
        case _:
            return "last use unknown"


def _day(text: str | None) -> str:
    return text[:10] if text else "at an unknown time"


def _of(word: str, value: str | None) -> str:
    return f", {word} {value}" if value else ""
