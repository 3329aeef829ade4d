"""What happened when, in a drill: the run's events and the attacker's last successes on one line of time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from firedoor.exercise.judge import Judgement
from firedoor.journal import Event, Kind

EVENTS: Mapping[str, str] = {
    Kind.OPENED: "{requester} starts {playbook}",
    Kind.PLANNED: "the plan is made",
    Kind.REQUESTED: "approval is asked for",
    Kind.DECIDED: "{by}: {answer}",
    Kind.CLOSED: "the request is {ruling}",
    Kind.RECEIPT: "done: {says}",
    Kind.ENDED: "{item}: {outcome}",
    Kind.RESUMED: "the run is resumed",
    Kind.STOP: "{by} stops the run",
}


def event_words(event: Event) -> str:
    """A journal event for a timeline; empty for those that only machines need."""
    return EVENTS.get(event.kind, "").format_map(event.body)


def timeline(events: Sequence[Event], found: Judgement, *, alerted: float) -> list[Mapping[str, Any]]:
    """What happened when, in seconds from the alert: the run's events and the attacker's last successes."""
    said = [(event.at.timestamp(), words) for event in events if (words := event_words(event))]
    lost = [(one.last_success_at, f"the attacker's last success: {one.name}") for one in found.footholds if one.last_success_at]
    return [{"seconds": round(at - alerted, 2), "says": words} for at, words in sorted([(alerted, "the alert"), *said, *lost])]
