"""Names of metrics keep to one scheme; what is counted is what happened."""

import asyncio
import re
from collections.abc import Sequence

import httpx
import numpy as np
import pytest

from retrieval.chunk import Vectors
from retrieval.errors import OverloadedError, StageError
from retrieval.jobs import JobRequest
from serve_apps.jobs import JobWatcher
from serve_apps.metered import MeteredEmbedder
from serve_apps.metric_table import METRICS, Metric
from serve_apps.metrics import Metrics, build_info
from serve_apps.services import Services

UNITS = ("_seconds", "_bytes", "_bytes_total")
OTHER_UNITS = re.compile(r"_(ms|millis|minutes|kb|mb|kib|mib|percent)(_|$)")


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_names_keep_to_the_scheme(metric: Metric) -> None:
    assert re.fullmatch(r"pmoves(_[a-z]+)+", metric.name)
    assert metric.name.endswith("_total") == (metric.kind == "counter")
    assert not OTHER_UNITS.search(metric.name)
    assert metric.kind != "histogram" or metric.name.endswith(UNITS)
    assert metric.help.endswith(".")
    assert all(re.fullmatch(r"[a-z]+", label) for label in metric.labels)


def test_names_are_unique() -> None:
    assert len({metric.name for metric in METRICS}) == len(METRICS)


def sample(metrics: Metrics, name: str, **labels: str) -> float | None:
    """Return the value of one series."""
    return metrics.registry.get_sample_value(name, labels)


def test_the_versions_that_run_are_told() -> None:
    version, ray, python = build_info()
    metrics = Metrics()
    assert sample(metrics, "pmoves_build_info", version=version, ray=ray, python=python) == 1
    assert ray.startswith("2.")


class WaitingEmbedder:
    """Answers, or fails, when it is told to."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.go = asyncio.Event()

    async def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Wait, then answer."""
        await self.go.wait()
        if self.error:
            raise self.error
        return np.zeros((len(texts), 2), dtype=np.float32)

    embed_passages = embed_queries


async def test_texts_that_wait_for_the_embedder_are_counted() -> None:
    metrics, inner = Metrics(), WaitingEmbedder()
    embedder = MeteredEmbedder(inner, metrics)
    calls = [
        asyncio.create_task(embedder.embed_queries(["a"])),
        asyncio.create_task(embedder.embed_passages(["a", "b", "c"])),
    ]
    await asyncio.sleep(0)
    assert sample(metrics, "pmoves_embedder_waiting_texts", kind="queries") == 1
    assert sample(metrics, "pmoves_embedder_waiting_texts", kind="passages") == 3
    inner.go.set()
    answers = await asyncio.gather(*calls)
    assert [len(vectors) for vectors in answers] == [1, 3]
    assert sample(metrics, "pmoves_embedder_waiting_texts", kind="passages") == 0
    assert sample(metrics, "pmoves_embedder_seconds_count", kind="passages") == 1


@pytest.mark.parametrize(
    ("error", "reason"),
    [(OverloadedError("full"), "overloaded"), (StageError("gone"), "failed")],
)
async def test_calls_without_vectors_are_counted(error: Exception, reason: str) -> None:
    metrics, inner = Metrics(), WaitingEmbedder(error)
    inner.go.set()
    with pytest.raises(type(error)):
        await MeteredEmbedder(inner, metrics).embed_queries(["a"])
    labels = {"kind": "queries", "reason": reason}
    assert sample(metrics, "pmoves_embedder_errors_total", **labels) == 1
    assert sample(metrics, "pmoves_embedder_waiting_texts", kind="queries") == 0
    assert sample(metrics, "pmoves_embedder_seconds_count", kind="queries") is None


async def test_callers_that_leave_are_counted() -> None:
    metrics = Metrics()
    call = asyncio.create_task(MeteredEmbedder(WaitingEmbedder(), metrics).embed_queries(["a"]))
    await asyncio.sleep(0)
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    labels = {"kind": "queries", "reason": "cancelled"}
    assert sample(metrics, "pmoves_embedder_errors_total", **labels) == 1
    assert sample(metrics, "pmoves_embedder_waiting_texts", kind="queries") == 0


def test_jobs_and_their_documents_are_counted(services: Services) -> None:
    request = JobRequest(namespace="books", sources=[])
    first, second, _ = (services.jobs.create(request) for _ in range(3))
    for job in (first, second):
        services.jobs.start(job.job_id)
    services.jobs.progress(first.job_id, done=10, quarantined=2, skipped=3)
    services.jobs.progress(second.job_id, done=4, skipped=4)
    services.jobs.finish(second.job_id, "succeeded")
    JobWatcher(services).look()
    metrics = services.metrics
    states = {"queued": 1, "running": 1, "succeeded": 1, "failed": 0, "stopped": 0}
    outcomes = {"ready": 5, "skipped": 7, "quarantined": 2}
    for state, number in states.items():
        assert sample(metrics, "pmoves_jobs", state=state) == number
    for outcome, number in outcomes.items():
        assert sample(metrics, "pmoves_job_documents", outcome=outcome) == number


async def test_late_stages_are_told_from_failed_ones(
    services: Services, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(services.embedder, "embed_queries", never)
    monkeypatch.setattr(services.settings.search, "embed_timeout_ms", 10)
    monkeypatch.setattr(services.searcher.settings, "embed_timeout_ms", 10)
    answer = await client.post("/hirag/query", json={"query": "x"})
    assert answer.status_code == 200
    labels = {"stage": "dense", "reason": "timeout"}
    assert sample(services.metrics, "pmoves_search_degraded_total", **labels) == 1
