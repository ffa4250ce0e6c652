"""Joining the score of the first stage with that of the reranker."""

from collections.abc import Callable, Mapping

from retrieval.query import RerankFusion

Rule = Callable[[float, float], float]

# The predecessor's formulas. Both grow with either score, and without a reranker's score,
# which counts as 0, both leave half of the first one: what is not scored keeps its order
# behind what is.
RULES: Mapping[RerankFusion, Rule] = {
    "mul": lambda score, reranked: score * (0.5 + 0.5 * reranked),
    "wsum": lambda score, reranked: 0.5 * score + 0.5 * reranked,
}
