"""Finding and ranking words: documentation, "Search", "Ranking rules" and "Ranking score"."""

import itertools
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

Document = Mapping[str, Any]
_MOST_TERMS = 10
_APART = re.compile(r"[^\w]+|_+")
_FARTHEST = 8
Rank = tuple[int, int]


class Ranked(NamedTuple):
    """A document, its score in [0, 1], and what orders those of equal scores."""

    document: Document
    score: float
    order: tuple[Any, ...]


class Query(NamedTuple):
    """The terms of a query, each a phrase of one word or more, and the words to be absent."""

    terms: list[list[str]]
    absent: set[str]


def parsed(text: str) -> Query:
    """Read a query: quotes make phrases, a minus sign before a word leaves out documents."""
    terms: list[list[str]] = []
    absent: set[str] = set()
    for number, part in enumerate(text.split('"')):
        if number % 2:
            terms += [words_of(part)]
            continue
        for piece in part.split():
            if piece.startswith("-"):
                absent.update(words_of(piece))
            else:
                terms += [[word] for word in words_of(piece)]
    return Query([term for term in terms if term][:_MOST_TERMS], absent)


def words_of(text: str) -> list[str]:
    """Return the words of a text, without case and accents."""
    plain = unicodedata.normalize("NFKD", text).lower()
    letters = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return [word for word in _APART.split(letters) if word]


def search(
    documents: Sequence[Document],
    passes: Callable[[Document], bool],
    text: str,
    strategy: str,
    settings: Mapping[str, Any],
) -> list[Ranked]:
    """Return those of `documents` that `text` finds and that pass, best first."""
    query = parsed(text)
    texts = [_text(document, settings["searchableAttributes"]) for document in documents]
    kept = {
        at
        for at, words in enumerate(texts)
        if not query.absent & set(words) and passes(documents[at])
    }
    order = _order(settings["rankingRules"])
    if not query.terms:
        found = [Ranked(documents[at], 1.0, order(documents[at])) for at in kept]
        return sorted(found, key=_key)
    ways = _ways(query.terms, settings["prefixSearch"] != "disabled")
    places = [[way(words) for way in ways] for words in texts]
    found = []
    for left in _levels(places, len(query.terms), strategy):
        for at in [at for at in sorted(kept) if all(places[at][term] for term in left)]:
            kept.remove(at)
            there = places[at]
            ranks = _ranks(left, len(query.terms), there, query.terms, texts[at])
            rules = [ranks[rule] for rule in settings["rankingRules"] if rule in ranks]
            found.append(Ranked(documents[at], _score(rules), order(documents[at])))
    return sorted(found, key=_key)


def _key(ranked: Ranked) -> tuple[Any, ...]:
    return (-ranked.score, *ranked.order)


def _text(document: Document, searchable: Sequence[str]) -> list[str]:
    names = list(document) if list(searchable) == ["*"] else searchable
    return [word for name in names for word in words_of(str(document.get(name, "")))]


def _ways(terms: list[list[str]], prefixes: bool) -> list[Callable[[list[str]], list[int]]]:
    """Return of each term what tells at which places of a text it stands."""

    def way(term: list[str], is_prefix: bool) -> Callable[[list[str]], list[int]]:
        def places(words: list[str]) -> list[int]:
            if is_prefix:
                return [at for at, word in enumerate(words) if word.startswith(term[0])]
            size = len(term)
            return [at for at in range(len(words)) if words[at : at + size] == term]

        return places

    last = len(terms) - 1
    return [
        way(term, prefixes and number == last and len(term) == 1)
        for number, term in enumerate(terms)
    ]


def _levels(places: list[list[list[int]]], count: int, strategy: str) -> list[list[int]]:
    """Return the terms that must be there: all of them at first, then fewer and fewer."""
    terms = list(range(count))
    if strategy == "all":
        return [terms]
    if strategy == "last":
        return [terms[:size] for size in range(count, 0, -1)]
    often = [sum(bool(there[term]) for there in places) or 2**64 for term in terms]
    levels, left = [], terms
    # Terms that are equally frequent go together; what is nowhere goes first.
    for frequency in sorted(set(often), reverse=True):
        levels.append(left)
        left = [term for term in left if often[term] != frequency]
    return [level for level in levels if level]


def _ranks(
    left: list[int],
    count: int,
    places: list[list[int]],
    terms: list[list[str]],
    text: list[str],
) -> dict[str, Rank]:
    pairs = len(left) - 1
    cost = sum(_distance(places[one], places[other]) for one, other in itertools.pairwise(left))
    whole = [word for term in left for word in terms[term]]
    exact = 3 if text == whole else 2 if text[: len(whole)] == whole else 1
    return {
        "words": (len(left), count),
        "proximity": (_FARTHEST * pairs - cost + 1, (_FARTHEST - 1) * pairs + 1),
        "exactness": (exact, 3),
    }


def _distance(places: list[int], others: list[int]) -> int:
    nearest = min(
        other - one if other > one else one - other + 1 for one in places for other in others
    )
    return max(1, min(_FARTHEST, nearest))


def _score(ranks: list[Rank]) -> float:
    """Join ranks so that an earlier rule outweighs all later ones."""
    rank, most = 1, 1
    for own, own_most in ranks:
        rank, most = (rank - 1) * own_most + own, most * own_most
    return rank / most


def _order(rules: Sequence[str]) -> Callable[[Document], tuple[Any, ...]]:
    fields = [rule.removesuffix(":asc") for rule in rules if rule.endswith(":asc")]
    return lambda document: tuple(str(document.get(field)) for field in fields)
