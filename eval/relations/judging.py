"""Comparing what an extractor finds in the labelled sentences with what they state."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from eval.relations.labelled import Sentence
from retrieval.extraction.base import RelationExtractor
from retrieval.graph.folding import bare_words
from retrieval.graph.linking import Linker
from retrieval.relation import CO_MENTION

_SYMMETRIC = frozenset({"COLLABORATED_WITH", "FAMILY_OF", "ALSO_KNOWN_AS"})
Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Judged:
    """Counts over some sentences, and each difference as a line of text."""

    sentences: int
    right: int
    found: int
    stated: int
    differences: tuple[str, ...]

    @property
    def precision(self) -> float:
        """The share of the relations found that are stated."""
        return self.right / self.found if self.found else 1.0

    @property
    def recall(self) -> float:
        """The share of the relations stated that are found."""
        return self.right / self.stated if self.stated else 1.0

    def __str__(self) -> str:
        """Return the figures in one line."""
        return (
            f"{self.sentences} sentences, precision {self.precision:.3f} "
            f"({self.right} of {self.found}), recall {self.recall:.3f} "
            f"({self.right} of {self.stated})"
        )


def judge(labelled: Sequence[Sentence], extractor: RelationExtractor) -> Judged:
    """Compare type, direction and both names; co-mentions are not counted.

    No dictionary helps. Names are equal when they differ in nothing but case, accents and a
    leading "the".
    """
    right = found = stated = 0
    differences: list[str] = []
    texts = [sentence.text for sentence in labelled]
    for sentence, statements in zip(labelled, extractor.extract(texts, Linker(())), strict=True):
        ours = {
            _key(each.subject, each.type, each.object)
            for each in statements
            if each.type != CO_MENTION
        }
        theirs = {_key(each.subject, each.type, each.object) for each in sentence.relations}
        right, found, stated = right + len(ours & theirs), found + len(ours), stated + len(theirs)
        differences += _differences(sentence.text, ours, theirs)
    return Judged(len(labelled), right, found, stated, tuple(differences))


def _differences(text: str, ours: set[Key], theirs: set[Key]) -> Iterator[str]:
    for key in sorted(ours - theirs):
        yield f"wrong   {' | '.join(key)}   in: {text}"
    for key in sorted(theirs - ours):
        yield f"missed  {' | '.join(key)}   in: {text}"


def _key(subject: str, kind: str, object_: str) -> Key:
    names = [_folded(subject), _folded(object_)]
    if kind in _SYMMETRIC:
        names.sort()
    return names[0], kind, names[1]


def _folded(name: str) -> str:
    return " ".join(bare_words(name))
