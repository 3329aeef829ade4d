"""What happened when, in a drill: the run's events and the attacker's last successes on one line of time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from firedoor.exercise.judge import Judgement
from firedoor.journal import Event, Kind
from firedoor.words import MARKS

EVENTS: Mapping[str, str] = {
    Kind.OPENED: "{requester} starts {playbook}",
    Kind.PLANNED: "the plan is made",
    Kind.REQUESTED: "approval is asked for",
    Kind.DECIDED: "{by}: {answer}",
    Kind.CLOSED: "the request is {ruling}",
    Kind.RECEIPT: "done: {says}",
    Kind.ENDED: "{action} on {label}: {ended}",
    Kind.RESUMED: "the run is resumed",
    Kind.STOP: "{by} stops the run",
}


def _said(events: Sequence[Event]) -> Iterator[tuple[float, str]]:
    """When each event was, and what it says; those are left out that only machines need."""
    planned: dict[str, Any] = {}
    for event in events:
        body = event.body
        if event.kind == Kind.PLANNED:
            planned = {item["id"]: item for item in cast("Sequence[Mapping[str, Any]]", body["items"])}
        elif event.kind == Kind.ENDED:
            body = {**planned[str(body["item"])], "ended": MARKS.get(str(body["outcome"]), body["outcome"])}
        if words := EVENTS.get(event.kind, "").format_map(body):
            yield event.at.timestamp(), words


def timeline(events: Sequence[Event], found: Judgement, *, alerted: float) -> list[Mapping[str, Any]]:
    """What happened when, in seconds from the alert: the run's events and the attacker's last successes."""
    said = list(_said(events))
    lost = [(one.last_success_at, f"the attacker's last success: {one.name}") for one in found.footholds if one.last_success_at]
    return [{"seconds": round(at - alerted, 2), "says": words} for at, words in sorted([(alerted, "the alert"), *said, *lost])]
