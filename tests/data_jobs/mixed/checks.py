"""Whether the corpus holds what the set promises, and nothing else."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from data_jobs.settings import JobSettings
from retrieval.chunk import Document
from retrieval.corpus.store import Corpus
from retrieval.ids import document_id
from tests.data_jobs.mixed.planned import Planned, flat
from tests.data_jobs.mixed.prose import words_of
from tests.data_jobs.mixed.runs import NAMESPACE

_PAGE = 1_000
_SENTENCE = re.compile(r"the \w+ \w+ \w+ the \w+ \w+ today")


@dataclass(frozen=True, slots=True)
class Stored:
    """The ledger by document id, and the texts of the passages of each document by position."""

    rows: dict[str, Document]
    texts: dict[str, list[tuple[int, str]]]

    @classmethod
    def read(cls, home: Path, namespace: str = NAMESPACE) -> "Stored":
        """Read the corpus in `home`, which has no other namespace."""
        corpus = Corpus.open_existing(JobSettings(home=home).corpus_uri)
        columns = ["doc_id", "position", "indexed_text", "text_offset"]
        texts = defaultdict[str, list[tuple[int, str]]](list)
        for row in corpus.dataset().to_table(columns=columns).to_pylist():
            text = row["indexed_text"][row["text_offset"] :]
            texts[row["doc_id"]].append((row["position"], text))
        return cls({row.doc_id: row for row in _ledger(corpus, namespace)}, texts)

    def text(self, doc_id: str) -> str:
        """Return the words of all passages of a document."""
        return " | ".join(words_of(text) for _, text in sorted(self.texts.get(doc_id, [])))

    def reasons(self) -> Counter[str]:
        """Return how many documents ended how."""
        return Counter(row.error.type if row.error else row.status for row in self.rows.values())


def faults(planned: Sequence[Planned], stored: Stored) -> list[str]:
    """Return a line for each document that is missing, unexpected, or not what it should be."""
    wanted = {document_id(each.source): each for each in flat(list(planned))}
    found = [
        f"not in the ledger: {wanted[key].source}" for key in wanted.keys() - stored.rows.keys()
    ]
    found += [
        f"unexpected: {stored.rows[key].source}" for key in stored.rows.keys() - wanted.keys()
    ]
    found += [f"passages of nobody: {key}" for key in stored.texts.keys() - stored.rows.keys()]
    for key in wanted.keys() & stored.rows.keys():
        found += _outcome(wanted[key], stored.rows[key])
        found += _passages(stored.rows[key], stored.texts.get(key, []))
        found += _words(wanted[key], stored.text(key))
    return sorted([*found, *_astray(wanted, stored)])


def _ledger(corpus: Corpus, namespace: str) -> Iterator[Document]:
    cursor = None
    while True:
        page = corpus.documents([namespace], limit=_PAGE, cursor=cursor)
        yield from page.documents
        cursor = page.next_cursor
        if cursor is None:
            return


def _outcome(wanted: Planned, row: Document) -> Iterator[str]:
    status = "ready" if wanted.reason is None else "quarantined"
    reason = row.error.type if row.error else None
    if (row.status, reason) != (status, wanted.reason):
        message = row.error.message if row.error else ""
        yield f"{row.status}, {reason} ({message}) in place of {wanted.reason}: {wanted.source}"


def _passages(row: Document, texts: list[tuple[int, str]]) -> Iterator[str]:
    positions = sorted(position for position, _ in texts)
    if positions != list(range(row.chunks)):
        yield f"{row.chunks} passages in the ledger, but stored are {positions}: {row.source}"


def _words(wanted: Planned, text: str) -> Iterator[str]:
    """Tell what of a document cannot be found in its passages."""
    for other in wanted.also:
        if words_of(other) not in text:
            yield f"{other!r} is missing: {wanted.source}"
    if wanted.share == 1.0:
        missing = [each for each in wanted.sentences if words_of(each) not in text]
        if missing:
            yield f"{len(missing)} sentences are missing, as {missing[0]!r}: {wanted.source}"
    elif wanted.sentences:
        own, found = words_of(" ".join(wanted.sentences)).split(), set(text.split())
        share = sum(word in found for word in own) / len(own)
        if share < wanted.share:
            yield f"only {share:.0%} of its words were recognised: {wanted.source}"


def _astray(wanted: dict[str, Planned], stored: Stored) -> Iterator[str]:
    """Tell which sentences stand in the passages of documents that they are not from."""
    homes = {words_of(sentence): key for key, each in wanted.items() for sentence in each.sentences}
    for key in stored.texts:
        for sentence in _SENTENCE.findall(stored.text(key)):
            if homes.get(sentence, key) != key:
                yield f"{sentence!r} is from {wanted[homes[sentence]].source}: in {key}"
