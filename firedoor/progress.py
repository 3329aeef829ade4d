"""What a run does, event by event, as whoever started it is shown it: of the record, nothing is told but what is named here.

`Course.take` gives the shape of ``--json-stream`` (docs/terminal.md): names may be added to it, none is taken away or changes its meaning.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from firedoor.approval import Ruling
from firedoor.canonical import JSON, plain
from firedoor.journal import Event, Kind
from firedoor.model import Outcome
from firedoor.run import Item, Record, StepResult, take

Told = Mapping[str, JSON]
Body = Mapping[str, Any]
DONE: Final[Mapping[str, str]] = {Outcome.CHANGED: "done", Outcome.ALREADY: "already so", Outcome.PREVIEWED: "would change"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Doing:
    """What a step is at: the change it makes, since when, and whether that is made and has yet to be seen."""

    says: str
    since: datetime
    made: bool = False


@dataclass(slots=True)
class Course:
    """A run as far as it was shown. ``doing`` and ``ended`` are its steps, by id, since it was begun or last resumed."""

    record: Record | None = None
    doing: dict[str, Doing] = field(default_factory=dict)
    ended: dict[str, StepResult] = field(default_factory=dict)

    @property
    def items(self) -> tuple[Item, ...]:
        """All steps, once they are planned."""
        return self.record.items if self.record else ()

    @property
    def granted(self) -> bool:
        """Whether it may work: it was approved, or need not be."""
        return self.record is not None and (self.record.request is None or self.record.ruling is Ruling.GRANTED)

    def take(self, event: Event) -> Told | None:
        """One event more, and what is told of it; None where it says nothing of a step. Raises `JournalBroken`."""
        self.record = take(self.record, event)
        self._follow(event, self.record)
        if event.kind not in TELLING:
            return None
        name, tell = TELLING[event.kind]
        return {"event": name, "run": event.run, "at": plain(event.at), **tell(event.body, self.record)}

    def _follow(self, event: Event, record: Record) -> None:
        match event.kind:
            case Kind.INTENT:
                self.doing[record.intents[-1].item] = Doing(says=record.intents[-1].says, since=event.at)
            case Kind.RECEIPT:
                self.doing[record.receipts[-1].item] = Doing(says=record.receipts[-1].says, since=event.at, made=True)
            case Kind.ENDED:
                name = str(event.body["item"])
                self.doing.pop(name, None)
                self.ended[name] = record.results[name]
            case Kind.RESUMED:
                self.doing.clear()
                self.ended = {name: result for name, result in record.results.items() if result.outcome.exit_code == 0}


def words(told: Told, course: Course) -> str:
    """A line for people; empty for what the plan and the report tell them."""
    match told:
        case {"event": "decided", "by": by, "answer": answer, "via": via}:
            return f"{by} says {answer} ({via})."
        case {"event": "ruled", "ruling": ruling, "stopped_by": by}:
            return f"The request is {ruling} by {by}." if by else f"The request is {ruling}."
        case {"event": "stop", "by": by}:
            return f"{by} stops the run."
        case {"event": "ended", "outcome": outcome, "action": action, "target": target, "reason": reason} if course.granted:
            return f"[{len(course.ended)}/{len(course.items)}] {DONE.get(str(outcome), outcome)}: {action} on {target}. {reason}"
        case _:
            return ""


def _planned(body: Body, record: Record) -> Told:
    order = record.order
    return {
        "playbook": order.playbook,
        "mode": str(order.mode),
        "requester": order.requester,
        "undoes": order.undoes or None,
        "follows": order.follows or None,
        "fingerprint": str(body["fingerprint"]),
        "steps": [{"step": item.id, "action": item.action, "target": item.label, "plan": _stands(item)} for item in record.items],
    }


def _stands(item: Item) -> str:
    """What is planned for an item, in one word."""
    if item.refused or item.plan is None:
        return "refused"
    if item.plan.changes:
        return "change"
    return "impossible" if item.plan.impossible else "waits" if item.plan.waits else "already"


def _asked(body: Body, record: Record) -> Told:
    del record
    return {
        "approvals": int(body["required"]),
        "until": str(body["expires"]),
        "signed_only": bool(body["out_of_band"]),
        "fingerprint": str(body["fingerprint"]),
    }


def _decided(body: Body, record: Record) -> Told:
    del record
    return {"by": str(body["by"]), "answer": str(body["answer"]), "via": str(body["via"])}


def _ruled(body: Body, record: Record) -> Told:
    return {"ruling": str(body["ruling"]), "stopped_by": record.stopped_by or None}


def _step(body: Body, record: Record) -> Told:
    item = next((one for one in record.items if one.id == body["item"]), None)
    return {"step": str(body["item"]), "action": item.action if item else "", "target": item.label if item else ""}


def _intent(body: Body, record: Record) -> Told:
    return {**_step(body, record), "says": record.intents[-1].says}


def _receipt(body: Body, record: Record) -> Told:
    return {**_step(body, record), "says": record.receipts[-1].says, "settled": record.receipts[-1].receipt.settled}


def _ended(body: Body, record: Record) -> Told:
    result = record.results[str(body["item"])]
    return {**_step(body, record), "outcome": str(result.outcome), "reason": result.reason, "seconds": result.seconds}


def _resumed(body: Body, record: Record) -> Told:
    del body
    return {"ended": len(record.results)}


def _listed(body: Body, record: Record) -> Told:
    del record
    return {name: body[name] for name in ("round", "batches", "writes")}


def _unlisted(body: Body, record: Record) -> Told:
    del record
    return {"round": body["round"], "source": str(body["source"]), "place": str(body["place"]), "reason": str(body["why"])}


def _settled(body: Body, record: Record) -> Told:
    del record
    return {name: body.get(name, 0) for name in ("batch", "found", "in_scope", "wrote", "made", "unlisted")}


def _finished(body: Body, record: Record) -> Told:
    del record
    return {"outcome": str(body["outcome"]), "open": len(body["open"])}


TELLING: Final[Mapping[str, tuple[str, Callable[[Body, Record], Told]]]] = {
    Kind.PLANNED: ("planned", _planned),
    Kind.REQUESTED: ("asked", _asked),
    Kind.DECIDED: ("decided", _decided),
    Kind.STOP: ("stop", _decided),
    Kind.CLOSED: ("ruled", _ruled),
    Kind.RESUMED: ("resumed", _resumed),
    Kind.INTENT: ("intent", _intent),
    Kind.RECEIPT: ("receipt", _receipt),
    Kind.ENDED: ("ended", _ended),
    Kind.ROUND: ("listed", _listed),
    Kind.UNLISTED: ("unlisted", _unlisted),
    Kind.SETTLED: ("settled", _settled),
    Kind.FINISHED: ("finished", _finished),
}
