"""The embedding benchmark around a stage that is the model itself."""

from collections.abc import Iterator, Sequence

import pytest

from eval.bench.embedding import PORTION, EmbeddingPlan, bench_embedding
from eval.errors import EvaluationError
from retrieval.chunk import Vectors
from tests.embedders import WordEmbedder

PLAN = EmbeddingPlan(portions=2, rounds=2)


def silent(stage: str, done: int, total: int) -> None:
    """Say nothing."""


@pytest.mark.integration
def test_both_get_the_same_passages_in_the_same_portions() -> None:
    asked: list[tuple[str, ...]] = []

    class Noting(WordEmbedder):
        def embed_passages(self, texts: Sequence[str]) -> Vectors:
            asked.append(tuple(texts))
            return super().embed_passages(texts)

    def stage(texts: Sequence[str]) -> Iterator[int]:
        embedder = Noting()
        for start in range(0, len(texts), PORTION):
            yield len(embedder.embed_passages(texts[start : start + PORTION]))

    report = bench_embedding(PLAN, stage, Noting, silent)
    # A round asks the model first, then the stage, three portions each.
    assert [asked[at : at + 3] for at in (0, 6)] == [asked[at : at + 3] for at in (3, 9)]
    assert len({text for portion in asked for text in portion}) == 2 * 3 * PORTION
    assert report.passages == 2 * PORTION
    assert report.ratio.low <= report.ratio.median <= report.ratio.high
    assert "| the model alone" in report.to_text()


@pytest.mark.integration
def test_lost_passages_are_no_figure() -> None:
    def stage(texts: Sequence[str]) -> Iterator[int]:
        yield len(texts) - 1

    with pytest.raises(EvaluationError, match="767 of 768 passages"):
        bench_embedding(PLAN, stage, WordEmbedder, silent)
