"""From candidates to an ordered list of hits."""

from dataclasses import dataclass

import lance

from retrieval.fusion import Fused, fuse, ranks
from retrieval.hits import HIT_COLUMNS, make_hit
from retrieval.query import Explanation, Fusion, Hit, StageScore
from retrieval.retrievers import Candidates

Scores = dict[int, float]


@dataclass(frozen=True, slots=True)
class Ranking:
    """The order of the candidates, best first, and why."""

    scores: list[tuple[int, float]]
    candidates: Candidates
    fused: Fused
    rule: Fusion
    alpha: float

    def hits(self, dataset: lance.LanceDataset, k: int, explain: bool) -> list[Hit]:
        """Read the best `k` passages from `dataset`; equal scores are ordered by chunk id."""
        head = self._head(k)
        table = dataset._take_rows([address for address, _ in head], columns=list(HIT_COLUMNS))
        found = [
            make_hit(row, score, self._explain(address) if explain else None)
            for row, (address, score) in zip(table.to_pylist(), head, strict=True)
        ]
        found.sort(key=lambda hit: (-hit.score, hit.chunk_id))
        return found[:k]

    def _head(self, k: int) -> list[tuple[int, float]]:
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
        )


def rank(candidates: Candidates, rule: Fusion, alpha: float) -> Ranking:
    """Order `candidates`; a single side is ordered by its normalised score alone."""
    if candidates.dense is None or candidates.lexical is None:
        alpha = 0.0 if candidates.dense is None else 1.0
    dense = candidates.dense or {}
    if rule == "rrf":
        # A rank exists only where the side found the passage itself.
        dense = {address: dense[address] for address in candidates.dense_ranked}
    fused = fuse(rule, dense, candidates.lexical or {}, alpha)
    ordered = sorted(fused.scores.items(), key=lambda item: (-item[1], item[0]))
    return Ranking(ordered, candidates, fused, rule, alpha)


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
