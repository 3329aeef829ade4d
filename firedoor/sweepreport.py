"""The report of a sweep as JSON data: what is left over comes first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final, cast

from firedoor import closing
from firedoor.approval import Ruling
from firedoor.canonical import plain
from firedoor.catalogue import AnyAction
from firedoor.closing import Closure
from firedoor.model import Residual
from firedoor.report import RunOutcome, approval, between
from firedoor.run import Record
from firedoor.scope import left_out
from firedoor.sweep import Progress, Row, Unlisted
from firedoor.sweepbook import ExceptionTable
from firedoor.treatment import Treatment

ENDINGS: Final = {Ruling.DENIED: RunOutcome.DENIED, Ruling.EXPIRED: RunOutcome.EXPIRED, Ruling.STOPPED: RunOutcome.STOPPED}
NOTHING: Final = "the scope matches no credential, so nothing is proven: check its types, places and patterns"


def compose(
    record: Record,
    closure: Closure,
    progress: Progress,
    actions: Mapping[str, AnyAction],
    *,
    ruling: Ruling,
    stopped: str,
    head: str,
    finished: datetime,
) -> Mapping[str, Any]:
    """The report. ``actions`` are those that the sweep was carried out with, ``stopped`` is who stopped it, if anybody."""
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
        "exceptions": list(_exceptions(closure, finished, looked=bool(progress.rounds))),
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
        "residual": list(_residual(closure, actions)),
        "ticket": None,
        "journal_head": head,
    }


def so_far(record: Record, progress: Progress, *, head: str) -> Mapping[str, Any]:
    """Where a sweep stands that is under way. What is left over is known only at its end, so nothing here says so."""
    order, number = record.order, max([*progress.rounds, *(one.round for one in progress.batches.values())], default=0)
    batches = [one for one in progress.batches.values() if one.round == number]
    settled = progress.of_round(number)
    wrote = sum(one.wrote for one in progress.settled.values())
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
        "writes": wrote,
        "residual": [told(one) for item in record.items for one in item.residual] if wrote else [],
        "ticket": None,
        "journal_head": head,
    }


def _left(row: Row) -> Mapping[str, Any]:
    return {"id": row.label, "credential": row.credential, "outcome": str(row.disposition), "reason": row.reason, "until": plain(row.until)}


def _unlisted(one: Unlisted) -> Mapping[str, Any]:
    return {"id": one.label, "outcome": "FAILED", "reason": f"it could not be listed: {one.why}"}


def _exceptions(closure: Closure, now: datetime, *, looked: bool) -> Iterator[Mapping[str, Any]]:
    """Every exception of the playbook, with how it stands: also one that leaves nothing alone."""
    labels = {row.credential: row.label for row in (*closure.excepted, *closure.left)}
    alone = {row.credential for row in closure.excepted}
    for one in closure.book.exceptions:
        if not one.in_force(now):
            standing = "expired, so it does not count"
        elif one.credential in alone:
            standing = "left alone"
        elif not looked:
            standing = "in force, and nothing was listed"
        else:
            standing = _standing(one, closure, found=one.credential in labels)
        yield {
            "credential": one.credential,
            "label": labels.get(one.credential, one.credential),
            "standing": standing,
            "reason": f"{standing}; {one.says}",
            "owner": one.owner,
            "expires": str(one.expires),
            "approved_by": one.approved_by,
        }


def _standing(one: ExceptionTable, closure: Closure, *, found: bool) -> str:
    """Why an exception in force leaves nothing alone."""
    scope = closure.book.scope.read()
    if one.credential in closure.outside or not scope.enters(one.place):
        return "outside the scope"
    if found or any(each.place in (one.place, "everywhere") for each in closure.unlisted):
        return "could not be listed now"
    return "not listed now, or outside the scope" if scope.holders or scope.owners or scope.given_to else "not listed now"


def _residual(closure: Closure, actions: Mapping[str, AnyAction]) -> Iterator[Mapping[str, Any]]:
    """What may outlive the credentials that were treated: once for each type, with how many of them it concerns."""
    for kind, name in closure.book.treat.items():
        if (action := actions.get(name)) is not None:
            treatment = cast("Treatment[Any, Any]", action)
            if count := closure.counts[kind, treatment.leaves_of()]:
                yield from ({"type": kind, "action": name, "credentials": count, **told(one)} for one in treatment.leaves)


def told(one: Residual) -> Mapping[str, Any]:
    """What may still live, as data."""
    return {"what": one.what, "until": one.until, "closes_by": one.closes_by, "hours": one.hours}
