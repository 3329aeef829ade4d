"""What hunts and imports found, as Markdown that also reads well as plain text. Pure; what must be judged stands first."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any, Final

SHOWN: Final = 200


def okta_markdown(data: Mapping[str, Any]) -> str:
    """A hunt over the System Log."""
    found, expected = data["findings"], data["expected"]
    hands = f", and {_count(len(expected), 'act')} by known hands" if expected else ""
    lines = [f"# {_count(len(found), 'finding')} in Okta's System Log from {data['since']} until {data['until']}{hands}", ""]
    lines += [f"INCOMPLETE: {data['incomplete']}.", ""] if data["incomplete"] else []
    lines += _listed([finding(one) for one in found])
    if expected:
        lines += ["## By known hands", "", *_listed([f"{finding(one['finding'])} Expected: {one['why']}." for one in expected])]
    by_rule = [("repeated", "more of the same person, not listed"), ("refused", "tried, and refused")]
    lines += [f"- {rule}: {count} {words}" for key, words in by_rule for rule, count in data[key].items()]
    lines += [f"- {data['left_out']} more findings than can be listed: hunt in shorter pieces"] if data["left_out"] else []
    lines += [f"- {note}" for note in data["notes"]]
    read = "those that the rules look at" if data["narrowed"] else "all there are, since Okta took no filter"
    return "\n".join([*lines, f"Entries read: {data['entries']} ({read})."]) + "\n"


def trail_markdown(data: Mapping[str, Any]) -> str:
    """What CloudTrail tells of a key."""
    found, coverage = data["findings"], data["coverage"]
    lines = [f"# {_count(len(found), 'finding')} about {data['key']}", ""]
    lines += [] if data["whole"] else ["INCOMPLETE: not every file could be read to its end.", ""]
    lines += _listed([finding(one) for one in found])
    calls = ", ".join(f"{name} {count}" for name, count in list(data["events"].items())[:30])
    lines += [f"Calls: {calls}.", ""] if calls else []
    lines += ["## What this does not tell", "", *_listed(data["limits"])]
    span = f", from {coverage['first']} until {coverage['last']}" if coverage["first"] else ""
    return "\n".join([*lines, f"{_count(coverage['records'], 'record')} in {_count(coverage['files'], 'file')}{span}."]) + "\n"


def har_markdown(data: Mapping[str, Any]) -> str:
    """What a HAR file holds."""
    leaks = data["leaks"]
    lines = [f"# {_count(len(leaks), 'credential')} in {data['file']}, {len(data['left_over'])} of them of nobody known", ""]
    lines += [f"INCOMPLETE: {data['incomplete']}.", ""] if data["incomplete"] else []
    lines += _listed([finding(one) for one in data["findings"]])
    counts = [("unread", "values too long or not to be decoded, and so not looked at"), ("left_out", "more than can be told")]
    lines += [f"- INCOMPLETE: {data[name]} {words}" for name, words in counts if data[name]]
    lines += [f"- {data['redacted']} values had been taken out by somebody"] if data["redacted"] else []
    lines += [f"- cookies that open no session by their name: {', '.join(data['other_cookies'])}"] if data["other_cookies"] else []
    return "\n".join([*lines, f"Requests read: {data['entries']}."]) + "\n"


def import_markdown(data: Mapping[str, Any]) -> str:
    """What a list of leaked credentials was understood to say."""
    leaks, left = data["leaks"], len(data["left"]) + data["more_left"]
    doubtful = f", {_count(len(data['doubts']), 'row')} in doubt" if data["doubts"] else ""
    lines = [f"# {_count(len(leaks), 'credential')} in {data['file']}, {_count(left, 'row')} left over{doubtful}", ""]
    lines += [f"INCOMPLETE: {data['incomplete']}.", ""] if data["incomplete"] else []
    lines += ["## Left over", "", left_markdown(data)] if data["left"] else []
    lines += ["## In doubt", "", doubts_markdown(data)] if data["doubts"] else []
    lines += _listed([_leak(one) for one in leaks])
    twice = [f"row {row} names the same as row {first}" for row, first in data["twice"]]
    lines += ["## Named again", "", *_listed(twice)] if twice else []
    lines += ["## What would contain them", "", *_listed([finding(one) for one in data["findings"]])] if data["findings"] else []
    return "\n".join([*lines, f"Rows read: {data['rows']}. Credentials of nobody known: {data['no_owner']}."]) + "\n"


def left_markdown(data: Mapping[str, Any]) -> str:
    """The rows that could not be understood."""
    rows = [f"- row {one['number']}: {one['why']}\n" for one in data["left"]]
    return "".join([*rows, f"- and {data['more_left']} more\n" if data["more_left"] else ""])


def doubts_markdown(data: Mapping[str, Any]) -> str:
    """The rows that were read, and whose kind is unrecognised or contradicted by their own form."""
    return "".join(f"- row {one['number']}: {one['why']}\n" for one in data["doubts"])


def _leak(one: Mapping[str, Any]) -> str:
    owner = f", of {one['owner']}" if one["owner"] else ", of nobody known"
    given = f", given to {one['given_to']}" if one["given_to"] else ""
    return f"{one['system']} {one['kind']} {one['id'] or one['fingerprint']}{owner}{given} ({one['where']})"


def finding(one: Mapping[str, Any]) -> str:
    """One finding, with the command that would contain it, quoted for a shell: a login may hold what a shell would obey."""
    given = (f"{name}={','.join(values)}" for name, values in one["inputs"].items())
    inputs = " ".join(f"-i {shlex.quote(word)}" for word in given)
    act = f" Contain: firedoor contain {one['playbook']} {inputs} --key FILE." if one["playbook"] else ""
    at = f"{one['at']} " if one["at"] else ""
    return f"{at}{one['rule']}: {one['says']} ({one['evidence']}).{act}"


def _listed(lines: Sequence[str]) -> list[str]:
    more = [f"- and {len(lines) - SHOWN} more: see them all with --json"] if len(lines) > SHOWN else []
    return [*(f"- {line}" for line in lines[:SHOWN]), *more, *([""] if lines else [])]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
