"""The report of a run: a fold of its record into the names that `--json` promises. What is still open comes first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from firedoor.canonical import plain
from firedoor.journal import Kind
from firedoor.model import Mode, Outcome
from firedoor.run import Item, Record, StepResult

ENDINGS = {Outcome.DENIED: "denied", Outcome.EXPIRED: "expired", Outcome.STOPPED: "stopped"}


class RunOutcome(StrEnum):
    """How a whole run ended."""

    CONTAINED = "contained"
    PARTIAL = "partial"
    DENIED = "denied"
    EXPIRED = "expired"
    STOPPED = "stopped"
    FAILED = "failed"
    PREVIEWED = "previewed"
    CLOSED = "closed"

    @property
    def exit_code(self) -> int:
        """What the command line exits with."""
        if self in (RunOutcome.CONTAINED, RunOutcome.PREVIEWED, RunOutcome.CLOSED):
            return 0
        return 3 if self in (RunOutcome.DENIED, RunOutcome.EXPIRED, RunOutcome.STOPPED) else 1


def outcome(mode: Mode, results: Sequence[StepResult], *, told: Sequence[StepResult] = ()) -> RunOutcome:
    """The run's outcome from its steps'. A run is contained only when every step is, and those that ``told`` people are done as well."""
    counted = Counter(result.outcome for result in results)
    good = sum(result.outcome.exit_code == 0 for result in results)
    if mode is Mode.PREVIEW:
        return RunOutcome.PREVIEWED
    for ending, word in ENDINGS.items():
        if counted[ending]:
            return RunOutcome(word)
    if results and good == len(results) and all(result.outcome.exit_code == 0 for result in told):
        return RunOutcome.PREVIEWED if mode is Mode.EXERCISE else RunOutcome.CONTAINED
    return RunOutcome.PARTIAL if good else RunOutcome.FAILED


def compose(record: Record, *, head: str, finished: datetime | None = None, told: bool = True) -> Mapping[str, Any]:
    """The report of a run as it stands, as JSON data; without ``told``, as people are told of it before they have been."""
    order = record.order
    items = [item for item in record.items if told or not item.telling]
    results = [record.results[item.id] for item in items if item.id in record.results]
    telling = [record.results[item.id] for item in items if item.telling and item.id in record.results]
    containing = [result for result in results if result not in telling] or telling
    residual = {(left.what, left.until, left.closes_by): left for result in results for left in result.residual}
    return {
        "run": order.run,
        "incident": order.incident,
        "playbook": order.playbook,
        "mode": str(order.mode),
        "undoes": order.undoes or None,
        "requester": order.requester,
        "outcome": str(outcome(order.mode, containing, told=telling)) if finished else "running",
        "open": [{"id": item.id, "outcome": str(result.outcome), "reason": result.reason} for item, result in _open(items, record)],
        "plan": {"fingerprint": record.fingerprint, "changes": _changes(items)},
        "approval": approval(record),
        "steps": [_step(item, record.results.get(item.id)) for item in items],
        "seconds": _seconds(record, finished),
        "writes": len(record.intents),
        "residual": [plain(left) for left in residual.values()],
        "ticket": _ticket(record),
        "journal_head": head,
        **({"withheld": _withheld(record)} if order.mode is Mode.EXERCISE else {}),
    }


def _withheld(record: Record) -> list[Mapping[str, Any]]:
    """What an exercise would have written, in order."""
    items = {item.id: item for item in record.items}
    return [
        {"item": one.item, "action": items[one.item].action, "target": items[one.item].label, "says": one.says, "at": plain(one.at)}
        for one in record.withheld
        if one.item in items
    ]


def _ticket(record: Record) -> str | None:
    """Where the incident is written up, as the action that opened it says in its receipt."""
    named = [str(done.receipt.facts["ticket"]) for done in record.receipts if done.receipt.facts.get("ticket")]
    return named[-1] if named else None


def _open(items: Sequence[Item], record: Record) -> list[tuple[Item, StepResult]]:
    pairs = [(item, record.results[item.id]) for item in items if item.id in record.results]
    return [(item, result) for item, result in pairs if result.outcome.exit_code != 0]


def _changes(items: Sequence[Item]) -> list[Mapping[str, Any]]:
    return [
        {
            "item": item.id,
            "action": item.action,
            "target": item.label,
            "says": change.says,
            "before": plain(change.before),
            "after": plain(change.after),
            "digest": change.digest(item.action),
        }
        for item in items
        if item.plan is not None
        for change in item.plan.changes
    ]


def _step(item: Item, result: StepResult | None) -> Mapping[str, Any]:
    return {
        "id": item.id,
        "action": item.action,
        "target": item.label,
        "telling": item.telling,
        "outcome": str(result.outcome) if result else "PENDING",
        "reason": result.reason if result else "not reached yet",
        "changes": list(result.changes) if result else [],
        "extras": list(result.extras) if result else [],
        "seconds": result.seconds if result else None,
    }


def approval(record: Record) -> Mapping[str, Any]:
    """What was asked of people, who approved, and how it was ruled on."""
    request, decisions, ruling = record.request, record.decisions, record.ruling
    if request is None and record.earlier is not None:  # nothing was left to ask for anew
        request, decisions, ruling = record.earlier
    if request is None:
        return {"required": 0, "by": [], "ruling": "not needed", "seconds": None, "at": None}
    answered = record.moments.get(Kind.CLOSED)
    return {
        "required": int(request.required),
        "by": [decision.by for decision in decisions if decision.answer == "approve"],
        "ruling": str(ruling) if ruling else "waiting",
        "seconds": between(request.requested, answered),
        "at": plain(answered),
    }


def _seconds(record: Record, finished: datetime | None) -> Mapping[str, float | None]:
    asked, planned = record.order.asked, record.moments.get(Kind.PLANNED)
    closed = record.moments.get(Kind.CLOSED) or planned
    return {
        "plan": between(asked, planned),
        "approval": between(planned, record.moments.get(Kind.CLOSED)),
        "contain": between(closed, finished),
        "total": between(asked, finished),
    }


def between(start: datetime | None, end: datetime | None) -> float | None:
    """Seconds from one moment to another, where both are known."""
    return None if start is None or end is None else round((end.astimezone(UTC) - start.astimezone(UTC)).total_seconds(), 3)
