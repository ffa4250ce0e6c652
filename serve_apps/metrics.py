"""What the gateway counts, as Prometheus metrics in one registry."""

import platform

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)

from retrieval.query import NOT_CONFIGURED, TOO_LATE, SearchResponse
from serve_apps.metric_table import METRICS, Metric
from serve_apps.version import version_of

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_REASONS = {TOO_LATE: "timeout", NOT_CONFIGURED: "not_configured"}

# Creation times would double the number of series.
disable_created_metrics()  # type: ignore[no-untyped-call]


class Metrics:
    """The metrics of one gateway replica."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._counters: dict[str, Counter] = {}
        self._gauges: dict[str, Gauge] = {}
        self._histograms: dict[str, Histogram] = {}
        for metric in METRICS:
            self._register(metric)
        self.set("pmoves_build_info", 1, *build_info())

    def _register(self, metric: Metric) -> None:
        name, text, labels, registry = metric.name, metric.help, metric.labels, self.registry
        if metric.kind == "counter":
            self._counters[name] = Counter(name, text, labels, registry=registry)
        elif metric.kind == "gauge":
            self._gauges[name] = Gauge(name, text, labels, registry=registry)
        else:
            self._histograms[name] = Histogram(
                name, text, labels, registry=registry, buckets=metric.buckets
            )

    def count(self, name: str, *labels: str, by: float = 1) -> None:
        """Add `by` to the counter `name`."""
        counter = self._counters[name]
        (counter.labels(*labels) if labels else counter).inc(by)

    def set(self, name: str, value: float, *labels: str) -> None:
        """Set the gauge `name`."""
        gauge = self._gauges[name]
        (gauge.labels(*labels) if labels else gauge).set(value)

    def add(self, name: str, change: float, *labels: str) -> None:
        """Raise the gauge `name` by `change`, or lower it."""
        gauge = self._gauges[name]
        (gauge.labels(*labels) if labels else gauge).inc(change)

    def observe(self, name: str, *labels: str, seconds: float) -> None:
        """Add one observation to the histogram `name`."""
        histogram = self._histograms[name]
        (histogram.labels(*labels) if labels else histogram).observe(seconds)

    def search(self, response: SearchResponse) -> None:
        """Count what one search says of itself."""
        for stage, milliseconds in response.timings_ms.items():
            self.observe("pmoves_search_stage_seconds", stage, seconds=milliseconds / 1000)
        for entry in response.degraded:
            reason = _REASONS.get(entry.reason.partition(";")[0], "failed")
            self.count("pmoves_search_degraded_total", entry.stage, reason)

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        # Callers may make methods up; each would be a series of its own.
        method = method if method in _METHODS else "other"
        self.count("pmoves_http_requests_total", route, method, str(status))
        self.observe("pmoves_http_request_seconds", route, method, seconds=seconds)

    def expose(self) -> bytes:
        """Return all metrics in the Prometheus text format."""
        return generate_latest(self.registry)


def build_info() -> tuple[str, str, str]:
    """Return the versions of this project, of Ray, and of Python."""
    return version_of("pmoves-mesh"), version_of("ray"), platform.python_version()
