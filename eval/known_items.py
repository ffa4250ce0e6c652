"""Known-item search: a piece of a document should find that document first.

Methods that lift topical queries can ruin exact look-up, so this suite stands
beside the topical collections when defaults are chosen. It is made from any
collection, by a seed, without judgements: the document that a query was taken
from is its only right answer.
"""

import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from eval.datasets.base import Dataset, DatasetDocument

_EXTRACT_WORDS = 4
_SENTENCE_WORDS = range(6, 41)
_TYPO_LETTERS = 6
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
_CONTENT_WORD = re.compile(r"[^\W_]{4,}")
_LONG_WORD = re.compile(rf"[^\W\d_]{{{_TYPO_LETTERS},}}")
# A digit and a capital: LT-0937, 2026-0417-R, MV-TIDE-24; no year, no date, no price.
_IDENTIFIER = re.compile(r"(?=[\w-]*\d)(?=[\w-]*[A-Z])[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*")
_IDENTIFIER_LETTERS = 5


@dataclass(frozen=True, slots=True)
class Piece:
    """What is asked, and what must stand in one document only, single spaces around words."""

    query: str
    taken: str


SOME = 30
"""Of each kind, where nothing is said of them: enough to see that exact look-up is ruined."""
MANY = 150
"""Of each kind, where they are asked for."""

Make = Callable[[DatasetDocument, random.Random], Piece | None]


def known_items(dataset: Dataset, per_kind: int = MANY, seed: int = 0) -> Dataset:
    """Return a dataset over the same documents whose queries are pieces of them.

    `per_kind` bounds each kind: titles, extracts of four words in a row, whole
    sentences, extracts with a typo, and identifiers. The kind is the query's tag,
    and ids are `kind:document id`. Pieces that occur as they are in two documents
    are left out.
    """
    text = {document.doc_id: _plain(document.passage) for document in dataset.documents}
    queries: dict[str, str] = {}
    for kind, make in KINDS.items():
        found = _queries(dataset.documents, make, random.Random(f"{seed}:{kind}"))
        unique = islice(_unique(found, text), per_kind)
        queries |= {f"{kind}:{doc_id}": query for doc_id, query in unique}
    return replace(
        dataset,
        name=f"{dataset.name}-known-items",
        queries=queries,
        qrels={query_id: {query_id.split(":", 1)[1]: 1} for query_id in queries},
        records={query_id: {"tags": [query_id.split(":", 1)[0]]} for query_id in queries},
        drop_identical_ids=False,
    )


def has_known_items(dataset: Dataset) -> bool:
    """Say whether any can be made; without documents, none can."""
    return bool(known_items(dataset, 1).queries)


def _queries(
    documents: Sequence[DatasetDocument], make: Make, rng: random.Random
) -> Iterator[tuple[str, Piece]]:
    shuffled = sorted(documents, key=lambda document: document.doc_id)
    rng.shuffle(shuffled)
    for document in shuffled:
        if piece := make(document, rng):
            yield document.doc_id, piece


def _unique(
    found: Iterator[tuple[str, Piece]], text: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """Yield the queries whose piece stands in one document only."""
    for doc_id, piece in found:
        if sum(piece.taken in passage for passage in text.values()) == 1:
            yield doc_id, piece.query


def _title(document: DatasetDocument, rng: random.Random) -> Piece | None:
    title = " ".join(document.title.split())
    return Piece(title, _plain(title)) if title else None


def _extract(document: DatasetDocument, rng: random.Random) -> Piece | None:
    """Return four words in a row, at least two of them no little words."""
    for words in _runs_of_words(document, rng):
        if sum(bool(_CONTENT_WORD.search(word)) for word in words) >= 2:
            return Piece(" ".join(words), _plain(" ".join(words)))
    return None


def _sentence(document: DatasetDocument, rng: random.Random) -> Piece | None:
    sentences = (" ".join(part.split()) for part in _SENTENCE_END.split(document.text))
    fitting = [part for part in sentences if len(part.split()) in _SENTENCE_WORDS]
    if not fitting:
        return None
    chosen = rng.choice(fitting)
    return Piece(chosen, _plain(chosen))


def _typo(document: DatasetDocument, rng: random.Random) -> Piece | None:
    """Return four words in a row, two letters of the longest one exchanged."""
    for words in _runs_of_words(document, rng):
        at = max(range(len(words)), key=lambda place: len(words[place]))
        long = _LONG_WORD.search(words[at])
        if long and sum(bool(_CONTENT_WORD.search(word)) for word in words) >= 2:
            wrong = _exchanged(words[at], long, rng)
            if wrong != words[at]:
                asked = " ".join([*words[:at], wrong, *words[at + 1 :]])
                return Piece(asked, _plain(" ".join(words)))
    return None


def _exchanged(word: str, long: re.Match[str], rng: random.Random) -> str:
    """Return `word` with two neighbouring letters inside `long` exchanged."""
    at = rng.randrange(long.start() + 1, long.end() - 2)
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :]


def _identifier(document: DatasetDocument, rng: random.Random) -> Piece | None:
    """Return a code such as `LT-0937`, which no other document has, not even in a bracket."""
    words = [word for word in document.text.split() if len(word) >= _IDENTIFIER_LETTERS]
    codes = [word for word in words if _IDENTIFIER.fullmatch(word)]
    if not codes:
        return None
    chosen = rng.choice(codes)
    return Piece(chosen, chosen)


def _runs_of_words(document: DatasetDocument, rng: random.Random) -> Iterator[list[str]]:
    words = document.text.split()
    starts = list(range(len(words) - _EXTRACT_WORDS + 1))
    rng.shuffle(starts)
    for start in starts:
        yield words[start : start + _EXTRACT_WORDS]


def _plain(text: str) -> str:
    return f" {' '.join(text.split())} "


KINDS: Mapping[str, Make] = {
    "title": _title,
    "extract": _extract,
    "sentence": _sentence,
    "typo": _typo,
    "identifier": _identifier,
}
"""What pieces are taken, by the kind that tags their queries."""
