"""How well a system ranks a labelled collection, with and without each of its sides."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from eval.asking import Asked, Asker, index_dataset
from eval.datasets.base import Dataset
from eval.errors import EvaluationError
from eval.metrics import Judged, hit_at_k, mrr, ndcg_at_k, recall_at_k
from eval.progress import Progress
from eval.report import Comparison, EvaluationReport, ModeReport
from eval.runs import Run
from eval.statistics import bootstrap, randomization_p
from eval.systems.base import SearchSystem
from retrieval.query import Mode

Metric = Callable[[Sequence[str], Judged], float]
Values = dict[str, list[float]]


@dataclass(frozen=True, slots=True)
class Options:
    """What to ask and how.

    nDCG is taken at `k`, recall at `k` and at `depth`, which is how many hits are
    fetched. Without `namespace`, one is used that belongs to the documents.
    """

    modes: Sequence[Mode] = ("hybrid", "dense", "lexical")
    k: int = 10
    depth: int = 100
    concurrency: int = 8
    namespace: str | None = None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The report, and the runs by mode that it was made from."""

    report: EvaluationReport
    runs: Mapping[Mode, Run] = field(default_factory=dict)


async def evaluate(
    dataset: Dataset,
    system: SearchSystem,
    options: Options | None = None,
    progress: Progress = lambda _stage, _done, _total: None,
) -> Evaluation:
    """Index `dataset` in a namespace of its own, ask every query in every mode, measure."""
    options = options or Options()
    if not dataset.judged_queries:
        raise EvaluationError(f"{dataset.name} has no query with a relevant document")
    namespace = options.namespace or f"eval-{dataset.documents_hash[:16]}"
    start = time.perf_counter()
    version = await index_dataset(system, dataset, namespace, progress)
    indexed = time.perf_counter()
    asker = Asker(
        system,
        dataset,
        namespace,
        version,
        depth=max(options.depth, options.k),
        concurrency=options.concurrency,
    )
    asked = {mode: await asker.ask_all(mode, progress) for mode in options.modes}
    values = {mode: measure(dataset, found.run, options) for mode, found in asked.items()}
    report = EvaluationReport(
        dataset=dataset.name,
        dataset_hash=dataset.content_hash,
        documents=len(dataset.documents),
        documents_without_text=sum(not document.passage for document in dataset.documents),
        queries=len(dataset.judged_queries),
        system=system.name,
        namespace=namespace,
        index_version=version,
        k=options.k,
        index_seconds=indexed - start,
        modes=[_mode_report(mode, asked[mode], values[mode]) for mode in options.modes],
        comparison=_compare(values, f"nDCG@{options.k}"),
    )
    return Evaluation(report, {mode: found.run for mode, found in asked.items()})


def measure(dataset: Dataset, run: Run, options: Options) -> Values:
    """Return every metric's value for every judged query, in the order of the queries."""
    metrics: dict[str, Metric] = {
        f"nDCG@{options.k}": partial(ndcg_at_k, k=options.k),
        "MRR": mrr,
        "hit@1": partial(hit_at_k, k=1),
        f"Recall@{options.k}": partial(recall_at_k, k=options.k),
        f"Recall@{options.depth}": partial(recall_at_k, k=options.depth),
    }
    answers = {
        query: [hit.doc_id for hit in run.get(query, ())] for query in dataset.judged_queries
    }
    return {
        name: [metric(ranked, dataset.qrels[query]) for query, ranked in answers.items()]
        for name, metric in metrics.items()
    }


def _mode_report(mode: Mode, asked: Asked, values: Values) -> ModeReport:
    p50, p95 = np.percentile(asked.seconds, [50, 95]) * 1e3
    return ModeReport(
        mode=mode,
        metrics={name: bootstrap(found) for name, found in values.items()},
        p50_ms=float(p50),
        p95_ms=float(p95),
        degraded=asked.degraded,
    )


def _compare(values: Mapping[Mode, Values], metric: str) -> Comparison | None:
    """Compare hybrid with the better of its own two sides, where all were asked."""
    if not {"hybrid", "dense", "lexical"} <= values.keys():
        return None
    sides: tuple[Mode, Mode] = ("dense", "lexical")
    better = max(sides, key=lambda mode: float(np.mean(values[mode][metric])))
    hybrid, side = np.array(values["hybrid"][metric]), np.array(values[better][metric])
    return Comparison(
        metric=metric,
        better_side=better,
        difference=bootstrap((hybrid - side).tolist()),
        ratio=float(hybrid.mean() / side.mean()) if side.any() else None,
        p_value=randomization_p(hybrid.tolist(), side.tolist()),
    )
