"""Relations by rules: names in capitals, and patterns of what stands between them."""

import re
from collections.abc import Iterator, Sequence
from itertools import combinations, product

from retrieval.extraction.names import Name, find_names
from retrieval.extraction.patterns import (
    EMPLOYER,
    ENUMERATION,
    FIRST_ENUMERATION,
    FIRST_NAME,
    NAME,
    Pattern,
    patterns,
)
from retrieval.extraction.sentences import sentences
from retrieval.graph.folding import compact
from retrieval.graph.linking import Linker
from retrieval.relation import CO_MENTION, Statement

# What is asked, wished or denied is not stated.
UNCERTAIN = re.compile(
    r"\?\s*$|^(?:If|Had|Should|Imagine)\b|\b(?:if|would|could|might|whether|wish|wishes|hopes? to"
    r"|used to|perhaps|maybe|allegedly|supposedly)\b"
)
_APPOSITION = re.compile(
    rf"({NAME}),[^,{chr(FIRST_NAME)}-\uf8ff]*(?:{NAME}[^,]{{0,20}})?, (?=[a-z])"
)
_SECOND_VERB = re.compile(rf"^(.*?)({NAME})( .*?),? and (?=[a-z]+(?:s|ed|t)\b)")
_CO_MENTIONED = 0.3
_MOST_NAMES = 6


class RuleExtractor:
    """Finds relations in English by patterns; needs no model. See `RelationExtractor`."""

    def extract(self, texts: Sequence[str], known: Linker) -> list[list[Statement]]:
        """Return the statements of each of `texts`."""
        return [list(self._statements(text, known)) for text in texts]

    def _statements(self, text: str, known: Linker) -> Iterator[Statement]:
        for start, end in sentences(text):
            sentence = text[start:end]
            names = find_names(sentence, known)
            if len(names) > 1:
                yield from _stated(sentence, names, start)


def _stated(sentence: str, names: Sequence[Name], offset: int) -> Iterator[Statement]:
    """Yield what a sentence states, each pair of names once; then the pairs that are left."""
    found = list(stated_by_patterns(sentence, names, offset))
    yield from found
    done = {pair_of(each.subject, each.object) for each in found}
    yield from co_mentions(sentence, names, offset, done)


def pair_of(subject: str, object_: str) -> frozenset[str]:
    """Return what stands for two names, whichever comes first; one element if they are the same."""
    return frozenset({compact(subject), compact(object_)})


def stated_by_patterns(sentence: str, names: Sequence[Name], offset: int) -> Iterator[Statement]:
    """Yield what patterns find in the sentence that begins at `offset`, each pair once."""
    if UNCERTAIN.search(sentence):
        return
    done: set[frozenset[str]] = set()
    for pattern, subject, object_ in matches(sentence, names):
        pair = pair_of(subject.text, object_.text)
        if len(pair) == 2 and pair not in done:
            done.add(pair)
            sure = round(pattern.confidence * min(subject.certainty, object_.certainty), 3)
            span = offset, offset + len(sentence)
            yield Statement(subject.text, pattern.type, object_.text, sure, *span)


def co_mentions(
    sentence: str, names: Sequence[Name], offset: int, done: set[frozenset[str]]
) -> Iterator[Statement]:
    """Yield the pairs of names that share the sentence, but those `done` and in long lists."""
    if len(names) > _MOST_NAMES:
        return
    seen = set(done)
    for first, second in combinations(names, 2):
        pair = pair_of(first.text, second.text)
        if len(pair) == 2 and pair not in seen:
            seen.add(pair)
            sure = round(_CO_MENTIONED * min(first.certainty, second.certainty), 3)
            span = offset, offset + len(sentence)
            yield Statement(first.text, CO_MENTION, second.text, sure, *span)


def matches(sentence: str, names: Sequence[Name]) -> Iterator[tuple[Pattern, Name, Name]]:
    """Yield the patterns that fit `sentence`, the surest first, with subject and object."""
    masked = _masked(sentence, names)
    enumerations: list[str] = []

    def number(match: re.Match[str]) -> str:
        enumerations.append(match[0])
        return chr(FIRST_ENUMERATION + len(enumerations) - 1)

    joined = ENUMERATION.sub(number, masked)
    variants = [masked, *_variants(joined, masked)]
    for pattern in patterns():
        for variant in variants:
            for match in pattern.regex.finditer(variant):
                groups = [_names_in(match[group], names, enumerations) for group in ("s", "o")]
                if _fits(pattern, groups):
                    for subject, object_ in product(*groups):
                        yield pattern, subject, object_


def _fits(pattern: Pattern, groups: Sequence[Sequence[Name]]) -> bool:
    if pattern.employer is None:
        return True
    return all(EMPLOYER.search(name.text) for name in groups[pattern.employer == "o"])


def _names_in(masked: str, names: Sequence[Name], enumerations: Sequence[str]) -> list[Name]:
    found: list[Name] = []
    for code in map(ord, masked):
        if code >= FIRST_ENUMERATION:
            found += _names_in(enumerations[code - FIRST_ENUMERATION], names, ())
        elif code >= FIRST_NAME:
            found.append(names[code - FIRST_NAME])
    return found


def _masked(sentence: str, names: Sequence[Name]) -> str:
    parts, at = [], 0
    for number, name in enumerate(names):
        parts += [sentence[at : name.start], chr(FIRST_NAME + number)]
        at = name.end
    return "".join([*parts, sentence[at:]])


def _variants(joined: str, masked: str) -> Iterator[str]:
    """Yield the sentence, and shorter forms of it in which verbs stand beside their subjects."""
    if joined != masked:
        yield joined
    without = _APPOSITION.sub(r"\1 ", joined)
    if without != joined:
        yield without
    if second := _SECOND_VERB.match(without):
        yield f"{second[2]} {without[second.end() :]}"
