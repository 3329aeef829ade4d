"""What a tabletop on the real estate comes to: what would have been contained, and how long the people took. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from firedoor.approval import Roster, eligible
from firedoor.exercise.scenario import Scenario
from firedoor.journal import Event, Kind
from firedoor.report import between
from firedoor.run import Record

Report: TypeAlias = Mapping[str, Any]


def compose(report: Report, record: Record, events: Sequence[Event], *, roster: Roster, scenario: Scenario | None) -> Report:
    """The run's report with the exercise's side of it. All clocks are in seconds from the order; None for what never came."""
    return {
        **report,
        "scenario": scenario.name if scenario else "",
        "against": "live",
        "clocks": clocks(record, events),
        "people": people(record, events, roster),
        "history": history(report, record.order.asked, scenario),
    }


def clocks(record: Record, events: Sequence[Event]) -> Report:
    """When the request stood, was first looked at, first decided on and ruled on, and when all was over."""
    asked = record.order.asked
    moments = {
        "planned": _first(events, Kind.PLANNED),
        "posted": next((event.at for event in events if event.body.get("slack") == "request" and "ts" in event.body), None),
        "looked": next((event.at for event in events if event.kind == Kind.NOTED and "looked" in event.body), None),
        "decided": _first(events, Kind.DECIDED),
        "ruled": record.moments.get(Kind.CLOSED),
        "over": record.moments.get(Kind.FINISHED),
    }
    return {name: between(asked, moment) for name, moment in moments.items()}


def people(record: Record, events: Sequence[Event], roster: Roster) -> list[Report]:
    """Each who was asked: when they first looked, what they answered and when, in seconds from the order."""
    if record.request is None:
        return []
    return [_person(one.name, record.order.asked, events) for one in eligible(record.request, roster)]


def _person(name: str, asked: datetime, events: Sequence[Event]) -> Report:
    looked = next((event.at for event in events if event.kind == Kind.NOTED and event.body.get("looked") == name), None)
    answered = next((event for event in events if event.kind == Kind.DECIDED and event.body.get("by") == name), None)
    return {
        "name": name,
        "looked": between(asked, looked),
        "answer": str(answered.body["answer"]) if answered else None,
        "seconds": between(asked, answered.at) if answered else None,
    }


def history(report: Report, asked: datetime, scenario: Scenario | None) -> list[Report]:
    """The scenario's clocks of the real incident, each with the seconds until the last write that answers it would have been made."""
    return [
        {
            "historical": clock.historical,
            "minutes": clock.minutes,
            "here": clock.here,
            "seconds": _last(report, asked, clock.actions),
        }
        for clock in (scenario.history if scenario else ())
    ]


def _last(report: Report, asked: datetime, actions: Sequence[str]) -> float | None:
    made = [datetime.fromisoformat(one["at"]) for one in report.get("withheld", ()) if one["action"] in actions]
    return between(asked, max(made, default=None))


def _first(events: Sequence[Event], kind: Kind) -> datetime | None:
    return next((event.at for event in events if event.kind == kind), None)
