"""Where names stand in a sentence: those of a dictionary, in quotes, or in capitals."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from retrieval.graph.folding import word_spans, words
from retrieval.graph.linking import Linker

_WORD = r"[^\W\d_](?:[^\W_]|[-.&](?=[^\W_])|['’](?=[^\W\d_]{2}))*"
_CAPITAL = rf"(?=[^\W\d_a-zß-öø-ÿ]){_WORD}"
# "of" joins only single words, else "Carl Mendes of Pinewood" would be one name.
_RUN = re.compile(rf"{_CAPITAL}(?: (?:of|de|van|von|der|den|la|le|du) {_CAPITAL})?(?: {_CAPITAL})*")
_AND = re.compile(rf"{_CAPITAL} (?:and|&) {_CAPITAL}(?= (?:is|was|has|with)\b)")
_QUOTED = re.compile(r'["“„«]\s*([^\W_a-z][^"“”„«»]{1,60}?)\s*[,.]?["”“»]')
_MOST_QUOTED_WORDS = 7

# Words that stand in capitals for another reason than being a name.
_COMMON = frozenset(
    [
        "a",
        "about",
        "after",
        "again",
        "all",
        "also",
        "although",
        "an",
        "and",
        "another",
        "any",
        "are",
        "as",
        "at",
        "away",
        "back",
        "based",
        "because",
        "been",
        "before",
        "between",
        "both",
        "but",
        "by",
        "camera",
        "can",
        "chapter",
        "cover",
        "credits",
        "dancers",
        "did",
        "directed",
        "do",
        "does",
        "drums",
        "edit",
        "edited",
        "editing",
        "episode",
        "even",
        "every",
        "everybody",
        "everyone",
        "featuring",
        "feat",
        "film",
        "filmed",
        "first",
        "for",
        "from",
        "good",
        "graded",
        "guest",
        "guests",
        "had",
        "has",
        "have",
        "having",
        "he",
        "hello",
        "her",
        "here",
        "hers",
        "hi",
        "his",
        "host",
        "hosted",
        "how",
        "i",
        "i'd",
        "i'll",
        "i'm",
        "i've",
        "if",
        "in",
        "interview",
        "into",
        "is",
        "it",
        "it's",
        "its",
        "just",
        "last",
        "lighting",
        "like",
        "live",
        "look",
        "many",
        "maybe",
        "mastered",
        "me",
        "mixed",
        "more",
        "most",
        "mr",
        "mrs",
        "ms",
        "music",
        "my",
        "never",
        "next",
        "no",
        "nobody",
        "not",
        "note",
        "notes",
        "now",
        "of",
        "ok",
        "okay",
        "on",
        "once",
        "one",
        "only",
        "or",
        "organised",
        "other",
        "our",
        "over",
        "part",
        "people",
        "photo",
        "photos",
        "please",
        "produced",
        "production",
        "question",
        "questions",
        "recorded",
        "recording",
        "same",
        "script",
        "see",
        "she",
        "show",
        "since",
        "so",
        "some",
        "somebody",
        "someone",
        "sound",
        "speaking",
        "special",
        "sponsored",
        "still",
        "story",
        "subtitles",
        "such",
        "supported",
        "than",
        "thank",
        "thanks",
        "that",
        "that's",
        "the",
        "their",
        "them",
        "then",
        "there",
        "there's",
        "these",
        "they",
        "they're",
        "this",
        "those",
        "though",
        "tickets",
        "to",
        "today",
        "tomorrow",
        "tonight",
        "track",
        "translated",
        "two",
        "under",
        "until",
        "up",
        "us",
        "very",
        "via",
        "video",
        "was",
        "we",
        "we're",
        "we've",
        "welcome",
        "well",
        "were",
        "what",
        "what's",
        "when",
        "where",
        "which",
        "while",
        "who",
        "why",
        "will",
        "with",
        "words",
        "written",
        "yeah",
        "yes",
        "yesterday",
        "yet",
        "you",
        "you're",
        "your",
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
        "spring",
        "summer",
        "autumn",
        "winter",
        "christmas",
    ]
)
_PERSONAL_TITLES = frozenset({"mr", "mrs", "ms", "dr"})


@dataclass(frozen=True, slots=True)
class Name:
    """A name in a text, its characters from `start` up to `end`, and how sure it is one."""

    text: str
    start: int
    end: int
    certainty: float
    known: bool = False


def find_names(text: str, known: Linker) -> list[Name]:
    """Return the names in the sentence `text`, in their order; none overlaps another.

    Names of the dictionary are found as they are in passages, others by quotes and capitals.
    """
    found: list[Name] = []
    for name in (*_of_dictionary(text, known), *_quoted(text), *_in_capitals(text)):
        if all(name.end <= other.start or name.start >= other.end for other in found):
            found.append(name)
    return sorted(found, key=lambda name: name.start)


def _of_dictionary(text: str, known: Linker) -> Iterator[Name]:
    links = known.link(text)
    spans = word_spans(text) if links else []
    for link in links if spans else ():
        start, end = spans[link.start][0], spans[link.end - 1][1]
        yield Name(text[start:end], start, end, 1.0, known=True)


def _quoted(text: str) -> Iterator[Name]:
    for match in _QUOTED.finditer(text):
        if len(words(match[1])) <= _MOST_QUOTED_WORDS:
            yield Name(match[1], *match.span(1), 0.8)


def _in_capitals(text: str) -> Iterator[Name]:
    for pattern in (_AND, _RUN):
        for match in pattern.finditer(text):
            yield from _trimmed(text, *match.span())


def _trimmed(text: str, start: int, end: int) -> Iterator[Name]:
    """Yield the name from `start` to `end` without the words around it that belong to no name."""
    first = start == 0 or not any(character.isalnum() for character in text[:start])
    while True:
        head, _, rest = text[start:end].partition(" ")
        article = head == "The" and rest and not first
        if article or head.lower().rstrip(".") not in _COMMON - _PERSONAL_TITLES or not rest:
            break
        start = end - len(rest)
    name = text[start:end].rstrip(".-&")
    lower = name.lower()
    if (
        not name[:1].isupper()
        or lower in _COMMON
        or len(name) < 2
        or (first and " " not in name and _is_verb(lower))
    ):
        return
    yield Name(name, start, start + len(name), 0.9 if " " in name else 0.6)


def _is_verb(word: str) -> bool:
    return word.endswith(("ed", "ing"))
