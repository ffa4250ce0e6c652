"""Ranking shared lists by many settings at once, exactly as the pipeline ranks."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from threadpoolctl import threadpool_limits

from eval.datasets.base import Dataset
from eval.metrics import Metric
from eval.sweep.lists import Floats, QueryLists, Rows, SharedLists
from eval.sweep.points import Setting
from retrieval.depths import Depths
from retrieval.fusion import fuse
from retrieval.pool_graph import POOL, smooth
from retrieval.query import Fusion
from retrieval.settings import SearchSettings

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
    def of(cls, lists: QueryLists, rule: Fusion) -> "_Sides":
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

    Rankings hold `k` passages. What a setting leaves open is as in `search`. What
    settings have in common is computed once.
    """

    def __init__(
        self, lists: SharedLists, dataset: Dataset, k: int, search: SearchSettings
    ) -> None:
        self._search = search
        self._lists = lists
        self._dataset = dataset
        self._k = k

    def values(
        self,
        settings: Iterable[Setting],
        metric: Metric,
        done: Callable[[int, int], None] = lambda _done, _total: None,
    ) -> Values:
        """Return the metric of every query under every setting; `done` hears of each query."""
        ordered = sorted(settings, key=self._shared_first)
        values: Values = {setting: {} for setting in ordered}
        queries = self._lists.queries
        # Threads of a matrix product of this size spend their time on waiting for each other.
        with threadpool_limits(1, "blas"):
            for number, query in enumerate(queries, start=1):
                judged = self._dataset.qrels[query.query_id]
                for setting, ranked in self._rankings(query, ordered):
                    values[setting][query.query_id] = metric.compute(ranked, judged)
                done(number, len(queries))
        return values

    def ranked(self, setting: Setting) -> dict[str, list[str]]:
        """Return the documents of every query under `setting`, best first."""
        return {
            query.query_id: ranked
            for query in self._lists.queries
            for _, ranked in self._rankings(query, [setting])
        }

    def _rankings(
        self, query: QueryLists, settings: Sequence[Setting]
    ) -> Iterator[tuple[Setting, list[str]]]:
        for (depths, rule, named), same_lists in groupby(settings, self._lists_of):
            cut = query.cut(depths)
            sides = _Sides.of(cut if named else cut.found(), rule)
            for (alpha, boost), same_scores in groupby(
                same_lists, lambda s: (s.alpha, s.graph_boost)
            ):
                ranked = sides.ranked(alpha, boost or 0.0)
                for setting, order in self._smoothed(ranked, list(same_scores)):
                    yield setting, self._documents(query.query_id, order[: self._k])

    def _smoothed(
        self, ranked: _Ranked, settings: Sequence[Setting]
    ) -> Iterator[tuple[Setting, Rows]]:
        """Yield the order of the passages for each share, from one graph of neighbours."""
        first = slice(max(POOL, self._k))
        head, before, added = ranked.rows[first], ranked.scores[first], ranked.added[first]
        lent = before
        if any(setting.neighbor_share for setting in settings):
            lent = smooth(before, np.asarray(self._lists.vectors[head]), 1.0)
        for setting in settings:
            if share := setting.neighbor_share:
                after = (1 - share) * before + share * lent + added
                yield setting, head[np.lexsort((head, -after))]
            else:
                yield setting, ranked.rows

    def _documents(self, query_id: str, rows: Rows) -> list[str]:
        found = dict.fromkeys(self._lists.documents[row] for row in rows.tolist())
        if self._dataset.drop_identical_ids:
            found.pop(query_id, None)
        return list(found)

    def _lists_of(self, setting: Setting) -> tuple[Depths, Fusion, bool]:
        depths = Depths.of(setting.within(self._search), self._k)
        return depths, setting.fusion, bool(setting.graph_boost)

    def _shared_first(self, setting: Setting) -> tuple[object, ...]:
        """Return a key by which settings that have most in common stand side by side."""
        lists = self._lists_of(setting)
        return *lists, setting.alpha, setting.graph_boost or 0.0, setting.neighbor_share
