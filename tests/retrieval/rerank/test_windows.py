import re
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.errors import StageError
from retrieval.rerank.base import Pair, RerankerState
from retrieval.rerank.local import LocalReranker
from retrieval.rerank.windows import Windows

MOST, OVERHEAD = 40, 3


class WordTokenizer:
    """Speaks as a fast tokenizer of transformers does, and takes each word for a token."""

    def __call__(self, texts: list[str], **options: object) -> dict[str, Any]:
        """Return where the words of each text begin and end."""
        assert options["return_offsets_mapping"]
        assert options["add_special_tokens"] is False
        return {"offset_mapping": [[m.span() for m in re.finditer(r"\S+", t)] for t in texts]}


WORDS = WordTokenizer()
texts = st.integers(0, 150).map(lambda count: " ".join(f"w{at}" for at in range(count)))


@given(texts, st.lists(texts, max_size=4))
def test_windows_fit_and_hold_every_word(query: str, passages: list[str]) -> None:
    windows = Windows(WORDS, MOST, OVERHEAD).of([(query, passage) for passage in passages])
    for at, passage in enumerate(passages):
        own = [window for window in windows if window.pair == at]
        assert own
        held = {word for window in own for word in window.texts[1].split()}
        assert held == set(passage.split())
        assert all(window.texts[1] in passage for window in own)
    for window in windows:
        asked, held_words = (len(text.split()) for text in window.texts)
        assert asked + held_words + OVERHEAD == window.tokens <= MOST
        assert query.startswith(window.texts[0])


def test_what_fits_is_left_as_it_is() -> None:
    (window,) = Windows(WORDS, MOST, OVERHEAD).of([("a  query ", " a\tpassage")])
    assert window.texts == ("a  query ", " a\tpassage")


class Needle:
    """A model that knows one word, and notes its batches."""

    def __init__(self) -> None:
        self.tokenizer: Any = WORDS
        self.max_tokens, self.overhead = MOST, OVERHEAD
        self.batches: list[list[Pair]] = []

    def probabilities(self, pairs: list[Pair]) -> Sequence[float]:
        """Return how near the word is to the beginning."""
        self.batches.append(pairs)
        return [_nearness(passage) for _, passage in pairs]


def _nearness(passage: str) -> float:
    words = passage.split()
    return 1 / (1 + words.index("needle")) if "needle" in words else 0.0


def test_the_best_window_of_a_long_passage_counts() -> None:
    model = Needle()
    reranker = LocalReranker(model, RerankerState(provider="x", model="x"), 200)
    hay = "hay " * 100
    scores = reranker.score([("q", "hay"), ("q", f"{hay} needle {hay}"), ("q", "needle hay")])
    assert scores[0] == 0
    assert scores[1] > 1 / 40
    assert scores[2] == 1
    assert len(model.batches) > 1


@pytest.mark.parametrize("wrong", [[1.5], [float("nan")], [0.5, 0.5], []])
def test_scores_that_are_none_are_refused(wrong: list[float], monkeypatch: Any) -> None:
    model = Needle()
    monkeypatch.setattr(model, "probabilities", lambda _pairs: wrong)
    reranker = LocalReranker(model, RerankerState(provider="x", model="x"), 200)
    with pytest.raises(StageError, match="x gave"):
        reranker.score([("q", "p")])
