"""Cutting long passages as the model's own tokenizer sees them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from retrieval.rerank.base import Pair

# A piece that is cut out may have a few tokens more than it had inside the whole.
_SLACK = 4
# Share of the model's room that a query may take; the rest is the passage's.
_QUERY_SHARE = 0.5
# Windows overlap by this share, so that a sentence at a cut stands in one of them whole.
_OVERLAP = 0.25
# Windows of one passage; what lies behind the last one is not looked at.
_MOST = 16


@dataclass(frozen=True, slots=True)
class Window:
    """A piece of the passage of pair `pair`, with the tokens that it takes with its query."""

    pair: int
    texts: Pair
    tokens: int


class Windows:
    """Makes pairs that a model of `max_tokens` reads as a whole.

    `overhead` are the tokens that the model adds to a pair: its special tokens and its
    template. `tokenizer` is a fast tokenizer of transformers.
    """

    def __init__(self, tokenizer: Any, max_tokens: int, overhead: int) -> None:
        self._tokenizer = tokenizer
        self._room = max(8, max_tokens - overhead - _SLACK)
        self._overhead = overhead

    def of(self, pairs: Sequence[Pair]) -> list[Window]:
        """Return the windows of all `pairs`: one for each that fits, some for longer ones."""
        queries = self._cut_queries([query for query, _ in pairs])
        passages = self._ends([passage for _, passage in pairs])
        found: list[Window] = []
        for at, ((_, passage), (query, used), ends) in enumerate(
            zip(pairs, queries, passages, strict=True)
        ):
            for piece, tokens in _pieces(passage, ends, self._room - used):
                found.append(Window(at, (query, piece), used + tokens + self._overhead))
        return found

    def _cut_queries(self, queries: Sequence[str]) -> list[tuple[str, int]]:
        """Return each query, cut to its share of the room, and its tokens."""
        most = max(1, int(self._room * _QUERY_SHARE))
        once = list(dict.fromkeys(queries))
        cut = {
            query: (query, len(ends)) if len(ends) <= most else (query[: ends[most - 1][1]], most)
            for query, ends in zip(once, self._ends(once), strict=True)
        }
        return [cut[query] for query in queries]

    def _ends(self, texts: Sequence[str]) -> list[list[tuple[int, int]]]:
        """Return where the tokens of each text begin and end, in characters."""
        if not texts:
            return []
        found = self._tokenizer(
            list(texts), add_special_tokens=False, return_offsets_mapping=True, verbose=False
        )
        return list(found["offset_mapping"])


def _pieces(text: str, ends: Sequence[tuple[int, int]], room: int) -> list[tuple[str, int]]:
    """Return overlapping pieces of `text` of at most `room` tokens, with their tokens."""
    if len(ends) <= room:
        return [(text, len(ends))]
    step = max(1, int(room * (1 - _OVERLAP)))
    starts = range(0, len(ends) - room + step, step)[:_MOST]
    spans = [ends[start : start + room] for start in starts]
    return [(text[span[0][0] : span[-1][1]], len(span)) for span in spans]
