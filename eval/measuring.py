"""From answers to values: every metric of every query."""

from collections.abc import Sequence

from eval.datasets.base import Dataset
from eval.journal import StoredAnswer
from eval.metrics import Metric, parse_metric
from eval.stored import ModeRun


def standard_metrics(k: int, depth: int) -> list[str]:
    """Return the metrics of a report where none are asked for."""
    return [f"nDCG@{k}", "MRR", "hit@1", f"Recall@{k}", f"Recall@{depth}", f"Judged@{k}"]


def parse_metrics(names: Sequence[str]) -> list[Metric]:
    """Return the metrics called `names`, each once; `EvaluationError` for an unknown one."""
    return list({metric.name: metric for metric in map(parse_metric, names)}.values())


def mode_run(
    dataset: Dataset, answers: Sequence[StoredAnswer], metrics: Sequence[Metric], top: int
) -> ModeRun:
    """Return the values, times and `top` first hits of the answers in one mode."""
    ranked = {answer.query_id: [hit.doc_id for hit in answer.hits] for answer in answers}
    return ModeRun(
        values={
            metric.name: {
                query_id: metric.compute(doc_ids, dataset.qrels[query_id])
                for query_id, doc_ids in ranked.items()
            }
            for metric in metrics
        },
        seconds={answer.query_id: answer.seconds for answer in answers},
        top={answer.query_id: answer.hits[:top] for answer in answers},
        degraded=[answer.query_id for answer in answers if answer.degraded],
        corrections={
            answer.query_id: answer.corrections for answer in answers if answer.corrections
        },
    )
