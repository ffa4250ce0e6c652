"""Every rank metric by its name: `nDCG@10`, `MRR`, `Recall@100` …"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from eval.errors import EvaluationError
from eval.metrics.base import Judged
from eval.metrics.gain import ndcg_at_k
from eval.metrics.judgements import bpref, judged_at_k
from eval.metrics.precision import average_precision, precision_at_k
from eval.metrics.recall import hit_at_k, recall_at_k
from eval.metrics.reciprocal import mrr

Compute = Callable[[Sequence[str], Judged], float]
_MOST = 10_000


@dataclass(frozen=True, slots=True)
class Family:
    """A metric without its cut; `cut` says whether a name needs `@k`, may have it, or not."""

    name: str
    compute: Callable[..., float]
    cut: Literal["needed", "optional", "none"]

    @property
    def usage(self) -> str:
        """How its name is written."""
        return self.name + {"needed": "@k", "optional": "[@k]", "none": ""}[self.cut]


METRICS: Mapping[str, Family] = {
    family.name.lower(): family
    for family in (
        Family("nDCG", ndcg_at_k, "needed"),
        Family("MRR", mrr, "optional"),
        Family("MAP", average_precision, "optional"),
        Family("Recall", recall_at_k, "needed"),
        Family("Precision", precision_at_k, "needed"),
        Family("hit", hit_at_k, "needed"),
        Family("success", hit_at_k, "needed"),
        Family("Judged", judged_at_k, "needed"),
        Family("bpref", bpref, "none"),
    )
}
"""All families by their name in lower case; `success` is trec_eval's name for `hit`."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric that is ready to use, under its one spelling."""

    name: str
    compute: Compute


def parse_metric(text: str) -> Metric:
    """Return the metric called `text`, in upper or lower case.

    Raises `EvaluationError`, which lists what there is, for any other name and for
    a cut that is missing, needless or not from 1 to 10,000.
    """
    name, at, cut = text.strip().partition("@")
    family = METRICS.get(name.lower())
    if family is None:
        known = ", ".join(known.usage for known in METRICS.values())
        raise EvaluationError(f"{text!r} is no metric; there are {known}")
    if not at and family.cut != "needed":
        return Metric(family.name, family.compute)
    if family.cut == "none" or not (cut.isascii() and cut.isdecimal() and 0 < int(cut) <= _MOST):
        raise EvaluationError(
            f"{text!r} is no metric; write {family.usage}"
            + (
                f" with a k from 1 to {_MOST}, such as {family.name}@10"
                if family.cut != "none"
                else ""
            )
        )
    return Metric(f"{family.name}@{int(cut)}", partial(family.compute, k=int(cut)))
