"""From candidates to an ordered list of hits."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import lance
import numpy as np

from retrieval.dense.snapshot import Snapshot
from retrieval.fusion import Fused, fuse, ranks
from retrieval.hit_rows import ReadRows
from retrieval.hits import make_hit
from retrieval.pool_graph import POOL, smooth
from retrieval.query import Explanation, Fusion, Hit, RelationTie, RerankFusion, StageScore
from retrieval.rerank.fusion import RULES
from retrieval.rerank.stage import Passage
from retrieval.retrievers import Candidates

Scores = dict[int, float]
Ordered = list[tuple[int, float]]


@dataclass(frozen=True, slots=True)
class Ranking:
    """The order of the candidates, best first, and why.

    `boosts` holds, by name, what was added to the fused score of a passage, `reranked`
    the scores of a reranker, which were joined by `rerank_rule`.
    """

    scores: Ordered
    candidates: Candidates
    fused: Fused
    rule: Fusion
    alpha: float
    boosts: dict[str, Scores] = field(default_factory=dict)
    reranked: Scores = field(default_factory=dict)
    rerank_rule: RerankFusion | None = None

    def boosted(self, boost: float, neighbor_boost: float = 0.0) -> "Ranking":
        """Return the ranking with `boost`, times its weight, for what mentions an entity.

        Neighbors of entities count as the share `neighbor_boost` of that; together both add
        no more than `boost`.
        """
        mentions = self.candidates.mentions
        named = {row: boost * weight for row, weight in mentions.weights.items()}
        share = boost * neighbor_boost
        related = {
            row: added
            for row, weight in mentions.related.items()
            if (added := min(share * weight, boost - named.get(row, 0.0))) > 0
        }
        parts = {name: rows for name, rows in (("graph", named), ("related", related)) if rows}
        if not parts:
            return self
        ranking = replace(self, boosts=self.boosts | parts)
        scores = {row: score + ranking.owed(row) for row, score in self.scores}
        return replace(ranking, scores=_ordered(scores))

    def owed(self, row: int) -> float:
        """Return what entities have added to the score of a passage."""
        return sum(self.boosts.get(name, {}).get(row, 0.0) for name in ("graph", "related"))

    def smoothed(
        self, snapshot: Snapshot, namespaces: tuple[str, ...], k: int, share: float
    ) -> "Ranking":
        """Return the ranking of the head after the pool graph; see `retrieval.pool_graph`.

        Only a hybrid ranking is changed: a single side is shown as it is.
        """
        if share == 0 or self.candidates.dense is None or self.candidates.lexical is None:
            return self
        head = self.scores[: max(POOL, k)]
        addresses = np.array([address for address, _ in head], dtype=np.int64)
        boosts = np.zeros(len(head))
        if self.boosts:
            boosts = np.array([self.owed(address) for address, _ in head])
        # What entities add to a passage is its own, and not lent to others.
        before = np.array([score for _, score in head]) - boosts
        known = self.candidates.vectors
        vectors = known(addresses) if known else snapshot.vectors(namespaces, addresses)
        after = smooth(before, vectors, share)
        scores = after + boosts
        order = np.lexsort((addresses, -scores))
        lent = dict(zip(addresses.tolist(), (after - before).tolist(), strict=True))
        return replace(
            self,
            scores=list(zip(addresses[order].tolist(), scores[order].tolist(), strict=True)),
            boosts=self.boosts | {"neighbors": lent},
        )

    def passages(self, dataset: lance.LanceDataset, count: int) -> list[Passage]:
        """Read the texts of the best `count` passages from `dataset`, in order."""
        addresses = [address for address, _ in self.scores[:count]]
        rows = dataset._take_rows(addresses, columns=["indexed_text", "content_hash"]).to_pylist()
        return [
            Passage(address, row["indexed_text"], row["content_hash"])
            for address, row in zip(addresses, rows, strict=True)
        ]

    def after_reranking(self, found: Mapping[int, float], rule: RerankFusion) -> "Ranking":
        """Return the ranking with the scores that a reranker has `found` of its first passages.

        What stands behind these keeps its order behind them; see `retrieval.rerank.fusion`.
        """
        if not found:
            return self
        join = RULES[rule]
        scores = {row: join(score, found.get(row, 0.0)) for row, score in self.scores}
        return replace(self, scores=_ordered(scores), reranked=dict(found), rerank_rule=rule)

    def hits(self, read: ReadRows, k: int, explain: bool) -> list[Hit]:
        """Read the best `k` passages by `read`; equal scores are ordered by chunk id."""
        head = self._head(k)
        rows = read([address for address, _ in head])
        mentions = self.candidates.mentions
        found = [
            make_hit(
                row,
                score,
                self._explain(address) if explain else None,
                mentions.names(address),
                self.reranked.get(address),
            )
            for row, (address, score) in zip(rows, head, strict=True)
        ]
        found.sort(key=lambda hit: (-hit.score, hit.chunk_id))
        return found[:k]

    def _head(self, k: int) -> Ordered:
        if len(self.scores) <= k:
            return self.scores
        last = self.scores[k - 1][1]
        return [entry for at, entry in enumerate(self.scores) if at < k or entry[1] == last]

    def _explain(self, address: int) -> Explanation:
        found = self.candidates
        ranked = {at: (found.dense or {})[at] for at in found.dense_ranked}
        return Explanation(
            fusion=self.rule,
            alpha=self.alpha,
            dense=_stage(address, found.dense, ranked, self.fused.dense),
            lexical=_stage(address, found.lexical, found.lexical, self.fused.lexical),
            rerank=self._rerank(address),
            rerank_fusion=self.rerank_rule,
            boosts={
                name: values[address] for name, values in self.boosts.items() if address in values
            },
            relations=[
                RelationTie.model_validate(tie, from_attributes=True)
                for tie in found.mentions.ties(address)
            ],
        )

    def _rerank(self, address: int) -> StageScore | None:
        score = self.reranked.get(address)
        if score is None:
            return None
        return StageScore(score=score, rank=ranks(self.reranked)[address], normalized=score)


def rank(candidates: Candidates, rule: Fusion, alpha: float) -> Ranking:
    """Order `candidates`; a single side is ordered by its normalised score alone."""
    if candidates.dense is None or candidates.lexical is None:
        alpha = 0.0 if candidates.dense is None else 1.0
    dense = candidates.dense or {}
    if rule == "rrf":
        # A rank exists only where the side found the passage itself.
        dense = {address: dense[address] for address in candidates.dense_ranked}
    fused = fuse(rule, dense, candidates.lexical or {}, alpha, candidates.untold)
    # By ranks, what neither side found itself stands at the floor of both.
    scores = dict.fromkeys(candidates.dense or (), 0.0) | fused.scores
    return Ranking(_ordered(scores), candidates, fused, rule, alpha)


def _ordered(scores: Scores) -> Ordered:
    return sorted(scores.items(), key=lambda item: (-item[1], item[0]))


def _stage(
    address: int, scores: Scores | None, ranked: Scores | None, normalized: Scores
) -> StageScore | None:
    if scores is None:
        return None
    return StageScore(
        score=scores.get(address),
        rank=ranks(ranked or {}).get(address),
        normalized=normalized.get(address, 0.0),
    )
