"""Traces by OpenTelemetry: a span for each run, step and request to a vendor, by ids alone. Loaded only where `traces_endpoint` is set.

The provider is Firedoor's own and not the process's: what Prefect or another library would trace stays out, and its words with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Final

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, StatusCode

from firedoor.observing import Watcher

EXPORT_SECONDS: Final = 2.0  # a collector that does not answer holds up the end of a process for no longer


class Traces(Watcher):
    """Spans, handed to a processor. An error in one is told by its kind: its words may quote anything."""

    def __init__(self, processor: SpanProcessor) -> None:
        self._provider = TracerProvider(resource=Resource.create({"service.name": "firedoor"}), shutdown_on_exit=False)
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("firedoor")

    def span(self, name: str, **ids: str) -> AbstractContextManager[object]:
        """A span below the one that is under way."""
        return self._span(name, ids)

    @contextmanager
    def _span(self, name: str, ids: dict[str, str]) -> Iterator[Span]:
        about = {f"firedoor.{key}": value for key, value in ids.items()}
        title = f"firedoor.{name}"
        with self._tracer.start_as_current_span(title, attributes=about, record_exception=False, set_status_on_exception=False) as made:
            try:
                yield made
            except BaseException as error:
                made.set_status(StatusCode.ERROR, type(error).__name__)
                raise

    def close(self) -> None:
        """Send what is left."""
        self._provider.shutdown()


def sent_to(endpoint: str) -> Traces:
    """Traces that go to a collector, by OTLP over HTTP. What headers it wants is in OpenTelemetry's own environment variables."""
    exporter = OTLPSpanExporter(endpoint=endpoint, timeout=EXPORT_SECONDS)
    return Traces(BatchSpanProcessor(exporter, export_timeout_millis=EXPORT_SECONDS * 1000))
