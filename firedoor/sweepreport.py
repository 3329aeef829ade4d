"""The report of a sweep as JSON data: what is left over comes first."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from firedoor import closing
from firedoor.approval import Ruling
from firedoor.canonical import plain
from firedoor.closing import Closure
from firedoor.report import RunOutcome, approval, between
from firedoor.run import Record
from firedoor.scope import left_out
from firedoor.sweep import Progress, Row, Unlisted

ENDINGS: Final = {Ruling.DENIED: RunOutcome.DENIED, Ruling.EXPIRED: RunOutcome.EXPIRED, Ruling.STOPPED: RunOutcome.STOPPED}
NOTHING: Final = "the scope matches no credential, so nothing is proven: check its types, places and patterns"


def compose(
    record: Record, closure: Closure, progress: Progress, *, ruling: Ruling, stopped: str, head: str, finished: datetime
) -> Mapping[str, Any]:
    """The report. ``stopped`` is who stopped it, if anybody."""
    order = record.order
    outcome = ENDINGS.get(ruling) or (RunOutcome.STOPPED if stopped else RunOutcome.CLOSED if closure.closed else RunOutcome.PARTIAL)
    empty = ruling is Ruling.GRANTED and not closure.in_scope and not closure.left_over
    left = (
        [_left(row) for row in closure.left]
        + [_unlisted(one) for one in closure.unlisted]
        + list(closing.in_doubt(closure.book, closure.unknown))
    )
    return {
        "left_over": closure.left_over,
        "run": order.run,
        "incident": order.incident,
        "playbook": order.playbook,
        "mode": str(order.mode),
        "undoes": None,
        "requester": order.requester,
        "outcome": str(outcome),
        "aim": str(closure.book.aim),
        "title": closure.book.title,
        "open": [*left, *([{"id": "scope", "outcome": "FAILED", "reason": NOTHING}] if empty else [])],
        "in_scope": closure.in_scope,
        "changed": closure.changed,
        "pending": closure.pending,
        "types": dict(closure.by_type()),
        **left_out(closure.unknown),
        "exceptions": [{"credential": row.credential, "label": row.label, "reason": row.reason} for row in closure.excepted],
        "findings": [plain(one) for one in closure.findings],
        "rounds": len(progress.rounds),
        "batches": len(progress.batches),
        "deadline": plain(closure.deadline),
        "mandate": progress.mandate is not None,
        "plan": {"fingerprint": record.fingerprint, "changes": []},
        "approval": approval(record),
        "steps": [],
        "seconds": {"total": between(order.asked, finished)},
        "writes": sum(one.wrote for one in progress.settled.values()),
        "residual": [],
        "ticket": None,
        "journal_head": head,
    }


def so_far(record: Record, progress: Progress, *, head: str) -> Mapping[str, Any]:
    """Where a sweep stands that is under way. What is left over is known only at its end, so nothing here says so."""
    order, number = record.order, max([*progress.rounds, *(one.round for one in progress.batches.values())], default=0)
    batches = [one for one in progress.batches.values() if one.round == number]
    settled = progress.of_round(number)
    return {
        "run": order.run,
        "incident": order.incident,
        "playbook": order.playbook,
        "mode": str(order.mode),
        "undoes": None,
        "requester": order.requester,
        "outcome": "running",
        "title": order.title,
        "listing": number,
        "listed": number in progress.rounds,
        "batches": len(batches),
        "settled": len(settled),
        "found": sum(one.found for one in settled),
        "in_scope": sum(one.in_scope for one in settled),
        "open": [_unlisted(one) for one in progress.unlisted if one.round == number],
        "mandate": progress.mandate is not None,
        "plan": {"fingerprint": record.fingerprint, "changes": []},
        "approval": approval(record),
        "steps": [],
        "seconds": {"total": None},
        "writes": sum(one.wrote for one in progress.settled.values()),
        "residual": [],
        "ticket": None,
        "journal_head": head,
    }


def _left(row: Row) -> Mapping[str, Any]:
    return {"id": row.label, "credential": row.credential, "outcome": str(row.disposition), "reason": row.reason, "until": plain(row.until)}


def _unlisted(one: Unlisted) -> Mapping[str, Any]:
    return {"id": one.label, "outcome": "FAILED", "reason": f"it could not be listed: {one.why}"}
