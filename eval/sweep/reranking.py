"""Rerankers over shared lists, for the rankings of one query."""

import numpy as np

from eval.sweep.lists import SharedLists
from eval.sweep.pair_scores import MODEL, PairScores
from eval.sweep.plans import Plan
from eval.sweep.query_lists import Floats, Rows
from retrieval.rerank.fusion import RULES
from retrieval.settings import RerankSettings


class Reranking:
    """Reranks as many rankings of `query` as there are; what they share is scored once."""

    def __init__(self, pairs: PairScores, lists: SharedLists, query: str) -> None:
        self._pairs = pairs
        self._lists = lists
        self._query = query
        self._known: dict[str, dict[int, float]] = {}

    def reranked(self, plan: Plan, rows: Rows, scores: Floats) -> Rows:
        """Return `rows`, which are in the order of `scores`, in that of the plan's reranker."""
        if plan.reranker is None:
            return rows
        reranked = np.zeros(len(rows))
        head = rows[: plan.head].tolist()
        reranked[: len(head)] = self._scores(plan.reranker, head)
        joined = RULES[plan.reranker.fusion](scores, reranked)
        return rows[np.lexsort((rows, -joined))]

    def _scores(self, reranker: RerankSettings, head: list[int]) -> list[float]:
        known = self._known.setdefault(reranker.model_dump_json(include=MODEL), {})
        if missing := [row for row in head if row not in known]:
            texts = self._lists.texts_of(missing)
            known |= dict(zip(missing, self._pairs.of(reranker, self._query, texts), strict=True))
        return [known[row] for row in head]
