"""Hashes of values and the links between events, in plain Python: the part of an evidence pack's verifier that knows how those are made."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

Row = dict[str, Any]

GENESIS = "sha256:" + "0" * 64
COLUMNS = {"seq", "run", "n", "at", "kind", "body", "claim", "run_prev", "prev", "hash"}


def canonical(value: object) -> str:
    """One way to write a value down, so that equal values have equal bytes."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return re.sub("[\ud800-\udfff]", lambda half: f"\\u{ord(half[0]):04x}", text)


def digest(value: object) -> str:
    """The hash of a value."""
    return "sha256:" + hashlib.sha256(canonical(value).encode()).hexdigest()


def effect(change: Row, action: str) -> str:
    """What is done to what, as a hash."""
    return digest({"action": action, **{name: change[name] for name in ("key", "subject", "at", "after")}})


def links(rows: Sequence[Row], run: str) -> Iterator[tuple[Row, str]]:
    """What is wrong with the hashes and both links of one run's events."""
    before: Row = {"seq": 0, "hash": GENESIS}
    for due, row in enumerate(rows, start=1):
        if set(row) != COLUMNS:
            yield row, "has not the columns of an event"
        if digest({name: value for name, value in row.items() if name != "hash"}) != row.get("hash"):
            yield row, "is not what its hash says: a field was altered"
        if row.get("n") != due:
            yield row, f"stands where number {due} is due: an event is missing, or was added"
        if row.get("run") != run:
            yield row, f"belongs to another run than {run}"
        if row.get("run_prev") != before["hash"]:
            yield row, "does not follow the run's event before it"
        seq, last = row.get("seq"), before["seq"]
        if not isinstance(seq, int) or not isinstance(last, int) or seq <= last:
            yield row, "does not come later in the journal than the one before it"
        elif seq == last + 1 and row.get("prev") != before["hash"]:
            yield row, "does not follow the journal's event before it"
        before = {"seq": seq, "hash": row.get("hash")}


def led_out(rows: Sequence[Row]) -> int:
    """How many of the events follow one of another run in the journal."""
    places = [row.get("seq") for row in rows]
    before = [0, *(seq if isinstance(seq, int) else 0 for seq in places)]
    return sum(seq not in {1, last + 1} for seq, last in zip(places, before, strict=False))


def last_asked(rows: Sequence[Row]) -> str:
    """The hash of the roster that was asked last; empty where none was, or that cannot be read."""
    for row in reversed(rows):
        if row.get("kind") == "approval.requested":
            try:
                return str(json.loads(row["body"])["roster"])
            except (ValueError, KeyError, TypeError, RecursionError):
                return ""
    return ""


def kept(item: Row) -> tuple[object, ...]:
    """What stays of a step where it is planned anew."""
    return tuple(item[name] for name in ("id", "step", "action", "label", "target", "needs", "telling"))


def asks(item: Row) -> bool:
    """Whether people have something of a step to approve."""
    plan = item["plan"]
    return plan is not None and not item["telling"] and bool(plan["changes"] or plan["covers"])


def fingerprint(item: Row) -> Row:
    """A step's part of the plan's fingerprint."""
    plan, action = item["plan"], item["action"]
    changes = [digest({"effect": effect(change, action), "before": change["before"]}) for change in plan["changes"]]
    return {"action": action, "target": item["target"], "changes": changes, "covers": plan["covers"], "needs": sorted(item["needs"])}
