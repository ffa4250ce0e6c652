"""The metrics of several replicas in one text."""

from collections.abc import Sequence

from prometheus_client.parser import text_string_to_metric_families

from serve_apps.metrics import Metrics
from serve_apps.replica_metrics import Counted, ReplicaMetrics

Samples = dict[tuple[str, str], float]


def counting(searches: int, replica: str) -> ReplicaMetrics:
    """A replica that has answered so many searches."""
    metrics = Metrics()
    for _ in range(searches):
        metrics.request("/hirag/query", "POST", 200, 0.02)
    return ReplicaMetrics(metrics, replica, no_others)


async def no_others() -> Sequence[Counted | BaseException]:
    raise TimeoutError("nobody answers")


def read(text: bytes) -> Samples:
    """Return samples by name and replica; fail where a text names a family twice."""
    families = list(text_string_to_metric_families(text.decode()))
    names = [family.name for family in families]
    assert len(names) == len(set(names))
    return {
        (sample.name, sample.labels["replica"]): sample.value
        for family in families
        for sample in family.samples
        if sample.labels.get("le", "+Inf") == "+Inf"
    }


async def test_each_replica_has_its_own_samples_under_one_heading() -> None:
    other = counting(5, "b")
    metrics = Metrics()
    metrics.request("/hirag/query", "POST", 200, 0.02)

    async def all_replicas() -> Sequence[Counted | BaseException]:
        return [other.counted(), ("a", list(metrics.registry.collect()))]

    samples = read(await ReplicaMetrics(metrics, "a", all_replicas).expose())
    assert samples["pmoves_http_requests_total", "a"] == 1
    assert samples["pmoves_http_requests_total", "b"] == 5
    assert samples["pmoves_http_request_seconds_count", "b"] == 5
    assert samples["pmoves_http_request_seconds_bucket", "b"] == 5


async def test_a_replica_that_fails_is_left_out() -> None:
    other = counting(5, "b")

    async def all_replicas() -> Sequence[Counted | BaseException]:
        return [RuntimeError("died"), other.counted()]

    samples = read(await ReplicaMetrics(Metrics(), "a", all_replicas).expose())
    assert {replica for _, replica in samples} == {"a", "b"}


async def test_where_the_others_are_silent_there_are_our_own() -> None:
    samples = read(await counting(3, "a").expose())
    assert samples["pmoves_http_requests_total", "a"] == 3
    assert {replica for _, replica in samples} == {"a"}
