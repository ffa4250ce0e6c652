"""Known-item search: a piece of a document should find that document first.

Methods that lift topical queries can ruin exact look-up, so this suite stands
beside the topical collections when defaults are chosen. It is made from any
collection, by a seed, without judgements: the document that a query was taken
from is its only right answer.
"""

import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice

from eval.datasets.base import Dataset, DatasetDocument

KINDS = ("title", "extract", "sentence")
_EXTRACT_WORDS = 4
_SENTENCE_WORDS = range(6, 41)
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
_CONTENT_WORD = re.compile(r"[^\W_]{4,}")

Make = Callable[[DatasetDocument, random.Random], str | None]


def known_items(dataset: Dataset, per_kind: int = 150, seed: int = 0) -> Dataset:
    """Return a dataset over the same documents whose queries are pieces of them.

    `per_kind` bounds the titles, the extracts of four words in a row, and the whole
    sentences. Query ids are `kind:document id`. Pieces that occur as they are in
    two documents are left out.
    """
    text = {document.doc_id: _plain(document.passage) for document in dataset.documents}
    queries: dict[str, str] = {}
    for kind, make in zip(KINDS, (_title, _extract, _sentence), strict=True):
        found = _queries(dataset.documents, make, random.Random(f"{seed}:{kind}"))
        unique = islice(_unique(found, text), per_kind)
        queries |= {f"{kind}:{doc_id}": query for doc_id, query in unique}
    qrels = {query_id: {query_id.split(":", 1)[1]: 1} for query_id in queries}
    return replace(
        dataset,
        name=f"{dataset.name}-known-items",
        queries=queries,
        qrels=qrels,
        drop_identical_ids=False,
    )


def _queries(
    documents: Sequence[DatasetDocument], make: Make, rng: random.Random
) -> list[tuple[str, str]]:
    shuffled = sorted(documents, key=lambda document: document.doc_id)
    rng.shuffle(shuffled)
    made = ((document.doc_id, make(document, rng)) for document in shuffled)
    return [(doc_id, query) for doc_id, query in made if query]


def _unique(found: Sequence[tuple[str, str]], text: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the pieces that stand in one document only."""
    for doc_id, query in found:
        if sum(_plain(query) in passage for passage in text.values()) == 1:
            yield doc_id, query


def _title(document: DatasetDocument, rng: random.Random) -> str | None:
    return " ".join(document.title.split()) or None


def _extract(document: DatasetDocument, rng: random.Random) -> str | None:
    """Return four words in a row, at least two of them no little words."""
    words = document.text.split()
    starts = list(range(len(words) - _EXTRACT_WORDS + 1))
    rng.shuffle(starts)
    for start in starts:
        piece = words[start : start + _EXTRACT_WORDS]
        if sum(bool(_CONTENT_WORD.search(word)) for word in piece) >= 2:
            return " ".join(piece)
    return None


def _sentence(document: DatasetDocument, rng: random.Random) -> str | None:
    sentences = (" ".join(part.split()) for part in _SENTENCE_END.split(document.text))
    fitting = [part for part in sentences if len(part.split()) in _SENTENCE_WORDS]
    return rng.choice(fitting) if fitting else None


def _plain(text: str) -> str:
    return f" {' '.join(text.split())} "
