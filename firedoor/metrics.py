"""What `firedoor serve` counts, for Prometheus. Loaded only where `metrics_listen` is set: it stands on prometheus_client.

Of runs it tells what the journal does, whoever carries them out and on whichever machine; the rest is what this process sees itself. No
label holds the name of a person or of a target: what Firedoor does to whom is not for everybody who may look at a graph.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

from firedoor.errors import Misconfigured
from firedoor.journal import Event, Journal, Kind
from firedoor.model import Mode, Outcome
from firedoor.observing import Call, Watcher
from firedoor.report import RunOutcome
from firedoor.settingkinds import Listen

PEOPLE: Final = (5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)
CALLS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
COMMITS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 10.0)
ACTION: Final = re.compile(r"[a-z0-9_]{1,40}\.[a-z0-9_]{1,60}")
KINDS: Final = frozenset(Kind)
ASKED: Final = frozenset({Kind.REQUESTED})
ANSWERED: Final = frozenset({Kind.CLOSED, Kind.FINISHED})
BEGUN: Final = frozenset({Kind.OPENED, Kind.RESUMED})
OVER: Final = frozenset({Kind.FINISHED})


class Metrics(Watcher):
    """All of them, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._pending: dict[str, datetime] = {}
        self._open: dict[str, datetime] = {}
        self.runs = self._counter("runs", "Runs that ended, by how; one that is resumed ends once more.", "mode", "outcome")
        self.steps = self._counter("steps", "Steps of the runs that ended.", "action", "outcome")
        self.writes = self._counter("writes", "Writes that were begun at vendors: intents on record, those of sweeps too.")
        self.approval = self._histogram("order_to_approval_seconds", "From a live order to its approval.", PEOPLE)
        self.verified = self._histogram("order_to_verified_seconds", "From a live order until all of it was verified.", PEOPLE)
        self.pending = self._gauge("requests_pending", "Requests that wait for people.")
        self.oldest = self._gauge("oldest_request_seconds", "How long the oldest of them has waited; 0 without one.")
        self.open = self._gauge("runs_open", "Runs that are not over, whether somebody works on them or not.")
        self.events = self._counter("journal_events", "Events put on record by anybody, by kind.", "kind")
        self.appends = self._histogram("journal_append_seconds", "Until an event of this process was durable.", COMMITS)
        self.standing_by = self._gauge("journal_standing_by", "1 while the stand-by has the place of the journal's database.")
        self.calls = self._counter("vendor_calls", "Requests that this process sent; status 0: no answer.", "vendor", "operation", "status")
        self.call_seconds = self._histogram(
            "vendor_call_seconds", "Until a vendor's answer came, or did not.", CALLS, "vendor", "operation"
        )
        self.throttles = self._counter("vendor_throttles", "Answers that said that it was too much.", "vendor")
        self.lost = self._counter("leases_lost", "Turns at something that were lost before a write, which was then not begun.")
        self.slack = self._gauge("slack_connected", "1 while Slack reaches this process.")
        self.pending.set_function(lambda: len(self._pending))
        self.oldest.set_function(self._oldest)
        self.open.set_function(lambda: len(self._open))
        for outcome in RunOutcome:
            self.runs.labels(Mode.LIVE, outcome)  # there from the start: what appears with its first count shows no increase

    def _counter(self, name: str, about: str, *labels: str) -> Counter:
        return Counter(name, about, labels, namespace="firedoor", registry=self.registry)

    def _gauge(self, name: str, about: str) -> Gauge:
        return Gauge(name, about, namespace="firedoor", registry=self.registry)

    def _histogram(self, name: str, about: str, buckets: Sequence[float], *labels: str) -> Histogram:
        return Histogram(name, about, labels, namespace="firedoor", registry=self.registry, buckets=buckets)

    def _oldest(self) -> float:
        return max((time.time() - asked.timestamp() for asked in list(self._pending.values())), default=0.0)

    def called(self, call: Call) -> None:
        """One request more to a vendor."""
        self.calls.labels(call.vendor, call.operation, str(call.status)).inc()
        self.call_seconds.labels(call.vendor, call.operation).observe(call.seconds)
        if call.throttled:
            self.throttles.labels(call.vendor).inc()

    def appended(self, seconds: float) -> None:
        """One event of this process more."""
        self.appends.observe(seconds)

    def lost_lease(self) -> None:
        """One turn lost."""
        self.lost.inc()

    def connected(self, *, up: bool) -> None:
        """How it stands with Slack."""
        self.slack.set(up)

    async def follow(self, journal: Journal) -> None:
        """Count what comes into the journal from now on, without end; what is open by now counts as open."""
        self.standing_by.set_function(lambda: journal.standing_by)
        self._pending = dict(await journal.standing(ASKED, ANSWERED))
        self._open = dict(await journal.standing(BEGUN, OVER))
        async for event in journal.news():
            self.take(event)

    def take(self, event: Event) -> None:
        """One event more in the journal. What does not read as we write it is left to the audit."""
        if event.kind not in KINDS:
            return
        self.events.labels(event.kind).inc()
        for kept, begins, ends in ((self._pending, ASKED, ANSWERED), (self._open, BEGUN, OVER)):
            if event.kind in begins:
                kept[event.run] = event.at
            elif event.kind in ends:
                kept.pop(event.run, None)
        with suppress(KeyError, TypeError, ValueError, AttributeError):
            match event.kind:
                case Kind.INTENT:
                    self.writes.inc()
                case Kind.INTENTS:
                    self.writes.inc(len(_writes(event.body)))
                case Kind.FINISHED:
                    self._finished(event.body)

    def _finished(self, report: Mapping[str, Any]) -> None:
        mode, outcome, seconds = Mode(report["mode"]), RunOutcome(report["outcome"]), report["seconds"]
        self.runs.labels(mode, outcome).inc()
        for step in report["steps"]:
            if ACTION.fullmatch(step["action"]) and step["outcome"] in list(Outcome):
                self.steps.labels(step["action"], step["outcome"]).inc()
        if mode is Mode.LIVE and "contain" in seconds:  # a sweep takes its hours
            if report["approval"]["ruling"] == "granted":
                self.approval.observe(seconds["plan"] + seconds["approval"])
            if outcome is RunOutcome.CONTAINED:
                self.verified.observe(seconds["total"])


def _writes(body: Mapping[str, Any]) -> Sequence[Any]:
    return list(body["writes"])


def table() -> Iterator[tuple[str, str, Sequence[str], str]]:
    """Each metric as Prometheus asks for it: its name, its kind, its labels, and what it tells."""
    for one in vars(Metrics()).values():
        if isinstance(one, Counter | Gauge | Histogram):
            [family] = one.describe()
            name = f"{family.name}_total" if family.type == "counter" else family.name
            yield name, family.type, tuple(one._labelnames), family.documentation  # noqa: SLF001 - the library has no public way to tell


@contextmanager
def served(metrics: Metrics, at: Listen) -> Iterator[None]:
    """Answer Prometheus at ``http://<at>/metrics``, within the block. Raises `Misconfigured` where the address cannot be listened on."""
    try:
        server, thread = start_http_server(at.port, at.host, registry=metrics.registry)
    except OSError as error:
        advice = "Set metrics_listen to another address, or leave it out"
        raise Misconfigured(f"{at} cannot be listened on for metrics ({error.strerror})", advice=advice) from error
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
