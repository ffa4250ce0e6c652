"""Runs made up from values."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from eval.bench.machine import this_machine
from eval.datasets.base import Dataset
from eval.journal import StoredHit
from eval.provenance import Provenance, SystemDescription
from eval.stored import ModeRun, StoredQuery, StoredRun
from retrieval.query import Mode


def stored_run(
    dataset: Dataset,
    values: Mapping[str, Sequence[float]],
    modes: Sequence[Mode] = ("hybrid",),
    label: str = "",
) -> StoredRun:
    """Return a run over `dataset` with `values` by metric, in the order of the queries."""
    queries = list(dataset.judged_queries)
    mode_run = ModeRun(
        values={
            metric: dict(zip(queries, series, strict=True)) for metric, series in values.items()
        },
        seconds={query: 0.05 + at / 1_000 for at, query in enumerate(queries)},
        top={query: [StoredHit(doc_id=f"{query}-first", score=0.5)] for query in queries},
    )
    return StoredRun(
        provenance=Provenance(
            dataset=dataset.name,
            dataset_hash=dataset.content_hash,
            label=label,
            created_at=datetime(2026, 11, 1, 12, 30, tzinfo=UTC),
            system="made up",
            description=SystemDescription(),
            namespace="eval",
            index_version=1,
            depth=100,
            harness="0.0",
            machine=this_machine("numpy"),
        ),
        queries={
            query: StoredQuery(text=text, tags=list(dataset.tags(query)))
            for query, text in dataset.judged_queries.items()
        },
        modes=dict.fromkeys(modes, mode_run),
    )
