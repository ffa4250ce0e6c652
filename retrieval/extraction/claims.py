"""Holding what somebody claims of a text against the text."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from retrieval.extraction.names import Name, find_names
from retrieval.extraction.rules import UNCERTAIN, co_mentions, pair_of
from retrieval.extraction.sentences import sentences
from retrieval.graph.linking import Linker
from retrieval.relation import Statement

# Above what only shares a sentence (0.3), below most patterns.
_CLAIMED = 0.6
_NO_TYPE = re.compile(r"[^A-Z0-9]+")
_LONGEST_TYPE = 40
_LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class Claim:
    """What a text is said to state of two names, in which words."""

    subject: str
    type: str
    object: str
    evidence: str


def statements_in(
    text: str, claims: Sequence[Claim], names: Sequence[str], known: Linker
) -> list[Statement]:
    """Return the `claims` that `text` bears out, then the pairs of names that share a sentence.

    Both names of a claim must stand in one sentence, which the evidence is part of or, where
    that stands nowhere, in any that holds them. `names` count besides those of the dictionary.
    """
    spans = list(sentences(text))
    stated = [each for claim in claims for each in _borne_out(text, claim, spans)]
    done = {pair_of(each.subject, each.object) for each in stated}
    return [*stated, *_sharing(text, names, spans, known, done)]


def located(text: str, wanted: str) -> re.Match[str] | None:
    """Return where the words of `wanted` stand in `text`, whatever the white space between."""
    pattern = r"\s+".join(re.escape(word) for word in wanted.split())
    if not pattern or len(wanted) > len(text):
        return None
    return re.search(rf"(?<!\w){pattern}(?!\w)", text)


def _borne_out(text: str, claim: Claim, spans: Sequence[tuple[int, int]]) -> Iterator[Statement]:
    kind = _NO_TYPE.sub("_", claim.type.upper()).strip("_")[:_LONGEST_TYPE]
    if not kind or len(pair_of(claim.subject, claim.object)) < 2:
        return
    evidence = located(text, claim.evidence)
    for start, end in spans:
        if evidence and not start <= evidence.start() < end:
            continue
        sentence = text[start:end]
        subject, object_ = located(sentence, claim.subject), located(sentence, claim.object)
        if subject and object_ and not UNCERTAIN.search(sentence):
            yield Statement(_plain(subject), kind, _plain(object_), _CLAIMED, start, end)
            return


def _sharing(
    text: str,
    names: Sequence[str],
    spans: Sequence[tuple[int, int]],
    known: Linker,
    done: set[frozenset[str]],
) -> Iterator[Statement]:
    for start, end in spans:
        sentence = text[start:end]
        found = [name for name in find_names(sentence, known) if name.known]
        for wanted in dict.fromkeys(names):
            match = located(sentence, wanted) if len(wanted) <= _LONGEST_NAME else None
            if match and all(match.end() <= n.start or match.start() >= n.end for n in found):
                found.append(Name(_plain(match), *match.span(), 1.0))
        ordered = sorted(found, key=lambda name: name.start)
        yield from co_mentions(sentence, ordered, start, done)


def _plain(match: re.Match[str]) -> str:
    return " ".join(match[0].split())
