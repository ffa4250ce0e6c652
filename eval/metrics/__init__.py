"""Rank metrics of one query, and latency percentiles of many.

`ranked` is the list of document ids, best first; `judged` maps document ids to
grades, where a grade above 0 means relevant. A document without a judgement
counts as not relevant. Averages over queries are left to the caller.
"""

from eval.metrics.base import Judged
from eval.metrics.gain import ndcg_at_k
from eval.metrics.judgements import bpref, judged_at_k
from eval.metrics.latency import LATENCIES, percentile_ms
from eval.metrics.precision import average_precision, precision_at_k
from eval.metrics.recall import hit_at_k, recall_at_k
from eval.metrics.reciprocal import mrr
from eval.metrics.table import METRICS, Metric, parse_metric

__all__ = [
    "LATENCIES",
    "METRICS",
    "Judged",
    "Metric",
    "average_precision",
    "bpref",
    "hit_at_k",
    "judged_at_k",
    "mrr",
    "ndcg_at_k",
    "parse_metric",
    "percentile_ms",
    "precision_at_k",
    "recall_at_k",
]
