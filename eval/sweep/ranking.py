"""Ranking shared lists by many settings at once, exactly as the pipeline ranks."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from threadpoolctl import threadpool_limits

from eval.datasets.base import Dataset
from eval.metrics import Metric
from eval.sweep.lists import SharedLists
from eval.sweep.pair_scores import PairScores
from eval.sweep.plans import Plan
from eval.sweep.points import Setting
from eval.sweep.query_lists import Floats, Found, QueryLists, Rows
from eval.sweep.reranking import Reranking
from retrieval.fusion import fuse
from retrieval.pool_graph import smooth
from retrieval.query import Fusion
from retrieval.settings import LibrarySettings

Values = dict[Setting, dict[str, float]]
"""The value of every query under every setting."""


@dataclass(frozen=True, slots=True)
class _Sides:
    """Scores of both sides after normalisation, and what entities add, a row for each passage."""

    rows: Rows
    near: Floats
    words: Floats
    weights: Floats

    @classmethod
    def of(cls, lists: Found, rule: Fusion) -> "_Sides":
        # Where a rule counts ranks, they exist only where the side found the passage itself.
        scored = lists.ranked if rule == "rrf" else np.ones(len(lists.rows), dtype=np.bool_)
        found = ~np.isnan(lists.lexical)
        places = np.arange(len(lists.rows))
        dense = dict(zip(places[scored].tolist(), lists.dense[scored].tolist(), strict=True))
        lexical = dict(zip(places[found].tolist(), lists.lexical[found].tolist(), strict=True))
        fused = fuse(rule, dense, lexical, 0.5)
        near, words = np.zeros(len(places)), np.zeros(len(places))
        near[list(fused.dense)] = list(fused.dense.values())
        words[list(fused.lexical)] = list(fused.lexical.values())
        return cls(lists.rows, near, words, lists.weights)

    def ranked(self, alpha: float, boost: float) -> "_Ranked":
        scores, added = alpha * self.near + (1 - alpha) * self.words, boost * self.weights
        order = np.lexsort((self.rows, -(scores + added)))
        return _Ranked(self.rows[order], scores[order], added[order])


@dataclass(frozen=True, slots=True)
class _Ranked:
    """Passages in their order, with their fused scores and what entities add to them."""

    rows: Rows
    scores: Floats
    added: Floats


class Ranker:
    """Ranks the queries of one collection over the lists of one index.

    Searches ask for `k` passages; what a setting leaves open is as in `settings`. What
    settings have in common is computed once. `pairs` knows the scores of rerankers.
    """

    def __init__(
        self,
        lists: SharedLists,
        dataset: Dataset,
        k: int,
        settings: LibrarySettings,
        pairs: PairScores,
    ) -> None:
        self._lists = lists
        self._dataset = dataset
        self._k = k
        self._settings = settings
        self._pairs = pairs

    def values(
        self,
        settings: Iterable[Setting],
        metric: Metric,
        done: Callable[[int, int], None] = lambda _done, _total: None,
    ) -> Values:
        """Return the metric of every query under every setting; `done` hears of each query."""
        plans = self._plans(settings)
        values: Values = {plan.setting: {} for plan in plans}
        queries = self._lists.queries
        # Threads of a matrix product of this size spend their time on waiting for each other.
        with threadpool_limits(1, "blas"):
            for number, query in enumerate(queries, start=1):
                judged = self._dataset.qrels[query.query_id]
                for plan, ranked in self._rankings(query, plans):
                    values[plan.setting][query.query_id] = metric.compute(ranked, judged)
                done(number, len(queries))
        return values

    def ranked(self, setting: Setting) -> dict[str, list[str]]:
        """Return the documents of every query under `setting`, best first."""
        plans = self._plans([setting])
        return {
            query.query_id: ranked
            for query in self._lists.queries
            for _, ranked in self._rankings(query, plans)
        }

    def _plans(self, settings: Iterable[Setting]) -> list[Plan]:
        plans = (Plan.of(setting, self._settings, self._k) for setting in settings)
        return sorted(plans, key=lambda plan: plan.order)

    def _rankings(
        self, query: QueryLists, plans: Sequence[Plan]
    ) -> Iterator[tuple[Plan, list[str]]]:
        text = self._dataset.queries[query.query_id]
        reranking = Reranking(self._pairs, self._lists, text)
        for key, same_lists in groupby(plans, lambda plan: plan.lists):
            depths, corrects, types, rule = key
            sides = _Sides.of(query.found(depths, self._lists.place(types), corrects), rule)
            for (alpha, boost, _), same_scores in groupby(same_lists, lambda plan: plan.scores):
                ranked = sides.ranked(alpha, boost)
                for plan, rows, scores in self._smoothed(ranked, list(same_scores)):
                    order = reranking.reranked(plan, rows, scores)[: plan.hits]
                    yield plan, self._documents(query.query_id, order)

    def _smoothed(
        self, ranked: _Ranked, plans: Sequence[Plan]
    ) -> Iterator[tuple[Plan, Rows, Floats]]:
        """Yield passages and scores for each share, from one graph of neighbours; best first."""
        first = slice(plans[0].pool)
        head, before, added = ranked.rows[first], ranked.scores[first], ranked.added[first]
        lent = before
        if any(plan.setting.neighbor_share for plan in plans):
            lent = smooth(before, np.asarray(self._lists.vectors[head]), 1.0)
        for plan in plans:
            if share := plan.setting.neighbor_share:
                after = (1 - share) * before + share * lent + added
                order = np.lexsort((head, -after))
                yield plan, head[order], after[order]
            else:
                yield plan, ranked.rows, ranked.scores + ranked.added

    def _documents(self, query_id: str, rows: Rows) -> list[str]:
        found = dict.fromkeys(self._lists.documents[row] for row in rows.tolist())
        if self._dataset.drop_identical_ids:
            found.pop(query_id, None)
        return list(found)
