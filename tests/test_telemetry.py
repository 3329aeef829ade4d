"""Metrics and traces: what the journal tells and what this process sees, with no name of a person or target in it."""

from __future__ import annotations

import asyncio
import sys
import threading
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

import firedoor
from firedoor import observing, telemetry
from firedoor.approval import Answer
from firedoor.canonical import JSON
from firedoor.errors import JournalUnreachable, Misconfigured
from firedoor.journal import Event, Journal, Kind
from firedoor.lease import Lease
from firedoor.metrics import Metrics
from firedoor.observing import Call, Watcher
from firedoor.settingkinds import Listen
from firedoor.settings import Settings
from firedoor.store import Store
from tests import fakes
from tests.e2e.prefect import free_port
from tests.fakes import CLEAR, SHUT, book, lab


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    fakes.hasten(monkeypatch)


@pytest.fixture
def metrics() -> Iterator[Metrics]:
    """Metrics that watch this process."""
    made = Metrics()
    with observing.watched_by(made):
        yield made


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(f"firedoor_{name}", labels)


async def until(metrics: Metrics, name: str, due: float, **labels: str) -> None:
    while value(metrics, name, **labels) != due:  # noqa: ASYNC110 - the metrics have no event to wait on
        await asyncio.sleep(0.01)


@pytest.mark.usefixtures("quick")
async def test_runs_are_counted_by_the_journal_and_told_without_names(tmp_path: Path, metrics: Metrics) -> None:
    async with lab(tmp_path, {"secretdoor": {"k": "open"}, "b": {"k": "open"}}) as it:
        await it.journal.append("early", Kind.REQUESTED, {})
        async with telemetry.following(metrics.follow, it.journal):
            await until(metrics, "requests_pending", 1)
            await it.contain(book(steps=[SHUT, CLEAR]), doors=["secretdoor"])
            await it.contain(run="r2", doors=["b"], answer=Answer.DENY)
            await until(metrics, "runs_total", 1, mode="live", outcome="denied")
    assert value(metrics, "runs_total", mode="live", outcome="contained") == 1
    assert value(metrics, "runs_total", mode="live", outcome="failed") == 0, "there before it happens"
    assert value(metrics, "steps_total", action="fake.shut", outcome="CHANGED") == 1
    assert value(metrics, "steps_total", action="fake.shut", outcome="DENIED") == 1
    assert value(metrics, "writes_total") == 2
    assert value(metrics, "order_to_approval_seconds_count") == 1
    assert value(metrics, "order_to_verified_seconds_count") == 1
    assert value(metrics, "requests_pending") == 1
    oldest = value(metrics, "oldest_request_seconds")
    assert oldest is not None
    assert oldest > 0
    assert value(metrics, "runs_open") == 0
    assert value(metrics, "journal_events_total", kind="step.intent") == 2
    appended = value(metrics, "journal_append_seconds_count")
    assert appended is not None
    assert appended > 10
    text = str([(sample.name, sample.labels) for family in metrics.registry.collect() for sample in family.samples])
    assert not [name for name in ("secretdoor", "Ada", "Ben", "r2") if name in text]


@pytest.mark.usefixtures("quick")
async def test_what_others_record_is_counted_too_and_what_was_open_counts_as_open(
    database: str, metrics: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Store(database) as store, Store(database) as other:
        theirs = Journal(other)
        await theirs.append("old", Kind.OPENED, {})
        await theirs.append("over", Kind.OPENED, {})
        await theirs.append("over", Kind.FINISHED, {})
        async with telemetry.following(metrics.follow, Journal(store)):
            await until(metrics, "runs_open", 1)
            await theirs.append("over", Kind.RESUMED, {})
            await until(metrics, "runs_open", 2)
            monkeypatch.setattr("firedoor.journal.AT_ONCE", 2)
            for _ in range(5):
                await theirs.append("old", Kind.NOTED, {})
            await theirs.append("old", Kind.FINISHED, {"mode": "live"})
            await until(metrics, "runs_open", 1)
            assert value(metrics, "journal_events_total", kind="run.noted") == 5


def finished(body: Mapping[str, JSON]) -> Event:
    return Event(seq=1, run="r", n=1, at=datetime.now(UTC), kind=Kind.FINISHED, body=body, claim=None, hash="")


def test_whoever_writes_to_the_journal_makes_no_labels_of_their_own(metrics: Metrics) -> None:
    step: JSON = {"action": "okta.suspend_user ada@example.com", "outcome": "CHANGED"}
    whole: dict[str, JSON] = {"mode": "live", "outcome": "contained", "steps": [step], "seconds": {}, "approval": {}}
    altered: list[dict[str, JSON]] = [{"outcome": "ada"}, {"steps": 3}, {"mode": []}]
    for change in ({}, *altered):
        metrics.take(finished({**whole, **change}))
    text = str([(sample.name, sample.labels) for family in metrics.registry.collect() for sample in family.samples])
    assert "ada" not in text
    assert value(metrics, "journal_events_total", kind="run.finished") == 4


async def test_calls_leases_and_slack_are_what_this_process_sees(tmp_path: Path, metrics: Metrics) -> None:
    with observing.call("okta", "suspendUser") as call:
        call.answered(429)
    with observing.call("aws", "iam:UpdateAccessKey") as call:
        call.answered(400, throttled=True)
    with pytest.raises(KeyError), observing.call("okta", "suspendUser"):
        raise KeyError
    assert value(metrics, "vendor_calls_total", vendor="okta", operation="suspendUser", status="429") == 1
    assert value(metrics, "vendor_calls_total", vendor="okta", operation="suspendUser", status="0") == 1
    assert [value(metrics, "vendor_throttles_total", vendor=vendor) for vendor in ("okta", "aws")] == [1, 1]
    assert value(metrics, "vendor_call_seconds_count", vendor="okta", operation="suspendUser") == 2
    observing.connected(up=True)
    assert value(metrics, "slack_connected") == 1
    async with Store(f"sqlite:///{tmp_path / 'journal.db'}") as store:
        lost = Lease(resource="door", holder="somebody", fence=3)
        with pytest.raises(firedoor.errors.LeaseLost):
            await Journal(store).append("r", Kind.INTENT, {}, under=lost)
    assert value(metrics, "leases_lost_total") == 1


@dataclass
class Broken(Watcher):
    """A watcher in which everything breaks."""

    tried: list[str] = field(default_factory=list)

    def called(self, call: Call) -> None:
        self.tried.append(call.operation)
        raise RuntimeError

    def appended(self, seconds: float) -> None:
        raise RuntimeError(seconds)

    def span(self, name: str, **ids: str) -> Broken:
        self.tried.append(f"{name} {ids}")
        return self

    def __enter__(self) -> None:
        self.tried.append("entered")

    def __exit__(self, *_: object) -> None:
        raise RuntimeError


@pytest.mark.usefixtures("quick")
async def test_a_watcher_that_breaks_breaks_nothing_else(tmp_path: Path) -> None:
    broken = Broken()
    with observing.watched_by(broken):
        async with lab(tmp_path, {"a": {"k": "open"}}) as it:
            assert (await it.contain())["outcome"] == "contained"
        with observing.call("okta", "suspendUser") as call:
            call.answered(200)
        with pytest.raises(KeyError), observing.span("step"):
            raise KeyError
    assert broken.tried[:2] == ["run {'run': 'r1'}", "entered"]
    assert "suspendUser" in broken.tried


def test_prometheus_is_answered_where_it_was_asked_for() -> None:
    port = free_port()
    settings = Settings(metrics_listen=Listen("127.0.0.1", port))
    with telemetry.counted(settings):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as reply:
            assert b"firedoor_requests_pending 0.0" in reply.read()
        with pytest.raises(Misconfigured, match="cannot be listened on"), telemetry.counted(settings):
            pass
    with telemetry.counted(settings):
        pass  # it can be listened on again


async def test_following_goes_on_after_trouble(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(telemetry, "AGAIN_SECONDS", 0.0)
    again = asyncio.Event()

    async def follow(_: Journal, tried: list[int] = []) -> None:  # noqa: B006 - it counts
        tried.append(1)
        if len(tried) == 3:
            again.set()
            await asyncio.Event().wait()
        raise JournalUnreachable("gone") if len(tried) == 1 else KeyError

    async with Store(f"sqlite:///{tmp_path / 'journal.db'}") as store, telemetry.following(follow, Journal(store)):
        await again.wait()


@pytest.mark.parametrize(
    ("setting", "module", "needs"),
    [
        ({"metrics_listen": "127.0.0.1:0"}, "metrics", "prometheus_client"),
        ({"traces_endpoint": "http://127.0.0.1:4318/v1/traces"}, "traces", "opentelemetry.sdk.resources"),
    ],
)
def test_without_the_extra_the_setting_is_refused(
    setting: dict[str, str], module: str, needs: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, f"firedoor.{module}", raising=False)
    monkeypatch.delattr(firedoor, module, raising=False)
    monkeypatch.setitem(sys.modules, needs, None)
    begun = telemetry.counted if module == "metrics" else telemetry.traced
    with pytest.raises(Misconfigured, match="is not installed") as refused, begun(Settings.model_validate(setting)):
        pass
    assert "docs/operations.md" in refused.value.advice


@pytest.mark.usefixtures("quick")
async def test_a_run_is_a_span_with_its_steps_below_it_and_no_words_of_anybody(tmp_path: Path) -> None:
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http")
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor  # noqa: PLC0415 - an extra
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter  # noqa: PLC0415

    from firedoor.traces import Traces  # noqa: PLC0415

    kept = InMemorySpanExporter()
    with observing.watched_by(Traces(SimpleSpanProcessor(kept))):
        async with lab(tmp_path, {"secretdoor": {"k": "open"}}) as it:
            await it.contain()
        with pytest.raises(KeyError), observing.call("okta", "suspendUser"):
            raise KeyError("correct-horse")
    spans = {span.name: span for span in kept.get_finished_spans()}
    assert set(spans) == {"firedoor.run", "firedoor.step", "firedoor.call"}
    run, step, call = spans["firedoor.run"], spans["firedoor.step"], spans["firedoor.call"]
    assert dict(run.attributes or {}) == {"firedoor.run": "r1"}
    assert dict(step.attributes or {}) == {"firedoor.run": "r1", "firedoor.step": "shut", "firedoor.action": "fake.shut"}
    assert step.parent is not None
    assert step.parent.span_id == run.context.span_id
    assert (call.status.description, call.events) == ("KeyError", ())
    assert "secretdoor" not in "".join(span.to_json() for span in spans.values())
    assert "correct-horse" not in call.to_json()


class Collector(BaseHTTPRequestHandler):
    """Somebody who takes traces."""

    def do_POST(self) -> None:
        self.server.heard.append((self.path, self.headers["Content-Type"], self.rfile.read(int(self.headers["Content-Length"]))))  # type: ignore[attr-defined]
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        del format, args


def test_traces_are_sent_by_otlp_before_the_process_ends() -> None:
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http")
    with HTTPServer(("127.0.0.1", 0), Collector) as server:
        server.heard = heard = []  # type: ignore[attr-defined,var-annotated]
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        endpoint = f"http://127.0.0.1:{server.server_port}/v1/traces"
        with telemetry.traced(Settings(traces_endpoint=endpoint)), observing.run("261126-abcdef"):
            pass
        thread.join()
    [(path, kind, body)] = heard
    assert (path, kind) == ("/v1/traces", "application/x-protobuf")
    assert b"261126-abcdef" in body
