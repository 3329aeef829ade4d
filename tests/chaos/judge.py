"""Compares the vendors' worlds after a run that was killed with those after one that was not, and the report with the worlds.

Our own journal is no witness here. What differs by chance is masked: names that a vendor gave to what was made, moments, the run's own name
where it had to be begun again, and who of those who might approve came first.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from firedoor.canonical import canonical
from firedoor.model import Outcome
from tests.chaos.figures import Figures
from tests.laws.masks import CUTOFF, MADE

RUN: Final = re.compile(r"\b[0-9]{6}-[0-9a-f]{6}\b")
EVIDENCE: Final = re.compile(r"-[0-9a-f]{12}\.md")

World = Mapping[str, Any]
Leaf = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What there was when it was over: the vendors' worlds, and the last report; none where no process came to one, then ``why``.

    ``appended`` is how many entries the last process made in the journal.
    """

    world: World
    report: Mapping[str, Any] | None
    why: str = ""
    appended: int = 0


@dataclass(frozen=True, slots=True)
class Pairs:
    """A JSON object of which two names may have become one by masking."""

    pairs: tuple[tuple[str, Any], ...]


def leaves(world: World, given: World) -> Counter[Leaf]:
    """Every single fact of the worlds, by where it stands; ``given`` are the worlds before anything was done."""
    known = json.dumps(given)
    shown = {**world, "slack": [_message(one) for found in world["slack"]["messages"].values() for one in found]}
    text = CUTOFF.sub(r"\1T", canonical(shown))
    text = MADE.sub(lambda name: name[0] if name[0] in known else "made", text)
    text = EVIDENCE.sub("-report.md", RUN.sub("RUN", text))
    return Counter(_facts(json.loads(text, object_pairs_hook=lambda pairs: Pairs(tuple(pairs))), ""))


def _facts(value: object, path: str) -> Iterator[Leaf]:
    if isinstance(value, Pairs):
        for name, part in value.pairs:
            yield from _facts(part, f"{path}/{name}")
    elif isinstance(value, list):
        for part in value:
            yield f"{path}[]", json.dumps(_plain(part), sort_keys=True)
    else:
        yield path, json.dumps(value)


def _plain(value: object) -> object:
    if isinstance(value, Pairs):
        return [[name, _plain(part)] for name, part in value.pairs]
    return [_plain(part) for part in value] if isinstance(value, list) else value


def _message(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """What kind of message it is, where it stands, whether it still waits or tells the end, and how it begins.

    The rest tells of seconds, names and digests, and of how the run ended: to that, the report is held.
    """
    what = message.get("metadata", {}).get("event_payload", {}).get("what", "notice")
    blocks = message.get("blocks", ())
    header = [block["text"]["text"].partition("*:")[0] for block in blocks[:1] if block.get("text") and what != "report"]
    return {
        "what": what,
        "in a thread": message.get("thread_ts", message["ts"]) != message["ts"],
        "waits": any(block["type"] == "actions" for block in blocks),
        "tells the end": what == "report" or ": Approved by" in message["text"],
        "header": header,
    }


def judge(undisturbed: Ending, killed: Ending, given: World, where: str) -> Figures:
    """What is wrong with a run that was killed, ``where`` says when."""
    wanted, found = leaves(undisturbed.world, given), leaves(killed.world, given)
    places, there = Counter(path for path, _ in wanted.elements()), Counter(path for path, _ in found.elements())
    doubled = sorted({path for path, _ in (found - wanted) if there[path] > places[path]})
    lost = sorted(f"{path} = {value}" for path, value in wanted - found)
    success, failure = _false_success(killed, lost), _false_failure(killed, lost)
    told = [] if killed.report is not None else [f"{where}: no process came to an end: {killed.why}"]
    told += [f"{where}: doubled: {path}: {_values(found - wanted, path)}" for path in doubled]
    told += [f"{where}: lost: {one}" for one in lost]
    told += [f"{where}: false {kind}: {words}" for kind, words in (("success", success), ("failure", failure)) if words]
    return Figures(
        kills=0, doubled=len(doubled), lost=len(lost), false_success=bool(success), false_failure=bool(failure), found=tuple(told)
    )


def _values(found: Counter[Leaf], path: str) -> str:
    return ", ".join(value for one, value in found.elements() if one == path)


def _false_success(killed: Ending, lost: Sequence[str]) -> str:
    if killed.report is None or killed.report["outcome"] != "contained" or not lost:
        return ""
    return f"the run is said to be {killed.report['outcome']}, and lost is what is listed"


def _false_failure(killed: Ending, lost: Sequence[str]) -> str:
    if lost:
        return ""
    if killed.report is None:
        return f"the worlds are as they should be, and there is no report: {killed.why}"
    failed = [step for step in killed.report["steps"] if step["outcome"] not in (Outcome.CHANGED, Outcome.ALREADY)]
    if not failed and killed.report["outcome"] == "contained":
        return ""
    return "; ".join(f"{step['id']} is {step['outcome']}: {step['reason']}" for step in failed) or str(killed.report["outcome"])
