"""Metrics for collections whose judgements have gaps."""

import math
from collections.abc import Sequence

from eval.metrics.base import Judged, relevant


def judged_at_k(ranked: Sequence[str], judged: Judged, k: int | None = 10) -> float:
    """Return |judged within k| / |answer within k|, whatever the grades; 0 for no answer.

    Below about 0.9 the other metrics say more about the judgements than about the
    ranking. `Judged` of ir_measures (MacAvaney et al., ECIR 2022).
    """
    head = ranked[:k]
    return sum(doc_id in judged for doc_id in head) / len(head) if head else 0.0


def bpref(ranked: Sequence[str], judged: Judged) -> float:
    """Return Σ (1 - min(n, R) / min(N, R)) / R over the relevant documents that were found.

    R counts the relevant and N the documents of grade 0, n those of grade 0 above
    the document; where n is 0 its term is 1. Documents without a judgement, and
    those of negative grade, are passed over. Buckley & Voorhees, SIGIR 2004, as
    trec_eval's `bpref` has it.
    """
    wanted = relevant(judged)
    wrong = {doc_id for doc_id, grade in judged.items() if grade == 0}
    above, terms = 0, []
    for doc_id in ranked:
        above += doc_id in wrong
        if doc_id in wanted:
            terms.append(1 - _share(above, len(wrong), len(wanted)))
    return math.fsum(terms) / len(wanted) if wanted else 0.0


def _share(above: int, wrong: int, right: int) -> float:
    return min(above, right) / min(wrong, right) if above else 0.0
