"""The Prometheus text of several replicas' metrics."""

from collections.abc import Iterable, Mapping

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector


def expose(by_replica: Mapping[str, Iterable[Metric]]) -> bytes:
    """Return one Prometheus text of the metrics of several replicas, told apart by a label."""
    merged: dict[str, Metric] = {}
    for replica in sorted(by_replica):
        for family in by_replica[replica]:
            into = merged.setdefault(family.name, _empty(family))
            into.samples += [
                sample._replace(labels={**sample.labels, "replica": replica})
                for sample in family.samples
            ]
    registry = CollectorRegistry()
    registry.register(_Merged(merged.values()))
    return generate_latest(registry)


def _empty(family: Metric) -> Metric:
    return Metric(family.name, family.documentation, family.type, family.unit)


class _Merged(Collector):
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families
