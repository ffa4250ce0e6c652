"""Known-item search: a piece of a document should find that document first.

Methods that lift topical queries can ruin exact look-up, so this suite stands
beside the topical collections when defaults are chosen. It is made from any
collection, by a seed, without judgements: the document that a query was taken
from is its only right answer. What a document is asked for depends on that document
and the seed alone, so that queries stay the same when other documents change.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
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
# In characters; nobody looks for more, and searches take 8,192.
_LONGEST = 1_000
# Pieces are taken from so many characters: a book is as good a document as an article.
_READ = 200_000


@dataclass(frozen=True, slots=True)
class Piece:
    """What is asked, and what must stand in one document only, single spaces around words."""

    query: str
    taken: str


SOME = 30
"""Of each kind, where nothing is said of them: enough to see that exact look-up is ruined."""
MANY = 150
"""Of each kind, where they are asked for."""

Rank = Callable[[str], bytes]
"""Puts texts in an order that the seed decides, each whatever others there are."""
Make = Callable[[DatasetDocument, Rank], Piece | None]


def known_items(dataset: Dataset, per_kind: int = MANY, seed: int = 0) -> Dataset:
    """Return a dataset over the same documents whose queries are pieces of them.

    `per_kind` bounds each kind: titles, extracts of four words in a row, whole
    sentences, extracts with a typo, and identifiers. The kind is the query's tag,
    and ids are `kind:document id`. Pieces that occur as they are in two documents
    are left out. A document's queries change with its own text only; they come and go with
    others where these hold the same piece, or where `per_kind` has no room for all.
    """
    text = {document.doc_id: _plain(document.passage) for document in dataset.documents}
    queries: dict[str, str] = {}
    for kind, make in KINDS.items():
        found = _queries(dataset.documents, make, f"{seed}:{kind}")
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
    documents: Sequence[DatasetDocument], make: Make, seed: str
) -> Iterator[tuple[str, Piece]]:
    among_documents = _ranking(seed)
    for document in sorted(documents, key=lambda each: among_documents(each.doc_id)):
        beginning = replace(document, text=document.text[:_READ])
        if piece := make(beginning, _ranking(f"{seed}:{document.doc_id}")):
            yield document.doc_id, piece


def _ranking(seed: str) -> Rank:
    """Return an order by hashes, in which a new text moves none of the others."""
    key = blake2b(_bytes(seed), digest_size=16).digest()
    return lambda text: blake2b(_bytes(text), digest_size=16, key=key).digest()


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogatepass")


def _unique(
    found: Iterator[tuple[str, Piece]], text: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """Yield the queries whose piece stands in one document only, and is none of endless words."""
    for doc_id, piece in found:
        if (
            len(piece.query) <= _LONGEST
            and sum(piece.taken in passage for passage in text.values()) == 1
        ):
            yield doc_id, piece.query


def _title(document: DatasetDocument, rank: Rank) -> Piece | None:
    title = " ".join(document.title.split())
    return Piece(title, _plain(title)) if title else None


def _extract(document: DatasetDocument, rank: Rank) -> Piece | None:
    """Return four words in a row, at least two of them no little words."""
    runs = [" ".join(words) for words in _runs_of_words(document)]
    if not runs:
        return None
    chosen = min(runs, key=rank)
    return Piece(chosen, _plain(chosen))


def _sentence(document: DatasetDocument, rank: Rank) -> Piece | None:
    sentences = (" ".join(part.split()) for part in _SENTENCE_END.split(document.text))
    fitting = [part for part in sentences if len(part.split()) in _SENTENCE_WORDS]
    if not fitting:
        return None
    chosen = min(fitting, key=rank)
    return Piece(chosen, _plain(chosen))


def _typo(document: DatasetDocument, rank: Rank) -> Piece | None:
    """Return four words in a row, two letters of the longest one exchanged."""
    runs = {
        " ".join(words): wrong
        for words in _runs_of_words(document)
        if (wrong := _with_typos(words))
    }
    if not runs:
        return None
    chosen = min(runs, key=rank)
    return Piece(min(runs[chosen], key=rank), _plain(chosen))


def _with_typos(words: list[str]) -> list[str]:
    """Return `words` as one text with each of the typos that their longest one may have."""
    at = max(range(len(words)), key=lambda place: len(words[place]))
    long = _LONG_WORD.search(words[at])
    exchanged = _exchanged(words[at], long) if long else []
    return [" ".join([*words[:at], wrong, *words[at + 1 :]]) for wrong in exchanged]


def _exchanged(word: str, long: re.Match[str]) -> list[str]:
    """Return `word` with each two unlike neighbours inside `long` exchanged."""
    return [
        word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        for at in range(long.start() + 1, long.end() - 2)
        if word[at] != word[at + 1]
    ]


def _identifier(document: DatasetDocument, rank: Rank) -> Piece | None:
    """Return a code such as `LT-0937`, which no other document has, not even in a bracket."""
    words = [word for word in document.text.split() if len(word) >= _IDENTIFIER_LETTERS]
    codes = [word for word in words if _IDENTIFIER.fullmatch(word)]
    if not codes:
        return None
    chosen = min(codes, key=rank)
    return Piece(chosen, chosen)


def _runs_of_words(document: DatasetDocument) -> Iterator[list[str]]:
    """Yield each four words in a row, if at least two of them are no little words."""
    words = document.text.split()
    counts = [bool(_CONTENT_WORD.search(word)) for word in words]
    for start in range(len(words) - _EXTRACT_WORDS + 1):
        if sum(counts[start : start + _EXTRACT_WORDS]) >= 2:
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
