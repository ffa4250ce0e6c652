"""Two writers of one document without a lock: the ledger never names the wrong content."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from retrieval.chunk import Document
from retrieval.corpus.store import Corpus
from tests.retrieval.corpus.worker import open_corpus, replace_document


def interrupted(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[], object]
) -> None:
    """Let `meanwhile` happen between a commit of `corpus` and its rows of the ledger."""
    record, pending = corpus._ledger.record, [meanwhile]

    def late(rows: Sequence[Document]) -> None:
        if pending:
            pending.pop()()
        record(rows)

    monkeypatch.setattr(corpus._ledger, "record", late)


@pytest.fixture
def two(tmp_path: Path) -> tuple[Corpus, Corpus]:
    """Two processes' views of a corpus at a place without locks, which holds one document."""
    uri = f"file://{tmp_path}/corpus"
    ours, theirs = open_corpus(uri), open_corpus(uri)
    replace_document(ours, "d", "first", 2)
    return ours, theirs


def test_a_row_that_comes_after_anothers_does_not_name_old_content(
    two: tuple[Corpus, Corpus], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = two
    interrupted(ours, monkeypatch, lambda: replace_document(theirs, "d", "theirs", 3))
    replace_document(ours, "d", "ours", 1)
    row = ours.document("ns", "d")
    assert row is not None
    assert (row.status, row.chunks, row.content_hash) == ("ready", 3, "")


def test_a_row_that_comes_after_a_deletion_says_so(
    two: tuple[Corpus, Corpus], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = two
    interrupted(ours, monkeypatch, lambda: theirs.delete_document("ns", "d"))
    replace_document(ours, "d", "ours", 1)
    row = ours.document("ns", "d")
    assert row is not None
    assert (row.status, row.chunks) == ("deleted", 0)


def test_a_deletion_that_was_overtaken_leaves_the_document_listed(
    two: tuple[Corpus, Corpus], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = two
    interrupted(ours, monkeypatch, lambda: replace_document(theirs, "d", "theirs", 3))
    ours.delete_document("ns", "d")
    row = ours.document("ns", "d")
    assert row is not None
    assert (row.status, row.chunks, row.content_hash) == ("ready", 3, "")


def test_a_deletion_of_what_was_stored_meanwhile_says_so(
    two: tuple[Corpus, Corpus], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = two
    theirs.delete_document("ns", "d")
    family = ours._ledger.family

    def early(namespace: str, doc_id: str) -> list[Document]:
        rows = family(namespace, doc_id)
        replace_document(theirs, "d", "theirs", 3)
        return rows

    monkeypatch.setattr(ours._ledger, "family", early)
    assert ours.delete_document("ns", "d").deleted == 3
    row = ours.document("ns", "d")
    assert row is not None
    assert (row.status, row.chunks) == ("deleted", 0)


def test_other_documents_keep_their_content(
    two: tuple[Corpus, Corpus], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = two
    interrupted(ours, monkeypatch, lambda: replace_document(theirs, "e", "theirs", 3))
    replace_document(ours, "d", "ours", 1)
    row = ours.document("ns", "d")
    assert row is not None
    assert (row.status, row.chunks, row.content_hash) == ("ready", 1, "ours")
