"""What the gateway counts, as Prometheus metrics in one registry.

`METRICS` is the whole list; documentation and tests read it.
"""

from dataclasses import dataclass
from typing import Literal

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)

from retrieval.query import SearchResponse

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

# Creation times would double the number of series.
disable_created_metrics()  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric as it is exposed."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ()


METRICS = (
    Metric(
        "pmoves_http_requests_total",
        "counter",
        "Answered HTTP requests by route template, method and status.",
        ("route", "method", "status"),
    ),
    Metric(
        "pmoves_http_request_seconds",
        "histogram",
        "Seconds from the first byte of a request to the last of its answer.",
        ("route", "method"),
    ),
    Metric("pmoves_http_in_flight", "gauge", "Requests being worked on now."),
    Metric(
        "pmoves_http_refused_total",
        "counter",
        "Requests that no route saw, by reason: overload, host, origin, request_id, network, "
        "unauthenticated, forbidden, rate, unavailable.",
        ("reason",),
    ),
    Metric(
        "pmoves_search_stage_seconds", "histogram", "Seconds in each stage of a search.", ("stage",)
    ),
    Metric(
        "pmoves_search_degraded_total",
        "counter",
        "Searches that a stage gave nothing to, by stage.",
        ("stage",),
    ),
    Metric("pmoves_index_version", "gauge", "Corpus version that searches see."),
    Metric("pmoves_index_lag_versions", "gauge", "Committed corpus versions not yet seen."),
    Metric("pmoves_index_refresh_errors_total", "counter", "Failed looks for a newer version."),
    Metric("pmoves_upserted_chunks_total", "counter", "Chunks written by upsert-batch."),
    Metric("pmoves_rejected_items_total", "counter", "Items that upsert-batch refused."),
    Metric("pmoves_deleted_documents_total", "counter", "Documents deleted over HTTP."),
    Metric("pmoves_uploaded_bytes_total", "counter", "Bytes of files uploaded."),
    Metric("pmoves_jobs_started_total", "counter", "Ingest jobs started over HTTP."),
)


class Metrics:
    """The metrics of one gateway replica."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._counters: dict[str, Counter] = {}
        self._gauges: dict[str, Gauge] = {}
        self._histograms: dict[str, Histogram] = {}
        for metric in METRICS:
            self._register(metric)

    def _register(self, metric: Metric) -> None:
        name, text, labels, registry = metric.name, metric.help, metric.labels, self.registry
        if metric.kind == "counter":
            self._counters[name] = Counter(name, text, labels, registry=registry)
        elif metric.kind == "gauge":
            self._gauges[name] = Gauge(name, text, labels, registry=registry)
        else:
            self._histograms[name] = Histogram(
                name, text, labels, registry=registry, buckets=_SECONDS
            )

    def count(self, name: str, *labels: str, by: float = 1) -> None:
        """Add `by` to the counter `name`."""
        counter = self._counters[name]
        (counter.labels(*labels) if labels else counter).inc(by)

    def set(self, name: str, value: float) -> None:
        """Set the gauge `name`."""
        self._gauges[name].set(value)

    def observe(self, name: str, *labels: str, seconds: float) -> None:
        """Add one observation to the histogram `name`."""
        self._histograms[name].labels(*labels).observe(seconds)

    def search(self, response: SearchResponse) -> None:
        """Count what one search says of itself."""
        for stage, milliseconds in response.timings_ms.items():
            self.observe("pmoves_search_stage_seconds", stage, seconds=milliseconds / 1000)
        for entry in response.degraded:
            self.count("pmoves_search_degraded_total", entry.stage)

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        # Callers may make methods up; each would be a series of its own.
        method = method if method in _METHODS else "other"
        self.count("pmoves_http_requests_total", route, method, str(status))
        self.observe("pmoves_http_request_seconds", route, method, seconds=seconds)

    def expose(self) -> bytes:
        """Return all metrics in the Prometheus text format."""
        return generate_latest(self.registry)
